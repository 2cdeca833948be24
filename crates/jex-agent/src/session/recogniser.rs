//! One utterance: audio to the provider of recognition, transcripts to the conversation.

use std::sync::Arc;

use jex_conversation::{Input, Stage, UtteranceId};
use jex_providers::{ProviderError, Recognition, SpeechToText};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::Instrument;

use super::{Signal, problem};

/// Starts utterances at the configured provider.
#[derive(Clone)]
pub struct Recogniser {
    pub provider: Arc<dyn SpeechToText>,
}

impl Recogniser {
    /// Recognises, in the current span, what comes through `audio` (mono, 16 kHz) until its sender
    /// is dropped. Aborting the task cancels, also at the provider.
    pub fn recognise(
        &self,
        id: UtteranceId,
        audio: mpsc::UnboundedReceiver<Vec<i16>>,
        signals: mpsc::UnboundedSender<Signal>,
    ) -> JoinHandle<()> {
        let this = self.clone();
        let task = async move {
            if let Err(error) = this.run(id, audio, &signals).await {
                tracing::warn!(%error, "recognition failed");
                let problem = problem(Stage::SpeechToText, &error);
                let failed = Input::RecognitionFailed {
                    utterance: id,
                    problem,
                };
                let _ = signals.send(Signal::Input(failed));
            }
        };
        tokio::spawn(task.in_current_span())
    }

    async fn run(
        &self,
        id: UtteranceId,
        mut audio: mpsc::UnboundedReceiver<Vec<i16>>,
        signals: &mpsc::UnboundedSender<Signal>,
    ) -> Result<(), ProviderError> {
        let Recognition {
            audio: sink,
            mut transcripts,
        } = self.provider.start().await?;
        let mut sink = Some(sink);
        loop {
            tokio::select! {
                chunk = audio.recv(), if sink.is_some() => match (chunk, &sink) {
                    (Some(chunk), Some(open)) => {
                        // A refused chunk means that the reason is about to arrive below.
                        if open.send(chunk).await.is_err() { sink = None; }
                    }
                    _ => sink = None,
                },
                transcript = transcripts.recv() => {
                    let Some(transcript) = transcript else { return Err(self.no_transcript()) };
                    let transcript = transcript?;
                    let is_final = transcript.is_final;
                    let input = Input::Transcript { utterance: id, text: transcript.text, is_final };
                    let _ = signals.send(Signal::Input(input));
                    if is_final { return Ok(()); }
                },
            }
        }
    }

    fn no_transcript(&self) -> ProviderError {
        ProviderError::Protocol {
            provider: self.provider.name(),
            endpoint: "speech recognition".into(),
            reason: "ended without a transcript".into(),
            remedy: "See `jex status` and `jex logs whisper`.".into(),
        }
    }
}
