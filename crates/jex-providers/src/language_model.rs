//! The trait of language models.

use std::pin::Pin;

use async_trait::async_trait;
use futures::Stream;
use serde_json::{Map, Value};

use crate::ProviderError;

/// One message of the prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatMessage {
    System(String),
    User(String),
    Assistant {
        /// May be empty where it only called tools.
        text: String,
        calls: Vec<ToolCall>,
    },
    /// What a tool gave back. Follows the assistant's message that has the call.
    ToolResult {
        /// Id of the call.
        call: String,
        text: String,
    },
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// 1 to 64 ASCII letters, digits, `_` and `-`.
    pub name: String,
    /// For the model.
    pub description: String,
    /// JSON schema of an object.
    pub parameters: Value,
}

/// A call that the model wants.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// The server's, or one made here where it gives none: unique among all calls.
    pub id: String,
    pub name: String,
    pub arguments: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    pub messages: Vec<ChatMessage>,
    /// Empty: it can only speak.
    pub tools: Vec<ToolSpec>,
    pub max_tokens: u32,
}

/// What the model makes, as it is made.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// More of the text.
    Text(String),
    /// It wants these tools called, at least one. Once at most, and the last piece.
    ToolCalls(Vec<ToolCall>),
}

/// Pieces of the answer. Dropping the stream closes the connection, which makes the server stop
/// generating.
pub type PieceStream = Pin<Box<dyn Stream<Item = Result<Piece, ProviderError>> + Send>>;

/// A provider of a language model.
#[async_trait]
pub trait LanguageModel: Send + Sync {
    /// Short name for the page and the log, such as `jex-demo (Ollama)`.
    fn name(&self) -> String;
    /// Asks for an answer. Temperature and seed are the provider's own settings.
    ///
    /// With tools, [`ProviderError::NoTools`] says that this model or server knows none: the same
    /// request without tools will do. [`ProviderError::BrokenCall`] says that the model called a
    /// tool in a way that cannot be read; the next try may be better.
    async fn generate(&self, request: ChatRequest) -> Result<PieceStream, ProviderError>;
}
