//! The server's bytes, parsed into what can be acted upon.
//!
//! Whatever cannot be acted upon (a message of a newer protocol, a job without an id) is an error
//! that the protocol logs and passes over: the server may be newer than this crate.

use livekit_protocol as lk;
use lk::server_message::Message as Wire;
use prost::Message as _;
use url::Url;

use super::job::Offer;

/// A message that the worker acts upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Incoming {
    Registered {
        worker_id: String,
        server_version: String,
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
    Pong,
    /// The server is about to go.
    GoAway {
        reason: String,
    },
}

#[derive(Debug, thiserror::Error)]
pub(super) enum MessageError {
    #[error("not a ServerMessage: {0}")]
    Undecodable(#[from] prost::DecodeError),
    #[error("a kind of message that this version does not know")]
    Unknown,
    #[error("a {message} without {field}")]
    Missing {
        message: &'static str,
        field: &'static str,
    },
}

impl Incoming {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let message = lk::ServerMessage::decode(bytes)?.message;
        match message.ok_or(MessageError::Unknown)? {
            Wire::Register(register) => Ok(Self::Registered {
                worker_id: register.worker_id,
                server_version: register.server_info.unwrap_or_default().version,
            }),
            Wire::Availability(request) => Ok(Self::Offered(offer(request)?)),
            Wire::Assignment(assignment) => assigned(assignment),
            Wire::Termination(termination) => Ok(Self::Terminated {
                job_id: required("Termination", "job_id", termination.job_id)?,
            }),
            Wire::Pong(_) => Ok(Self::Pong),
            Wire::GoAway(go_away) => Ok(Self::GoAway {
                reason: go_away.reason,
            }),
        }
    }
}

fn offer(request: lk::AvailabilityRequest) -> Result<Offer, MessageError> {
    let job = request.job.unwrap_or_default();
    let room = job.room.unwrap_or_default();
    let participant = job.participant.map(|participant| participant.identity);
    Ok(Offer {
        job_id: required("Availability", "job.id", job.id)?,
        dispatch_id: job.dispatch_id,
        room_name: required("Availability", "job.room.name", room.name)?,
        room_sid: room.sid,
        metadata: job.metadata,
        participant_identity: participant.filter(|identity| !identity.is_empty()),
    })
}

fn assigned(assignment: lk::JobAssignment) -> Result<Incoming, MessageError> {
    let job = assignment.job.unwrap_or_default();
    let room = job.room.unwrap_or_default();
    let url = assignment.url.and_then(|url| Url::parse(&url).ok());
    Ok(Incoming::Assigned {
        job_id: required("Assignment", "job.id", job.id)?,
        room_name: required("Assignment", "job.room.name", room.name)?,
        // One that cannot be joined at is as good as none: the worker's own server is used.
        url: url.filter(|url| matches!(url.scheme(), "ws" | "wss" | "http" | "https")),
        token: required("Assignment", "token", assignment.token)?,
    })
}

fn required(
    message: &'static str,
    field: &'static str,
    value: String,
) -> Result<String, MessageError> {
    if value.is_empty() {
        return Err(MessageError::Missing { message, field });
    }
    Ok(value)
}
