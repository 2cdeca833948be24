//! Tools: what the server is told of them, and what it wants called.
//!
//! The bodies are those of each server's documentation or issue tracker, shortened.

use axum::response::Response;
use futures::stream;
use jex_providers::{ChatMessage, ChatRequest, Piece, ProviderError, ToolCall, ToolSpec};
use serde_json::{Map, Value, json};

use crate::{ask_for, event, events, model, question, serve, status};

fn with_tools() -> ChatRequest {
    ChatRequest {
        tools: vec![ToolSpec {
            name: "weather".into(),
            description: "Tells the weather.".into(),
            parameters: json!({"type": "object", "properties": {"city": {"type": "string"}}}),
        }],
        ..question()
    }
}

fn arguments(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

fn stream_of(data: &'static [&'static str]) -> Response {
    let done = event("[DONE]");
    events(stream::iter(
        data.iter().map(|data| event(data)).chain([done]),
    ))
}

/// What comes of these events, whose answer ends well.
async fn pieces_of(data: &'static [&'static str]) -> Vec<Piece> {
    let (url, _) = serve(move || stream_of(data)).await;
    let (pieces, error) = ask_for(&model(url), with_tools()).await;
    assert_eq!(error, None);
    pieces
}

async fn error_of(reply: impl FnMut() -> Response + Send + 'static) -> ProviderError {
    let (url, _) = serve(reply).await;
    let (_, error) = ask_for(&model(url), with_tools()).await;
    error.expect("an error")
}

fn calls(pieces: &[Piece]) -> Vec<(&str, Value)> {
    let Some(Piece::ToolCalls(calls)) = pieces.last() else {
        panic!("no calls in {pieces:?}");
    };
    let call = |call: &ToolCall| Value::Object(call.arguments.clone());
    calls.iter().map(|c| (c.name.as_str(), call(c))).collect()
}

#[tokio::test]
async fn tools_calls_and_results_are_told_as_openai_has_it() {
    let (url, mut requests) = serve(|| stream_of(&[])).await;
    let mut request = with_tools();
    request.messages.extend([
        ChatMessage::Assistant {
            text: "Let me see.".into(),
            calls: vec![ToolCall {
                id: "call_a".into(),
                name: "weather".into(),
                arguments: arguments(json!({"city": "Rome"})),
            }],
        },
        ChatMessage::ToolResult {
            call: "call_a".into(),
            text: "sunny".into(),
        },
    ]);

    ask_for(&model(url), request).await;

    let (_, body) = requests.recv().await.expect("one request");
    let tool = json!({"type": "function", "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    }});
    assert_eq!(body["tools"], json!([tool]));
    let said = json!({"role": "assistant", "content": "Let me see.", "tool_calls": [
        {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Rome\"}"}},
    ]});
    assert_eq!(body["messages"][2], said);
    let result = json!({"role": "tool", "tool_call_id": "call_a", "content": "sunny"});
    assert_eq!(body["messages"][3], result);
}

#[tokio::test]
async fn where_no_tools_are_offered_the_request_knows_of_none() {
    let (url, mut requests) = serve(|| stream_of(&[])).await;

    ask_for(&model(url), question()).await;

    let (_, body) = requests.recv().await.expect("one request");
    assert_eq!(body.get("tools"), None);
    assert_eq!(body["messages"][0].get("tool_calls"), None);
    assert_eq!(body["messages"][0].get("tool_call_id"), None);
}

#[tokio::test]
async fn openai_streams_words_then_a_call_in_fragments() {
    let pieces = pieces_of(&[
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"Let me "},"finish_reason":null}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"see."},"finish_reason":null}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_DdmO9pD3xa9XTPNJ32zg2hcA","type":"function","function":{"name":"weather","arguments":""}}]},"finish_reason":null}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\""}}]},"finish_reason":null}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"city\":\"Paris\"}"}}]},"finish_reason":null}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
    ])
    .await;

    assert_eq!(pieces[0], Piece::Text("Let me ".into()));
    assert_eq!(pieces[1], Piece::Text("see.".into()));
    assert_eq!(calls(&pieces), [("weather", json!({"city": "Paris"}))]);
    assert_eq!(pieces.len(), 3);
}

#[tokio::test]
async fn ollama_sends_calls_whole_and_all_with_index_0() {
    let pieces = pieces_of(&[
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[{"id":"call_sp0g0ipm","index":0,"type":"function","function":{"name":"weather","arguments":"{\"city\":\"Paris\"}"}}]},"finish_reason":null}]}"#,
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[{"id":"call_9ug0vfjr","index":0,"type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}}]},"finish_reason":null}]}"#,
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"tool_calls"}]}"#,
    ])
    .await;

    let expected = [
        ("weather", json!({"city": "Paris"})),
        ("weather", json!({"city": "Rome"})),
    ];
    assert_eq!(calls(&pieces), expected);
}

#[tokio::test]
async fn calls_are_heeded_though_the_answer_ends_with_stop() {
    let pieces = pieces_of(&[
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"name":"weather","arguments":"{}"},"type":"function"}]},"finish_reason":"stop"}]}"#,
    ])
    .await;

    assert_eq!(calls(&pieces), [("weather", json!({}))]);
}

#[tokio::test]
async fn servers_and_models_without_tools_are_told_apart() {
    for (code, body) in [
        (
            400,
            r#"{"error":{"message":"registry.ollama.ai/library/jex-demo:latest does not support tools","type":"invalid_request_error","param":null,"code":null}}"#,
        ),
        (
            400,
            r#"{"object":"error","message":"\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set","type":"BadRequestError","param":null,"code":400}"#,
        ),
        (
            500,
            r#"{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}"#,
        ),
        (
            404,
            r#"{"error":{"message":"No endpoints found that support tool use. To learn more about provider routing, visit the documentation.","code":404}}"#,
        ),
    ] {
        let error = error_of(move || status(code, body)).await;

        assert!(matches!(error, ProviderError::NoTools { .. }), "{error:?}");
        assert!(error.remedy().contains("llm.model"), "{error}");
    }
}

#[tokio::test]
async fn another_refusal_stays_what_it_is() {
    let missing = r#"{"error":{"message":"model \"jex-demo\" not found, try pulling it first"}}"#;

    let error = error_of(move || status(404, missing)).await;

    assert!(matches!(error, ProviderError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_call_that_cannot_be_read_names_its_tool() {
    let broken = error_of(|| {
        stream_of(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"weather","arguments":"{\"city\": Par"}}]}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#,
        ])
    })
    .await;

    let ProviderError::BrokenCall { tool, .. } = &broken else {
        panic!("{broken:?}");
    };
    assert_eq!(tool, "weather");
    assert!(broken.to_string().contains("no JSON"), "{broken}");
}

#[tokio::test]
async fn a_call_that_breaks_off_is_not_called() {
    let error = error_of(|| {
        let call = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"weather","arguments":"{}"}}]}}]}"#;
        events(stream::iter([event(call)]))
    })
    .await;

    assert!(
        matches!(error, ProviderError::Unreachable { .. }),
        "{error:?}"
    );
}
