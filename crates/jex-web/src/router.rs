//! Which address is answered by what.
//!
//! | address | method | for | answer |
//! |---|---|---|---|
//! | `/health` | GET | the paired | that this server runs, for the supervisor |
//! | `/api/health` | GET | the paired | whether LiveKit and the agent are there, for the page |
//! | `/api/info` | GET | the paired | who the assistant is |
//! | `/api/token` | POST | the paired | a token for a fresh room |
//! | `/api/history` | GET, DELETE | the paired | conversations, listed or searched; deletes by time |
//! | `/api/history/<id>` | GET, DELETE | the paired | one conversation |
//! | `/api/facts` | GET | the paired | what is remembered for good |
//! | `/api/facts/<id>` | DELETE | the paired | one of them |
//! | `/api/reminders` | GET | the paired | what workflows had to say |
//! | `/api/tools` | GET | the paired | what can be called, and was |
//! | `/api/status` | GET | the paired | how far JEX's parts are |
//! | `/api/pair` | POST | anybody | a session for the one-time code, on another machine |
//! | anything else | GET | anybody | the page, which says nothing of the assistant |
//!
//! On this machine everybody counts as paired.

use axum::extract::{Request, State};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::door::paired_only;
use crate::guard::{self, Guard};
use crate::headers::harden;
use crate::memory::{deletion, history, lasting};
use crate::refusal::Refusal;
use crate::state::App;
use crate::{pairing, status, token, tools};

/// Everything that is served under the names that `guard` knows.
pub fn router(app: App, guard: Guard) -> Router {
    let paired = || from_fn_with_state(app.clone(), paired_only);
    let api = Router::new()
        .route("/health", get(neighbours))
        .route("/info", get(info))
        .route("/token", post(token::answer))
        .route("/history", get(history::list).delete(deletion::span))
        .route(
            "/history/{id}",
            get(history::show).delete(deletion::conversation),
        )
        .route("/facts", get(lasting::facts))
        .route("/facts/{id}", delete(deletion::fact))
        .route("/reminders", get(lasting::reminders))
        .route("/tools", get(tools::answer))
        .route("/status", get(status::answer))
        .route_layer(paired())
        .route("/pair", post(pairing::answer))
        .fallback(nothing)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(guard::same_origin));
    Router::new()
        .route("/health", get(health))
        .route_layer(paired())
        .nest("/api", api)
        .fallback(page)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(guard, guard::every_request))
        .layer(map_response(hardened))
        .with_state(app)
}

async fn health() -> Json<Value> {
    Json(json!({"state": "ready", "version": env!("CARGO_PKG_VERSION")}))
}

async fn neighbours(State(app): State<App>) -> Json<Value> {
    let (livekit, agent) = tokio::join!(app.neighbours.livekit(), app.neighbours.agent());
    Json(json!({"livekit": livekit, "agent": agent}))
}

async fn info(State(app): State<App>) -> Response {
    Json(app.info.as_ref()).into_response()
}

async fn page(State(app): State<App>, request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    app.page.answer(method, path, request.headers())
}

async fn nothing() -> Refusal {
    Refusal::not_found()
}

async fn wrong_method() -> Refusal {
    Refusal::method_not_allowed()
}

async fn hardened(mut response: Response) -> Response {
    harden(response.headers_mut());
    response
}
