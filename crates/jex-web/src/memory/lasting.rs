//! `GET /api/facts`: what the owner asked to remember. `GET /api/reminders`: what workflows had to say.

use axum::Json;
use axum::extract::State;
use jex_store::memory::{KeptAnnouncement, KeptFact};
use jex_store::{Moment, Page};
use serde::Serialize;
use uuid::Uuid;

use super::refused;
use crate::refusal::Refusal;
use crate::state::App;

const MOST_REMINDERS: u32 = 50;

/// The newest first.
#[derive(Debug, Serialize)]
pub struct Facts {
    facts: Vec<Fact>,
}

#[derive(Debug, Serialize)]
struct Fact {
    id: Uuid,
    at: Moment,
    text: String,
}

/// The newest first.
#[derive(Debug, Serialize)]
pub struct Reminders {
    reminders: Vec<Reminder>,
}

#[derive(Debug, Serialize)]
struct Reminder {
    id: Uuid,
    at: Moment,
    text: String,
    /// To its end, in some conversation.
    spoken: bool,
}

pub async fn facts(State(app): State<App>) -> Result<Json<Facts>, Refusal> {
    let facts = app.memory.store.facts().await.map_err(refused)?;
    let facts = facts.into_iter().rev().map(Fact::from).collect();
    Ok(Json(Facts { facts }))
}

pub async fn reminders(State(app): State<App>) -> Result<Json<Reminders>, Refusal> {
    let page = Page::first(MOST_REMINDERS);
    let kept = app
        .memory
        .store
        .announcements(page)
        .await
        .map_err(refused)?;
    let reminders = kept.into_iter().map(Reminder::from).collect();
    Ok(Json(Reminders { reminders }))
}

impl From<KeptFact> for Fact {
    fn from(KeptFact { id, at, text, .. }: KeptFact) -> Self {
        Self { id, at, text }
    }
}

impl From<KeptAnnouncement> for Reminder {
    fn from(kept: KeptAnnouncement) -> Self {
        Self {
            id: kept.id,
            at: kept.at,
            text: kept.text,
            spoken: kept.spoken_at.is_some(),
        }
    }
}
