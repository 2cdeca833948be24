//! The backend of systemd's units, which start and stop without us: each is asked again and again whether it
//! answers, its first slow answers are made to happen (the model is pulled and loaded, a first sentence said),
//! and whoever asks is told.
//!
//! * [`names`]: which unit a component is
//! * [`watcher`]: one component for as long as the supervisor runs; [`patience`]: what its silence amounts
//!   to; [`life`]: whether it was started anew
//! * [`orders`]: what is answered on the control socket

mod life;
mod names;
mod orders;
mod patience;
mod watcher;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::board::{self, Board, names_in};
use crate::components::Stack;
use crate::control::Request;
use crate::face::Face;
use crate::status::StackStatus;

pub use names::{SUPERVISOR, unit_of};

/// All components of an appliance, watched until this is dropped.
#[derive(Debug)]
pub struct Appliance {
    board: Board,
    /// What people open in the browser.
    address: String,
    _watchers: JoinSet<()>,
}

impl Appliance {
    /// Starts a task per component.
    pub fn watch(stack: Stack, address: String) -> Self {
        let names = names_in(&stack, None);
        // Whoever set the machine up wanted all of it: an upgrade that breaks one is no good.
        let board = Board::new(&names, |_| true);
        let stack = Arc::new(stack);
        let mut watchers = JoinSet::new();
        for name in names {
            let Some(slot) = board.slot(name) else {
                continue;
            };
            let status = slot.clone();
            watchers.spawn(watcher::watch(stack.clone(), Face { name, status }));
        }
        Self {
            board,
            address,
            _watchers: watchers,
        }
    }

    pub fn status(&self) -> StackStatus {
        StackStatus::new(self.board.components(), self.address.clone())
    }

    /// Answers what is asked on the control socket.
    pub async fn answer(&self, mut requests: mpsc::Receiver<Request>) {
        while let Some(Request { command, reply }) = requests.recv().await {
            // Whoever asked may have gone.
            let _ = reply.send(orders::answer(&command, || self.status()));
        }
    }

    /// Tells the whole in one line, whenever that line is another one.
    pub async fn report(&self, tell: impl Fn(&str)) {
        let mut slots = self.board.watch();
        let mut told = String::new();
        loop {
            let line = self.status().summary();
            if line != told {
                tell(&line);
                told = line;
            }
            board::change(&mut slots).await;
        }
    }
}
