//! Retention: how long each kind of memory is kept.

use std::time::Duration;

use jex_config::History;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::audit::append::{Event, append};
use crate::delete::{Deleted, N8N, RETENTION, alone, due_for_erasure};
use crate::record::{Entry, Record};
use crate::{Moment, Store, StoreError};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Whose end is unknown for so long stays so: an MCP server is never asked again, and n8n has forgotten it.
pub(crate) const FOUND_OUT_WITHIN: Duration = DAY.saturating_mul(7);

/// How long each kind is kept; `None`: until the owner deletes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// What was said, and summaries of it.
    pub conversations: Option<Duration>,
    pub calls: Option<Duration>,
    pub facts: Option<Duration>,
    /// After they were spoken.
    pub announcements: Option<Duration>,
}

impl Retention {
    pub fn of(history: &History) -> Self {
        let days = |days: u32| Some(DAY * days);
        Self {
            conversations: days(history.conversations_days),
            calls: days(history.calls_days),
            facts: history.facts_days.map(|days| DAY * days),
            announcements: days(history.announcements_days),
        }
    }

    /// Whether the entry is written down at all. Calls always are: a call that was cut off could not be found again.
    pub fn keeps(&self, entry: &Entry) -> bool {
        let is_kept = |kind: Option<Duration>| kind != Some(Duration::ZERO);
        match &entry.record {
            Record::Turn(_) | Record::Summary(_) => is_kept(self.conversations),
            Record::Fact(_) => is_kept(self.facts),
            _ => true,
        }
    }
}

impl Store {
    /// Deletes what has been kept long enough, and notes that in the audit if it was anything. A call whose outcome may
    /// still be found out stays. Then: [`Self::erase`], and [`Self::executions_due`].
    pub async fn apply_retention(
        &self,
        retention: &Retention,
        now: Moment,
    ) -> Result<Deleted, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let on = &mut *transaction;
        alone(on).await?;
        let mut deleted = Deleted::default();
        if let Some(until) = retention.conversations.map(|kept| now.before(kept)) {
            deleted.turns = run(on, "delete from turns where at <= $1", until).await?;
            deleted.summaries = run(on, "delete from summaries where from_at <= $1", until).await?;
        }
        if let Some(until) = retention.calls.map(|kept| now.before(kept)) {
            let given_up = now.before(FOUND_OUT_WITHIN);
            executions_become_due(on, until, given_up).await?;
            deleted.calls = delete_calls(on, until, given_up).await?;
        }
        if let Some(until) = retention.facts.map(|kept| now.before(kept)) {
            deleted.facts = run(on, "delete from facts where at <= $1", until).await?;
        }
        if let Some(until) = retention.announcements.map(|kept| now.before(kept)) {
            deleted.announcements = run(on, DELETE_ANNOUNCEMENTS, until).await?;
        }
        if let Some(until) = retention.conversations.map(|kept| now.before(kept)) {
            deleted.conversations = run(on, DELETE_CONVERSATIONS, until).await?;
        }
        if !deleted.is_nothing() {
            let mut event = Event::new(Uuid::new_v4(), now, RETENTION);
            event.outcome = Some(deleted.words());
            append(on, event).await?;
            due_for_erasure(on, now).await?;
        }
        transaction.commit().await?;
        if !deleted.is_nothing() {
            self.note_audit_head().await;
        }
        Ok(deleted)
    }
}

const DELETE_ANNOUNCEMENTS: &str = "delete from announcements where spoken_at <= $1";
const DELETE_CONVERSATIONS: &str = "delete from conversations where began <= $1 and ended is not null \
     and not exists (select from turns where conversation = conversations.id) \
     and not exists (select from tool_calls where conversation = conversations.id) \
     and not exists (select from summaries where conversation = conversations.id)";

async fn run(on: &mut PgConnection, sql: &'static str, until: Moment) -> Result<u64, StoreError> {
    let done = sqlx::query(sql).bind(until).execute(on).await?;
    Ok(done.rows_affected())
}

/// What is over, or never began; of what is unknown, the calls until `given_up`.
async fn delete_calls(
    on: &mut PgConnection,
    until: Moment,
    given_up: Moment,
) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "delete from tool_calls where at <= $1 \
         and (decision not in ('allowed', 'confirmed') \
             or outcome is not null and (outcome <> 'unknown' or at <= $2))",
    )
    .bind(until)
    .bind(given_up)
    .execute(on)
    .await?;
    Ok(done.rows_affected())
}

async fn executions_become_due(
    on: &mut PgConnection,
    until: Moment,
    given_up: Moment,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into executions_due (call, tool, at) \
         select id, tool, at from tool_calls \
         where at <= $1 and source = $2 and decision in ('allowed', 'confirmed') \
             and outcome is not null and (outcome <> 'unknown' or at <= $3) \
         on conflict (call) do nothing",
    )
    .bind(until)
    .bind(N8N)
    .bind(given_up)
    .execute(on)
    .await?;
    Ok(())
}
