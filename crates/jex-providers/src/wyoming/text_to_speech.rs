//! Speech synthesis by a Wyoming server such as wyoming-piper.
//!
//! `synthesize` with text and voice; back come `audio-start`, `audio-chunk`…, `audio-stop`. One
//! connection per sentence. wyoming-piper synthesises on its only thread, one sentence at a time
//! and whole: a closed connection is noticed only when that sentence is done, so send one
//! sentence at a time and at most one ahead.

use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, stream};
use serde_json::json;

use super::connection::{Connection, WyomingEndpoint};
use super::describe::{LearnedName, ServerInfo};
use super::protocol::Event;
use crate::pcm::PcmDecoder;
use crate::{ProviderError, Synthesis, TextToSpeech};

/// Sample rates that a voice may have, in Hz.
const RATES_HZ: std::ops::RangeInclusive<u64> = 8_000..=96_000;
const NO_AUDIO: &str = "it made no audio of the sentence";

/// A Wyoming server for speech synthesis.
pub struct WyomingTextToSpeech {
    endpoint: WyomingEndpoint,
    /// Name of the voice; `None` leaves it to the server.
    voice: Option<String>,
    /// Longest wait for the first audio, and from one piece of audio to the next.
    limit: Duration,
    name: LearnedName,
}

impl WyomingTextToSpeech {
    pub fn new(endpoint: WyomingEndpoint, voice: Option<String>, limit: Duration) -> Self {
        Self {
            endpoint,
            voice,
            limit,
            name: LearnedName::default(),
        }
    }

    async fn first_audio(&self, text: &str) -> Result<Synthesis, ProviderError> {
        let mut connection = self.endpoint.connect(self.limit).await?;
        if !self.name.is_known() {
            connection.send(Event::new("describe"), self.limit).await?;
        }
        let mut synthesize = Event::new("synthesize").with("text", text);
        if let Some(voice) = &self.voice {
            synthesize = synthesize.with("voice", json!({ "name": voice }));
        }
        connection.send(synthesize, self.limit).await?;

        let mut format = loop {
            let event = connection.next().await?;
            match event.kind.as_str() {
                "audio-start" => break Format::of(&event, &connection)?,
                "info" => self.learn(&ServerInfo::from_event(&event)),
                "audio-chunk" | "audio-stop" => return Err(connection.origin.protocol(NO_AUDIO)),
                _ => {}
            }
        };
        loop {
            let event = connection.next().await?;
            match event.kind.as_str() {
                "audio-chunk" => {
                    let first = format.decoder.decode(&event.payload);
                    if !first.is_empty() {
                        return Ok(rest(connection, format, self.limit, first));
                    }
                }
                "audio-stop" => return Err(connection.origin.protocol(NO_AUDIO)),
                _ => {}
            }
        }
    }

    fn learn(&self, info: &ServerInfo) {
        let Some(program) = info.tts.first() else {
            return;
        };
        // Which voice is the server's own choice is not said, unless it has only one.
        let only = match program.voices.as_slice() {
            [voice] => Some(voice.name.as_str()),
            _ => None,
        };
        let name = match self.voice.as_deref().or(only) {
            Some(voice) => format!("{} {voice} (Wyoming)", program.name),
            None => format!("{} (Wyoming)", program.name),
        };
        self.name.set(Some(name));
    }
}

#[async_trait]
impl TextToSpeech for WyomingTextToSpeech {
    fn name(&self) -> String {
        match (self.name.get(), &self.voice) {
            (Some(name), _) => name,
            (None, Some(voice)) => format!("{voice} (Wyoming)"),
            (None, None) => "Wyoming".into(),
        }
    }

    async fn synthesize(&self, text: &str) -> Result<Synthesis, ProviderError> {
        if !crate::can_be_spoken(text) {
            return Ok(Synthesis::silent());
        }
        let first = match tokio::time::timeout(self.limit, self.first_audio(text)).await {
            Ok(first) => first,
            Err(_) => Err(self.endpoint.origin.timed_out(self.limit)),
        };
        if matches!(first, Err(ProviderError::Unreachable { .. })) {
            self.name.set(None);
        }
        first
    }
}

/// What `audio-start` promises.
struct Format {
    rate_hz: u32,
    decoder: PcmDecoder,
}

impl Format {
    fn of(event: &Event, connection: &Connection) -> Result<Self, ProviderError> {
        let strange = |what: &str| connection.origin.protocol(format!("audio with {what}"));
        let rate_hz = event.number("rate").filter(|rate| RATES_HZ.contains(rate));
        let Some(rate_hz) = rate_hz else {
            return Err(strange("an impossible sample rate"));
        };
        let (Some(2), Some(channels @ 1..=8)) = (event.number("width"), event.number("channels"))
        else {
            return Err(strange("another format than 16-bit samples"));
        };
        Ok(Self {
            rate_hz: rate_hz as u32,
            decoder: PcmDecoder::new(channels as usize),
        })
    }
}

/// The stream of a sentence whose first audio is there.
fn rest(connection: Connection, format: Format, limit: Duration, first: Vec<i16>) -> Synthesis {
    let sample_rate_hz = format.rate_hz;
    let state = (connection, format.decoder);
    let more = stream::try_unfold(state, move |(mut connection, mut decoder)| async move {
        loop {
            let event = connection.next_within(limit).await?;
            match event.kind.as_str() {
                "audio-chunk" => {
                    let samples = decoder.decode(&event.payload);
                    return Ok(Some((samples, (connection, decoder))));
                }
                "audio-stop" => return Ok(None),
                _ => {}
            }
        }
    });
    Synthesis {
        sample_rate_hz,
        audio: stream::once(async move { Ok(first) }).chain(more).boxed(),
        fallback: None,
    }
}
