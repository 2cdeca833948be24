//! All components together: started side by side, stopped in reverse.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use jex_config::Settings;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::board::{Board, names_in};
use super::face::Face;
use super::runner::{Order, Runner};
use crate::component::{Component, Origin};
use crate::components::{self, Stack};
use crate::orphans::Mark;
use crate::restart::RestartPolicy;
use crate::status::{StackStatus, State};
use crate::{order, ports};

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
}

/// The running stack.
#[derive(Debug)]
pub struct Supervisor {
    shared: Arc<Shared>,
    orders: BTreeMap<&'static str, mpsc::UnboundedSender<Order>>,
    runners: Mutex<JoinSet<()>>,
}

/// What would keep the stack from starting: everything at once, so that it is mended at once.
pub fn preflight(stack: &Stack, only: Option<&[String]>) -> Vec<String> {
    let mut problems = Vec::new();
    for name in names_in(stack, only) {
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
        let board = Board::new(&names);
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

    pub fn status(&self) -> StackStatus {
        self.shared.board.status(&self.shared.mark, self.address())
    }

    /// Offers media on another address from now on.
    pub fn move_media_to(&self, node_ip: IpAddr) {
        let was = {
            let mut stack = self
                .shared
                .stack
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut stack.node_ip, node_ip)
        };
        if was != node_ip {
            tracing::info!(%was, is = %node_ip, "this machine's address has changed");
            self.tell(
                "livekit",
                Order::Restart(format!("this machine's address is {node_ip} now")),
            );
        }
    }

    pub fn node_ip(&self) -> IpAddr {
        self.shared.stack().node_ip
    }

    /// Takes new settings: each component decides what that means for it, JEX's own programs after
    /// the model is there.
    pub async fn apply(&self, settings: Settings) {
        let before = {
            let mut stack = self
                .shared
                .stack
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut stack.settings, settings.clone())
        };
        if before == settings {
            return;
        }
        let (own, parts): (Vec<&str>, Vec<&str>) = self
            .orders
            .keys()
            .copied()
            .partition(|name| matches!(*name, "agent" | "web"));
        for name in parts {
            self.tell(name, Order::Reload);
        }
        if before.llm != settings.llm {
            let wanted = |state: State| state == State::Warming || state == State::Failed;
            let board = self.board();
            let begun = board.wait_for("ollama", |status| wanted(status.state));
            // It may be through before anyone looks.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(2), begun).await;
            board
                .wait_for("ollama", |status| {
                    status.state.is_ready() || status.state == State::Failed
                })
                .await;
        }
        for name in own {
            self.tell(name, Order::Reload);
        }
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
