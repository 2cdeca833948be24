//! `POST /api/token`: a token that opens one fresh room for five minutes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, body};
use jex_config::TALK_ROOMS;
use jex_config::secrets::LivekitCredentials;
use livekit_participant::token::{PublishSource, RoomTokenOptions, TokenError, room_token};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;

use crate::rate::Bucket;
use crate::refusal::Refusal;
use crate::state::App;

const MAX_BODY: usize = 4 << 10;
/// How long a body of four kilobytes may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// Enough to press Talk; the room then lasts as long as the conversation.
const TTL: Duration = Duration::from_secs(300);
/// In characters.
const MAX_NAME: usize = 64;
/// Somebody who presses Talk again and again is not stopped; a program that runs wild is.
const BURST: u32 = 30;
const REFILL: Duration = Duration::from_secs(2);

/// Makes tokens.
#[derive(Debug)]
pub struct Tokens {
    credentials: LivekitCredentials,
    server_url: Url,
    bucket: Mutex<Bucket>,
}

/// What a caller needs to join; LiveKit's `TokenSource` reads the first two.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct RoomToken {
    server_url: String,
    participant_token: String,
    room_name: String,
    participant_identity: String,
    expires_in_seconds: u64,
}

impl Tokens {
    pub fn new(credentials: LivekitCredentials, server_url: Url, now: Instant) -> Self {
        Self {
            credentials,
            server_url,
            bucket: Mutex::new(Bucket::new(BURST, REFILL, now)),
        }
    }

    /// A token for a new room. `random` is fresh for each.
    fn issue(&self, name: String, random: (Uuid, Uuid)) -> Result<RoomToken, TokenError> {
        let (room, caller) = random;
        let room_name = format!("{TALK_ROOMS}{room}");
        let caller = caller.simple().to_string();
        let participant_identity = format!("caller-{}", &caller[..8]);
        let options = RoomTokenOptions {
            identity: participant_identity.clone(),
            name,
            room: room_name.clone(),
            ttl: TTL,
            can_publish_sources: vec![PublishSource::Microphone],
            ..RoomTokenOptions::default()
        };
        let secret = self.credentials.api_secret.expose_secret();
        Ok(RoomToken {
            participant_token: room_token(&self.credentials.api_key, secret, options)?,
            // Without the slash that `Url` puts after the port: the Content-Security-Policy and
            // the caller name the same address.
            server_url: self.server_url.as_str().trim_end_matches('/').to_owned(),
            room_name,
            participant_identity,
            expires_in_seconds: TTL.as_secs(),
        })
    }

    fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(now)
    }
}

/// Answers the request.
pub async fn answer(State(app): State<App>, request: Request) -> Response {
    match issue(&app, request).await {
        Ok(token) => {
            tracing::info!(room = token.room_name, "gave out a token");
            Json(token).into_response()
        }
        Err((refusal, retry_after)) => {
            tracing::warn!(code = refusal.code, "gave out no token");
            let mut response = refusal.into_response();
            if let Some(wait) = retry_after {
                let seconds = HeaderValue::from(wait.as_secs() + 1);
                response.headers_mut().insert(header::RETRY_AFTER, seconds);
            }
            response
        }
    }
}

type Refused = (Refusal, Option<Duration>);

async fn issue(app: &App, request: Request) -> Result<RoomToken, Refused> {
    let (parts, body) = request.into_parts();
    let never = |refusal| (refusal, None);
    is_json(&parts.headers).map_err(never)?;
    let body = read(&parts.headers, body).await.map_err(never)?;
    let name = participant_name(&body).map_err(never)?;
    app.tokens
        .admit(Instant::now())
        .map_err(|wait| (too_many(), Some(wait)))?;
    if !app.neighbours.livekit_is_ready().await {
        return Err(never(no_livekit()));
    }
    let random = (Uuid::new_v4(), Uuid::new_v4());
    app.tokens.issue(name, random).map_err(|error| {
        tracing::error!(%error, "cannot make a token");
        never(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "no_token",
            "JEX could not make a token for the room.",
            "Look at `jex logs web`.",
        ))
    })
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

/// The only thing that a caller decides. Room and identity are always fresh; what else LiveKit's
/// `TokenSource` sends is not ours to grant.
fn participant_name(body: &[u8]) -> Result<String, Refusal> {
    let object: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| malformed(format!("The body is no JSON object: {error}.")))?;
    match object.get("participant_name") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(name)) => {
            let name = name.trim();
            if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
                let message = format!("The name is not plain text of at most {MAX_NAME} letters.");
                return Err(malformed(message));
            }
            Ok(name.to_owned())
        }
        Some(_) => Err(malformed("`participant_name` is not text.")),
    }
}

fn malformed(message: impl Into<String>) -> Refusal {
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

fn too_many() -> Refusal {
    Refusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many",
        "Too many conversations were begun in a short time.",
        "Wait a few seconds.",
    )
}

fn no_livekit() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "livekit_unreachable",
        "The media server does not answer, so there is no room to talk in.",
        "Wait a moment; if it stays so, look at `jex status`.",
    )
}

#[cfg(test)]
mod tests {
    use livekit_token::{TokenVerifier, VideoGrants};
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "a secret of at least thirty-two characters";

    fn tokens() -> Tokens {
        let credentials = LivekitCredentials {
            api_key: "key".into(),
            api_secret: SECRET.into(),
        };
        let url = "ws://127.0.0.1:7880".parse().unwrap();
        Tokens::new(credentials, url, Instant::now())
    }

    #[test]
    fn a_token_opens_one_room_for_five_minutes_and_the_microphone_only() {
        let random = (Uuid::from_u128(1), Uuid::from_u128(2));

        let token = tokens().issue("Ada".into(), random).unwrap();

        assert_eq!(token.server_url, "ws://127.0.0.1:7880");
        assert_eq!(token.room_name, format!("talk-{}", Uuid::from_u128(1)));
        assert_eq!(token.expires_in_seconds, 300);
        let claims = TokenVerifier::with_api_key("key", SECRET)
            .verify(&token.participant_token)
            .unwrap();
        assert!(claims.exp - claims.nbf <= 300);
        assert_eq!(claims.sub, token.participant_identity);
        assert_eq!(claims.name, "Ada");
        let expected = VideoGrants {
            room_join: true,
            room: token.room_name,
            can_publish: Some(true),
            can_publish_sources: vec!["microphone".into()],
            can_subscribe: Some(true),
            can_publish_data: Some(true),
            can_update_own_metadata: Some(false),
            ..VideoGrants::default()
        };
        assert_eq!(claims.video, expected);
    }

    #[test]
    fn a_name_is_all_that_a_caller_decides() {
        let whole =
            br#"{"room_name":"mine","participant_identity":"agent","participant_name":" Ada ",
            "participant_metadata":"x","room_config":{"agents":[{"agent_name":"a"}]}}"#;

        assert_eq!(participant_name(whole).unwrap(), "Ada");
        assert_eq!(participant_name(b"{}").unwrap(), "");
        assert_eq!(
            participant_name(br#"{"participant_name":null}"#).unwrap(),
            ""
        );
    }

    #[test]
    fn what_is_no_object_with_a_plain_name_is_malformed() {
        let long = format!(r#"{{"participant_name":"{}"}}"#, "a".repeat(65));
        for body in [
            "",
            "[]",
            "null",
            "\"{}\"",
            "{",
            "{}{}",
            r#"{"participant_name":7}"#,
            r#"{"participant_name":"a\u0000b"}"#,
            r#"{"participant_name":"\ud800"}"#,
            &long,
        ] {
            let refusal = participant_name(body.as_bytes()).unwrap_err();

            assert_eq!(refusal.code, "malformed", "{body}");
        }
    }

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

    proptest! {
        #[test]
        fn any_body_gives_a_name_or_a_refusal(body in prop::collection::vec(any::<u8>(), 0..512)) {
            if let Ok(name) = participant_name(&body) {
                prop_assert!(name.chars().count() <= MAX_NAME);
            }
        }

        #[test]
        fn any_name_comes_out_plain_or_not_at_all(name in "\\PC{0,80}|[\\x00-\\x1f]{0,3}") {
            let body = serde_json::json!({ "participant_name": name }).to_string();

            match participant_name(body.as_bytes()) {
                Ok(plain) => prop_assert_eq!(plain.as_str(), name.trim()),
                Err(refusal) => prop_assert_eq!(refusal.status, StatusCode::BAD_REQUEST),
            }
        }
    }
}
