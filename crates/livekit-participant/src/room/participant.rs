//! Who is in a room, and what they publish.

use std::collections::HashMap;

use livekit_protocol as proto;

use crate::ParticipantKind;

/// Someone in the room, as of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Given by the server, another one after each join.
    pub sid: String,
    /// Unique in the room, the same after a reconnect.
    pub identity: String,
    /// To be shown; may be empty.
    pub name: String,
    pub kind: ParticipantKind,
    pub metadata: String,
    pub attributes: HashMap<String, String>,
    pub tracks: Vec<TrackInfo>,
}

/// A published track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackInfo {
    pub sid: String,
    pub name: String,
    pub kind: TrackKind,
    pub source: TrackSource,
    pub muted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrackKind {
    Audio,
    Video,
    /// Data tracks, and what is newer than this crate.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrackSource {
    Microphone,
    Camera,
    ScreenShare,
    ScreenShareAudio,
    Unknown,
}

impl Default for Participant {
    /// Nobody in particular.
    fn default() -> Self {
        Self::from(&proto::ParticipantInfo::default())
    }
}

impl From<&proto::ParticipantInfo> for Participant {
    fn from(info: &proto::ParticipantInfo) -> Self {
        let kind = proto::participant_info::Kind::try_from(info.kind);
        Self {
            sid: info.sid.clone(),
            identity: info.identity.clone(),
            name: info.name.clone(),
            // A kind that this crate does not know is no person to it.
            kind: kind.map_or(ParticipantKind::Other, ParticipantKind::from),
            metadata: info.metadata.clone(),
            attributes: info.attributes.clone(),
            tracks: info.tracks.iter().map(TrackInfo::from).collect(),
        }
    }
}

impl From<&proto::TrackInfo> for TrackInfo {
    fn from(info: &proto::TrackInfo) -> Self {
        Self {
            sid: info.sid.clone(),
            name: info.name.clone(),
            kind: match proto::TrackType::try_from(info.r#type) {
                Ok(proto::TrackType::Audio) => TrackKind::Audio,
                Ok(proto::TrackType::Video) => TrackKind::Video,
                _ => TrackKind::Other,
            },
            source: match proto::TrackSource::try_from(info.source) {
                Ok(proto::TrackSource::Microphone) => TrackSource::Microphone,
                Ok(proto::TrackSource::Camera) => TrackSource::Camera,
                Ok(proto::TrackSource::ScreenShare) => TrackSource::ScreenShare,
                Ok(proto::TrackSource::ScreenShareAudio) => TrackSource::ScreenShareAudio,
                _ => TrackSource::Unknown,
            },
            muted: info.muted,
        }
    }
}
