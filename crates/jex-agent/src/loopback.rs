//! The agent's loopback port: how it is, for the supervisor and the page; what workflows want said; what tools say
//! while they run.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use jex_config::Paths;
use jex_store::Place;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::announcements::{Announcement, Announcements};
use crate::health::{self, Health};
use crate::memory::Memory;
use crate::tools::Tools;

/// What workflows show that they may have something said.
const TOKEN: &str = "X-Jex-Token";
/// A sentence or two are said; a book is not.
const LARGEST_BODY: usize = 16 << 10;
const LONGEST_ANNOUNCEMENT: usize = 1000;

/// What the endpoints are about.
#[derive(Clone)]
pub struct Desk {
    pub health: Arc<Mutex<Health>>,
    pub announcements: Announcements,
    pub tools: Tools,
    pub memory: Memory,
    pub paths: Paths,
}

/// Binds the port.
pub async fn bind(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Serves until the task is dropped.
pub async fn serve(listener: TcpListener, desk: Desk) -> std::io::Result<()> {
    axum::serve(listener, router(desk)).await
}

fn router(desk: Desk) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/tools", get(tools))
        .route("/announce", post(announce))
        .route("/progress/{call}", post(progress))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(desk)
}

async fn health(State(desk): State<Desk>) -> impl IntoResponse {
    health::answer(&desk.health)
}

/// `{"id": "<uuid>", "text": "…"}`.
#[derive(Deserialize)]
struct ToAnnounce {
    id: Uuid,
    text: String,
}

/// 204 when it is kept; the same id again is the same announcement.
async fn announce(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Json(wanted): Json<ToAnnounce>,
) -> Result<StatusCode, (StatusCode, String)> {
    let token = jex_config::secrets::announce_token(&desk.paths).map_err(|error| {
        tracing::error!(%error, "nobody can announce anything");
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "JEX has no token to compare with\n".to_owned(),
        )
    })?;
    let shown = headers.get(TOKEN).map_or(&[][..], |value| value.as_bytes());
    if !bool::from(shown.ct_eq(token.expose_secret().as_bytes())) {
        return Err((
            StatusCode::FORBIDDEN,
            format!("{TOKEN} is not the one that JEX gave out\n"),
        ));
    }
    let text = wanted.text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() || text.chars().count() > LONGEST_ANNOUNCEMENT {
        let reason = format!("`text` has to have 1 to {LONGEST_ANNOUNCEMENT} characters\n");
        return Err((StatusCode::UNPROCESSABLE_ENTITY, reason));
    }
    let announcement = Announcement {
        id: wanted.id,
        text,
    };
    match desk.announcements.take(announcement).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n"))),
    }
}

/// `{"text": "…"}`.
#[derive(Deserialize)]
struct Progress {
    text: String,
}

/// The id of a call is known to nobody but JEX and the tool.
async fn progress(
    State(desk): State<Desk>,
    Path(call): Path<Uuid>,
    Json(progress): Json<Progress>,
) -> StatusCode {
    match desk.tools.runner.progress(call, &progress.text) {
        true => StatusCode::NO_CONTENT,
        false => StatusCode::NOT_FOUND,
    }
}

/// What there is to call, what is not offered and why, and how recording is.
async fn tools(State(desk): State<Desk>) -> Json<Value> {
    let catalogue = desk.tools.catalogue();
    let offered = catalogue.tools().map(|tool| {
        json!({
            "name": tool.name,
            "description": tool.description,
            "source": tool.source,
            "effect": tool.effect,
            "policy": desk.tools.policy.of(tool),
            "problem": null,
        })
    });
    let rejected = catalogue.rejected.iter().map(|rejected| {
        json!({"name": rejected.name, "source": rejected.source, "problem": rejected.reason})
    });
    let tools: Vec<Value> = offered.chain(rejected).collect();
    let away = |name: &str| {
        catalogue
            .troubles
            .iter()
            .find(|trouble| trouble.source == name)
    };
    let mut names: Vec<&str> = catalogue.tools().map(|tool| tool.source.as_str()).collect();
    names.extend(
        catalogue
            .troubles
            .iter()
            .map(|trouble| trouble.source.as_str()),
    );
    names.sort_unstable();
    names.dedup();
    let sources: Vec<Value> = names
        .into_iter()
        .map(|name| match away(name) {
            Some(trouble) => json!({"name": name, "state": "away", "message": trouble.message}),
            None => json!({"name": name, "state": "ready", "message": null}),
        })
        .collect();
    let recording = desk.memory.recorder.recording();
    let place = match recording.place {
        Place::Database => "database",
        Place::Journal => "journal",
        Place::Nowhere => "nowhere",
    };
    Json(json!({
        "tools": tools,
        "sources": sources,
        "recording": {"place": place, "lost": recording.lost},
    }))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path as FilePath;

    use axum::body::Body;
    use axum::http::Request;
    use jex_config::Settings;
    use tokio_util::sync::CancellationToken;
    use tower::ServiceExt;

    use super::*;
    use crate::health::ProviderNames;
    use crate::ledger::Books;
    use crate::memory::testing::memory;

    const ID: &str = "0b0f2a57-2f3c-4ed5-a3a9-d3d5a2c6f0a1";

    fn desk(home: &FilePath) -> Desk {
        let root = home.to_owned();
        let paths = Paths::from_lookup(|name| (name == "HOME").then(|| root.clone())).unwrap();
        let token = paths.secrets().join("announce-token");
        std::fs::create_dir_all(paths.secrets()).unwrap();
        std::fs::write(&token, "a token\n").unwrap();
        std::fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
        let memory = memory(home);
        let announcements = Announcements::new(memory.clone());
        let toolbox = jex_tools::Toolbox::new(Vec::new());
        let books = Arc::new(Books::new(memory.recorder.clone()));
        let tools = Tools::new(
            &Settings::default(),
            toolbox,
            books,
            memory.clone(),
            announcements.clone(),
            CancellationToken::new(),
        );
        let names = ProviderNames {
            stt: String::new(),
            llm: String::new(),
            tts: String::new(),
        };
        Desk {
            health: Arc::new(Mutex::new(Health::new(names))),
            announcements,
            tools: tools.unwrap(),
            memory,
            paths,
        }
    }

    async fn post_to(desk: &Desk, path: &str, token: &str, body: &str) -> StatusCode {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header(TOKEN, token)
            .body(Body::from(body.to_owned()))
            .unwrap();
        router(desk.clone())
            .oneshot(request)
            .await
            .unwrap()
            .status()
    }

    #[tokio::test]
    async fn an_announcement_with_the_token_is_kept_and_said() {
        let home = tempfile::tempdir().unwrap();
        let desk = desk(home.path());
        let (_seat, mut inbox) = desk.announcements.sit_down(Uuid::new_v4());
        let body = json!({"id": ID, "text": " Drink \n water. "}).to_string();

        let status = post_to(&desk, "/announce", "a token", &body).await;

        assert_eq!(status, StatusCode::NO_CONTENT);
        assert_eq!(inbox.try_recv().unwrap().text, "Drink water.");
        assert_eq!(desk.memory.recorder.recording().place, Place::Journal);
    }

    #[tokio::test]
    async fn what_is_no_announcement_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let desk = desk(home.path());
        let (_seat, mut inbox) = desk.announcements.sit_down(Uuid::new_v4());
        let sound = json!({"id": ID, "text": "Drink."}).to_string();
        let empty = json!({"id": ID, "text": "  "}).to_string();
        let long = json!({"id": ID, "text": "x".repeat(1001)}).to_string();
        let nameless = json!({"id": "7", "text": "Drink."}).to_string();

        for (token, body, expected) in [
            ("another", &sound, StatusCode::FORBIDDEN),
            ("", &sound, StatusCode::FORBIDDEN),
            ("a token", &empty, StatusCode::UNPROCESSABLE_ENTITY),
            ("a token", &long, StatusCode::UNPROCESSABLE_ENTITY),
            ("a token", &nameless, StatusCode::UNPROCESSABLE_ENTITY),
        ] {
            let status = post_to(&desk, "/announce", token, body).await;
            assert_eq!(status, expected, "{body}");
        }

        assert!(inbox.try_recv().is_err());
    }

    #[tokio::test]
    async fn progress_of_nothing_that_runs_is_nothing() {
        let home = tempfile::tempdir().unwrap();
        let desk = desk(home.path());

        let status = post_to(&desk, &format!("/progress/{ID}"), "", r#"{"text": "half"}"#).await;

        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}
