//! Jobs, as the application sees them.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};
use url::Url;

use super::handle::Command;

/// What a worker tells the application.
#[derive(Debug)]
pub enum WorkerEvent {
    /// The server knows the worker; offers may come.
    Registered {
        worker_id: String,
        server_version: String,
    },
    /// The server is gone, or cannot be reached, or refuses. The worker keeps trying; the same
    /// reason is not told twice in a row.
    Lost { reason: String },
    /// The server offers a job. It waits ten seconds for an answer.
    JobRequested(JobRequest),
    /// An accepted job is ours: join the room with `token`.
    JobAssigned {
        job_id: String,
        room_name: String,
        /// Where to join, if not at the worker's own server.
        url: Option<Url>,
        token: String,
    },
    /// The server ends a job: leave the room. No report about the job is needed any more.
    JobTerminated { job_id: String },
    /// After [`WorkerHandle::drain`](super::WorkerHandle::drain): the last job has ended.
    Drained,
}

/// How a job goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobStatus {
    Running,
    Success,
    /// With the reason, for the server's log.
    Failed(String),
}

/// An offered job. Dropped without an answer, it is rejected.
#[derive(Debug)]
pub struct JobRequest {
    /// `AJ_…`
    pub job_id: String,
    /// `AD_…`: the request that the job came of; empty if the server made it by itself.
    pub dispatch_id: String,
    pub room_name: String,
    pub room_sid: String,
    /// What was given when the agent was asked for; may be empty.
    pub metadata: String,
    /// For jobs that concern one participant.
    pub participant_identity: Option<String>,
    answer: Option<mpsc::WeakUnboundedSender<Command>>,
}

impl JobRequest {
    pub(super) fn new(offer: Offer, answer: mpsc::WeakUnboundedSender<Command>) -> Self {
        Self {
            job_id: offer.job_id,
            dispatch_id: offer.dispatch_id,
            room_name: offer.room_name,
            room_sid: offer.room_sid,
            metadata: offer.metadata,
            participant_identity: offer.participant_identity,
            answer: Some(answer),
        }
    }

    /// Takes the job; the agent will be `identity` in the room. Returns once the server was told.
    /// An identity that is in the room already is replaced.
    pub async fn accept(
        mut self,
        identity: impl Into<String>,
        name: impl Into<String>,
        attributes: HashMap<String, String>,
    ) {
        let acceptance = Acceptance {
            identity: identity.into(),
            name: name.into(),
            attributes,
        };
        if let Some(told) = self.send(Some(acceptance)) {
            // The worker is gone, and the offer with it, if this fails.
            let _ = told.await;
        }
    }

    /// Leaves the job to other workers. Returns once the server was told.
    pub async fn reject(mut self) {
        if let Some(told) = self.send(None) {
            let _ = told.await;
        }
    }

    fn send(&mut self, acceptance: Option<Acceptance>) -> Option<oneshot::Receiver<()>> {
        let commands = self.answer.take()?.upgrade()?;
        let (done, told) = oneshot::channel();
        let job_id = self.job_id.clone();
        let _ = commands.send(Command::Answer {
            job_id,
            acceptance,
            done,
        });
        Some(told)
    }
}

impl Drop for JobRequest {
    fn drop(&mut self) {
        let _ = self.send(None);
    }
}

/// An offer as the protocol knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub job_id: String,
    pub dispatch_id: String,
    pub room_name: String,
    pub room_sid: String,
    pub metadata: String,
    pub participant_identity: Option<String>,
}

/// Who the agent will be in the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Acceptance {
    pub identity: String,
    pub name: String,
    pub attributes: HashMap<String, String>,
}
