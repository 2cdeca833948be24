//! JEX's own PostgreSQL, beside the process itself.
//!
//! * [`cluster`]: its folder, made once; who may come in
//! * [`roles`]: the roles and databases of JEX and n8n
//!
//! The tables of JEX's own database are `jex-store`'s; here they are brought up to date at each start.

mod cluster;
mod roles;

use std::path::PathBuf;

use jex_config::{Paths, Settings, own_database, secrets};
use jex_store::{Store, places};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Row};
use url::Url;

use crate::SupervisorError;

pub use cluster::{Cluster, MAJOR_VERSION_FILE};

/// SQLSTATE of a server that is starting, recovering or ending.
const CANNOT_CONNECT_NOW: &str = "57P03";

/// What has to be in PostgreSQL before anybody works with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    pub settings: Settings,
    pub paths: Paths,
}

impl Contents {
    /// Makes what is missing: in JEX's own PostgreSQL roles and databases, in any the tables of JEX's.
    pub async fn ensure(&self, tell: &(dyn Fn(String) + Sync)) -> Result<(), SupervisorError> {
        let (settings, paths) = (&self.settings, &self.paths);
        if settings.database.url.is_none() {
            tell("databases".into());
            roles::ensure_databases(&settings.postgresql_socket_folder(paths)).await?;
        }
        tell("tables".into());
        let password = secrets::database_password(settings)?;
        let address = settings.database_url(paths);
        let head = places::audit_head(settings, paths);
        let migrating = tokio::task::spawn_blocking(move || migrate(&address, password, head));
        migrating
            .await
            .map_err(|error| SupervisorError::NotReady(error.to_string()))?
    }
}

/// On a thread and a runtime of its own: what sqlx returns here cannot be shown to be `Send`.
fn migrate(
    address: &Url,
    password: Option<SecretString>,
    audit_head: PathBuf,
) -> Result<(), SupervisorError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(SupervisorError::system("no runtime"))?;
    let migrated = runtime.block_on(async {
        let store = Store::open(address.as_str(), password.as_ref(), audit_head)?;
        let migrated = store.migrate().await;
        store.close().await;
        migrated
    });
    migrated.map_err(|error| SupervisorError::NotReady(error.to_string()))
}

/// One connection to the database of an address (see [`jex_config::Settings::database_url`]).
pub async fn connect(url: &Url, password: Option<&SecretString>) -> sqlx::Result<PgConnection> {
    let mut options = PgConnectOptions::from_url(url)?.disable_statement_logging();
    if let Some(password) = password {
        options = options.password(password.expose_secret());
    }
    PgConnection::connect_with(&options).await
}

/// Such as `15.14`.
pub async fn version(connection: &mut PgConnection) -> sqlx::Result<String> {
    let row = sqlx::query("SHOW server_version")
        .fetch_one(connection)
        .await?;
    let text: String = row.try_get(0)?;
    // "15.14 (Debian 15.14-0+deb12u1)"
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

/// Whether there is a server, only not one that lets anybody in yet.
pub fn is_starting(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == CANNOT_CONNECT_NOW)
}

/// As the role that may do everything there.
async fn connect_as_superuser(
    socket_folder: &std::path::Path,
    database: &str,
) -> sqlx::Result<PgConnection> {
    let mut url = own_database(cluster::SUPERUSER, socket_folder);
    url.set_path(&format!("/{database}"));
    connect(&url, None).await
}
