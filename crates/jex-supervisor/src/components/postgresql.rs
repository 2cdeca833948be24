//! The database of n8n and of JEX. On an appliance only.

use super::{Backend, Stack};
use crate::component::{Component, Origin, Probe, WarmUp};
use crate::units;

const NAME: &str = "postgresql";

pub fn declare(stack: &Stack) -> Option<Component> {
    let Backend::Units(units) = &stack.backend else {
        return None;
    };
    Some(Component {
        name: NAME,
        depends_on: &[],
        uses: &[],
        origin: Origin::Unit(units::unit_of(NAME)),
        ready: Probe::Socket {
            path: units.postgresql.clone()?,
        },
        warm_up: WarmUp::None,
    })
}
