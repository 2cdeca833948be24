//! The trait of language models.

use std::pin::Pin;

use async_trait::async_trait;
use futures::Stream;

use crate::ProviderError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatRole {
    System,
    User,
    Assistant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    pub role: ChatRole,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatRequest {
    pub messages: Vec<ChatMessage>,
    pub max_tokens: u32,
}

/// Pieces of the answer as they are generated. Dropping the stream closes the connection, which
/// makes the server stop generating.
pub type TextStream = Pin<Box<dyn Stream<Item = Result<String, ProviderError>> + Send>>;

/// A provider of a language model.
#[async_trait]
pub trait LanguageModel: Send + Sync {
    /// Short name for the page and the log, such as `jex-demo (Ollama)`.
    fn name(&self) -> String;
    /// Asks for an answer. Temperature and seed are the provider's own settings.
    async fn generate(&self, request: ChatRequest) -> Result<TextStream, ProviderError>;
}
