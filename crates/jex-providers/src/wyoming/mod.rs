//! Wyoming: the line-and-bytes protocol over TCP that Whisper and Piper servers speak.
//!
//! Source: <https://github.com/OHF-Voice/wyoming>. It has no request ids and no cancellation: one
//! connection carries one request, and closing it cancels.

mod connection;
mod describe;
mod protocol;
mod speech_to_text;
mod text_to_speech;

pub use connection::WyomingEndpoint;
pub use describe::{Artifact, Program, ServerInfo, describe};
pub use protocol::{Event, EventCodec, EventError};
pub use speech_to_text::WyomingSpeechToText;
pub use text_to_speech::WyomingTextToSpeech;
