//! Deletion: what the owner wants gone goes from every table at once, and [`crate::erase`] then from the files.

use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::audit::append::{Event, append};
use crate::{Moment, Store, StoreError};

/// The source of calls that leave a run behind.
pub(crate) const N8N: &str = "n8n";
const DELETION: &str = "deletion";
pub(crate) const RETENTION: &str = "retention";

/// What to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Conversation(Uuid),
    /// What was said and done between two moments, both included.
    Range {
        from: Moment,
        to: Moment,
    },
    All,
    /// One thing to remember.
    Fact(Uuid),
}

impl Scope {
    fn word(self) -> &'static str {
        match self {
            Self::Conversation(_) => "conversation",
            Self::Range { .. } => "range",
            Self::All => "all",
            Self::Fact(_) => "fact",
        }
    }
}

/// How much was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Deleted {
    pub conversations: u64,
    pub turns: u64,
    pub calls: u64,
    pub summaries: u64,
    pub facts: u64,
    pub announcements: u64,
}

impl Deleted {
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// For the audit: counts, no words.
    pub(crate) fn words(&self) -> String {
        let Self {
            conversations,
            turns,
            calls,
            summaries,
            facts,
            announcements,
        } = self;
        format!(
            "conversations {conversations}, turns {turns}, calls {calls}, summaries {summaries}, facts {facts}, \
             announcements {announcements}"
        )
    }
}

/// A run of n8n's that a deleted call caused, and that has to be deleted as well.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ExecutionDue {
    /// By which the run is known, since a workflow saves it.
    pub call: Uuid,
    pub tool: String,
    /// When the call was sent.
    pub at: Moment,
}

/// What was said then is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Deletion {
    pub id: Uuid,
    /// `None`: in any.
    pub conversation: Option<Uuid>,
    #[sqlx(rename = "from_at")]
    pub from: Moment,
    #[sqlx(rename = "to_at")]
    pub to: Moment,
}

impl Store {
    /// What was deleted at `since` or later, by whom ever.
    pub async fn deletions(&self, since: Moment) -> Result<Vec<Deletion>, StoreError> {
        let lately =
            "select id, conversation, from_at, to_at from deletions where at >= $1 order by at";
        Ok(sqlx::query_as(lately)
            .bind(since)
            .fetch_all(&self.pool)
            .await?)
    }

    /// Of the audit's rows after row `after`: the number of the newest, and whether one of them tells that anything was
    /// deleted, by the owner or by retention.
    pub async fn audited_deletions(&self, after: i64) -> Result<(i64, bool), StoreError> {
        let rows = "select coalesce(max(seq), $1), coalesce(bool_or(kind in ($2, $3)), false) from audit where seq > $1";
        let rows = sqlx::query_as(rows)
            .bind(after)
            .bind(DELETION)
            .bind(RETENTION);
        Ok(rows.fetch_one(&self.pool).await?)
    }

    /// Deletes, and writes that into the audit, in one transaction. What is on its way to the database and was said
    /// before `now` is dropped when it arrives. Then: [`Self::erase`], and [`Self::executions_due`].
    pub async fn delete(&self, scope: Scope, now: Moment) -> Result<Deleted, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let on = &mut *transaction;
        alone(on).await?;
        let deleted = match scope {
            Scope::Fact(id) => Deleted {
                facts: delete_fact(on, id).await?,
                ..Deleted::default()
            },
            Scope::Conversation(id) => delete_span(on, Span::of(Some(id), None, now), now).await?,
            Scope::All => delete_span(on, Span::of(None, None, now), now).await?,
            Scope::Range { from, to } => {
                delete_span(on, Span::of(None, Some(from), to.min(now)), now).await?
            }
        };
        let mut event = Event::new(Uuid::new_v4(), now, DELETION);
        event.decision = Some(scope.word());
        event.outcome = Some(deleted.words());
        append(on, event).await?;
        due_for_erasure(on, now).await?;
        transaction.commit().await?;
        self.note_audit_head().await;
        Ok(deleted)
    }

    /// n8n's runs that are still to be deleted there. They are kept for as long as n8n is away.
    pub async fn executions_due(&self) -> Result<Vec<ExecutionDue>, StoreError> {
        let due = sqlx::query_as("select call, tool, at from executions_due order by at");
        Ok(due.fetch_all(&self.pool).await?)
    }

    /// Those runs are gone.
    pub async fn executions_deleted(&self, calls: &[Uuid]) -> Result<(), StoreError> {
        sqlx::query("delete from executions_due where call = any($1)")
            .bind(calls)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// Nothing is written until the transaction ends.
pub(crate) async fn alone(on: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("lock table deletions in exclusive mode")
        .execute(on)
        .await?;
    Ok(())
}

/// Of one conversation or of all, from a moment or from the beginning, until another.
#[derive(Clone, Copy)]
struct Span {
    conversation: Option<Uuid>,
    from: Moment,
    to: Moment,
}

impl Span {
    fn of(conversation: Option<Uuid>, from: Option<Moment>, to: Moment) -> Self {
        // The year 0 is before anything that JEX heard.
        let beginning = || {
            let year_0 = jiff::Timestamp::from_second(-62_167_219_200);
            year_0.expect("a moment that jiff knows").into()
        };
        Self {
            conversation,
            from: from.unwrap_or_else(beginning),
            to,
        }
    }
}

async fn delete_span(
    on: &mut PgConnection,
    span: Span,
    now: Moment,
) -> Result<Deleted, StoreError> {
    sqlx::query(
        "insert into deletions (id, at, conversation, from_at, to_at) values (gen_random_uuid(), $1, $2, $3, $4)",
    )
    .bind(now)
    .bind(span.conversation)
    .bind(span.from)
    .bind(span.to)
    .execute(&mut *on)
    .await?;
    executions_become_due(on, span).await?;
    Ok(Deleted {
        turns: run(on, span, DELETE_TURNS).await?,
        calls: run(on, span, DELETE_CALLS).await?,
        summaries: run(on, span, DELETE_SUMMARIES).await?,
        facts: run(on, span, DELETE_FACTS).await?,
        announcements: run(on, span, DELETE_ANNOUNCEMENTS).await?,
        conversations: run(on, span, DELETE_CONVERSATIONS).await?,
    })
}

const DELETE_TURNS: &str =
    "delete from turns where ($1::uuid is null or conversation = $1) and at between $2 and $3";
const DELETE_CALLS: &str =
    "delete from tool_calls where ($1::uuid is null or conversation = $1) and at between $2 and $3";
/// A summary of anything that goes says it, too.
const DELETE_SUMMARIES: &str = "delete from summaries where ($1::uuid is null or conversation = $1) \
     and from_at <= $3 and until_at >= $2";
const DELETE_FACTS: &str =
    "delete from facts where ($1::uuid is null or conversation = $1) and at between $2 and $3";
/// What is still to be spoken is the owner's own reminder, and stays.
const DELETE_ANNOUNCEMENTS: &str = "delete from announcements where spoken_at is not null \
     and ($1::uuid is null or conversation = $1) and (at between $2 and $3 or spoken_at between $2 and $3)";
/// Without any words left. One that goes on begins anew with its next turn.
const DELETE_CONVERSATIONS: &str = "delete from conversations where ($1::uuid is null or id = $1) \
     and began between $2 and $3 \
     and not exists (select from turns where conversation = conversations.id) \
     and not exists (select from tool_calls where conversation = conversations.id) \
     and not exists (select from summaries where conversation = conversations.id)";

async fn run(on: &mut PgConnection, span: Span, sql: &'static str) -> Result<u64, StoreError> {
    let done = sqlx::query(sql)
        .bind(span.conversation)
        .bind(span.from)
        .bind(span.to)
        .execute(on)
        .await?;
    Ok(done.rows_affected())
}

async fn executions_become_due(on: &mut PgConnection, span: Span) -> Result<(), StoreError> {
    sqlx::query(
        "insert into executions_due (call, tool, at) \
         select id, tool, at from tool_calls \
         where ($1::uuid is null or conversation = $1) and at between $2 and $3 \
             and source = $4 and decision in ('allowed', 'confirmed') \
         on conflict (call) do nothing",
    )
    .bind(span.conversation)
    .bind(span.from)
    .bind(span.to)
    .bind(N8N)
    .execute(on)
    .await?;
    Ok(())
}

async fn delete_fact(on: &mut PgConnection, id: Uuid) -> Result<u64, StoreError> {
    let done = sqlx::query("delete from facts where id = $1")
        .bind(id)
        .execute(on)
        .await?;
    Ok(done.rows_affected())
}

/// The words are still in the table files.
pub(crate) async fn due_for_erasure(on: &mut PgConnection, now: Moment) -> Result<(), StoreError> {
    sqlx::query("update erasure set due_since = $1")
        .bind(now)
        .execute(on)
        .await?;
    Ok(())
}
