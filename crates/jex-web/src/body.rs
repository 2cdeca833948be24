//! The body of a request: a few kilobytes of JSON.

use std::time::Duration;

use axum::body::{self, Body};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};

use crate::refusal::Refusal;

const MAX_BODY: usize = 4 << 10;
/// How long a body of four kilobytes may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// The body of a request that says it is JSON, not parsed yet.
pub async fn read_json(request: Request) -> Result<Vec<u8>, Refusal> {
    let (parts, body) = request.into_parts();
    is_json(&parts.headers)?;
    read(&parts.headers, body).await
}

/// A cross-site form cannot say that it sends JSON without asking us first.
fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next(), types.next()) else {
        return Err(not_json());
    };
    let text = content_type.to_str().map_err(|_| not_json())?;
    let (essence, parameters) = text.split_once(';').unwrap_or((text, "charset=utf-8"));
    let parameters = parameters.trim();
    let charset = parameters.eq_ignore_ascii_case("charset=utf-8")
        || parameters.eq_ignore_ascii_case("charset=\"utf-8\"");
    if essence.trim().eq_ignore_ascii_case("application/json") && charset {
        return Ok(());
    }
    Err(not_json())
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Refusal> {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_BODY) {
        return Err(too_long());
    }
    let reading = tokio::time::timeout(BODY_TIMEOUT, body::to_bytes(body, MAX_BODY));
    match reading.await {
        Ok(Ok(body)) => Ok(body.into()),
        Ok(Err(_)) => Err(malformed("The request breaks off before its end.").closing()),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            "The request did not arrive in time.",
            "Send it again.",
        )
        .closing()),
    }
}

/// What the body says is not what is asked for.
pub fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "malformed",
        message,
        "Send a JSON object, such as {}.",
    )
}

fn not_json() -> Refusal {
    Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not_json",
        "The request is not JSON.",
        "Send it with `Content-Type: application/json`.",
    )
}

fn too_long() -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_long",
        format!("The body is longer than {MAX_BODY} bytes."),
        "Send a JSON object, such as {}.",
    )
    .closing()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_json_in_utf_8_is_json() {
        let content_type = |value: &str| {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.insert(header::CONTENT_TYPE, value);
            is_json(&headers).is_ok()
        };

        assert!(content_type("application/json"));
        assert!(content_type("Application/JSON; charset=UTF-8"));
        assert!(!content_type("application/json; charset=utf-16"));
        assert!(!content_type("application/json-patch+json"));
        assert!(!content_type("text/plain"));
        assert!(!content_type("text/plain; application/json"));
        assert!(!content_type(""));
        assert!(is_json(&HeaderMap::new()).is_err());
    }
}
