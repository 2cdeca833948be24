//! What the worker says to the server, as bytes.

use livekit_protocol as lk;
use lk::worker_message::Message as Wire;
use prost::Message as _;

use super::job::{Acceptance, JobStatus};

pub(super) fn register(agent_name: &str, version: &str) -> Vec<u8> {
    encode(Wire::Register(lk::RegisterWorkerRequest {
        r#type: lk::JobType::JtRoom.into(),
        agent_name: agent_name.to_owned(),
        version: version.to_owned(),
        // What the tokens of assigned jobs allow: an agent that listens, speaks, writes and sets
        // its state. That it is an agent the server adds by itself.
        allowed_permissions: Some(lk::ParticipantPermission {
            can_subscribe: true,
            can_publish: true,
            can_publish_data: true,
            can_update_metadata: true,
            ..lk::ParticipantPermission::default()
        }),
        ..lk::RegisterWorkerRequest::default()
    }))
}

pub(super) fn acceptance(job_id: String, acceptance: Acceptance) -> Vec<u8> {
    encode(Wire::Availability(lk::AvailabilityResponse {
        job_id,
        available: true,
        participant_identity: acceptance.identity,
        participant_name: acceptance.name,
        participant_attributes: acceptance.attributes,
        ..lk::AvailabilityResponse::default()
    }))
}

/// The server offers the job to the next worker.
pub(super) fn rejection(job_id: String) -> Vec<u8> {
    encode(Wire::Availability(lk::AvailabilityResponse {
        job_id,
        available: false,
        ..lk::AvailabilityResponse::default()
    }))
}

pub(super) fn job_status(job_id: String, status: &JobStatus) -> Vec<u8> {
    let (status, error) = match status {
        JobStatus::Running => (lk::JobStatus::JsRunning, ""),
        JobStatus::Success => (lk::JobStatus::JsSuccess, ""),
        JobStatus::Failed(reason) => (lk::JobStatus::JsFailed, reason.as_str()),
    };
    encode(Wire::UpdateJob(lk::UpdateJobStatus {
        job_id,
        status: status.into(),
        error: error.to_owned(),
    }))
}

/// The server offers nothing to a worker that reports this much (`agents.target_load`, 0.7 unless
/// configured), even if it is the only one.
const TARGET_LOAD: f32 = 0.7;

/// How busy the worker is, 0 to 1; a full one is offered nothing.
pub(super) fn worker_status(is_full: bool, load: f32, jobs: usize, draining: bool) -> Vec<u8> {
    let status = if is_full {
        lk::WorkerStatus::WsFull
    } else {
        lk::WorkerStatus::WsAvailable
    };
    encode(Wire::UpdateWorker(lk::UpdateWorkerStatus {
        status: Some(status.into()),
        load: load * TARGET_LOAD,
        job_count: u32::try_from(jobs).unwrap_or(u32::MAX),
        draining,
        ..lk::UpdateWorkerStatus::default()
    }))
}

pub(super) fn ping() -> Vec<u8> {
    encode(Wire::Ping(lk::WorkerPing::default()))
}

fn encode(message: Wire) -> Vec<u8> {
    let message = Some(message);
    lk::WorkerMessage { message }.encode_to_vec()
}
