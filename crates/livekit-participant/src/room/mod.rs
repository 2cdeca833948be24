//! The room: the public handle, and behind it one task per session.
//!
//! * [`Room`], [`RoomOptions`]: the handle
//! * `event`, `participant`: what is told about the room
//! * `local_audio`, `remote_audio`: the two ends of audio
//! * `command`: what handles ask of the task
//! * `session`: the task; it owns what lasts over reconnects
//! * `link`: what a full reconnect replaces
//! * `recovery`: how a lost connection is mended
//! * `signalling`, `publish`, `subscribe`, `attributes`, `outbox`: the session, matter by matter
//! * `roster`: who is there

mod attributes;
mod command;
mod event;
mod link;
mod local_audio;
mod outbox;
mod participant;
mod publish;
mod recovery;
mod remote_audio;
mod roster;
mod session;
mod signalling;
mod subscribe;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use livekit_protocol as proto;
use livekit_protocol::data_packet::Value;
use tokio::sync::{mpsc, oneshot};
use url::Url;

use crate::Error;
use crate::data::{RpcError, RpcInvocation, TextOptions, TextStreamWriter};
pub(crate) use command::{Command, Commands, Message};
pub use event::{DisconnectReason, RoomEvent};
use link::Link;
pub(crate) use local_audio::LocalAudio;
pub use local_audio::LocalAudioTrack;
pub use participant::{Participant, TrackInfo, TrackKind, TrackSource};
pub use remote_audio::RemoteAudio;
use roster::Roster;
use session::Session;

/// How a room is joined.
#[derive(Debug, Clone)]
pub struct RoomOptions {
    /// Subscribe to everything that is published. Off: [`Room::subscribe`] chooses. Video is
    /// never received.
    pub auto_subscribe: bool,
    /// Local addresses for media; `None`: those of all interfaces that are up, with loopback if
    /// the server is reached by it.
    pub ip_addresses: Option<Vec<IpAddr>>,
    /// A lost connection is mended for this long before the room counts as lost.
    pub reconnect_for: Duration,
    /// Longest text of one stream, in bytes; longer ones are dropped.
    pub max_text_bytes: usize,
}

impl Default for RoomOptions {
    fn default() -> Self {
        Self {
            auto_subscribe: false,
            ip_addresses: None,
            reconnect_for: Duration::from_secs(60),
            max_text_bytes: 1 << 20,
        }
    }
}

/// A room that we are in. Clones are handles to the same; dropping the last one leaves.
#[derive(Clone)]
pub struct Room(Arc<Handle>);

struct Handle {
    commands: Commands,
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.commands.tell(Command::Leave { reply: None });
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Room {
    /// Joins a room. Each step (socket, answer of the server, media connection) may take 5 s.
    ///
    /// [`Error::is_terminal`] says whether it is worth trying again.
    pub async fn connect(
        url: &Url,
        token: &str,
        options: RoomOptions,
    ) -> Result<(Room, mpsc::UnboundedReceiver<RoomEvent>), Error> {
        let (link, join) = Link::join(url, token, &options).await?;
        let shared = Arc::new(Shared::default());
        let (commands, inbox) = Commands::channel();
        let (events, receiver) = mpsc::unbounded_channel();
        let (ready, joined) = oneshot::channel();
        let session = Session::new(
            (url.clone(), token.to_owned(), options),
            (link, join),
            (commands.clone(), inbox),
            shared.clone(),
            events,
            ready,
        );
        tokio::spawn(session.run());
        joined.await.unwrap_or(Err(Error::Disconnected))?;
        Ok((Room(Arc::new(Handle { commands, shared })), receiver))
    }

    pub fn name(&self) -> String {
        self.0.shared.members().room_name.clone()
    }

    /// Ourselves.
    pub fn local(&self) -> Participant {
        self.0.shared.members().local.clone()
    }

    /// Everyone else, as of now.
    pub fn participants(&self) -> Vec<Participant> {
        self.0
            .shared
            .members()
            .roster
            .participants()
            .cloned()
            .collect()
    }

    /// Publishes a microphone: Opus, 48 kHz, mono, with forward error correction. Silence goes
    /// out until something is written.
    pub async fn publish_audio(&self, name: &str) -> Result<LocalAudioTrack, Error> {
        let audio = Arc::new(LocalAudio::new(name)?);
        let track = LocalAudioTrack::new(audio.clone(), self.0.commands.clone());
        self.0
            .commands
            .ask(|reply| Command::PublishAudio { audio, reply })
            .await?;
        Ok(track)
    }

    /// Takes a track back.
    pub async fn unpublish(&self, track: &LocalAudioTrack) -> Result<(), Error> {
        let cid = track.cid().to_owned();
        self.0
            .commands
            .ask(|reply| Command::Unpublish { cid, reply })
            .await
    }

    /// Asks for a track, or no longer; [`RoomEvent::TrackSubscribed`] follows. Remembered over
    /// reconnects, also when the same participant publishes the same track under a new id.
    pub async fn subscribe(&self, track_sid: &str, subscribed: bool) -> Result<(), Error> {
        let track_sid = track_sid.to_owned();
        self.0
            .commands
            .ask(|reply| Command::Subscribe {
                track_sid,
                subscribed,
                reply,
            })
            .await
    }

    /// Sets attributes of ours; an empty value removes one. Needs the right to update one's own
    /// metadata. While the connection is being mended they are kept and sent then.
    pub async fn set_attributes(&self, changes: HashMap<String, String>) -> Result<(), Error> {
        self.0
            .commands
            .ask(|reply| Command::SetAttributes { changes, reply })
            .await
    }

    /// Sends a whole text stream and returns its id.
    pub async fn send_text(
        &self,
        topic: &str,
        text: &str,
        options: TextOptions,
    ) -> Result<String, Error> {
        let options = TextOptions {
            total_length: Some(text.len() as u64),
            ..options
        };
        let mut stream = self.open_text_stream(topic, options).await?;
        stream.write(text).await?;
        let stream_id = stream.stream_id().to_owned();
        stream.close(HashMap::new()).await?;
        Ok(stream_id)
    }

    /// Opens a text stream to be written piece by piece.
    pub async fn open_text_stream(
        &self,
        topic: &str,
        options: TextOptions,
    ) -> Result<TextStreamWriter, Error> {
        TextStreamWriter::open(self.0.commands.clone(), topic, options).await
    }

    /// Sends a transcript the way SDKs read it that know no text streams. The server forwards it
    /// from agents only.
    pub async fn send_legacy_transcription(
        &self,
        participant_identity: &str,
        track_sid: &str,
        segment_id: &str,
        text: &str,
        is_final: bool,
    ) -> Result<(), Error> {
        let segment = proto::TranscriptionSegment {
            id: segment_id.to_owned(),
            text: text.to_owned(),
            r#final: is_final,
            ..proto::TranscriptionSegment::default()
        };
        let transcription = proto::Transcription {
            transcribed_participant_identity: participant_identity.to_owned(),
            track_id: track_sid.to_owned(),
            segments: vec![segment],
        };
        let message = Message {
            value: Value::Transcription(transcription),
            destinations: Vec::new(),
            sender_identity: None,
        };
        self.0.commands.send(message).await
    }

    /// Calls a method of another participant and waits for the response, at most `timeout`.
    pub async fn perform_rpc(
        &self,
        destination: &str,
        method: &str,
        payload: &str,
        timeout: Duration,
    ) -> Result<String, RpcError> {
        let call =
            crate::data::perform_rpc(&self.0.commands, destination, method, payload, timeout);
        let result = call.await;
        let is_there = self.0.shared.members().roster.get(destination).is_some();
        match result {
            Err(error) if error.code == RpcError::CONNECTION_TIMEOUT && !is_there => {
                Err(RpcError::built_in(RpcError::RECIPIENT_NOT_FOUND))
            }
            result => result,
        }
    }

    /// Answers calls of a method; a later handler for the same one replaces the earlier.
    pub fn register_rpc(
        &self,
        method: &str,
        handler: impl Fn(RpcInvocation) -> BoxFuture<'static, Result<String, RpcError>>
        + Send
        + Sync
        + 'static,
    ) {
        self.0
            .shared
            .rpc_handlers()
            .insert(method.to_owned(), Arc::new(handler));
    }

    /// Leaves, and returns when the server was told.
    pub async fn leave(&self) {
        let (reply, left) = oneshot::channel();
        self.0.commands.tell(Command::Leave { reply: Some(reply) });
        let _ = left.await;
    }
}

pub(crate) type RpcHandler =
    Arc<dyn Fn(RpcInvocation) -> BoxFuture<'static, Result<String, RpcError>> + Send + Sync>;

/// What handles read while the session's task writes. No lock is held across an await.
#[derive(Default)]
pub(crate) struct Shared {
    /// No event is emitted, and no other lock taken, while it is held.
    members: Mutex<Members>,
    rpc_handlers: Mutex<HashMap<String, RpcHandler>>,
}

/// Who is in the room, as handles see it.
#[derive(Default)]
pub(crate) struct Members {
    pub room_name: String,
    pub local: Participant,
    pub roster: Roster,
}

impl Shared {
    pub fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn rpc_handlers(&self) -> MutexGuard<'_, HashMap<String, RpcHandler>> {
        self.rpc_handlers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
