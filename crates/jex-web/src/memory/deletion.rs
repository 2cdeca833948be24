//! `DELETE`: a conversation, what was said and done lately, everything, or one fact.
//!
//! What the page asks for is gone from every table when it is answered. The words leave the files a little later, and
//! n8n's records of runs as soon as n8n can be asked, which is for `jex-agent`.

use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use jex_store::{Deleted, Erased, Moment, Scope};
use serde::Deserialize;
use uuid::Uuid;

use super::{Memory, asked, gone, id, refused, unclear};
use crate::refusal::Refusal;
use crate::state::App;

/// How much: the one or the other, so that nothing is never taken for everything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Before now.
    last_seconds: Option<u64>,
    #[serde(default)]
    all: bool,
}

impl Span {
    fn scope(&self, now: Moment) -> Option<Scope> {
        match (self.last_seconds, self.all) {
            (Some(seconds), false) => Some(Scope::Range {
                from: now.before(Duration::from_secs(seconds)),
                to: now,
            }),
            (None, true) => Some(Scope::All),
            _ => None,
        }
    }
}

pub async fn conversation(
    State(app): State<App>,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<StatusCode, Refusal> {
    one(&app.memory, Scope::Conversation(id(path)?)).await
}

pub async fn fact(
    State(app): State<App>,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<StatusCode, Refusal> {
    one(&app.memory, Scope::Fact(id(path)?)).await
}

pub async fn span(
    State(app): State<App>,
    query: Result<Query<Span>, QueryRejection>,
) -> Result<StatusCode, Refusal> {
    let scope = asked(query)?.scope(Moment::now());
    let scope =
        scope.ok_or_else(|| unclear("Either `last_seconds` or `all=true` says how much."))?;
    delete(&app.memory, scope).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn one(memory: &Memory, scope: Scope) -> Result<StatusCode, Refusal> {
    match delete(memory, scope).await?.is_nothing() {
        true => Err(gone()),
        false => Ok(StatusCode::NO_CONTENT),
    }
}

async fn delete(memory: &Memory, scope: Scope) -> Result<Deleted, Refusal> {
    let deleted = memory.store.delete(scope, Moment::now()).await;
    let deleted = deleted.map_err(refused)?;
    tracing::info!(?deleted, "deleted");
    let memory = memory.clone();
    tokio::spawn(async move { erase(&memory).await });
    Ok(deleted)
}

/// Takes the words out of the files. What is left undone is done after the next deletion, or by the daily clean-up.
async fn erase(memory: &Memory) {
    let _one = memory.erasing.lock().await;
    match memory.store.erase().await {
        Ok(Some(Erased::NotInLog)) => {
            tracing::warn!("what was deleted stays in PostgreSQL's log until its next checkpoint");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!("what was deleted is still in PostgreSQL's files: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(last_seconds: Option<u64>, all: bool) -> Option<Scope> {
        Span { last_seconds, all }.scope(Moment::now())
    }

    #[test]
    fn nothing_is_not_everything() {
        assert_eq!(scope(None, false), None);
        assert_eq!(scope(Some(60), true), None);
        assert_eq!(scope(None, true), Some(Scope::All));
    }

    #[test]
    fn a_span_ends_now() {
        let now = Moment::now();

        let scope = Span {
            last_seconds: Some(3600),
            all: false,
        }
        .scope(now);

        let from = now.before(Duration::from_secs(3600));
        assert_eq!(scope, Some(Scope::Range { from, to: now }));
    }
}
