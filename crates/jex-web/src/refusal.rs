//! A request that is refused: the status, and words for whoever asked.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Becomes `{"error":{"code","message","remedy"}}`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub status: StatusCode,
    /// For programs: stays the same when the words change.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// Nothing further is read from this connection: where the request ends is in doubt.
    pub closes: bool,
    /// When to ask again.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    pub fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            remedy: remedy.into(),
            closes: false,
            retry_after: None,
        }
    }

    pub fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// To be asked again after `wait`.
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is nothing at this address.",
            "Open the page at /.",
        )
    }

    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This address does not take that method.",
            "The header Allow says which ones it takes.",
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"error": {
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
        }});
        let mut response = (self.status, Json(body)).into_response();
        if self.closes {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        if let Some(wait) = self.retry_after {
            let seconds = HeaderValue::from(wait.as_secs() + 1);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
