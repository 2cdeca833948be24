//! One more row.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Hash;
use super::chain::{Link, NOTHING};
use crate::{Moment, Store, StoreError};

/// Of all advisory locks, the audit's: "jexaudit".
const LOCK: i64 = i64::from_be_bytes(*b"jexaudit");

/// What happened, before it has a place in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: Uuid,
    pub at: Moment,
    pub kind: &'static str,
    pub call: Option<Uuid>,
    pub tool: Option<String>,
    pub decision: Option<&'static str>,
    pub outcome: Option<String>,
    pub digest: Option<Hash>,
}

impl Event {
    pub fn new(id: Uuid, at: Moment, kind: &'static str) -> Self {
        Self {
            id,
            at,
            kind,
            call: None,
            tool: None,
            decision: None,
            outcome: None,
            digest: None,
        }
    }
}

/// Within a transaction, whose end lets the next one append. An event that is there already is left alone.
pub async fn append(transaction: &mut PgConnection, event: Event) -> Result<(), StoreError> {
    sqlx::query("select pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *transaction)
        .await?;
    let is_there: bool = sqlx::query_scalar("select exists (select from audit where event = $1)")
        .bind(event.id)
        .fetch_one(&mut *transaction)
        .await?;
    if is_there {
        return Ok(());
    }
    let (seq, previous) = newest(&mut *transaction).await?.unwrap_or((0, NOTHING));
    let link = Link {
        seq: seq + 1,
        event: event.id,
        at: event.at,
        kind: event.kind.to_owned(),
        call: event.call,
        tool: event.tool,
        decision: event.decision.map(str::to_owned),
        outcome: event.outcome,
        digest: event.digest,
        previous,
    };
    sqlx::query(
        "insert into audit (seq, event, at, kind, call, tool, decision, outcome, digest, previous, hash) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(link.seq)
    .bind(link.event)
    .bind(link.at)
    .bind(&link.kind)
    .bind(link.call)
    .bind(&link.tool)
    .bind(&link.decision)
    .bind(&link.outcome)
    .bind(link.digest)
    .bind(link.previous)
    .bind(link.hash())
    .execute(transaction)
    .await?;
    Ok(())
}

async fn newest(connection: &mut PgConnection) -> Result<Option<(i64, Hash)>, StoreError> {
    let row = sqlx::query_as("select seq, hash from audit order by seq desc limit 1");
    Ok(row.fetch_optional(connection).await?)
}

impl Store {
    /// Writes the newest hash into the file outside, unless the table has lost what that says: then it has to stay
    /// for [`Store::verify_audit`] to find.
    pub(crate) async fn keep_audit_head(&self) -> Result<(), StoreError> {
        let _lock = self.head.lock().await?;
        let mut connection = self.pool.acquire().await?;
        let Some((seq, hash)) = newest(&mut connection).await? else {
            return Ok(());
        };
        if let Some((known, known_hash)) = self.head.read()? {
            if known == seq && known_hash == hash {
                return Ok(());
            }
            let there: Option<Hash> = sqlx::query_scalar("select hash from audit where seq = $1")
                .bind(known)
                .fetch_optional(&mut *connection)
                .await?;
            if there != Some(known_hash) {
                tracing::error!("the audit was changed: see `jex audit verify`");
                return Ok(());
            }
        }
        self.head.write(seq, &hash)
    }
}
