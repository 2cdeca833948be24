//! Rooms and who is in them.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use livekit_protocol as lk;
use livekit_token::VideoGrants;
use url::Url;

use super::kind::ParticipantKind;
use super::twirp::{ApiError, Client};

/// A room as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomInfo {
    /// `RM_…`, new each time a room of this name is created.
    pub sid: String,
    pub name: String,
    pub metadata: String,
    pub created_at: SystemTime,
    /// As counted every few seconds: a list of the participants is exact, this is not.
    pub participant_count: u32,
}

/// A participant as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParticipantInfo {
    /// `PA_…`, new each time the identity joins.
    pub sid: String,
    pub identity: String,
    pub name: String,
    pub kind: ParticipantKind,
    pub metadata: String,
    pub attributes: HashMap<String, String>,
    pub joined_at: SystemTime,
    /// Media can flow; before that the participant is still connecting.
    pub is_active: bool,
}

/// How a room is created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateRoomOptions {
    pub metadata: String,
    /// How long the room waits for the first participant; `None`: the server's default.
    pub empty_timeout: Option<Duration>,
    /// How long the room stays after the last one left; `None`: the server's default.
    pub departure_timeout: Option<Duration>,
    /// `None`: any number.
    pub max_participants: Option<u32>,
}

/// The server's RoomService.
pub struct RoomService {
    client: Client,
}

impl RoomService {
    /// `url` is the server's address, as `ws`, `wss`, `http` or `https`. Nothing is sent yet.
    pub fn new(url: &Url, api_key: &str, api_secret: &str) -> Self {
        Self {
            client: Client::new(url, api_key, api_secret),
        }
    }

    /// All rooms that exist now.
    pub async fn list_rooms(&self) -> Result<Vec<RoomInfo>, ApiError> {
        let grants = VideoGrants {
            room_list: true,
            ..VideoGrants::default()
        };
        let request = lk::ListRoomsRequest::default();
        let answer: lk::ListRoomsResponse = self
            .client
            .call("RoomService/ListRooms", grants, request)
            .await?;
        Ok(answer.rooms.into_iter().map(RoomInfo::from).collect())
    }

    /// Creates a room, or finds the one of that name. Workers without a name are offered it.
    pub async fn create_room(
        &self,
        name: &str,
        options: CreateRoomOptions,
    ) -> Result<RoomInfo, ApiError> {
        let request = lk::CreateRoomRequest {
            name: name.to_owned(),
            metadata: options.metadata,
            empty_timeout: seconds(options.empty_timeout),
            departure_timeout: seconds(options.departure_timeout),
            max_participants: options.max_participants.unwrap_or_default(),
            ..lk::CreateRoomRequest::default()
        };
        let room: lk::Room = self
            .client
            .call("RoomService/CreateRoom", create(), request)
            .await?;
        Ok(room.into())
    }

    /// Ends a room: everyone in it is told and disconnected.
    pub async fn delete_room(&self, name: &str) -> Result<(), ApiError> {
        let request = lk::DeleteRoomRequest {
            room: name.to_owned(),
        };
        let _: lk::DeleteRoomResponse = self
            .client
            .call("RoomService/DeleteRoom", create(), request)
            .await?;
        Ok(())
    }

    /// Everyone in a room, hidden participants included.
    pub async fn list_participants(&self, room: &str) -> Result<Vec<ParticipantInfo>, ApiError> {
        let request = lk::ListParticipantsRequest {
            room: room.to_owned(),
        };
        let answer: lk::ListParticipantsResponse = self
            .client
            .call("RoomService/ListParticipants", super::admin(room), request)
            .await?;
        Ok(answer
            .participants
            .into_iter()
            .map(ParticipantInfo::from)
            .collect())
    }

    /// Disconnects a participant. The server also refuses that identity's tokens of the last minute.
    pub async fn remove_participant(&self, room: &str, identity: &str) -> Result<(), ApiError> {
        let request = lk::RoomParticipantIdentity {
            room: room.to_owned(),
            identity: identity.to_owned(),
            ..lk::RoomParticipantIdentity::default()
        };
        let _: lk::RemoveParticipantResponse = self
            .client
            .call("RoomService/RemoveParticipant", super::admin(room), request)
            .await?;
        Ok(())
    }
}

fn create() -> VideoGrants {
    VideoGrants {
        room_create: true,
        ..VideoGrants::default()
    }
}

/// Whole seconds, at least one; zero means the server's default.
fn seconds(timeout: Option<Duration>) -> u32 {
    timeout.map_or(0, |timeout| {
        u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX).max(1)
    })
}

/// Unix milliseconds, or seconds where an older server gives no milliseconds.
fn time(seconds: i64, millis: i64) -> SystemTime {
    let millis = if millis > 0 {
        millis
    } else {
        seconds.saturating_mul(1000)
    };
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

impl From<lk::Room> for RoomInfo {
    fn from(room: lk::Room) -> Self {
        Self {
            created_at: time(room.creation_time, room.creation_time_ms),
            sid: room.sid,
            name: room.name,
            metadata: room.metadata,
            participant_count: room.num_participants,
        }
    }
}

impl From<lk::ParticipantInfo> for ParticipantInfo {
    fn from(info: lk::ParticipantInfo) -> Self {
        Self {
            kind: info.kind().into(),
            joined_at: time(info.joined_at, info.joined_at_ms),
            is_active: info.state() == lk::participant_info::State::Active,
            sid: info.sid,
            identity: info.identity,
            name: info.name,
            metadata: info.metadata,
            attributes: info.attributes,
        }
    }
}
