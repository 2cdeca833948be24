//! A LiveKit participant and agent worker without libwebrtc.
//!
//! [`Room::connect`] joins a room; what happens there arrives as [`RoomEvent`]s. Audio goes out
//! through a [`LocalAudioTrack`] and comes in as 20 ms frames of a [`RemoteAudio`]; text streams,
//! attributes and remote calls go both ways. A lost connection is mended without the caller's
//! help: resumed where the server still knows the session, otherwise joined anew.
//!
//! ```text
//! room     ── the public handle, one task per session, who is there, how a session is mended
//! ├─ signal   the WebSocket: protobuf frames, pings
//! ├─ rtc      two peer connections (one to publish, one to subscribe), one task each around str0m
//! ├─ data     text streams and remote calls inside data packets
//! └─ audio    jitter buffer, Opus, loss concealment; no clock and no socket of its own
//! worker      offers agents to the server and takes jobs
//! server_api  rooms and agent dispatch over HTTP
//! token       access tokens
//! ```
//!
//! `examples/echo.rs` is a whole participant in a page.

mod audio;
mod crypto;
mod data;
mod error;
mod room;
mod rtc;
pub mod server_api;
mod signal;
pub mod token;
pub mod worker;

pub use audio::{AudioFrame, CodecError, FRAME_SAMPLES, FrameKind, ReceiverStats, SAMPLE_RATE_HZ};
pub use data::{RpcError, RpcInvocation, TextOptions, TextStreamWriter};
pub use error::Error;
pub use room::{
    DisconnectReason, LocalAudioTrack, Participant, RemoteAudio, Room, RoomEvent, RoomOptions,
    TrackInfo, TrackKind, TrackSource,
};
pub use server_api::ParticipantKind;
