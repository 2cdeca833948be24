//! JEX's own PostgreSQL, beside the process itself.
//!
//! * [`cluster`]: its folder, made once; who may come in
//! * [`roles`]: the roles and databases of JEX and n8n

mod cluster;
mod roles;

use jex_config::own_database;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Row};
use url::Url;

pub use cluster::{Cluster, MAJOR_VERSION_FILE};
pub use roles::ensure_databases;

/// SQLSTATE of a server that is starting, recovering or ending.
const CANNOT_CONNECT_NOW: &str = "57P03";

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
