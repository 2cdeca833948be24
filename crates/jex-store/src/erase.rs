//! Erasure: what was deleted leaves the files as well.
//!
//! A deleted row's bytes stay in its table's file until something else is written over them, and its words stay keys of
//! the search index for ever. So the tables are written anew. What goes on holding words for a while, the write-ahead
//! log and backups, is in docs/memory.md.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::time::{Instant, sleep};

use crate::{Moment, Store, StoreError};

/// Longest wait for those who read already.
const READERS_END_WITHIN: Duration = Duration::from_secs(10);
/// Names the lock of those who erase.
const ERASING: i64 = 0x6a65_785f_6572_6173;
const PAUSE: Duration = Duration::from_millis(50);

/// Tables with words; each in a statement of its own, since none may be in a transaction with another.
const TABLES: [&str; 7] = [
    "vacuum (full) conversations",
    "vacuum (full) turns",
    "vacuum (full) tool_calls",
    "vacuum (full) summaries",
    "vacuum (full) facts",
    "vacuum (full) announcements",
    "vacuum (full) executions_due",
];

/// For n8n's tables of its runs and of reminders that were told, and PostgreSQL's table of samples, in this order. A column that is given its own type
/// loses its samples; with no statistics it gets no new ones.
const ERASE_RUNS: &str = "\
    select format('alter table %1$s alter column %2$I type %3$s, alter column %2$I set statistics 0', \
            a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod)) \
        from pg_attribute a join pg_class c on c.oid = a.attrelid \
        where c.relkind = 'r' and c.relname ~ '^(execution_data$|data_table_user_)' and pg_table_is_visible(c.oid) \
            and a.attnum > 0 and not a.attisdropped and a.atttypid::regtype::text in ('text', 'json', 'jsonb') \
    union all \
    (select format('vacuum (full) %s', c.oid::regclass) from pg_class c \
        where c.relkind = 'r' and c.relname ~ '^(execution_|data_table_user_|pg_statistic$)' and pg_table_is_visible(c.oid) \
        order by c.relname)";

/// What is left of what was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erased {
    /// Nothing, unless the file system keeps what it no longer shows.
    Everywhere,
    /// The write-ahead log still holds it: JEX may not ask this PostgreSQL for a checkpoint.
    NotInLog,
}

impl Store {
    /// Writes the tables anew if something was deleted since that was last done; `None`: nothing was. Meanwhile rows
    /// wait, and then go to the journal.
    pub async fn erase(&self) -> Result<Option<Erased>, StoreError> {
        let due: Option<Moment> = sqlx::query_scalar("select due_since from erasure")
            .fetch_one(&self.pool)
            .await?;
        let Some(due) = due else { return Ok(None) };
        // Of its own, since its lock time-out is.
        let mut connection = self.pool.acquire().await?.detach();
        // One at a time, whoever deleted something: the page, the command, the agent.
        sqlx::query("select pg_advisory_lock($1)")
            .bind(ERASING)
            .execute(&mut connection)
            .await?;
        let is_due = "select due_since is not null from erasure";
        if !sqlx::query_scalar::<_, bool>(is_due)
            .fetch_one(&mut connection)
            .await?
        {
            return Ok(None);
        }
        sqlx::query("set lock_timeout = '10s'")
            .execute(&mut connection)
            .await?;
        wait_for_readers(&mut connection).await?;
        for vacuum in TABLES {
            sqlx::raw_sql(vacuum).execute(&mut connection).await?;
        }
        let erased = leave_log(&mut connection).await?;
        sqlx::query("update erasure set due_since = null where due_since = $1")
            .bind(due)
            .execute(&mut connection)
            .await?;
        Ok(Some(erased))
    }

    /// Begins a new file of the write-ahead log: what is deleted anywhere in this PostgreSQL leaves the old ones.
    pub async fn leave_log(&self) -> Result<Erased, StoreError> {
        let mut connection = self.pool.acquire().await?;
        leave_log(&mut connection).await
    }
}

/// Writes n8n's records of its runs, and its data tables, anew, after runs were deleted there: PostgreSQL keeps the
/// bytes of its deleted rows as well. `address` is of n8n's database, as its owner (see [`Store::open`]). Meanwhile n8n's runs wait.
pub async fn erase_runs(address: &str) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect(address).await?;
    sqlx::query("set lock_timeout = '10s'")
        .execute(&mut connection)
        .await?;
    let steps: Vec<String> = sqlx::query_scalar(ERASE_RUNS)
        .fetch_all(&mut connection)
        .await?;
    for step in steps {
        // Its names are as PostgreSQL itself writes them.
        sqlx::raw_sql(AssertSqlSafe(step))
            .execute(&mut connection)
            .await?;
    }
    Ok(connection.close().await?)
}

/// Rows that somebody may still see are copied by a vacuum.
async fn wait_for_readers(connection: &mut PgConnection) -> Result<(), StoreError> {
    let began = Instant::now();
    // Not since the deletion was ordered: until it was done, others saw the rows.
    let now: Moment = sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(&mut *connection)
        .await?;
    while sqlx::query_scalar(
        "select exists (select from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid() and backend_xmin is not null \
             and xact_start < $1)",
    )
    .bind(now)
    .fetch_one(&mut *connection)
    .await?
    {
        if began.elapsed() > READERS_END_WITHIN {
            return Err(StoreError::StillRead);
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Begins a new file of the log, after which PostgreSQL needs the old ones no more.
async fn leave_log(connection: &mut PgConnection) -> Result<Erased, StoreError> {
    for step in ["select pg_switch_wal()", "checkpoint"] {
        match sqlx::raw_sql(step).execute(&mut *connection).await {
            Err(sqlx::Error::Database(refusal)) if refusal.code().as_deref() == Some("42501") => {
                return Ok(Erased::NotInLog);
            }
            done => done?,
        };
    }
    Ok(Erased::Everywhere)
}
