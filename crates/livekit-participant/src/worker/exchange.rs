//! What goes into the protocol and what comes out of it.

use url::Url;

use super::job::{Acceptance, JobStatus, Offer};

/// What the protocol knows of the worker.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub agent_name: String,
    pub version: String,
    pub max_jobs: Option<usize>,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Input<'a> {
    /// The socket that [`Output::Dial`] asked for is open.
    Connected,
    /// That socket could not be opened, or is closed.
    Disconnected(String),
    Received(&'a [u8]),
    /// The application's answer to an offer; `None` rejects.
    Answer(String, Option<Acceptance>),
    UpdateJob(String, JobStatus),
    Drain,
    Close,
    /// Nothing but time.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Output {
    /// Open a socket to the server.
    Dial,
    /// Close the socket; nothing that it still says counts.
    HangUp,
    Send(Vec<u8>),
    Tell(Event),
}

/// What the application is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    Registered {
        worker_id: String,
        server_version: String,
    },
    Lost {
        reason: String,
    },
    Offered(Offer),
    Assigned {
        job_id: String,
        room_name: String,
        url: Option<Url>,
        token: String,
    },
    Terminated {
        job_id: String,
    },
    Drained,
}
