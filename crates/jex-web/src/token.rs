//! `POST /api/token`: a token that opens one fresh room for ten minutes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jex_config::TALK_ROOMS;
use jex_config::secrets::LivekitCredentials;
use livekit_participant::token::{PublishSource, RoomTokenOptions, TokenError, room_token};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;

use crate::body::{self, malformed};
use crate::guard::Name;
use crate::rate::Bucket;
use crate::refusal::Refusal;
use crate::state::App;

/// Enough to press Talk, and to come back into the same room until LiveKit renews the token, which it does after five minutes;
/// the room then lasts as long as the conversation.
const TTL: Duration = Duration::from_secs(600);
/// In characters.
const MAX_NAME: usize = 64;
/// Somebody who presses Talk again and again is not stopped; a program that runs wild is.
const BURST: u32 = 30;
const REFILL: Duration = Duration::from_secs(2);

/// Makes tokens.
#[derive(Debug)]
pub struct Tokens {
    credentials: LivekitCredentials,
    livekit: LivekitAddress,
    bucket: Mutex<Bucket>,
}

/// Where callers find LiveKit.
#[derive(Debug)]
pub enum LivekitAddress {
    /// JEX's own, at this address on this machine; elsewhere behind the proxy that passes the page on.
    Own(Url),
    /// Somebody else's, at this address for everybody.
    Foreign(Url),
}

impl LivekitAddress {
    /// For a caller that opened the page under `name`.
    fn under(&self, name: &Name) -> String {
        match (self, name) {
            (Self::Own(_), Name::Public(authority)) => format!("wss://{authority}"),
            // Without the slash that `Url` puts after the port: the Content-Security-Policy and
            // the caller name the same address.
            (Self::Own(url) | Self::Foreign(url), _) => {
                url.as_str().trim_end_matches('/').to_owned()
            }
        }
    }
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
    pub fn new(credentials: LivekitCredentials, livekit: LivekitAddress, now: Instant) -> Self {
        Self {
            credentials,
            livekit,
            bucket: Mutex::new(Bucket::new(BURST, REFILL, now)),
        }
    }

    /// A token for a new room, for a caller that opened the page `under` a name. `random` is fresh for each.
    fn issue(
        &self,
        under: &Name,
        name: String,
        random: (Uuid, Uuid),
    ) -> Result<RoomToken, TokenError> {
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
            server_url: self.livekit.under(under),
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
        Err(refusal) => {
            tracing::warn!(code = refusal.code, "gave out no token");
            refusal.into_response()
        }
    }
}

async fn issue(app: &App, request: Request) -> Result<RoomToken, Refusal> {
    let under = Name::of(&request).clone();
    let body = body::read_json(request).await?;
    let name = participant_name(&body)?;
    app.tokens
        .admit(Instant::now())
        .map_err(|wait| too_many().after(wait))?;
    if !app.neighbours.livekit_is_ready().await {
        return Err(no_livekit());
    }
    let random = (Uuid::new_v4(), Uuid::new_v4());
    app.tokens.issue(&under, name, random).map_err(|error| {
        tracing::error!(%error, "cannot make a token");
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "no_token",
            "JEX could not make a token for the room.",
            "Look at `jex logs web`.",
        )
    })
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
        let livekit = LivekitAddress::Own("ws://127.0.0.1:7880".parse().unwrap());
        Tokens::new(credentials, livekit, Instant::now())
    }

    #[test]
    fn a_token_opens_one_room_for_five_minutes_and_the_microphone_only() {
        let random = (Uuid::from_u128(1), Uuid::from_u128(2));

        let token = tokens().issue(&Name::Local, "Ada".into(), random).unwrap();

        assert_eq!(token.server_url, "ws://127.0.0.1:7880");
        assert_eq!(token.room_name, format!("talk-{}", Uuid::from_u128(1)));
        assert_eq!(token.expires_in_seconds, 600);
        let claims = TokenVerifier::with_api_key("key", SECRET)
            .verify(&token.participant_token)
            .unwrap();
        assert!(claims.exp - claims.nbf <= 600);
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
    fn our_own_livekit_is_where_the_page_is_and_a_foreign_one_always_in_its_place() {
        let own = LivekitAddress::Own("ws://127.0.0.1:7880".parse().unwrap());
        let foreign = LivekitAddress::Foreign("wss://example.livekit.cloud".parse().unwrap());
        let public = Name::Public("jex.local:8443".into());

        assert_eq!(own.under(&Name::Local), "ws://127.0.0.1:7880");
        assert_eq!(own.under(&public), "wss://jex.local:8443");
        assert_eq!(foreign.under(&public), "wss://example.livekit.cloud");
        assert_eq!(foreign.under(&Name::Local), "wss://example.livekit.cloud");
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
