//! `GET /api/history`: conversations, listed and searched; `GET /api/history/<id>`: one of them, whole.

use std::collections::HashMap;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use jex_store::history::{Conversation, Heading, MadeCall, SaidTurn};
use jex_store::{Decision, Ending, Moment, Page, Providers, Speaker, Store, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::excerpt::{beginning, excerpt};
use super::{asked, gone, id, refused, unclear};
use crate::refusal::Refusal;
use crate::state::App;

/// Conversations, or turns that match, in one answer.
const DEFAULT_LIMIT: u32 = 40;
const MOST: u32 = 200;
/// In characters.
const LONGEST_QUERY: usize = 200;
/// Of one conversation, in one answer.
const MOST_MATCHES: usize = 3;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// Words that are to be in it; empty: any.
    #[serde(default)]
    query: String,
    /// `next` of the answer before.
    before: Option<Timestamp>,
    limit: Option<u32>,
}

/// The newest first.
#[derive(Debug, Serialize)]
pub struct Listed {
    conversations: Vec<ListedOne>,
    /// What `before` is to be for those that follow; absent at the end.
    next: Option<Moment>,
}

#[derive(Debug, Serialize)]
struct ListedOne {
    id: Uuid,
    began: Moment,
    ended: Option<Moment>,
    turns: i64,
    /// How the caller's first words begin.
    title: String,
    /// What stands around the words that were searched for.
    matches: Vec<String>,
}

/// A conversation; `turns` and `calls` in the order in which they began.
#[derive(Debug, Serialize)]
pub struct Shown {
    id: Uuid,
    began: Moment,
    ended: Option<Moment>,
    title: String,
    turns: Vec<ShownTurn>,
    calls: Vec<ShownCall>,
}

#[derive(Debug, Serialize)]
struct ShownTurn {
    id: Uuid,
    at: Moment,
    speaker: Speaker,
    /// As far as it was heard.
    text: String,
    typed: bool,
    interrupted: bool,
    providers: Providers,
    /// The host that the words were sent to; absent: they stayed on this machine.
    left_for: Option<String>,
}

#[derive(Debug, Serialize)]
struct ShownCall {
    id: Uuid,
    at: Moment,
    tool: String,
    source: String,
    decision: Decision,
    arguments: String,
    outcome: Option<Ending>,
    result: Option<String>,
}

pub async fn list(
    State(app): State<App>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Listed>, Refusal> {
    let Asked {
        query,
        before,
        limit,
    } = asked(query)?;
    if query.chars().count() > LONGEST_QUERY {
        return Err(unclear(format!(
            "The words to search for are more than {LONGEST_QUERY} letters."
        )));
    }
    // PostgreSQL takes no zero in a text.
    let query = query.replace(char::is_control, " ");
    let limit = limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MOST);
    let before = before.map(Moment::from);
    let listed = match query.trim() {
        "" => newest(&app.memory.store, before, limit).await,
        words => matching(&app.memory.store, words, before, limit).await,
    };
    listed.map(Json).map_err(refused)
}

pub async fn show(
    State(app): State<App>,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<Shown>, Refusal> {
    let found = app.memory.store.conversation(id(path)?).await;
    let conversation = found.map_err(refused)?.ok_or_else(gone)?;
    Ok(Json(conversation.into()))
}

async fn newest(store: &Store, before: Option<Moment>, limit: u32) -> Result<Listed, StoreError> {
    let page = Page {
        limit: limit + 1,
        before,
    };
    let mut headings = store.conversations(page).await?;
    let is_more = headings.len() > limit as usize;
    headings.truncate(limit as usize);
    Ok(Listed {
        next: { headings.last() }
            .filter(|_| is_more)
            .map(|last| last.began),
        conversations: headings.into_iter().map(ListedOne::from).collect(),
    })
}

async fn matching(
    store: &Store,
    words: &str,
    before: Option<Moment>,
    limit: u32,
) -> Result<Listed, StoreError> {
    let page = Page {
        limit: limit + 1,
        before,
    };
    let mut turns = store.search(words, page).await?;
    let is_more = turns.len() > limit as usize;
    turns.truncate(limit as usize);
    let next = { turns.last() }.filter(|_| is_more).map(|last| last.at);
    let mut matches: HashMap<Uuid, Vec<String>> = HashMap::new();
    let mut order = Vec::new();
    for turn in &turns {
        let of = matches.entry(turn.conversation).or_insert_with(|| {
            order.push(turn.conversation);
            Vec::new()
        });
        if of.len() < MOST_MATCHES {
            of.push(excerpt(&turn.said, words));
        }
    }
    let headings = store.headings(&order).await?;
    let mut headings: HashMap<Uuid, Heading> =
        headings.into_iter().map(|one| (one.id, one)).collect();
    let listed = |id| {
        // One that was deleted in between is not there.
        let mut one = ListedOne::from(headings.remove(&id)?);
        one.matches = matches.remove(&id).unwrap_or_default();
        Some(one)
    };
    Ok(Listed {
        conversations: order.into_iter().filter_map(listed).collect(),
        next,
    })
}

fn title(heading: &Heading) -> String {
    heading.first.as_deref().map(beginning).unwrap_or_default()
}

impl From<Heading> for ListedOne {
    fn from(heading: Heading) -> Self {
        Self {
            title: title(&heading),
            id: heading.id,
            began: heading.began,
            ended: heading.ended,
            turns: heading.turns,
            matches: Vec::new(),
        }
    }
}

impl From<Conversation> for Shown {
    fn from(whole: Conversation) -> Self {
        Self {
            title: title(&whole.heading),
            id: whole.heading.id,
            began: whole.heading.began,
            ended: whole.heading.ended,
            turns: whole.turns.into_iter().map(ShownTurn::from).collect(),
            calls: whole.calls.into_iter().map(ShownCall::from).collect(),
        }
    }
}

impl From<SaidTurn> for ShownTurn {
    fn from(turn: SaidTurn) -> Self {
        Self {
            id: turn.id,
            at: turn.at,
            speaker: turn.speaker,
            text: turn.heard.unwrap_or(turn.said),
            typed: turn.typed,
            interrupted: turn.interrupted,
            providers: Providers {
                stt: turn.stt,
                llm: turn.llm,
                tts: turn.tts,
            },
            left_for: turn.left_for,
        }
    }
}

impl From<MadeCall> for ShownCall {
    fn from(call: MadeCall) -> Self {
        Self {
            id: call.id,
            at: call.at,
            tool: call.tool,
            source: call.source,
            decision: call.decision,
            arguments: call.arguments,
            outcome: call.outcome,
            result: call.result,
        }
    }
}
