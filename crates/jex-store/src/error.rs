//! What can go wrong with what JEX remembers.

use std::io;
use std::path::PathBuf;

use sqlx::migrate::MigrateError;

/// Says what happened, what it means and what to do; never what was said.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("`database.url` is no address of a PostgreSQL database: {reason}.")]
    Address { reason: String },
    /// Not there, or it takes no writes: later it may.
    #[error(
        "PostgreSQL cannot be used now: {reason}. `jex status` shows how it is; free disk space is what it lacks \
         most often."
    )]
    Away { reason: String },
    #[error("the database has no tables of JEX yet, or older ones. Run `jex db migrate`.")]
    NotMigrated,
    #[error(
        "the database was used by a newer JEX: it has version {version}, which this one does not know. Upgrade JEX, or \
         restore the backup from before."
    )]
    Newer { version: i64 },
    #[error(
        "version {version} of the database was made by another JEX than this one. Restore a backup, or go back to the \
         JEX that made it."
    )]
    Differs { version: i64 },
    /// It would be refused again.
    #[error("PostgreSQL refused a row: {reason}.")]
    Refused { reason: String },
    #[error("PostgreSQL failed: {reason}.")]
    Database { reason: String },
    #[error("cannot {deed} {path}: {reason}. Make its folder readable and writable for JEX.", path = path.display())]
    File {
        /// "read" or "write".
        deed: &'static str,
        path: PathBuf,
        reason: String,
    },
    #[error("{path} is not as JEX wrote it: {reason}. Put it back from a backup.", path = path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "the journal is full ({limit} bytes), and PostgreSQL is away. `jex status` shows how that is."
    )]
    JournalFull { limit: u64 },
    #[error(
        "somebody reads the database since before the deletion. Its words are gone once they end: run `jex history \
             erase` then."
    )]
    StillRead,
    #[error("cannot write what was asked for: {0}.")]
    Output(io::Error),
}

impl StoreError {
    /// Whether the same may succeed later, with nothing changed by us.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::NotMigrated)
    }

    pub(crate) fn file(deed: &'static str, path: &std::path::Path, error: &io::Error) -> Self {
        Self::File {
            deed,
            path: path.to_owned(),
            reason: error.to_string(),
        }
    }
}

/// PostgreSQL's error codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(refusal) = &error else {
            let reason = error.to_string();
            return match error {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::BeginFailed => Self::Away { reason },
                sqlx::Error::Configuration(_) => Self::Address { reason },
                _ => Self::Database { reason },
            };
        };
        let code = refusal.code().unwrap_or_default();
        let reason = format!("{} ({code})", refusal.message());
        match code.get(..2).unwrap_or_default() {
            // Connection, authorization, transaction rolled back by another, resources, intervention, system.
            "08" | "28" | "40" | "53" | "55" | "57" | "58" => Self::Away { reason },
            // The database is not there yet.
            "3D" => Self::Away { reason },
            // What it can never take: wrong, in the way of another, or too large.
            "22" | "23" | "54" => Self::Refused { reason },
            _ if ["42P01", "42703", "42883"].contains(&code.as_ref()) => Self::NotMigrated,
            _ => Self::Database { reason },
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => Self::Newer { version },
            MigrateError::VersionMismatch(version) => Self::Differs { version },
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::Database {
                reason: other.to_string(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        assert!(StoreError::from(sqlx::Error::PoolTimedOut).is_passing());
        assert!(!StoreError::from(sqlx::Error::RowNotFound).is_passing());
    }
}
