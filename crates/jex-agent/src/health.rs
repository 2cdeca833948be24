//! How the agent is, for the supervisor and the page.

use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::http::StatusCode;
use serde::Serialize;

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

/// 200 while registered with LiveKit, 503 before.
pub fn answer(health: &Mutex<Health>) -> (StatusCode, Json<Health>) {
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
