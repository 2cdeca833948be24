//! Text on its way out.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use livekit_protocol::data_packet::Value;
use livekit_protocol::data_stream::{Chunk, Header, TextHeader, Trailer, header};

use crate::Error;
use crate::room::{Commands, Message};

/// What LiveKit's SDKs put into one chunk, in bytes.
const CHUNK_BYTES: usize = 15_000;

/// How a text stream is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextOptions {
    pub attributes: HashMap<String, String>,
    /// Empty: everyone in the room.
    pub destination_identities: Vec<String>,
    /// Agents only: speak in a caller's name. The server puts back the real one otherwise.
    pub sender_identity: Option<String>,
    /// UTF-8 bytes, where they are known beforehand.
    pub total_length: Option<u64>,
}

/// A text stream that is written piece by piece. Receivers see each piece as it arrives.
pub struct TextStreamWriter {
    commands: Commands,
    stream_id: String,
    destinations: Vec<String>,
    sender_identity: Option<String>,
    next_chunk: u64,
    /// Bytes that may still be written, if a total was announced.
    left: Option<u64>,
    total: u64,
    open: bool,
}

impl std::fmt::Debug for TextStreamWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextStreamWriter")
            .field("stream_id", &self.stream_id)
            .finish_non_exhaustive()
    }
}

impl TextStreamWriter {
    pub(crate) async fn open(
        commands: Commands,
        topic: &str,
        options: TextOptions,
    ) -> Result<Self, Error> {
        let writer = Self {
            commands,
            stream_id: uuid::Uuid::new_v4().to_string(),
            destinations: options.destination_identities,
            sender_identity: options.sender_identity,
            next_chunk: 0,
            left: options.total_length,
            total: options.total_length.unwrap_or_default(),
            open: true,
        };
        let header = Header {
            stream_id: writer.stream_id.clone(),
            timestamp: unix_milliseconds(),
            topic: topic.to_owned(),
            mime_type: "text/plain".to_owned(),
            total_length: options.total_length,
            attributes: options.attributes,
            content_header: Some(header::ContentHeader::TextHeader(TextHeader::default())),
            ..Header::default()
        };
        let message = writer.message(Value::StreamHeader(header));
        writer.commands.send(message).await?;
        Ok(writer)
    }

    pub fn stream_id(&self) -> &str {
        &self.stream_id
    }

    /// Sends more text. Waits until it is handed to the network.
    pub async fn write(&mut self, text: &str) -> Result<(), Error> {
        if let Some(left) = &mut self.left {
            let bytes = text.len() as u64;
            let limit = self.total;
            *left = left
                .checked_sub(bytes)
                .ok_or(Error::TooLong { bytes, limit })?;
        }
        for piece in pieces(text, CHUNK_BYTES) {
            let chunk = Chunk {
                stream_id: self.stream_id.clone(),
                chunk_index: self.next_chunk,
                content: piece.as_bytes().to_vec(),
                ..Chunk::default()
            };
            self.next_chunk += 1;
            self.commands
                .send(self.message(Value::StreamChunk(chunk)))
                .await?;
        }
        Ok(())
    }

    /// Ends the stream. Attributes that are given here are merged into the header's by receivers.
    pub async fn close(mut self, attributes: HashMap<String, String>) -> Result<(), Error> {
        self.open = false;
        let trailer = self.trailer("", attributes);
        self.commands.send(trailer).await
    }

    fn trailer(&self, reason: &str, attributes: HashMap<String, String>) -> Message {
        self.message(Value::StreamTrailer(Trailer {
            stream_id: self.stream_id.clone(),
            reason: reason.to_owned(),
            attributes,
        }))
    }

    fn message(&self, value: Value) -> Message {
        Message {
            value,
            destinations: self.destinations.clone(),
            sender_identity: self.sender_identity.clone(),
        }
    }
}

impl Drop for TextStreamWriter {
    /// Receivers must not wait for the rest of a stream that was given up.
    fn drop(&mut self) {
        if self.open {
            let trailer = self.trailer("the sender gave up", HashMap::new());
            self.commands.send_and_forget(trailer);
        }
    }
}

/// Pieces of at most `limit` bytes that begin and end with whole characters.
fn pieces(text: &str, limit: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, later) = rest.split_at(rest.floor_char_boundary(limit));
        rest = later;
        Some(piece)
    })
}

fn unix_milliseconds() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::pieces;

    proptest! {
        #[test]
        fn pieces_are_short_whole_and_complete(text in "\\PC{0,80}", limit in 4_usize..20) {
            let parts: Vec<&str> = pieces(&text, limit).collect();

            prop_assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= limit));
            prop_assert_eq!(parts.concat(), text);
        }
    }
}
