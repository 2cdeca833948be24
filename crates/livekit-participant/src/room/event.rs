//! What a room tells.

use std::collections::HashMap;

use livekit_protocol as proto;

use super::{Participant, RemoteAudio, TrackInfo};

/// What happened in the room, in the order in which it did.
#[derive(Debug)]
// Events are few and are moved through a channel, not kept.
#[allow(clippy::large_enum_variant)]
pub enum RoomEvent {
    /// Someone came. Those who were there before us are in [`Room::participants`](crate::Room::participants).
    ParticipantJoined(Participant),
    ParticipantLeft(Participant, DisconnectReason),
    /// Attributes that are new or different; an empty value means that one was removed.
    AttributesChanged {
        participant: Participant,
        changed: HashMap<String, String>,
    },
    /// Told of every track, those with which somebody comes included.
    TrackPublished {
        participant: Participant,
        track: TrackInfo,
    },
    TrackUnpublished {
        participant: Participant,
        track: TrackInfo,
    },
    TrackMuted {
        participant: Participant,
        track_sid: String,
        muted: bool,
    },
    /// Audio of a track that was subscribed to. Comes again, with a new [`RemoteAudio`], after
    /// each full reconnect; the old one has ended then.
    TrackSubscribed {
        participant: Participant,
        track: TrackInfo,
        audio: RemoteAudio,
    },
    TrackUnsubscribed {
        track_sid: String,
    },
    /// Someone hears our track.
    LocalTrackSubscribed {
        track_sid: String,
    },
    /// The server muted our track, or allowed it again.
    LocalTrackMuted {
        track_sid: String,
        muted: bool,
    },
    /// The server took our track away, or does not take it back after a reconnect. What is
    /// written to it goes nowhere.
    LocalTrackUnpublished {
        track_sid: String,
    },
    /// A text stream is complete.
    TextReceived {
        topic: String,
        sender_identity: String,
        text: String,
        /// Of its header, overwritten by those of its trailer.
        attributes: HashMap<String, String>,
        stream_id: String,
    },
    /// A piece of a text stream, as it arrives.
    TextChunk {
        topic: String,
        sender_identity: String,
        stream_id: String,
        delta: String,
        /// Of its header.
        attributes: HashMap<String, String>,
    },
    /// The connection is lost and being mended; followed by `Resumed`, `Reconnected` or
    /// `Disconnected`.
    Reconnecting,
    /// The same session goes on.
    Resumed,
    /// A new session: tracks are published, subscriptions and attributes sent again.
    Reconnected,
    /// The last event.
    Disconnected(DisconnectReason),
}

/// Why someone left the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisconnectReason {
    /// Left by itself.
    ClientInitiated,
    /// Someone with the same identity joined.
    DuplicateIdentity,
    ServerShutdown,
    /// Removed by way of the server's API.
    ParticipantRemoved,
    RoomDeleted,
    /// The server no longer knows the session that was to be resumed.
    StateMismatch,
    JoinFailure,
    Migration,
    /// The signal connection broke, or somebody was not found again after a reconnect.
    SignalClose,
    /// Everyone who keeps the room open had left.
    RoomClosed,
    UserUnavailable,
    UserRejected,
    SipTrunkFailure,
    ConnectionTimeout,
    MediaFailure,
    AgentError,
    Unknown,
}

impl From<proto::DisconnectReason> for DisconnectReason {
    fn from(reason: proto::DisconnectReason) -> Self {
        use proto::DisconnectReason as Wire;
        match reason {
            Wire::UnknownReason => Self::Unknown,
            Wire::ClientInitiated => Self::ClientInitiated,
            Wire::DuplicateIdentity => Self::DuplicateIdentity,
            Wire::ServerShutdown => Self::ServerShutdown,
            Wire::ParticipantRemoved => Self::ParticipantRemoved,
            Wire::RoomDeleted => Self::RoomDeleted,
            Wire::StateMismatch => Self::StateMismatch,
            Wire::JoinFailure => Self::JoinFailure,
            Wire::Migration => Self::Migration,
            Wire::SignalClose => Self::SignalClose,
            Wire::RoomClosed => Self::RoomClosed,
            Wire::UserUnavailable => Self::UserUnavailable,
            Wire::UserRejected => Self::UserRejected,
            Wire::SipTrunkFailure => Self::SipTrunkFailure,
            Wire::ConnectionTimeout => Self::ConnectionTimeout,
            Wire::MediaFailure => Self::MediaFailure,
            Wire::AgentError => Self::AgentError,
        }
    }
}
