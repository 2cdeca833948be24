//! The trait of speech synthesis.

use std::pin::Pin;

use async_trait::async_trait;
use futures::Stream;

use crate::ProviderError;

/// One sentence being spoken. Dropping it cancels.
pub struct Synthesis {
    pub sample_rate_hz: u32,
    /// Mono PCM in chunks of any size.
    pub audio: Pin<Box<dyn Stream<Item = Result<Vec<i16>, ProviderError>> + Send>>,
    /// Set when another voice than the configured one speaks, with the reason.
    pub fallback: Option<ProviderError>,
}

impl Synthesis {
    /// No audio at all: what a text without a letter or digit sounds like.
    pub fn silent() -> Self {
        Self {
            sample_rate_hz: 16_000,
            audio: Box::pin(futures::stream::empty()),
            fallback: None,
        }
    }
}

impl std::fmt::Debug for Synthesis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Synthesis")
            .field("sample_rate_hz", &self.sample_rate_hz)
            .field("fallback", &self.fallback)
            .finish_non_exhaustive()
    }
}

/// A provider of speech synthesis.
#[async_trait]
pub trait TextToSpeech: Send + Sync {
    /// Short name for the page and the log, such as `piper en_US-joe-medium (Wyoming)`.
    fn name(&self) -> String;
    /// Speaks one sentence; returns when the first audio is there. A text without a letter or
    /// digit is silent, not an error.
    async fn synthesize(&self, text: &str) -> Result<Synthesis, ProviderError>;
}
