//! All rows, read and held against one another, the file outside and the calls that are still there.

use sqlx::FromRow;
use uuid::Uuid;

use super::Hash;
use super::chain::{Fault, Link, Reader, digest};
use crate::{Moment, Store, StoreError};

/// Rows read at once.
const BATCH: i64 = 1000;

/// An audit that is as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    pub rows: i64,
    /// Of the rows' digests, those whose text is still there, and the same.
    pub texts: u64,
}

#[derive(FromRow)]
struct Row {
    seq: i64,
    event: Uuid,
    at: Moment,
    kind: String,
    call: Option<Uuid>,
    tool: Option<String>,
    decision: Option<String>,
    outcome: Option<String>,
    digest: Option<Hash>,
    previous: Hash,
    hash: Hash,
    /// What the digest is of, where it was not deleted.
    text: Option<String>,
    salt: Option<Uuid>,
}

impl Store {
    /// Reads the whole audit. `Ok(Err)`: it was tampered with, or a backup older than the file outside was restored.
    pub async fn verify_audit(&self) -> Result<Result<Verified, Fault>, StoreError> {
        // Before the rows: they only become more.
        let mut reader = Reader::new(self.head.read()?);
        let mut texts = 0;
        let mut after = i64::MIN;
        loop {
            let rows = self.rows_after(after).await?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            for row in rows {
                match check(&mut reader, row) {
                    Ok(has_text) => texts += u64::from(has_text),
                    Err(fault) => return Ok(Err(fault)),
                }
            }
        }
        Ok(reader.end().map(|rows| Verified { rows, texts }))
    }

    async fn rows_after(&self, seq: i64) -> Result<Vec<Row>, StoreError> {
        let rows = sqlx::query_as(
            "select audit.*, tool_calls.salt, case \
                 when audit.kind = 'outcome' and audit.outcome = tool_calls.outcome then tool_calls.result \
                 when audit.kind <> 'outcome' then tool_calls.arguments \
             end as text \
             from audit left join tool_calls on tool_calls.id = audit.call \
             where audit.seq > $1 order by audit.seq limit $2",
        );
        Ok(rows.bind(seq).bind(BATCH).fetch_all(&self.pool).await?)
    }
}

/// Returns whether the text of the row's digest is still there.
fn check(reader: &mut Reader, row: Row) -> Result<bool, Fault> {
    let link = Link {
        seq: row.seq,
        event: row.event,
        at: row.at,
        kind: row.kind,
        call: row.call,
        tool: row.tool,
        decision: row.decision,
        outcome: row.outcome,
        digest: row.digest,
        previous: row.previous,
    };
    reader.read(&link, row.hash)?;
    let (Some(kept), Some(text), Some(salt)) = (row.digest, row.text, row.salt) else {
        return Ok(false);
    };
    if digest(salt, &text) != kept {
        return Err(Fault::TextChanged { seq: row.seq });
    }
    Ok(true)
}
