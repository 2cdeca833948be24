//! Speech synthesis by Coqui's server, `tts-server` of the fork that is kept up
//! (<https://github.com/idiap/coqui-ai-TTS>, `TTS/server/server.py`, read at 0.26.2, which nixpkgs has, and
//! at 0.27.2).
//!
//! `/api/tts` takes `text`, `speaker_id` and `language_id`, from the address or from a form, and answers with
//! a WAV file: one channel, 16 bits, the model's own sample rate, written by SciPy. Both ids are ignored by a
//! model that has one speaker or language; one that has several needs them. We send a form: the address of
//! each request is in the server's log, and what is said does not belong there.
//!
//! The OpenAI-shaped `/v1/audio/speech` is not used: it came with 0.27, takes no language, and no more streams
//! than this one. Either makes the whole sentence before its first byte, under a lock, one request at a time,
//! and does not notice a connection that was closed: send one sentence at a time and at most one ahead. A
//! failed synthesis is status 500, with a reason (as JSON) from 0.27 on.

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use tokio::time::timeout;
use url::{Url, form_urlencoded};

use crate::error::{Origin, ProviderError};
use crate::transport::{self, deepest};
use crate::wav::WavDecoder;
use crate::{Synthesis, TextToSpeech};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const NO_AUDIO: &str = "it made no audio of the sentence";
const ADDRESS_REMEDY: &str = "Check `tts.url` in jex.toml: it is the server's base address, such as \
                              http://127.0.0.1:5002.";
const SYNTHESIS_REMEDY: &str = "The server's log says why. A model of several speakers needs one of them in \
                                `tts.voice`, and it has to know `assistant.language`.";

/// How to ask a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoquiOptions {
    /// Without `/api/tts`.
    pub base_url: Url,
    /// One of the model's speakers; `None` leaves it to the server.
    pub speaker: Option<String>,
    /// As the model calls it, such as `en`.
    pub language: Option<String>,
    /// Longest wait for the first audio, and from one piece of audio to the next.
    pub limit: Duration,
    /// What to do when nothing more particular is known; a whole sentence.
    pub remedy: String,
}

/// A server of Coqui's.
pub struct CoquiTextToSpeech {
    client: Client,
    address: Url,
    options: CoquiOptions,
    origin: Origin,
}

impl CoquiTextToSpeech {
    /// Fails only for an address that no request can be sent to.
    pub fn new(options: CoquiOptions) -> Result<Self, ProviderError> {
        let base = &options.base_url;
        let origin = Origin {
            provider: "Coqui".into(),
            endpoint: transport::redacted(base).trim_end_matches('/').into(),
            remedy: options.remedy.clone(),
        };
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            let reason = "this is not the address of a Coqui server";
            return Err(origin.refused_with(reason, "Write it as http://host:port."));
        }
        let mut address = base.clone();
        address.set_path(&format!("{}/api/tts", base.path().trim_end_matches('/')));
        Ok(Self {
            client: transport::client(base).map_err(|error| origin.refused(deepest(&error)))?,
            address,
            options,
            origin,
        })
    }

    async fn first_audio(&self, text: &str) -> Result<Synthesis, ProviderError> {
        let mut speech = Speech {
            pieces: self.ask(text).await?.bytes_stream().boxed(),
            decoder: WavDecoder::default(),
            origin: self.origin.clone(),
            limit: self.options.limit,
        };
        let first = speech.next().await?;
        let (Some(first), Some(sample_rate_hz)) = (first, speech.decoder.rate_hz()) else {
            return Err(self.origin.protocol(NO_AUDIO));
        };
        let more = stream::try_unfold(speech, |mut speech| async move {
            let samples = speech.next().await?;
            Ok(samples.map(|samples| (samples, speech)))
        });
        Ok(Synthesis {
            sample_rate_hz,
            audio: stream::once(async move { Ok(first) }).chain(more).boxed(),
            fallback: None,
        })
    }

    async fn ask(&self, text: &str) -> Result<Response, ProviderError> {
        let request = self.client.post(self.address.clone());
        let request = request.header(CONTENT_TYPE, FORM).body(self.form(text));
        let answer = request.send().await;
        let answer = answer.map_err(|error| self.origin.unreachable(deepest(&error)))?;
        match answer.status().is_success() {
            true => Ok(answer),
            false => Err(self.refusal(answer).await),
        }
    }

    fn form(&self, text: &str) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("text", text);
        for (name, id) in [
            ("speaker_id", &self.options.speaker),
            ("language_id", &self.options.language),
        ] {
            form.extend_pairs(id.iter().map(|id| (name, id)));
        }
        form.finish()
    }

    async fn refusal(&self, answer: Response) -> ProviderError {
        let status = answer.status();
        let number = status.as_u16();
        match status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                let reason = "there is no Coqui server at this address";
                self.origin.refused_with(reason, ADDRESS_REMEDY)
            }
            status if status.is_redirection() => self.origin.refused_with(
                format!("it wants to send the request elsewhere (status {number})"),
                "Write the final address into `tts.url` in jex.toml.",
            ),
            status => {
                let reason = match said(&transport::error_body(answer).await) {
                    Some(said) => format!("status {number}: {said}"),
                    None => format!("status {number}"),
                };
                match status == StatusCode::INTERNAL_SERVER_ERROR {
                    true => self.origin.refused_with(reason, SYNTHESIS_REMEDY),
                    false => self.origin.refused(reason),
                }
            }
        }
    }
}

#[async_trait]
impl TextToSpeech for CoquiTextToSpeech {
    fn name(&self) -> String {
        match &self.options.speaker {
            Some(speaker) => format!("{speaker} (Coqui)"),
            None => "Coqui".into(),
        }
    }

    async fn synthesize(&self, text: &str) -> Result<Synthesis, ProviderError> {
        if !crate::can_be_spoken(text) {
            return Ok(Synthesis::silent());
        }
        let limit = self.options.limit;
        match timeout(limit, self.first_audio(text)).await {
            Ok(first) => first,
            Err(_) => Err(self.origin.timed_out(limit)),
        }
    }
}

/// An answer on its way.
struct Speech {
    pieces: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    decoder: WavDecoder,
    origin: Origin,
    limit: Duration,
}

impl Speech {
    /// Some more samples; `None` at the end of the sentence.
    async fn next(&mut self) -> Result<Option<Vec<i16>>, ProviderError> {
        loop {
            let piece = match timeout(self.limit, self.pieces.next()).await {
                Ok(piece) => piece,
                Err(_) => return Err(self.origin.timed_out(self.limit)),
            };
            let piece = match piece {
                Some(Ok(piece)) => piece,
                Some(Err(error)) => return Err(self.broke_off(deepest(&error))),
                None if self.decoder.is_complete() => return Ok(None),
                None => return Err(self.broke_off("the file is shorter than it says")),
            };
            let samples = self.decoder.decode(&piece);
            let samples = samples.map_err(|error| self.origin.protocol(error))?;
            if !samples.is_empty() {
                return Ok(Some(samples));
            }
        }
    }

    fn broke_off(&self, reason: impl std::fmt::Display) -> ProviderError {
        let reason = format!("the sentence broke off ({reason})");
        self.origin.unreachable(reason)
    }
}

/// The reason in an error's body: `{"error": "…"}`. Before 0.27 it is a page that holds none.
fn said(body: &[u8]) -> Option<String> {
    let fields: serde_json::Value = serde_json::from_slice(body).ok()?;
    fields["error"].as_str().map(str::to_owned)
}
