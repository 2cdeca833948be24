//! The application's grip on a running worker.

use tokio::sync::{mpsc, oneshot, watch};

use super::job::{Acceptance, JobStatus};

/// What the application asks of the worker's task.
#[derive(Debug)]
pub(super) enum Command {
    Answer {
        job_id: String,
        /// `None` rejects.
        acceptance: Option<Acceptance>,
        done: oneshot::Sender<()>,
    },
    UpdateJob {
        job_id: String,
        status: JobStatus,
    },
    Drain,
    Close {
        done: oneshot::Sender<()>,
    },
}

/// A running worker. Clones are the same worker; when the last is dropped, it closes.
#[derive(Debug, Clone)]
pub struct WorkerHandle {
    commands: mpsc::UnboundedSender<Command>,
    registered: watch::Receiver<bool>,
}

impl WorkerHandle {
    pub(super) fn new(
        commands: mpsc::UnboundedSender<Command>,
        registered: watch::Receiver<bool>,
    ) -> Self {
        Self {
            commands,
            registered,
        }
    }

    /// Reports how a job goes. While the server is gone the report is kept: running jobs are
    /// reported when it is back, ended ones it has forgotten by then.
    pub fn update_job(&self, job_id: impl Into<String>, status: JobStatus) {
        let job_id = job_id.into();
        self.send(Command::UpdateJob { job_id, status });
    }

    /// Takes no more jobs. Those that run go on; [`WorkerEvent::Drained`](super::WorkerEvent)
    /// comes when the last has ended. There is no way back.
    pub fn drain(&self) {
        self.send(Command::Drain);
    }

    /// Leaves the server, whatever runs. Returns when the connection is closed.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        self.send(Command::Close { done });
        // Fails only if the worker is closed already.
        let _ = closed.await;
    }

    /// Whether the server knows the worker now.
    pub fn is_registered(&self) -> bool {
        *self.registered.borrow()
    }

    fn send(&self, command: Command) {
        // A closed worker has nothing left to do for anyone.
        let _ = self.commands.send(command);
    }
}
