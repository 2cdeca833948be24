//! Language models behind OpenAI's streaming chat API: Ollama's `/v1`, OpenAI, vLLM, llama.cpp,
//! LocalAI.
//!
//! The environment's `OPENAI_*` variables are not read, nothing is retried (an answer that is late
//! is worse than an error that is said aloud), redirects are not followed.

mod calls;
mod failure;
mod http;
mod wire;

use std::time::Duration;

use async_openai::Client;
use async_openai::error::OpenAIError;
use async_openai::types::stream::StreamResponse;
use async_trait::async_trait;
use futures::{StreamExt, stream};
use secrecy::SecretString;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use crate::error::{Origin, ProviderError};
use crate::language_model::{ChatRequest, LanguageModel, Piece, PieceStream};
use calls::Calls;
use failure::Failure;
use http::Endpoint;
use wire::{Chunk, WireRequest};

/// After the last token a server has only its goodbye to say.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// Whose API it is; decides what the owner is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenAiFlavor {
    Ollama,
    Compatible,
}

/// How to ask a model.
#[derive(Debug, Clone)]
pub struct OpenAiOptions {
    pub flavor: OpenAiFlavor,
    /// With `/v1`.
    pub base_url: Url,
    pub model: String,
    pub api_key: Option<SecretString>,
    pub temperature: f32,
    pub seed: Option<i64>,
    /// Longest wait for the first word of an answer, loading the model included.
    pub first_token_limit: Duration,
    /// Longest wait from one token to the next.
    pub stall_limit: Duration,
}

/// A model behind OpenAI's streaming chat API.
pub struct OpenAiLanguageModel {
    client: Client<Endpoint>,
    options: OpenAiOptions,
    failure: Failure,
}

impl OpenAiLanguageModel {
    /// Fails only for an address that no request can be sent to.
    pub fn new(options: OpenAiOptions) -> Result<Self, ProviderError> {
        let failure = Failure::new(&options);
        let client = http::client(&options).map_err(|error| failure.of(error))?;
        Ok(Self {
            client,
            options,
            failure,
        })
    }

    fn origin(&self) -> &Origin {
        &self.failure.origin
    }
}

#[async_trait]
impl LanguageModel for OpenAiLanguageModel {
    fn name(&self) -> String {
        let server = match self.options.flavor {
            OpenAiFlavor::Ollama => "Ollama",
            OpenAiFlavor::Compatible => self.options.base_url.host_str().unwrap_or("OpenAI API"),
        };
        format!("{} ({server})", self.options.model)
    }

    async fn generate(&self, request: ChatRequest) -> Result<PieceStream, ProviderError> {
        let limit = self.options.first_token_limit;
        let deadline = Instant::now() + limit;
        let with_tools = !request.tools.is_empty();
        let request = WireRequest::new(&self.options, request);
        let chat = self.client.chat();
        let asking = chat.create_stream_byot::<_, Chunk>(request);
        let chunks = match timeout_at(deadline, asking).await {
            Ok(Ok(chunks)) => chunks,
            Ok(Err(error)) => return Err(self.failure.of_asking(error, with_tools)),
            Err(_) => return Err(self.origin().timed_out(limit)),
        };
        let answer = Answer {
            chunks,
            failure: self.failure.clone(),
            first_token: Some((deadline, limit)),
            stall_limit: self.options.stall_limit,
            calls: Calls::default(),
            finish_reason: None,
        };
        Ok(stream::try_unfold(answer, Answer::next).boxed())
    }
}

/// An answer that is being generated; dropping it closes the connection.
struct Answer {
    chunks: StreamResponse<Chunk>,
    failure: Failure,
    /// Deadline of the first words, until they are there.
    first_token: Option<(Instant, Duration)>,
    stall_limit: Duration,
    calls: Calls,
    finish_reason: Option<String>,
}

impl Answer {
    async fn next(mut self) -> Result<Option<(Piece, Self)>, ProviderError> {
        loop {
            if self.finish_reason.is_some() {
                // What the finish reason says of calls differs by server.
                if !self.calls.is_empty() {
                    let calls = std::mem::take(&mut self.calls).finish();
                    let calls = calls.map_err(|broken| self.failure.broken_call(broken))?;
                    return Ok(Some((Piece::ToolCalls(calls), self)));
                }
                return self.end().await.map(|()| None);
            }
            let Some(chunk) = self.next_chunk().await? else {
                return Err(self.origin().unreachable("the answer ended in the middle"));
            };
            let chunk = chunk.map_err(|error| self.failure.of(error))?;
            if let Some(error) = chunk.error {
                return Err(self.failure.in_stream(error));
            }
            let Some(choice) = chunk.choices.into_iter().next() else {
                continue;
            };
            self.finish_reason = choice.finish_reason;
            for fragment in choice.delta.tool_calls {
                self.first_token = None;
                let added = self.calls.add(fragment);
                added.map_err(|broken| self.failure.broken_call(broken))?;
            }
            let text = choice.delta.content.unwrap_or_default();
            if !text.is_empty() {
                self.first_token = None;
                return Ok(Some((Piece::Text(text), self)));
            }
        }
    }

    async fn next_chunk(&mut self) -> Result<Option<Result<Chunk, OpenAIError>>, ProviderError> {
        let next = self.chunks.next();
        let (waited, limit) = match self.first_token {
            Some((deadline, limit)) => (timeout_at(deadline, next).await, limit),
            None => (timeout(self.stall_limit, next).await, self.stall_limit),
        };
        waited.map_err(|_| self.failure.origin.timed_out(limit))
    }

    /// Lets the server finish, so that its log shows no broken connection.
    async fn end(mut self) -> Result<(), ProviderError> {
        let rest = async { while let Some(Ok(_)) = self.chunks.next().await {} };
        let _ = timeout(GOODBYE_LIMIT, rest).await;
        let reason = self.finish_reason.as_deref().unwrap_or("unknown");
        // A model that stops at once has nothing to say; one that was stopped had no chance to.
        if self.first_token.is_none() || reason == "stop" {
            return Ok(());
        }
        let said = format!("it gave an empty answer (finish reason: {reason})");
        Err(self.origin().protocol(said))
    }

    fn origin(&self) -> &Origin {
        &self.failure.origin
    }
}
