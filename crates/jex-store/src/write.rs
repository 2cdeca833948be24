//! Entries become rows, several in one transaction; those of a journal together with how far it is written.

use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::apply::apply;
use crate::record::{Entry, Record};
use crate::{Store, StoreError};

/// The part of a journal file that these entries are, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    pub journal: Uuid,
    pub from: u64,
    pub to: u64,
}

impl Store {
    /// Writes all of them, or none.
    pub async fn write(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        after_deletions(&mut transaction).await?;
        for entry in entries {
            apply(&mut transaction, entry).await?;
        }
        transaction.commit().await?;
        self.after_write(entries).await;
        Ok(())
    }

    /// Writes what a journal has, and how far that is, in one transaction. Rows that PostgreSQL will never take are
    /// left out: returns how many. `None`: it was written further already, by a transaction whose end nobody saw.
    pub(crate) async fn write_journalled(
        &self,
        entries: &[Entry],
        progress: Progress,
    ) -> Result<Option<u64>, StoreError> {
        let mut refused = 0;
        let mut transaction = self.pool.begin().await?;
        if written_until(&mut transaction, progress).await? != progress.from {
            return Ok(None);
        }
        after_deletions(&mut transaction).await?;
        for entry in entries {
            let mut attempt = transaction.begin().await?;
            match apply(&mut attempt, entry).await {
                Ok(()) => attempt.commit().await?,
                Err(StoreError::Refused { reason }) => {
                    attempt.rollback().await?;
                    tracing::error!(id = %entry.id, reason, "a row was left out");
                    refused += 1;
                }
                Err(error) => return Err(error),
            }
        }
        sqlx::query("update journals set position = $2 where id = $1")
            .bind(progress.journal)
            .bind(in_database(progress.to))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        self.after_write(entries).await;
        Ok(Some(refused))
    }

    /// How far that journal file was written, in bytes.
    pub(crate) async fn journal_position(&self, journal: Uuid) -> Result<u64, StoreError> {
        let position: Option<i64> =
            sqlx::query_scalar("select position from journals where id = $1")
                .bind(journal)
                .fetch_optional(&self.pool)
                .await?;
        Ok(position.map_or(0, from_database))
    }

    /// That journal file is gone.
    pub(crate) async fn forget_journal(&self, journal: Uuid) -> Result<(), StoreError> {
        sqlx::query("delete from journals where id = $1")
            .bind(journal)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn after_write(&self, entries: &[Entry]) {
        let is_audited = |entry: &Entry| {
            matches!(
                entry.record,
                Record::Intent(_) | Record::Refusal(_) | Record::Outcome(_) | Record::Gap { .. }
            )
        };
        if entries.iter().any(is_audited) {
            self.note_audit_head().await;
        }
    }

    /// The rows are written already: when this fails, the next one catches up.
    pub async fn note_audit_head(&self) {
        if let Err(error) = self.keep_audit_head().await {
            tracing::warn!(%error, "the audit's newest hash is not kept outside the database");
        }
    }
}

/// Waits for a deletion that goes on, and lets none begin: what is written is either there for it to delete, or knows
/// that it is deleted.
async fn after_deletions(on: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("lock table deletions in row share mode")
        .execute(on)
        .await?;
    Ok(())
}

/// Others that write this journal wait from here on.
async fn written_until(on: &mut PgConnection, progress: Progress) -> Result<u64, StoreError> {
    let position: i64 = sqlx::query_scalar(
        "insert into journals (id, position) values ($1, $2) \
         on conflict (id) do update set position = journals.position returning position",
    )
    .bind(progress.journal)
    .bind(in_database(progress.from))
    .fetch_one(on)
    .await?;
    Ok(from_database(position))
}

/// A position in a file is far below the largest number that either can hold.
fn in_database(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

fn from_database(position: i64) -> u64 {
    u64::try_from(position).unwrap_or(0)
}
