//! All components together: started side by side, stopped in reverse.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jex_config::{Parts, Settings};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::runner::{Order, Runner};
use crate::board::{Board, names_in};
use crate::component::{Component, Origin};
use crate::components::{self, Backend, Stack};
use crate::face::Face;
use crate::orphans::{self, Mark};
use crate::restart::RestartPolicy;
use crate::status::{StackStatus, State};
use crate::{memory, order, ports};

/// Until a component that has orders shows that it follows them, if there is anything to show.
const TAKES_UP_WITHIN: Duration = Duration::from_secs(2);

/// What all runners see.
#[derive(Debug)]
pub struct Shared {
    stack: Mutex<Stack>,
    pub mark: Mark,
    pub board: Board,
    /// Cancelled: everything is to end at once.
    pub kill_now: CancellationToken,
}

impl Shared {
    /// As it is now.
    pub fn stack(&self) -> Stack {
        self.stack
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Parts may have been got meanwhile.
    pub fn look_for_parts(&self) {
        let mut stack = self.stack.lock().unwrap_or_else(PoisonError::into_inner);
        match Parts::load(&stack.paths) {
            Ok(parts) => stack.parts = parts,
            Err(error) => tracing::warn!(%error, "the parts cannot be looked for"),
        }
    }
}

/// The running stack.
#[derive(Debug)]
pub struct Supervisor {
    shared: Arc<Shared>,
    orders: BTreeMap<&'static str, mpsc::UnboundedSender<Order>>,
    runners: Mutex<JoinSet<()>>,
    /// Names of the components that are to run; `None` for all.
    only: Option<Vec<String>>,
    /// New settings that have been taken and not yet been acted upon.
    applying: TaskTracker,
}

/// What would keep the stack from starting: everything at once, so that it is mended at once. What talking does
/// not need may be mended later.
pub fn preflight(stack: &Stack, only: Option<&[String]>) -> Vec<String> {
    let mut problems = Vec::new();
    let essential =
        { names_in(stack, only).into_iter() }.filter(|name| components::is_essential(name));
    for name in essential {
        match components::declare(stack, name) {
            Ok(Some(Component {
                origin: Origin::Own(process),
                ..
            })) => {
                if let Some(conflict) = ports::conflict(&process.ports) {
                    problems.push(format!("{name} cannot start: {conflict}"));
                }
            }
            Ok(_) => {}
            Err(error) => problems.push(error.to_string()),
        }
    }
    problems.dedup();
    problems
}

impl Supervisor {
    /// Starts a task per component.
    pub fn start(stack: Stack, mark: Mark, only: Option<&[String]>) -> Self {
        let names = names_in(&stack, only);
        let board = Board::new(&names, components::is_essential);
        let shared = Arc::new(Shared {
            stack: Mutex::new(stack),
            mark,
            board,
            kill_now: CancellationToken::new(),
        });
        let mut runners = JoinSet::new();
        let mut orders = BTreeMap::new();
        for name in names {
            let (sender, receiver) = mpsc::unbounded_channel();
            let Some(slot) = shared.board.slot(name) else {
                continue;
            };
            let runner = Runner {
                shared: shared.clone(),
                face: Face {
                    name,
                    status: slot.clone(),
                },
                orders: receiver,
                policy: RestartPolicy::default(),
                starts: 0,
            };
            runners.spawn(runner.run());
            orders.insert(name, sender);
        }
        Self {
            shared,
            orders,
            runners: Mutex::new(runners),
            only: only.map(<[String]>::to_vec),
            applying: TaskTracker::new(),
        }
    }

    pub fn board(&self) -> &Board {
        &self.shared.board
    }

    pub fn address(&self) -> String {
        components::address(&self.shared.stack().settings)
    }

    pub fn settings(&self) -> Settings {
        self.shared.stack().settings
    }

    /// For `jex status`, memory included.
    pub fn status(&self) -> StackStatus {
        let processes = orphans::by_component(&self.shared.mark);
        let mut components = self.board().components();
        for status in components.iter_mut().filter(|one| one.pid.is_some()) {
            let processes = processes.get(&status.name).map(Vec::as_slice);
            status.memory_bytes = Some(memory::resident_bytes(processes.unwrap_or(&[])));
        }
        let mut status = StackStatus::new(components, self.address());
        status.ready &= self.applying.is_empty();
        status
    }

    /// Offers media on another address from now on.
    pub fn move_media_to(&self, node_ip: IpAddr) {
        let was = {
            let mut stack = self
                .shared
                .stack
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let Backend::Children(children) = &mut stack.backend else {
                return;
            };
            std::mem::replace(&mut children.node_ip, node_ip)
        };
        if was != node_ip {
            tracing::info!(%was, is = %node_ip, "this machine's address has changed");
            self.tell(
                "livekit",
                Order::Restart(format!("this machine's address is {node_ip} now")),
            );
        }
    }

    /// Address that media is offered on.
    pub fn node_ip(&self) -> Option<IpAddr> {
        match self.shared.stack().backend {
            Backend::Children(children) => Some(children.node_ip),
            Backend::Units(_) => None,
        }
    }

    /// Parts that these settings add or remove, by their names.
    pub fn other_parts(&self, settings: &Settings) -> Vec<&'static str> {
        let mut stack = self.shared.stack();
        let only = self.only.as_deref();
        let now = names_in(&stack, only);
        stack.settings = settings.clone();
        let then = names_in(&stack, only);
        let differs = |name: &&str| now.contains(name) != then.contains(name);
        components::NAMES.into_iter().filter(differs).collect()
    }

    /// Takes new settings: each component decides what that means for it, JEX's own programs after
    /// the model is there. It is not ready until that is done.
    pub fn apply(self: &Arc<Self>, settings: Settings) {
        let before = {
            let mut stack = self
                .shared
                .stack
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut stack.settings, settings.clone())
        };
        let is_new = before != settings;
        let is_other_model = self.forget_failures() || before.llm != settings.llm;
        let this = self.clone();
        let reload = async move { this.reload(is_new, is_other_model).await };
        self.applying.spawn(reload);
    }

    /// A failure with the settings before is no answer to these, and whatever has failed is tried
    /// again when it is told to reload. Returns whether Ollama had.
    fn forget_failures(&self) -> bool {
        let mut is_ollama = false;
        let parts = self.orders.keys().copied();
        for name in parts.filter(|name| !components::is_jexs_own(name)) {
            let Some(status) = self.board().slot(name).cloned() else {
                continue;
            };
            if status.borrow().state == State::Failed {
                Face { name, status }.set(State::Restarting, Some("new settings".into()));
                is_ollama |= name == "ollama";
            }
        }
        is_ollama
    }

    async fn reload(&self, is_new: bool, is_other_model: bool) {
        let board = self.board();
        let (own, parts): (Vec<&str>, Vec<&str>) = self
            .orders
            .keys()
            .copied()
            .partition(|name| components::is_jexs_own(name));
        // A change after the order: the state before it says nothing about what follows.
        let change = |name: &str| {
            let slot = board.slot(name).map(watch::Sender::subscribe);
            async move {
                let Some(mut slot) = slot else { return };
                let _ = tokio::time::timeout(TAKES_UP_WITHIN, slot.changed()).await;
            }
        };
        let begun = change("ollama");
        for name in parts {
            self.tell(name, Order::Reload);
        }
        if is_other_model {
            begun.await;
            board
                .wait_for("ollama", |status| {
                    status.state.is_ready() || status.state == State::Failed
                })
                .await;
        }
        if !is_new {
            return;
        }
        let begun: Vec<_> = own.iter().copied().map(change).collect();
        for name in own {
            self.tell(name, Order::Reload);
        }
        futures::future::join_all(begun).await;
    }

    /// Everything still running is killed without further ado.
    pub fn kill_now(&self) {
        self.shared.kill_now.cancel();
        for name in self.orders.keys() {
            self.tell(name, Order::Stop);
        }
    }

    /// Ends all: each after those that need it.
    pub async fn stop(&self) {
        let stack = self.shared.stack();
        let declared: Vec<Component> = self
            .orders
            .keys()
            .filter_map(|name| components::declare(&stack, name).ok().flatten())
            .collect();
        let board = self.board();
        let stopping = self.orders.keys().map(|name| {
            let users = order::stops_after(&declared, name);
            async move {
                for user in users {
                    board
                        .wait_for(user, |status| status.state == State::Stopped)
                        .await;
                }
                self.tell(name, Order::Stop);
                board
                    .wait_for(name, |status| status.state == State::Stopped)
                    .await;
            }
        });
        futures::future::join_all(stopping).await;
        self.runners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .abort_all();
    }

    fn tell(&self, name: &str, order: Order) {
        if let Some(orders) = self.orders.get(name) {
            // One that has stopped already needs no order.
            let _ = orders.send(order);
        }
    }
}
