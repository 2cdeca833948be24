//! The request and the events of OpenAI's streaming chat API, as far as they are used.
//!
//! Own types rather than async-openai's: those of its types that are read are stricter than the
//! many servers that speak this API.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::OpenAiOptions;
use crate::language_model::{ChatMessage, ChatRequest, ToolCall, ToolSpec};

#[derive(Serialize)]
pub(super) struct WireRequest {
    model: String,
    messages: Vec<WireMessage>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool>,
    stream: bool,
    temperature: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    /// What Ollama, llama.cpp and vLLM read.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    /// What OpenAI itself reads; its newer models refuse the other one.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
}

#[derive(Serialize)]
struct WireMessage {
    role: &'static str,
    content: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
}

#[derive(Serialize)]
struct WireCall {
    id: String,
    r#type: &'static str,
    function: WireFunctionCall,
}

#[derive(Serialize)]
struct WireFunctionCall {
    name: String,
    /// JSON in text.
    arguments: String,
}

#[derive(Serialize)]
struct WireTool {
    r#type: &'static str,
    function: WireFunction,
}

#[derive(Serialize)]
struct WireFunction {
    name: String,
    description: String,
    parameters: Value,
}

impl WireRequest {
    pub fn new(options: &OpenAiOptions, request: ChatRequest) -> Self {
        let openai_itself = options.base_url.host_str() == Some("api.openai.com");
        let limit = Some(request.max_tokens);
        let (max_tokens, max_completion_tokens) = match openai_itself {
            true => (None, limit),
            false => (limit, None),
        };
        Self {
            model: options.model.clone(),
            messages: request.messages.into_iter().map(message).collect(),
            tools: request.tools.into_iter().map(tool).collect(),
            stream: true,
            temperature: options.temperature,
            seed: options.seed,
            max_tokens,
            max_completion_tokens,
        }
    }
}

fn message(message: ChatMessage) -> WireMessage {
    let (role, content) = match message {
        ChatMessage::System(text) => ("system", text),
        ChatMessage::User(text) => ("user", text),
        ChatMessage::Assistant { text, calls } => {
            return WireMessage {
                role: "assistant",
                content: text,
                tool_calls: calls.into_iter().map(call).collect(),
                tool_call_id: None,
            };
        }
        ChatMessage::ToolResult { call, text } => {
            return WireMessage {
                role: "tool",
                content: text,
                tool_calls: Vec::new(),
                tool_call_id: Some(call),
            };
        }
    };
    WireMessage {
        role,
        content,
        tool_calls: Vec::new(),
        tool_call_id: None,
    }
}

fn call(call: ToolCall) -> WireCall {
    WireCall {
        id: call.id,
        r#type: "function",
        function: WireFunctionCall {
            name: call.name,
            arguments: Value::Object(call.arguments).to_string(),
        },
    }
}

fn tool(tool: ToolSpec) -> WireTool {
    WireTool {
        r#type: "function",
        function: WireFunction {
            name: tool.name,
            description: tool.description,
            parameters: tool.parameters,
        },
    }
}

/// One server-sent event.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Chunk {
    #[serde(default, deserialize_with = "null_is_default")]
    pub choices: Vec<Choice>,
    /// An error that came after the answer had begun: an object with a message, or text.
    #[serde(default)]
    pub error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Choice {
    #[serde(default, deserialize_with = "null_is_default")]
    pub delta: Delta,
    /// Some servers send an empty one with each event until the last.
    #[serde(default, deserialize_with = "empty_is_none")]
    pub finish_reason: Option<String>,
}

/// Reasoning comes in other fields, whose names differ by server; it is not spoken.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Delta {
    #[serde(default)]
    pub content: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub tool_calls: Vec<CallFragment>,
}

/// A part of a tool call; what it goes on with is for [`super::calls`] to find out.
#[derive(Debug, Default, Deserialize)]
pub(super) struct CallFragment {
    #[serde(default)]
    pub index: Option<u32>,
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub function: Option<FunctionFragment>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct FunctionFragment {
    #[serde(default)]
    pub name: Option<String>,
    /// Text by OpenAI's rule, an object from some.
    #[serde(default)]
    pub arguments: Option<Value>,
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn empty_is_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// Message and code of an error body: `{"error": {"message", "code"}}`, `{"error": "text"}`,
/// `{"message"}`, or whatever text it is.
pub(super) fn error_of(body: &[u8]) -> (String, Option<String>) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return (String::from_utf8_lossy(body).into_owned(), None);
    };
    error_value(value.get("error").unwrap_or(&value))
}

/// Message and code of an `error` value.
pub(super) fn error_value(error: &Value) -> (String, Option<String>) {
    let message = error
        .as_str()
        .or_else(|| error.get("message").and_then(Value::as_str))
        .map_or_else(|| error.to_string(), String::from);
    let code = ["code", "type"]
        .iter()
        .find_map(|key| error.get(key).and_then(Value::as_str))
        .map(String::from);
    (message, code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn events_of_lenient_servers_are_understood() {
        for event in [
            r#"{"choices":[{"delta":{"content":"a","role":null},"finish_reason":null}]}"#,
            r#"{"id":7,"object":null,"choices":[{"delta":{"content":"a"}}],"usage":{}}"#,
            r#"{"choices":[{"delta":{"content":"a"},"finish_reason":""}]}"#,
        ] {
            let chunk: Chunk = serde_json::from_str(event).expect("an event");

            let choice = &chunk.choices[0];
            assert_eq!(choice.delta.content.as_deref(), Some("a"), "{event}");
            assert_eq!(choice.finish_reason, None, "{event}");
        }
        for event in [
            r#"{"choices":[],"usage":{"total_tokens":3}}"#,
            r#"{"choices":null}"#,
            "{}",
        ] {
            let chunk: Chunk = serde_json::from_str(event).expect("an event");

            assert!(chunk.choices.is_empty(), "{event}");
        }
    }

    #[test]
    fn every_shape_of_error_yields_its_message() {
        for body in [
            r#"{"error":{"message":"no model","code":null,"type":"not_found"}}"#,
            r#"{"error":"no model"}"#,
            r#"{"message":"no model"}"#,
            "no model",
        ] {
            assert_eq!(error_of(body.as_bytes()).0, "no model");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = error_of(&body);
            let _ = serde_json::from_slice::<Chunk>(&body);
        }
    }
}
