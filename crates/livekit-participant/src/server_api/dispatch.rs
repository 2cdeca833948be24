//! Asking for an agent in a room.

use livekit_protocol as lk;
use url::Url;

use super::twirp::{ApiError, Client};

/// What was asked for, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// `AD_…`
    pub id: String,
    /// Empty: any worker that registered without a name.
    pub agent_name: String,
    pub room: String,
    pub metadata: String,
    /// Empty as long as no worker took it.
    pub jobs: Vec<DispatchedJob>,
}

/// A job that came of a dispatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DispatchedJob {
    /// `AJ_…`
    pub id: String,
    pub status: DispatchedJobStatus,
    /// Why it failed; empty otherwise.
    pub error: String,
    /// Identity that the worker chose for the room.
    pub participant_identity: String,
    pub worker_id: String,
}

/// Where a job stands, as its worker reported it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DispatchedJobStatus {
    Pending,
    Running,
    Success,
    Failed,
}

/// The server's AgentDispatchService.
pub struct AgentDispatch {
    client: Client,
}

impl AgentDispatch {
    /// `url` is the server's address, as `ws`, `wss`, `http` or `https`. Nothing is sent yet.
    pub fn new(url: &Url, api_key: &str, api_secret: &str) -> Self {
        Self {
            client: Client::new(url, api_key, api_secret),
        }
    }

    /// Asks for an agent in `room`, which is created if it is not there. Workers that registered
    /// as `agent_name` are offered a job; with an empty name, those without one.
    pub async fn create(
        &self,
        room: &str,
        agent_name: &str,
        metadata: &str,
    ) -> Result<Dispatch, ApiError> {
        let request = lk::CreateAgentDispatchRequest {
            agent_name: agent_name.to_owned(),
            room: room.to_owned(),
            metadata: metadata.to_owned(),
            ..lk::CreateAgentDispatchRequest::default()
        };
        let method = "AgentDispatchService/CreateDispatch";
        let answer: lk::AgentDispatch = self
            .client
            .call(method, super::admin(room), request)
            .await?;
        Ok(answer.into())
    }

    /// What was asked for in `room`, the server's own requests for a new room included.
    pub async fn list(&self, room: &str) -> Result<Vec<Dispatch>, ApiError> {
        let request = lk::ListAgentDispatchRequest {
            room: room.to_owned(),
            ..lk::ListAgentDispatchRequest::default()
        };
        let method = "AgentDispatchService/ListDispatch";
        let answer: lk::ListAgentDispatchResponse = self
            .client
            .call(method, super::admin(room), request)
            .await?;
        let dispatches = answer.agent_dispatches.into_iter();
        Ok(dispatches.map(Dispatch::from).collect())
    }

    /// Takes a request back; the server terminates the jobs that came of it.
    pub async fn delete(&self, room: &str, dispatch_id: &str) -> Result<Dispatch, ApiError> {
        let request = lk::DeleteAgentDispatchRequest {
            dispatch_id: dispatch_id.to_owned(),
            room: room.to_owned(),
        };
        let method = "AgentDispatchService/DeleteDispatch";
        let answer: lk::AgentDispatch = self
            .client
            .call(method, super::admin(room), request)
            .await?;
        Ok(answer.into())
    }
}

impl From<lk::AgentDispatch> for Dispatch {
    fn from(dispatch: lk::AgentDispatch) -> Self {
        let jobs = dispatch.state.map(|state| state.jobs).unwrap_or_default();
        Self {
            id: dispatch.id,
            agent_name: dispatch.agent_name,
            room: dispatch.room,
            metadata: dispatch.metadata,
            jobs: jobs.into_iter().map(DispatchedJob::from).collect(),
        }
    }
}

impl From<lk::Job> for DispatchedJob {
    fn from(job: lk::Job) -> Self {
        let state = job.state.unwrap_or_default();
        Self {
            id: job.id,
            status: match state.status() {
                lk::JobStatus::JsPending => DispatchedJobStatus::Pending,
                lk::JobStatus::JsRunning => DispatchedJobStatus::Running,
                lk::JobStatus::JsSuccess => DispatchedJobStatus::Success,
                lk::JobStatus::JsFailed => DispatchedJobStatus::Failed,
            },
            error: state.error,
            participant_identity: state.participant_identity,
            worker_id: state.worker_id,
        }
    }
}
