//! The server's own APIs: rooms and who is in them, and asking for an agent.
//!
//! Twirp (<https://twitchtv.github.io/twirp/docs/spec_v7.html>): a protobuf message posted to
//! `/twirp/<service>/<method>`, with a token of a minute that grants just what the call needs.
//!
//! * [`RoomService`]: list, create and delete rooms; list and remove participants
//! * [`AgentDispatch`]: ask for an agent in a room, see and take back what was asked for
//! * `twirp`: one call

mod dispatch;
mod kind;
mod room_service;
mod twirp;

use livekit_token::VideoGrants;

pub use dispatch::{AgentDispatch, Dispatch, DispatchedJob, DispatchedJobStatus};
pub use kind::ParticipantKind;
pub use room_service::{CreateRoomOptions, ParticipantInfo, RoomInfo, RoomService};
pub use twirp::ApiError;

/// What calls about one room need.
fn admin(room: &str) -> VideoGrants {
    VideoGrants {
        room_admin: true,
        room: room.to_owned(),
        ..VideoGrants::default()
    }
}
