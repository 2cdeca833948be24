//! What the agent says of itself on a loopback port, for the supervisor and the page.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;

/// The answer of `GET /health`: 200 while registered with LiveKit, 503 before.
#[derive(Debug, Clone, Serialize)]
pub struct Health {
    pub state: &'static str,
    pub registered: bool,
    /// Names of the rooms with a conversation.
    pub conversations: Vec<String>,
    pub version: &'static str,
    pub providers: ProviderNames,
}

#[derive(Debug, Clone, Serialize)]
pub struct ProviderNames {
    pub stt: String,
    pub llm: String,
    pub tts: String,
}

impl Health {
    pub fn new(providers: ProviderNames) -> Self {
        Self {
            state: "registering",
            registered: false,
            conversations: Vec::new(),
            version: env!("CARGO_PKG_VERSION"),
            providers,
        }
    }
}

/// Binds the health endpoint.
pub async fn bind(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Serves until the task is dropped.
pub async fn serve(listener: TcpListener, health: Arc<Mutex<Health>>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/health", get(answer))
        .with_state(health);
    axum::serve(listener, router).await
}

async fn answer(State(health): State<Arc<Mutex<Health>>>) -> impl IntoResponse {
    let mut health = health
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let status = if health.registered {
        health.state = "ready";
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(health))
}
