//! The owner's workflows. On an appliance only.

use super::{Backend, Stack};
use crate::component::{Component, Origin, Probe, WarmUp};
use crate::units;

const NAME: &str = "n8n";

pub fn declare(stack: &Stack) -> Option<Component> {
    let Backend::Units(units) = &stack.backend else {
        return None;
    };
    Some(Component {
        name: NAME,
        depends_on: &["postgresql"],
        uses: &[],
        origin: Origin::Unit(units::unit_of(NAME)),
        ready: Probe::Http {
            url: units.n8n.clone()?,
        },
        warm_up: WarmUp::None,
    })
}
