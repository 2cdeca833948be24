//! Everything that is remembered, as JSON lines.

use std::io::Write;

use sqlx::Connection as _;

use crate::{Store, StoreError};

/// Lines fetched at once.
const BATCH: &str = "fetch 500 from lines";

/// One line each; `kind` says what it is. The audit is not the owner's words, and not in it.
const PARTS: [&str; 6] = [
    "declare lines cursor for select (jsonb_build_object('kind', 'conversation') || to_jsonb(c))::text \
     from conversations c order by began, id",
    "declare lines cursor for select (jsonb_build_object('kind', 'turn') || to_jsonb(t))::text \
     from turns t order by conversation, at",
    "declare lines cursor for select (jsonb_build_object('kind', 'call') || to_jsonb(t) - 'salt')::text \
     from tool_calls t order by conversation, at",
    "declare lines cursor for select (jsonb_build_object('kind', 'summary') || to_jsonb(s))::text \
     from summaries s order by conversation, until_at",
    "declare lines cursor for select (jsonb_build_object('kind', 'fact') || to_jsonb(f))::text \
     from facts f order by at, id",
    "declare lines cursor for select (jsonb_build_object('kind', 'announcement') || to_jsonb(a))::text \
     from announcements a order by at, id",
];

impl Store {
    /// Writes all of it, as it is at one moment. Returns the number of lines.
    pub async fn export(&self, out: &mut (dyn Write + Send)) -> Result<u64, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let mut snapshot = connection
            .begin_with("begin isolation level repeatable read read only")
            .await?;
        let mut lines = 0;
        for part in PARTS {
            sqlx::raw_sql(part).execute(&mut *snapshot).await?;
            loop {
                let batch: Vec<String> =
                    sqlx::query_scalar(BATCH).fetch_all(&mut *snapshot).await?;
                if batch.is_empty() {
                    break;
                }
                for line in &batch {
                    writeln!(out, "{line}").map_err(StoreError::Output)?;
                }
                lines += batch.len() as u64;
            }
            sqlx::raw_sql("close lines").execute(&mut *snapshot).await?;
        }
        snapshot.commit().await?;
        out.flush().map_err(StoreError::Output)?;
        Ok(lines)
    }
}
