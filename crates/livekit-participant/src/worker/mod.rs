//! A worker: tells a LiveKit server that agents can be had here, and is offered jobs.
//!
//! A job is one room that wants an agent. The server offers it ([`WorkerEvent::JobRequested`]),
//! the worker accepts or rejects, the server hands over a token ([`WorkerEvent::JobAssigned`]),
//! and the application joins the room with it. How a job goes is reported back with
//! [`WorkerHandle::update_job`].
//!
//! The worker registers again by itself whenever the server comes back, and reports the jobs that
//! still run. Facts about the wire are from livekit-server 1.13.1 (`pkg/agent/worker.go`,
//! `pkg/service/agentservice.go`).
//!
//! * [`Worker`], [`WorkerHandle`], [`WorkerEvent`], [`JobRequest`]: the public side
//! * `protocol`: every rule, without I/O: bytes and a clock in, bytes and events out (`exchange`)
//! * `incoming`, `outgoing`: the server's bytes, parsed into what can be acted upon, and ours
//! * `offers`: which jobs are offered and accepted, and for how long
//! * `backoff`: how long to wait between attempts
//! * `connection`: the socket and the task that moves bytes

mod backoff;
mod connection;
mod exchange;
mod handle;
mod incoming;
mod job;
mod offers;
mod outgoing;
mod protocol;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use url::Url;

pub use handle::WorkerHandle;
pub use job::{JobRequest, JobStatus, WorkerEvent};

/// How a worker registers.
#[derive(Clone)]
pub struct WorkerOptions {
    /// The server's address, as `ws`, `wss`, `http` or `https`.
    pub url: Url,
    pub api_key: String,
    pub api_secret: String,
    /// Empty: offered every new room. Otherwise offered only rooms that ask for this name.
    pub agent_name: String,
    /// Shown by the server in its logs.
    pub version: String,
    /// How busy the worker is, 0 to 1; asked every 2.5 s. The server prefers idle workers, and
    /// at 1 it offers nothing. (On the wire 1 is 0.7, where the server by default stops.)
    pub load: Arc<dyn Fn() -> f32 + Send + Sync>,
    /// At this many jobs the worker calls itself full and rejects offers; `None`: never.
    pub max_jobs: Option<usize>,
}

impl Default for WorkerOptions {
    /// A worker for every new room of a server on this machine. Key and secret are empty and
    /// have to be given.
    fn default() -> Self {
        Self {
            url: Url::parse("ws://127.0.0.1:7880").expect("a constant that parses"),
            api_key: String::new(),
            api_secret: String::new(),
            agent_name: String::new(),
            version: env!("CARGO_PKG_VERSION").into(),
            load: Arc::new(|| 0.0),
            max_jobs: None,
        }
    }
}

impl fmt::Debug for WorkerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerOptions")
            .field("url", &self.url.as_str())
            .field("api_key", &self.api_key)
            .field("agent_name", &self.agent_name)
            .field("max_jobs", &self.max_jobs)
            .finish_non_exhaustive()
    }
}

/// Starts workers.
#[derive(Debug)]
pub struct Worker;

impl Worker {
    /// Starts a worker on the current Tokio runtime. It runs until [`WorkerHandle::close`], or
    /// until the last handle is dropped; then the events end.
    pub fn spawn(options: WorkerOptions) -> (WorkerHandle, mpsc::UnboundedReceiver<WorkerEvent>) {
        let (commands, orders) = mpsc::unbounded_channel();
        let (events, told) = mpsc::unbounded_channel();
        let (registered, is_registered) = watch::channel(false);
        let answers = commands.downgrade();
        tokio::spawn(connection::run(
            options, orders, answers, events, registered,
        ));
        (WorkerHandle::new(commands, is_registered), told)
    }
}
