//! Framing of Wyoming events.
//!
//! One event is a line of JSON (`type`, `data`, `data_length`, `payload_length`), then
//! `data_length` bytes of JSON object that are merged over `data`, then `payload_length` bytes of
//! payload. Nothing is allocated for bytes that have not arrived.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio_util::codec::{Decoder, Encoder};

/// Longest line, in bytes. Old servers put a whole catalogue of voices (240 kB) into it.
const MAX_LINE: usize = 1 << 20;
/// Longest data, in bytes.
const MAX_DATA: usize = 4 << 20;
/// Longest payload, in bytes: 65 s of mono PCM at 16 kHz. Servers send some kilobytes at a time.
const MAX_PAYLOAD: usize = 2 << 20;

/// One event, in either direction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Event {
    /// Such as `audio-chunk`.
    pub kind: String,
    pub data: Map<String, Value>,
    /// Bytes of audio; empty for most kinds.
    pub payload: Bytes,
}

impl Event {
    /// An event without data.
    pub fn new(kind: &str) -> Self {
        Self {
            kind: kind.into(),
            ..Self::default()
        }
    }

    /// With one more entry of data.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.data.insert(key.into(), value.into());
        self
    }

    /// With a payload.
    pub fn with_payload(mut self, payload: impl Into<Bytes>) -> Self {
        self.payload = payload.into();
        self
    }

    /// An entry of data that is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.data.get(key)?.as_str()
    }

    /// An entry of data that is a whole number.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.data.get(key)?.as_u64()
    }
}

/// Why bytes are not a Wyoming event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("{part} of {length} bytes, more than the {limit} that are accepted")]
    TooLong {
        part: &'static str,
        length: usize,
        limit: usize,
    },
    #[error("not a Wyoming event: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the connection was closed in the middle of an event")]
    Truncated,
}

#[derive(Debug, Deserialize)]
struct Header {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Option<Map<String, Value>>,
    #[serde(default)]
    data_length: Option<usize>,
    #[serde(default)]
    payload_length: Option<usize>,
}

#[derive(Serialize)]
struct OutgoingHeader<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_length: Option<usize>,
}

/// Reads and writes events.
#[derive(Debug, Default)]
pub struct EventCodec {
    /// The line of the event whose bytes are still arriving.
    header: Option<Header>,
    /// Bytes already searched for the end of the line.
    searched: usize,
}

impl EventCodec {
    fn read_header(&mut self, source: &mut BytesMut) -> Result<Option<Header>, EventError> {
        let found = source[self.searched..].iter().position(|b| *b == b'\n');
        let length = found.map_or(source.len(), |at| self.searched + at);
        within("a line", length, MAX_LINE)?;
        if found.is_none() {
            self.searched = source.len();
            return Ok(None);
        }
        self.searched = 0;
        let line = source.split_to(length);
        source.advance(1);
        let header: Header = serde_json::from_slice(&line)?;
        within("data", header.data_length.unwrap_or(0), MAX_DATA)?;
        within("a payload", header.payload_length.unwrap_or(0), MAX_PAYLOAD)?;
        Ok(Some(header))
    }
}

impl Decoder for EventCodec {
    type Item = Event;
    type Error = EventError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Event>, EventError> {
        let header = match self.header.take() {
            Some(header) => header,
            None => match self.read_header(source)? {
                Some(header) => header,
                None => return Ok(None),
            },
        };
        let data_length = header.data_length.unwrap_or(0);
        let payload_length = header.payload_length.unwrap_or(0);
        // Both are within bounds, so the sum cannot overflow.
        if source.len() < data_length + payload_length {
            self.header = Some(header);
            return Ok(None);
        }
        let data_bytes = source.split_to(data_length);
        let payload = source.split_to(payload_length).freeze();
        let mut data = header.data.unwrap_or_default();
        if !data_bytes.is_empty() {
            data.extend(serde_json::from_slice::<Map<String, Value>>(&data_bytes)?);
        }
        Ok(Some(Event {
            kind: header.kind,
            data,
            payload,
        }))
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<Event>, EventError> {
        match self.decode(source)? {
            Some(event) => Ok(Some(event)),
            None if source.is_empty() && self.header.is_none() => Ok(None),
            None => Err(EventError::Truncated),
        }
    }
}

impl Encoder<Event> for EventCodec {
    type Error = EventError;

    fn encode(&mut self, event: Event, target: &mut BytesMut) -> Result<(), EventError> {
        let data = match event.data.is_empty() {
            true => Vec::new(),
            false => serde_json::to_vec(&event.data)?,
        };
        within("data", data.len(), MAX_DATA)?;
        within("a payload", event.payload.len(), MAX_PAYLOAD)?;
        let header = OutgoingHeader {
            kind: &event.kind,
            data_length: (!data.is_empty()).then_some(data.len()),
            payload_length: (!event.payload.is_empty()).then_some(event.payload.len()),
        };
        target.put_slice(&serde_json::to_vec(&header)?);
        target.put_u8(b'\n');
        target.put_slice(&data);
        target.put_slice(&event.payload);
        Ok(())
    }
}

fn within(part: &'static str, length: usize, limit: usize) -> Result<(), EventError> {
    match length > limit {
        true => Err(EventError::TooLong {
            part,
            length,
            limit,
        }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(events: &[Event]) -> BytesMut {
        let mut bytes = BytesMut::new();
        for event in events {
            EventCodec::default()
                .encode(event.clone(), &mut bytes)
                .expect("a small event");
        }
        bytes
    }

    /// Feeds `bytes` in pieces of `step`, as a network would.
    fn decoded(bytes: &[u8], step: usize) -> Result<Vec<Event>, EventError> {
        let (mut codec, mut buffer, mut events) =
            (EventCodec::default(), BytesMut::new(), Vec::new());
        for piece in bytes.chunks(step.max(1)) {
            buffer.extend_from_slice(piece);
            while let Some(event) = codec.decode(&mut buffer)? {
                events.push(event);
            }
        }
        while let Some(event) = codec.decode_eof(&mut buffer)? {
            events.push(event);
        }
        Ok(events)
    }

    fn any_event() -> impl Strategy<Value = Event> {
        let value = prop_oneof![
            any::<String>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
        ];
        let data = prop::collection::hash_map(".{0,12}", value, 0..4);
        let payload = prop::collection::vec(any::<u8>(), 0..600);
        ("[a-z-]{1,20}", data, payload).prop_map(|(kind, data, payload)| Event {
            kind,
            data: data.into_iter().collect(),
            payload: payload.into(),
        })
    }

    proptest! {
        #[test]
        fn events_survive_the_wire_in_any_pieces(
            events in prop::collection::vec(any_event(), 0..5), step in 1usize..700,
        ) {
            let bytes = encoded(&events);

            prop_assert_eq!(decoded(&bytes, step).expect("our own bytes"), events);
        }

        #[test]
        fn a_cut_stream_ends_with_an_error_or_at_an_event(
            events in prop::collection::vec(any_event(), 1..4), cut in any::<prop::sample::Index>(),
        ) {
            let bytes = encoded(&events);
            let cut = cut.index(bytes.len());

            match decoded(&bytes[..cut], 64) {
                Ok(whole) => prop_assert_eq!(encoded(&whole).len(), cut),
                Err(error) => prop_assert!(matches!(error, EventError::Truncated)),
            }
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..2000), step in 1usize..100) {
            let _ = decoded(&bytes, step);
        }

        #[test]
        fn almost_right_lines_never_panic(
            line in r#"\{"type":("a"|1|null),"data":(\{\}|\[\]|null|1),"data_length":(-1|0|3|null|"x"|99999999999999999999),"payload_length":(0|2|-5|1e3|null)\}\n.{0,8}"#,
        ) {
            let _ = decoded(line.as_bytes(), 7);
        }
    }

    #[test]
    fn a_hostile_length_is_refused_before_anything_is_allocated_for_it() {
        for key in ["data_length", "payload_length"] {
            let line = format!("{{\"type\":\"audio-chunk\",\"{key}\":9000000000000000000}}\n");
            let mut buffer = BytesMut::from(line.as_bytes());

            let error = EventCodec::default().decode(&mut buffer);

            assert!(
                matches!(error, Err(EventError::TooLong { .. })),
                "{error:?}"
            );
            assert!(buffer.capacity() < 1000);
        }
    }

    #[test]
    fn a_promised_payload_reserves_nothing_until_it_arrives() {
        let line = format!("{{\"type\":\"audio-chunk\",\"payload_length\":{MAX_PAYLOAD}}}\n");
        let mut buffer = BytesMut::from(line.as_bytes());

        let event = EventCodec::default()
            .decode(&mut buffer)
            .expect("within bounds");

        assert!(event.is_none());
        assert!(buffer.capacity() < 1000);
    }

    #[test]
    fn a_line_that_never_ends_is_refused() {
        let mut codec = EventCodec::default();
        let mut buffer = BytesMut::new();

        let refused = (0..200).any(|_| {
            buffer.extend_from_slice(&[b'x'; 16 << 10]);
            codec.decode(&mut buffer).is_err()
        });

        assert!(refused);
        assert!(buffer.len() <= MAX_LINE + (16 << 10));
    }

    #[test]
    fn data_in_the_line_and_after_it_is_merged() {
        let bytes = b"{\"type\":\"transcript\",\"version\":\"1.10.2\",\"data\":{\"text\":\"a\",\"x\":1},\"data_length\":12}\n{\"text\":\"b\"}";

        let events = decoded(bytes, 5).expect("valid");

        assert_eq!(events[0].text("text"), Some("b"));
        assert_eq!(events[0].number("x"), Some(1));
    }
}
