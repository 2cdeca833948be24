//! What JEX remembers, for its owner to read and to delete.
//!
//! * [`history`]: conversations; [`lasting`]: facts and reminders; [`deletion`]: how they go
//! * `excerpt`: the words around a match

pub mod deletion;
mod excerpt;
pub mod history;
pub mod lasting;

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use jex_store::{Store, StoreError};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::refusal::Refusal;

/// The way to it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Memory {
    pub store: Store,
    /// Held by whoever takes deleted words out of the files: one at a time.
    erasing: Arc<Mutex<()>>,
}

impl Memory {
    pub fn new(store: Store) -> Self {
        Self {
            store,
            erasing: Arc::default(),
        }
    }
}

/// The words of the error are for the log: they name tables and codes.
pub fn refused(error: StoreError) -> Refusal {
    tracing::warn!("{error}");
    if error.is_passing() {
        return Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "database_away",
            "PostgreSQL, which keeps what JEX remembers, does not answer.",
            "Wait a moment; `jex status` shows how far it is.",
        );
    }
    Refusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "memory_failed",
        "JEX cannot get at what it remembers.",
        "`jex logs web` says why.",
    )
}

/// What stands after `?`.
fn asked<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Refusal> {
    let Query(asked) = query.map_err(|rejection| unclear(rejection.body_text()))?;
    Ok(asked)
}

/// The last part of the address. What is no id is the id of nothing.
fn id(path: Result<Path<Uuid>, PathRejection>) -> Result<Uuid, Refusal> {
    path.map(|Path(id)| id).map_err(|_| gone())
}

fn unclear(message: impl Into<String>) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "malformed",
        message,
        "Ask as JEX's own page does.",
    )
}

fn gone() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "not_kept",
        "This is not kept, or not any more.",
        "What was deleted, or is older than JEX keeps it, is gone for good.",
    )
}
