//! Frames of the signal connection.

use livekit_protocol as proto;
use prost::Message as _;

pub(crate) use proto::signal_request::Message as Request;
pub(crate) use proto::signal_response::Message as Response;

use crate::Error;
use crate::room::DisconnectReason;

/// A frame's message; `None` for one that is newer than this crate.
pub(super) fn decode(frame: &[u8]) -> Result<Option<Response>, prost::DecodeError> {
    Ok(proto::SignalResponse::decode(frame)?.message)
}

pub(super) fn encode(request: Request) -> Vec<u8> {
    let request = proto::SignalRequest {
        message: Some(request),
    };
    request.encode_to_vec()
}

/// A goodbye in place of what was expected.
pub(crate) fn left(leave: &proto::LeaveRequest) -> Error {
    Error::Left {
        reason: DisconnectReason::from(leave.reason()),
        terminal: is_final(leave),
    }
}

/// Whether the server asks not to come back. One that shuts down uses the same words and takes
/// everyone in again when it is back.
pub(crate) fn is_final(leave: &proto::LeaveRequest) -> bool {
    // An action that is newer than this crate reads as the first one, which is to go.
    leave.action() == proto::leave_request::Action::Disconnect
        && leave.reason() != proto::DisconnectReason::ServerShutdown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_frame_is_read_or_refused(frame in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = decode(&frame);
        }

        #[test]
        fn a_truncated_frame_is_read_or_refused(cut in 0_usize..400, sid in "\\PC{0,40}") {
            let participant = proto::ParticipantInfo {
                sid,
                tracks: vec![proto::TrackInfo::default(); 3],
                attributes: [("a".to_owned(), "b".to_owned())].into(),
                ..proto::ParticipantInfo::default()
            };
            let update = proto::ParticipantUpdate { participants: vec![participant; 4] };
            let message = proto::SignalResponse { message: Some(Response::Update(update)) };
            let mut frame = message.encode_to_vec();

            frame.truncate(cut);

            let _ = decode(&frame);
        }
    }
}
