//! What state each component is in.

use std::sync::Arc;

use tokio::sync::watch;

use crate::components;
use crate::status::ComponentStatus;

/// Cheap to clone; every clone sees the same.
#[derive(Debug, Clone)]
pub struct Board {
    slots: Arc<Vec<watch::Sender<ComponentStatus>>>,
}

impl Board {
    /// `essential` tells whether talking needs the component of a name.
    pub fn new(names: &[&str], essential: impl Fn(&str) -> bool) -> Self {
        let slot = |name: &&str| {
            watch::Sender::new(ComponentStatus {
                essential: essential(name),
                ..ComponentStatus::new(name)
            })
        };
        Self {
            slots: Arc::new(names.iter().map(slot).collect()),
        }
    }

    /// The component of a name.
    pub fn slot(&self, name: &str) -> Option<&watch::Sender<ComponentStatus>> {
        self.slots.iter().find(|slot| slot.borrow().name == name)
    }

    /// Changes of all components.
    pub fn watch(&self) -> Vec<watch::Receiver<ComponentStatus>> {
        self.slots.iter().map(watch::Sender::subscribe).collect()
    }

    /// Whether all are ready that talking needs.
    pub fn lets_talk(&self) -> bool {
        self.slots.iter().all(|slot| slot.borrow().lets_talk())
    }

    /// Returns when the component has come into a state that `wanted` accepts.
    pub async fn wait_for(&self, name: &str, mut wanted: impl FnMut(&ComponentStatus) -> bool) {
        let Some(slot) = self.slot(name) else { return };
        // The sender lives as long as the board.
        let _ = slot.subscribe().wait_for(|status| wanted(status)).await;
    }

    /// Returns when all are ready that talking needs.
    pub async fn wait_until_one_can_talk(&self) {
        while !self.lets_talk() {
            change(&mut self.watch()).await;
        }
    }

    /// All of them, in their order.
    pub fn components(&self) -> Vec<ComponentStatus> {
        let shown = self.slots.iter().map(|slot| slot.borrow().clone());
        shown.collect()
    }
}

/// Returns when any of them has changed since it was looked at.
pub async fn change(slots: &mut [watch::Receiver<ComponentStatus>]) {
    let changed = slots.iter_mut().map(|slot| Box::pin(slot.changed()));
    let _ = futures::future::select_all(changed).await;
}

/// Names of the components that these settings have, in the order in which they are shown.
pub fn names_in(stack: &components::Stack, only: Option<&[String]>) -> Vec<&'static str> {
    components::NAMES
        .into_iter()
        .filter(|name| only.is_none_or(|only| only.iter().any(|wanted| wanted == name)))
        // One that cannot be declared is there all the same: it says why.
        .filter(|name| !matches!(components::declare(stack, name), Ok(None)))
        .collect()
}
