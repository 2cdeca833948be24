//! Text on its way in: pieces put together, within bounds.
//!
//! Whatever a sender does (never ends its streams, lies about their length, sends no UTF-8), the
//! memory that it costs is limited, and other senders' streams are not touched.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use livekit_protocol::data_stream::header::ContentHeader;
use livekit_protocol::data_stream::{Chunk, Header, Trailer};

use crate::RoomEvent;

/// Streams that are open at a time, of all senders and of one.
const MAX_STREAMS: usize = 64;
const MAX_STREAMS_OF_ONE: usize = 16;
/// All that is kept together: this many streams of the longest length.
const MAX_FULL_STREAMS: usize = 4;
/// News of somebody leaving overtakes what they said last.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// A stream without news for this long makes room for another one.
const STALE_AFTER: Duration = Duration::from_secs(30);

/// Puts text streams together.
pub(crate) struct TextReader {
    /// By the sender's sid, which the server vouches for, and the stream's id.
    streams: HashMap<(String, String), Stream>,
    max_text_bytes: usize,
    /// Of all streams.
    bytes: usize,
}

struct Stream {
    topic: String,
    sender_identity: String,
    attributes: HashMap<String, String>,
    text: String,
    /// The beginning of a character whose end has not arrived.
    partial: Vec<u8>,
    next_chunk: u64,
    announced: Option<u64>,
    last_news: Instant,
    /// When its sender left.
    orphaned: Option<Instant>,
    /// What it costs beyond its text.
    overhead: usize,
}

impl Stream {
    fn bytes(&self) -> usize {
        self.overhead + self.text.len()
    }
}

impl TextReader {
    pub fn new(max_text_bytes: usize) -> Self {
        Self {
            streams: HashMap::new(),
            max_text_bytes,
            bytes: 0,
        }
    }

    /// A stream begins. `sender_identity` may be another's, in whose name an agent speaks.
    pub fn header(&mut self, sid: &str, sender_identity: &str, header: Header, now: Instant) {
        let is_text = matches!(header.content_header, Some(ContentHeader::TextHeader(_)));
        // Compressed and inline streams come only to those who say that they read them.
        if !is_text || header.compression != 0 || header.inline_content.is_some() {
            tracing::debug!(
                topic = header.topic,
                "passing over a stream that is no plain text"
            );
            return;
        }
        if header
            .total_length
            .is_some_and(|total| total > self.max_text_bytes as u64)
        {
            tracing::warn!(
                topic = header.topic,
                sender_identity,
                "a text is too long to be read"
            );
            return;
        }
        self.drop_orphans(now);
        self.make_room(sid, now);
        if self.streams.len() >= MAX_STREAMS || self.count_of(sid) >= MAX_STREAMS_OF_ONE {
            tracing::warn!(
                topic = header.topic,
                sender_identity,
                "too many open text streams"
            );
            return;
        }
        let sizes = header
            .attributes
            .iter()
            .map(|(name, value)| name.len() + value.len());
        let overhead = size_of::<Stream>()
            + header.stream_id.len()
            + header.topic.len()
            + sender_identity.len()
            + sizes.sum::<usize>();
        let stream = Stream {
            topic: header.topic,
            sender_identity: sender_identity.to_owned(),
            attributes: header.attributes,
            text: String::new(),
            partial: Vec::new(),
            next_chunk: 0,
            announced: header.total_length,
            last_news: now,
            orphaned: None,
            overhead,
        };
        self.bytes += stream.bytes();
        let key = (sid.to_owned(), header.stream_id);
        if let Some(replaced) = self.streams.insert(key, stream) {
            self.bytes -= replaced.bytes();
        }
    }

    /// More text of a stream, if it is one that is being read.
    pub fn chunk(&mut self, sid: &str, chunk: Chunk, now: Instant) -> Option<RoomEvent> {
        let key = (sid.to_owned(), chunk.stream_id);
        let stream = self.streams.get_mut(&key)?;
        // Sent again.
        if chunk.chunk_index < stream.next_chunk {
            return None;
        }
        let limit = stream.announced.unwrap_or(self.max_text_bytes as u64);
        let length = (stream.text.len() + stream.partial.len() + chunk.content.len()) as u64;
        let all = self.bytes + chunk.content.len();
        let fits = length <= limit && all <= MAX_FULL_STREAMS * self.max_text_bytes;
        let in_order = chunk.chunk_index == stream.next_chunk;
        stream.partial.extend(chunk.content);
        let Some(delta) = whole_characters(&mut stream.partial).filter(|_| fits && in_order) else {
            tracing::debug!(
                topic = stream.topic,
                fits,
                in_order,
                "giving a text stream up"
            );
            self.remove(&key);
            return None;
        };
        stream.next_chunk += 1;
        stream.last_news = now;
        stream.text.push_str(&delta);
        self.bytes += delta.len();
        (!delta.is_empty()).then(|| RoomEvent::TextChunk {
            topic: stream.topic.clone(),
            sender_identity: stream.sender_identity.clone(),
            stream_id: key.1,
            delta,
            attributes: stream.attributes.clone(),
        })
    }

    /// A stream ends: the whole text, unless it is not whole.
    pub fn trailer(&mut self, sid: &str, trailer: Trailer) -> Option<RoomEvent> {
        let key = (sid.to_owned(), trailer.stream_id);
        let mut stream = self.remove(&key)?;
        let length = stream.text.len() as u64;
        let is_whole =
            stream.partial.is_empty() && stream.announced.is_none_or(|all| all == length);
        if !trailer.reason.is_empty() || !is_whole {
            tracing::debug!(
                topic = stream.topic,
                trailer.reason,
                "a text stream broke off"
            );
            return None;
        }
        stream.attributes.extend(trailer.attributes);
        Some(RoomEvent::TextReceived {
            topic: stream.topic,
            sender_identity: stream.sender_identity,
            text: stream.text,
            attributes: stream.attributes,
            stream_id: key.1,
        })
    }

    /// Someone left: soon nobody will end its streams any more.
    pub fn sender_left(&mut self, sid: &str, now: Instant) {
        let theirs = self
            .streams
            .iter_mut()
            .filter(|((sender, _), _)| sender == sid);
        for (_, stream) in theirs {
            stream.orphaned.get_or_insert(now);
        }
        self.drop_orphans(now);
    }

    fn drop_orphans(&mut self, now: Instant) {
        let is_alone = |stream: &Stream| {
            let since = stream.orphaned.map(|at| now.saturating_duration_since(at));
            since.is_some_and(|since| since >= LAST_WORDS)
        };
        self.streams.retain(|_, stream| !is_alone(stream));
        self.bytes = self.streams.values().map(Stream::bytes).sum();
    }

    fn remove(&mut self, key: &(String, String)) -> Option<Stream> {
        let stream = self.streams.remove(key)?;
        self.bytes -= stream.bytes();
        Some(stream)
    }

    fn count_of(&self, sid: &str) -> usize {
        self.streams
            .keys()
            .filter(|(sender, _)| sender == sid)
            .count()
    }

    /// Gives up a stream that went stale, if there is no room for one more.
    fn make_room(&mut self, sid: &str, now: Instant) {
        let own_only = self.count_of(sid) >= MAX_STREAMS_OF_ONE;
        if !own_only && self.streams.len() < MAX_STREAMS {
            return;
        }
        let candidates = self
            .streams
            .iter()
            .filter(|(key, _)| !own_only || key.0 == sid);
        let stalest = candidates.min_by_key(|(_, stream)| stream.last_news);
        let Some((key, stream)) = stalest else { return };
        if now.saturating_duration_since(stream.last_news) >= STALE_AFTER {
            let key = key.clone();
            self.remove(&key);
        }
    }
}

/// Takes the whole characters off the front; `None` if it cannot become UTF-8 any more.
fn whole_characters(bytes: &mut Vec<u8>) -> Option<String> {
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => text.len(),
        // Cut off in the middle of a character.
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => return None,
    };
    let rest = bytes.split_off(valid);
    String::from_utf8(std::mem::replace(bytes, rest)).ok()
}

#[cfg(test)]
mod tests {
    use livekit_protocol::data_stream::TextHeader;
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 1000;

    fn header(id: &str, total_length: Option<u64>) -> Header {
        Header {
            stream_id: id.to_owned(),
            topic: "lk.chat".to_owned(),
            total_length,
            attributes: HashMap::from([("a".to_owned(), "header".to_owned())]),
            content_header: Some(ContentHeader::TextHeader(TextHeader::default())),
            ..Header::default()
        }
    }

    fn chunk(id: &str, chunk_index: u64, content: impl Into<Vec<u8>>) -> Chunk {
        Chunk {
            stream_id: id.to_owned(),
            chunk_index,
            content: content.into(),
            ..Chunk::default()
        }
    }

    fn trailer(id: &str) -> Trailer {
        Trailer {
            stream_id: id.to_owned(),
            attributes: HashMap::from([("a".to_owned(), "trailer".to_owned())]),
            ..Trailer::default()
        }
    }

    fn received(event: Option<RoomEvent>) -> Option<(String, String)> {
        match event? {
            RoomEvent::TextReceived {
                text, attributes, ..
            } => Some((text, attributes["a"].clone())),
            _ => None,
        }
    }

    #[test]
    fn a_character_that_is_cut_in_two_is_put_together() {
        let now = Instant::now();
        let mut reader = TextReader::new(MAX);
        let bytes = "für".as_bytes();

        reader.header("PA_1", "anna", header("s", Some(4)), now);
        let first = reader.chunk("PA_1", chunk("s", 0, &bytes[..2]), now);
        let second = reader.chunk("PA_1", chunk("s", 1, &bytes[2..]), now);

        assert!(matches!(first, Some(RoomEvent::TextChunk { delta, .. }) if delta == "f"));
        assert!(matches!(second, Some(RoomEvent::TextChunk { delta, .. }) if delta == "ür"));
        let (text, attribute) = received(reader.trailer("PA_1", trailer("s"))).expect("a text");
        assert_eq!((text.as_str(), attribute.as_str()), ("für", "trailer"));
        assert_eq!(reader.bytes, 0);
    }

    #[test]
    fn a_missing_chunk_an_early_end_and_too_much_text_give_no_text() {
        let now = Instant::now();
        let mut reader = TextReader::new(MAX);

        reader.header("PA_1", "anna", header("gap", None), now);
        reader.chunk("PA_1", chunk("gap", 1, "b"), now);
        reader.header("PA_1", "anna", header("short", Some(3)), now);
        reader.chunk("PA_1", chunk("short", 0, "ab"), now);
        reader.header("PA_1", "anna", header("long", Some(1)), now);
        reader.chunk("PA_1", chunk("long", 0, "ab"), now);
        reader.header("PA_1", "anna", header("huge", None), now);
        reader.chunk("PA_1", chunk("huge", 0, vec![b'a'; MAX + 1]), now);
        reader.header("PA_1", "anna", header("lie", Some(u64::MAX)), now);

        for id in ["gap", "short", "long", "huge", "lie"] {
            assert!(reader.trailer("PA_1", trailer(id)).is_none(), "{id}");
        }
        assert_eq!(reader.bytes, 0);
    }

    #[test]
    fn nobody_can_write_into_or_end_the_stream_of_another() {
        let now = Instant::now();
        let mut reader = TextReader::new(MAX);

        reader.header("PA_1", "anna", header("s", None), now);
        let intruded = reader.chunk("PA_2", chunk("s", 0, "x"), now);
        let ended = reader.trailer("PA_2", trailer("s"));

        assert!(intruded.is_none() && ended.is_none());
        assert!(reader.chunk("PA_1", chunk("s", 0, "a"), now).is_some());
    }

    #[test]
    fn one_sender_with_endless_streams_leaves_room_for_others() {
        let now = Instant::now();
        let mut reader = TextReader::new(MAX);

        for index in 0..1000 {
            reader.header("PA_1", "eve", header(&format!("s{index}"), None), now);
        }
        reader.header("PA_2", "anna", header("s", None), now);

        assert_eq!(reader.count_of("PA_1"), MAX_STREAMS_OF_ONE);
        assert_eq!(reader.count_of("PA_2"), 1);
        reader.header("PA_1", "eve", header("later", None), now + STALE_AFTER);
        assert!(
            reader
                .streams
                .contains_key(&("PA_1".to_owned(), "later".to_owned()))
        );
        reader.sender_left("PA_1", now);
        reader.header("PA_2", "anna", header("next", None), now + LAST_WORDS);
        assert_eq!((reader.count_of("PA_1"), reader.count_of("PA_2")), (0, 2));
    }

    proptest! {
        #[test]
        fn whatever_is_sent_memory_stays_bounded_and_accounted_for(
            steps in proptest::collection::vec(
                (0_u8..3, 0_u8..4, 0_u8..20, any::<u64>(), proptest::collection::vec(any::<u8>(), 0..700)),
                0..200,
            ),
        ) {
            let now = Instant::now();
            let mut reader = TextReader::new(MAX);

            for (step, sender, stream, number, content) in steps {
                let (sid, id) = (format!("PA_{sender}"), format!("s{stream}"));
                match step {
                    0 => reader.header(&sid, "anna", header(&id, (number % 3 > 0).then_some(number % 2000)), now),
                    1 => { reader.chunk(&sid, chunk(&id, number % 3, content), now); }
                    _ => { reader.trailer(&sid, trailer(&id)); }
                }
            }

            let total: usize = reader.streams.values().map(Stream::bytes).sum();
            let text: usize = reader.streams.values().map(|s| s.text.len() + s.partial.len()).sum();
            prop_assert_eq!(reader.bytes, total);
            prop_assert!(text <= MAX_FULL_STREAMS * MAX + MAX_STREAMS * 3);
            prop_assert!(reader.streams.values().all(|s| s.text.len() <= MAX));
        }

        #[test]
        fn text_arrives_as_it_was_sent_however_it_is_cut(text in "\\PC{0,100}", cut in 1_usize..8) {
            let now = Instant::now();
            let mut reader = TextReader::new(MAX);

            reader.header("PA_1", "anna", header("s", Some(text.len() as u64)), now);
            for (index, bytes) in text.as_bytes().chunks(cut).enumerate() {
                reader.chunk("PA_1", chunk("s", index as u64, bytes), now);
            }

            prop_assert_eq!(received(reader.trailer("PA_1", trailer("s"))).map(|r| r.0), Some(text));
        }
    }
}
