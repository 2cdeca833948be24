//! In which order components start and stop.

use std::collections::BTreeSet;

use crate::component::Component;

/// Who must have stopped before `name` may: everything that depends on it or uses it.
pub fn stops_after(components: &[Component], name: &str) -> Vec<&'static str> {
    components
        .iter()
        .filter(|other| other.depends_on.contains(&name) || other.uses.contains(&name))
        .map(|other| other.name)
        .collect()
}

/// Components in an order in which each comes after what it depends on; `None` if they form a
/// circle or name something that is not there.
pub fn start_order(components: &[Component]) -> Option<Vec<&'static str>> {
    let mut placed = BTreeSet::new();
    let mut order = Vec::new();
    while order.len() < components.len() {
        let next = components.iter().find(|component| {
            !placed.contains(component.name)
                && component
                    .depends_on
                    .iter()
                    .all(|needed| placed.contains(needed))
        })?;
        placed.insert(next.name);
        order.push(next.name);
    }
    Some(order)
}
