//! The way to the database.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgPool};

use crate::audit::Head;
use crate::{Moment, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// sqlx takes any.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// A conversation, the page, a deletion and one more.
const MOST_CONNECTIONS: u32 = 4;
/// Longest wait for a connection.
const CONNECTS_WITHIN: Duration = Duration::from_secs(2);

/// JEX's database. Cheap to clone; it connects when it is needed, and again after PostgreSQL was away.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) head: Head,
}

/// One step of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub version: i64,
    pub name: String,
    /// `None`: it is still to be taken.
    pub taken: Option<Moment>,
}

impl Store {
    /// `address` is a URL; with a socket in the folder `/run/postgresql`:
    /// `postgres://jex@localhost/jex?host=/run/postgresql`, which wants no password. `audit_head` is the file that the
    /// audit's newest hash is kept in (see [`crate::places`]). Within tokio; nothing is connected to yet.
    pub fn open(
        address: &str,
        password: Option<&SecretString>,
        audit_head: impl Into<PathBuf>,
    ) -> Result<Self, StoreError> {
        if !SCHEMES.iter().any(|scheme| address.starts_with(scheme)) {
            let reason = format!("it does not begin with {}", SCHEMES[0]);
            return Err(StoreError::Address { reason });
        }
        let mut options = PgConnectOptions::from_str(address)
            .map_err(|error| StoreError::Address {
                reason: error.to_string(),
            })?
            .application_name("jex");
        if let Some(password) = password {
            options = options.password(password.expose_secret());
        }
        let pool = PgPoolOptions::new()
            .max_connections(MOST_CONNECTIONS)
            .acquire_timeout(CONNECTS_WITHIN)
            .connect_lazy_with(options);
        Ok(Self {
            pool,
            head: Head::at(audit_head),
        })
    }

    /// Takes the steps of the schema that are to be taken, each in a transaction of its own. Two that do so at once
    /// wait for one another.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        // Of its own: when a step fails its lock lasts as long as the connection.
        let mut connection = self.pool.acquire().await?.detach();
        let taken = MIGRATIONS.run(&mut connection).await;
        connection.close().await?;
        Ok(taken?)
    }

    /// The schema's steps, taken or not. A database of a newer JEX is an error.
    pub async fn steps(&self) -> Result<Vec<Step>, StoreError> {
        let taken = self.taken().await?;
        for (version, ..) in &taken {
            if !MIGRATIONS.version_exists(*version) {
                return Err(StoreError::Newer { version: *version });
            }
        }
        let step = |known: &sqlx::migrate::Migration| {
            let found = taken.iter().find(|(version, ..)| *version == known.version);
            if found.is_some_and(|(.., checksum)| **checksum != *known.checksum) {
                return Err(StoreError::Differs {
                    version: known.version,
                });
            }
            Ok(Step {
                version: known.version,
                name: known.description.to_string(),
                taken: found.map(|(_, at, _)| *at),
            })
        };
        MIGRATIONS.iter().map(step).collect()
    }

    async fn taken(&self) -> Result<Vec<(i64, Moment, Vec<u8>)>, StoreError> {
        let is_there: bool =
            sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null")
                .fetch_one(&self.pool)
                .await?;
        if !is_there {
            return Ok(Vec::new());
        }
        let rows = sqlx::query_as(
            "select version, installed_on, checksum from _sqlx_migrations where success order by version",
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// Ends the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
