//! From what went wrong at the model's server to what the owner reads.

use async_openai::error::{ApiErrorResponse, OpenAIError, StreamError};
use reqwest::StatusCode;
use serde_json::Value;

use super::calls::Broken;
use super::{OpenAiFlavor, OpenAiOptions, wire};
use crate::error::{Origin, ProviderError};
use crate::transport::{deepest, redacted};

const CONTEXT_REMEDY: &str = "Raise `llm.context_tokens` in jex.toml, or begin a new conversation.";
const TOOLS_REMEDY: &str =
    "Choose a model that can call tools (`llm.model` in jex.toml), such as Llama 3.1 or Qwen 3.";
const CALL_REMEDY: &str = "If it happens often, choose a larger model (`llm.model` in jex.toml).";
const KEY_REMEDY: &str =
    "Put the provider's API key into a file and name it in `llm.api_key_file` in jex.toml.";

/// Knows the server well enough to say what to do.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub origin: Origin,
    flavor: OpenAiFlavor,
    model: String,
}

impl Failure {
    pub fn new(options: &OpenAiOptions) -> Self {
        let (provider, remedy) = match options.flavor {
            OpenAiFlavor::Ollama => (
                "Ollama",
                "See `jex status` and `jex logs ollama`; if `llm.url` is set in jex.toml, check \
                 that Ollama runs there.",
            ),
            OpenAiFlavor::Compatible => (
                "The language model",
                "Check `llm.url` in jex.toml and that the server runs there.",
            ),
        };
        Self {
            origin: Origin {
                provider: provider.into(),
                endpoint: redacted(&options.base_url),
                remedy: remedy.into(),
            },
            flavor: options.flavor,
            model: options.model.clone(),
        }
    }

    /// The request was not taken, perhaps because of the tools in it.
    pub fn of_asking(&self, error: OpenAIError, with_tools: bool) -> ProviderError {
        match &error {
            OpenAIError::ApiError(response)
                if with_tools && knows_no_tools(&response.api_error.message) =>
            {
                let message = &response.api_error.message;
                self.origin.no_tools(message, TOOLS_REMEDY)
            }
            _ => self.of(error),
        }
    }

    /// The model called a tool in a way that cannot be read.
    pub fn broken_call(&self, broken: Broken) -> ProviderError {
        let Broken { tool, reason } = broken;
        self.origin.broken_call(tool, reason, CALL_REMEDY)
    }

    pub fn of(&self, error: OpenAIError) -> ProviderError {
        match error {
            OpenAIError::ApiError(response) => self.of_status(response),
            OpenAIError::Reqwest(error) if error.is_connect() || error.is_request() => {
                self.origin.unreachable(deepest(&error))
            }
            OpenAIError::Reqwest(error) => self.origin.protocol(deepest(&error)),
            OpenAIError::JSONDeserialize(error, _) => {
                let reason = format!("an event that is no part of an answer ({error})");
                self.origin.protocol(reason)
            }
            OpenAIError::StreamError(error) => match *error {
                StreamError::EventStream(reason) if reason.starts_with("Transport error") => {
                    let reason = format!("the connection broke in mid-answer ({reason})");
                    self.origin.unreachable(reason)
                }
                other => self.origin.protocol(other),
            },
            other => self.origin.refused(other),
        }
    }

    /// An error that came as an event of the answer.
    pub fn in_stream(&self, error: Value) -> ProviderError {
        let (message, code) = wire::error_value(&error);
        match is_context(&message, code.as_deref()) {
            true => self.context_exceeded(&message),
            false => self.origin.refused(message),
        }
    }

    fn of_status(&self, response: ApiErrorResponse) -> ProviderError {
        let status = response.status_code;
        let (message, code) = (response.api_error.message, response.api_error.code);
        let said = match message.trim() {
            "" => String::new(),
            message => format!(": {message}"),
        };
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let reason = format!("the API key was not accepted{said}");
                self.origin.refused_with(reason, KEY_REMEDY)
            }
            StatusCode::NOT_FOUND if message.to_lowercase().contains("model") => {
                self.model_missing()
            }
            StatusCode::NOT_FOUND => self.origin.refused_with(
                format!("there is no chat API at this address{said}"),
                "Check `llm.url` in jex.toml; for most servers it ends with /v1.",
            ),
            StatusCode::TOO_MANY_REQUESTS => self.origin.refused_with(
                format!("too many requests, or the account is used up{said}"),
                "Wait a minute; if it stays, look at the account at the provider.",
            ),
            status if status.is_client_error() && is_context(&message, code.as_deref()) => {
                self.context_exceeded(&message)
            }
            status if status.is_redirection() => self.origin.refused_with(
                format!(
                    "it wants to send the request elsewhere (status {})",
                    status.as_u16()
                ),
                "Write the final address into `llm.url` in jex.toml.",
            ),
            status => self
                .origin
                .refused(format!("status {}{said}", status.as_u16())),
        }
    }

    fn model_missing(&self) -> ProviderError {
        let model = &self.model;
        let remedy = match self.flavor {
            OpenAiFlavor::Ollama => format!(
                "Run `jex model use {model}` (or `ollama pull {model}` where Ollama runs), or \
                 choose another with `jex model list`."
            ),
            OpenAiFlavor::Compatible => {
                "Set `llm.model` in jex.toml to a model that this server has.".into()
            }
        };
        let reason = format!("it has no model named {model}");
        self.origin.refused_with(reason, remedy)
    }

    fn context_exceeded(&self, message: &str) -> ProviderError {
        let reason = format!("the conversation is longer than the model's context ({message})");
        self.origin.refused_with(reason, CONTEXT_REMEDY)
    }
}

/// OpenAI says `context_length_exceeded`, llama.cpp `exceed_context_size_error`, vLLM and others
/// only write a sentence.
fn is_context(message: &str, code: Option<&str>) -> bool {
    let (message, code) = (message.to_lowercase(), code.unwrap_or_default());
    let about = message.contains("context") || message.contains("prompt");
    let too_long = ["exceed", "too long", "maximum", "longer than"]
        .iter()
        .any(|sign| message.contains(sign));
    code.contains("context") || (about && too_long)
}

/// Nobody has a code for it. Ollama: `… does not support tools`; vLLM: `"auto" tool choice requires
/// --enable-auto-tool-choice and --tool-call-parser to be set`; llama.cpp: `tools param requires
/// --jinja flag`, formerly `Unsupported param: tools`; OpenRouter: `No endpoints found that support
/// tool use`.
fn knows_no_tools(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "does not support tools",
        "tool choice requires",
        "tools param requires",
        "unsupported param: tools",
        "support tool use",
        "does not support function calling",
        "does not support tool",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}
