//! The trait of speech recognition.

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::ProviderError;

/// What was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The whole utterance so far, not a delta.
    pub text: String,
    pub is_final: bool,
}

/// One utterance being recognised. Dropping it cancels.
pub struct Recognition {
    /// Takes mono PCM at 16 kHz in chunks of any size; dropping the sender ends the utterance.
    pub audio: mpsc::Sender<Vec<i16>>,
    /// Interim transcripts (if the provider has any), then one final one or an error.
    pub transcripts: mpsc::Receiver<Result<Transcript, ProviderError>>,
}

/// A provider of speech recognition.
#[async_trait]
pub trait SpeechToText: Send + Sync {
    /// Short name for the page and the log, such as `faster-whisper base (Wyoming)`.
    fn name(&self) -> String;
    /// Begins an utterance.
    async fn start(&self) -> Result<Recognition, ProviderError>;
}
