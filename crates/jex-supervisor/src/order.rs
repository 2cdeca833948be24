//! In which order components stop. They start as what they depend on gets ready.

use crate::component::Component;

/// Who must have stopped before `name` may: everything that depends on it or uses it.
pub fn stops_after(components: &[Component], name: &str) -> Vec<&'static str> {
    components
        .iter()
        .filter(|other| other.depends_on.contains(&name) || other.uses.contains(&name))
        .map(|other| other.name)
        .collect()
}
