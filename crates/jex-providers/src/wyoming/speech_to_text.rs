//! Speech recognition by a Wyoming server such as wyoming-faster-whisper.
//!
//! `transcribe`, `audio-start`, `audio-chunk`…, `audio-stop`, and then one `transcript`; servers
//! that stream send `transcript-start`, `transcript-chunk`… before it, which become interim
//! transcripts. One connection per utterance: the server closes it after the transcript.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::connection::{Connection, WyomingEndpoint};
use super::describe::{LearnedName, ServerInfo};
use super::protocol::Event;
use crate::{ProviderError, Recognition, SpeechToText, Transcript};

const RATE_HZ: u32 = 16_000;
/// Bytes of a sample.
const WIDTH: u32 = 2;
const CHANNELS: u32 = 1;
/// Chunks under way between the ear and the socket; about a second of 20 ms frames.
const QUEUED_CHUNKS: usize = 64;
const QUEUED_TRANSCRIPTS: usize = 8;

/// A Wyoming server for speech recognition.
pub struct WyomingSpeechToText {
    endpoint: WyomingEndpoint,
    /// Language of the speech, such as `en`; `None` leaves it to the server.
    language: Option<String>,
    /// Name of the model, where the server knows only the folder it was loaded from.
    model: Option<String>,
    /// Longest wait for the transcript once the utterance has ended.
    limit: Duration,
    name: LearnedName,
}

impl WyomingSpeechToText {
    pub fn new(endpoint: WyomingEndpoint, language: Option<String>, limit: Duration) -> Self {
        Self {
            endpoint,
            language,
            model: None,
            limit,
            name: LearnedName::default(),
        }
    }

    /// Gives the model a name for people.
    pub fn with_model_name(mut self, model: &str) -> Self {
        self.model = Some(model.into());
        self
    }

    async fn open(&self) -> Result<Connection, ProviderError> {
        let mut connection = self.endpoint.connect(self.limit).await?;
        if !self.name.is_known() {
            connection.send(Event::new("describe"), self.limit).await?;
        }
        let mut transcribe = Event::new("transcribe");
        if let Some(language) = &self.language {
            transcribe = transcribe.with("language", language.as_str());
        }
        connection.send(transcribe, self.limit).await?;
        connection
            .send(audio_event("audio-start"), self.limit)
            .await?;
        Ok(connection)
    }
}

#[async_trait]
impl SpeechToText for WyomingSpeechToText {
    fn name(&self) -> String {
        let known = self.name.get();
        known.unwrap_or_else(|| display_name(None, self.model.as_deref()))
    }

    async fn start(&self) -> Result<Recognition, ProviderError> {
        let opened = self.open().await;
        if opened.is_err() {
            self.name.set(None);
        }
        let connection = opened?;
        let (audio, inbox) = mpsc::channel(QUEUED_CHUNKS);
        let (sender, transcripts) = mpsc::channel(QUEUED_TRANSCRIPTS);
        let utterance = Utterance {
            connection,
            audio: inbox,
            transcripts: sender,
            limit: self.limit,
            model: self.model.clone(),
            name: self.name.clone(),
            streamed: String::new(),
        };
        tokio::spawn(utterance.run());
        Ok(Recognition { audio, transcripts })
    }
}

/// One utterance on its connection. It ends with the final transcript, with an error, or as soon
/// as nobody waits for transcripts any more; each closes the connection.
struct Utterance {
    connection: Connection,
    audio: mpsc::Receiver<Vec<i16>>,
    transcripts: mpsc::Sender<Result<Transcript, ProviderError>>,
    limit: Duration,
    model: Option<String>,
    name: LearnedName,
    /// What `transcript-chunk` events have said so far.
    streamed: String,
}

impl Utterance {
    async fn run(mut self) {
        let transcripts = self.transcripts.clone();
        let outcome = tokio::select! {
            biased;
            () = transcripts.closed() => return,
            outcome = self.recognise() => outcome,
        };
        // The receiver may have gone in this very moment: then nobody wants to know.
        let _ = transcripts.send(outcome).await;
    }

    async fn recognise(&mut self) -> Result<Transcript, ProviderError> {
        loop {
            tokio::select! {
                chunk = self.audio.recv() => match chunk {
                    Some(samples) => self.send_audio(&samples).await?,
                    None => break,
                },
                event = self.connection.next() => {
                    if let Some(transcript) = self.take(event?).await {
                        return Ok(transcript);
                    }
                }
            }
        }
        self.connection
            .send(Event::new("audio-stop"), self.limit)
            .await?;
        let deadline = tokio::time::Instant::now() + self.limit;
        loop {
            let next = tokio::time::timeout_at(deadline, self.connection.next()).await;
            let Ok(event) = next else {
                return Err(self.connection.origin.timed_out(self.limit));
            };
            if let Some(transcript) = self.take(event?).await {
                return Ok(transcript);
            }
        }
    }

    async fn send_audio(&mut self, samples: &[i16]) -> Result<(), ProviderError> {
        if samples.is_empty() {
            return Ok(());
        }
        let bytes: Bytes = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        let event = audio_event("audio-chunk").with_payload(bytes);
        self.connection.send(event, self.limit).await
    }

    /// The final transcript, if this event is or completes one.
    async fn take(&mut self, event: Event) -> Option<Transcript> {
        let text = event.text("text").unwrap_or_default();
        match event.kind.as_str() {
            "transcript" => return Some(transcript(text, true)),
            "transcript-stop" => return Some(transcript(&self.streamed, true)),
            "transcript-start" => self.streamed.clear(),
            "transcript-chunk" => {
                self.streamed.push_str(text);
                let interim = transcript(&self.streamed, false);
                // A receiver that has gone is noticed in `run`.
                let _ = self.transcripts.send(Ok(interim)).await;
            }
            "info" => {
                let info = ServerInfo::from_event(&event);
                self.name
                    .set(Some(display_name(Some(&info), self.model.as_deref())));
            }
            // Servers of tomorrow may say more; the protocol asks to ignore it.
            _ => {}
        }
        None
    }
}

fn audio_event(kind: &str) -> Event {
    Event::new(kind)
        .with("rate", RATE_HZ)
        .with("width", WIDTH)
        .with("channels", CHANNELS)
}

fn transcript(text: &str, is_final: bool) -> Transcript {
    Transcript {
        text: text.trim().into(),
        is_final,
    }
}

/// Such as `faster-whisper base (Wyoming)`.
fn display_name(info: Option<&ServerInfo>, model: Option<&str>) -> String {
    let program = info.and_then(|info| info.asr.first());
    let served = program.and_then(|program| program.models.first());
    let model = model.or_else(|| served.map(|served| folder_name(&served.name)));
    let parts: Vec<&str> = [program.map(|program| program.name.as_str()), model]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    match parts.is_empty() {
        true => "Wyoming".into(),
        false => format!("{} (Wyoming)", parts.join(" ")),
    }
}

/// A model that is loaded from a folder is named by that folder's path; its last part will do.
fn folder_name(name: &str) -> &str {
    let last = Path::new(name).file_name().and_then(|last| last.to_str());
    last.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::super::describe::{Artifact, Program};
    use super::*;

    #[test]
    fn a_model_in_a_folder_is_named_by_the_folder_or_by_us() {
        let info = ServerInfo {
            asr: vec![Program {
                name: "faster-whisper".into(),
                models: vec![Artifact {
                    name: "/a/b/tiny.en".into(),
                    ..Artifact::default()
                }],
                ..Program::default()
            }],
            ..ServerInfo::default()
        };

        let name = |info, model| display_name(info, model);

        assert_eq!(name(Some(&info), None), "faster-whisper tiny.en (Wyoming)");
        assert_eq!(name(Some(&info), Some("x")), "faster-whisper x (Wyoming)");
        assert_eq!(name(None, Some("x")), "x (Wyoming)");
        assert_eq!(name(Some(&ServerInfo::default()), None), "Wyoming");
    }
}
