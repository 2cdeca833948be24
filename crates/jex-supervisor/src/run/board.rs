//! What state each component is in.

use std::sync::Arc;

use tokio::sync::watch;

use crate::orphans::{self, Mark};
use crate::status::{ComponentStatus, StackStatus};
use crate::{components, memory};

/// Cheap to clone; every clone sees the same.
#[derive(Debug, Clone)]
pub struct Board {
    slots: Arc<Vec<watch::Sender<ComponentStatus>>>,
}

impl Board {
    pub fn new(names: &[&str]) -> Self {
        let slot = |name: &&str| watch::Sender::new(ComponentStatus::new(name));
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

    pub fn all_ready(&self) -> bool {
        self.slots.iter().all(|slot| slot.borrow().state.is_ready())
    }

    /// Returns when the component has come into a state that `wanted` accepts.
    pub async fn wait_for(&self, name: &str, mut wanted: impl FnMut(&ComponentStatus) -> bool) {
        let Some(slot) = self.slot(name) else { return };
        // The sender lives as long as the board.
        let _ = slot.subscribe().wait_for(|status| wanted(status)).await;
    }

    /// Returns when all are ready.
    pub async fn wait_all_ready(&self) {
        while !self.all_ready() {
            let mut changes = self.watch();
            let changed = changes.iter_mut().map(|slot| Box::pin(slot.changed()));
            let _ = futures::future::select_all(changed).await;
        }
    }

    /// For `jex status`, memory included.
    pub fn status(&self, mark: &Mark, address: String) -> StackStatus {
        let processes = orphans::by_component(mark);
        let components: Vec<ComponentStatus> = self
            .slots
            .iter()
            .map(|slot| {
                let mut status = slot.borrow().clone();
                if status.pid.is_some() {
                    let processes = processes.get(&status.name).map(Vec::as_slice);
                    status.memory_bytes = Some(memory::resident_bytes(processes.unwrap_or(&[])));
                }
                status
            })
            .collect();
        StackStatus {
            ready: components.iter().all(|status| status.state.is_ready()),
            components,
            address,
        }
    }
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
