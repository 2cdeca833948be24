//! The OpenAI-compatible provider against servers that behave as a test wants.

mod answers;
mod cancelling;
mod environment;
mod tools;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::StreamExt;
use futures::stream::Stream;
use jex_providers::openai::{OpenAiFlavor, OpenAiLanguageModel, OpenAiOptions};
use jex_providers::{ChatMessage, ChatRequest, LanguageModel, Piece, ProviderError};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use url::Url;

type Reply = Box<dyn FnMut() -> Response + Send>;

#[derive(Clone)]
struct Server {
    reply: Arc<Mutex<Reply>>,
    requests: mpsc::UnboundedSender<(HeaderMap, Value)>,
}

async fn answer(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    let body = serde_json::from_slice(&body).expect("a JSON request");
    let _ = server.requests.send((headers, body));
    let mut reply = server.reply.lock().expect("not poisoned");
    reply()
}

/// A server that gives this reply; also what it was asked.
async fn serve(
    reply: impl FnMut() -> Response + Send + 'static,
) -> (Url, mpsc::UnboundedReceiver<(HeaderMap, Value)>) {
    let (requests, inbox) = mpsc::unbounded_channel();
    let server = Server {
        reply: Arc::new(Mutex::new(Box::new(reply))),
        requests,
    };
    let app = axum::Router::new()
        .route("/v1/chat/completions", post(answer))
        .with_state(server);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url(port), inbox)
}

fn url(port: u16) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}/v1")).expect("an address")
}

fn events(body: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static) -> Response {
    let headers = [("content-type", "text/event-stream")];
    (headers, Body::from_stream(body)).into_response()
}

fn event(data: &str) -> Result<Bytes, Infallible> {
    Ok(Bytes::from(format!("data: {data}\n\n")))
}

fn word(text: &str) -> Result<Bytes, Infallible> {
    event(&json!({"choices": [{"index": 0, "delta": {"content": text}}]}).to_string())
}

fn end() -> [Result<Bytes, Infallible>; 2] {
    let stop = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    [event(&stop.to_string()), event("[DONE]")]
}

fn status(code: u16, body: &'static str) -> Response {
    (StatusCode::from_u16(code).expect("a status"), body).into_response()
}

fn options(base_url: Url) -> OpenAiOptions {
    OpenAiOptions {
        flavor: OpenAiFlavor::Ollama,
        base_url,
        model: "jex-demo".into(),
        api_key: None,
        temperature: 0.0,
        seed: Some(7),
        first_token_limit: Duration::from_millis(600),
        stall_limit: Duration::from_millis(300),
    }
}

fn model(base_url: Url) -> OpenAiLanguageModel {
    OpenAiLanguageModel::new(options(base_url)).expect("a usable address")
}

fn question() -> ChatRequest {
    ChatRequest {
        messages: vec![
            ChatMessage::System("Be brief.".into()),
            ChatMessage::User("What is the capital of France?".into()),
        ],
        tools: Vec::new(),
        max_tokens: 50,
    }
}

/// The words until the end or the first error.
async fn ask(model: &OpenAiLanguageModel) -> (Vec<String>, Option<ProviderError>) {
    let (pieces, error) = ask_for(model, question()).await;
    let text = |piece| match piece {
        Piece::Text(text) => text,
        Piece::ToolCalls(calls) => panic!("no tool was offered: {calls:?}"),
    };
    (pieces.into_iter().map(text).collect(), error)
}

/// The pieces until the end or the first error.
async fn ask_for(
    model: &OpenAiLanguageModel,
    request: ChatRequest,
) -> (Vec<Piece>, Option<ProviderError>) {
    let mut answer = match model.generate(request).await {
        Ok(answer) => answer,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut pieces = Vec::new();
    while let Some(piece) = answer.next().await {
        match piece {
            Ok(piece) => pieces.push(piece),
            Err(error) => return (pieces, Some(error)),
        }
    }
    (pieces, None)
}

async fn error_of(reply: impl FnMut() -> Response + Send + 'static) -> ProviderError {
    let (url, _) = serve(reply).await;
    let (_, error) = ask(&model(url)).await;
    error.expect("an error")
}
