//! The roles and databases of JEX's own PostgreSQL: `jex` and `n8n`, each with what is its own and no way into
//! what is the other's.

use std::path::Path;

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::cluster::SUPERUSER;
use super::connect_as_superuser;
use crate::SupervisorError;

const NAMES: [&str; 2] = ["jex", "n8n"];
const IS_ROLE: &str = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";

/// Makes what is missing; what is there stays.
pub async fn ensure_databases(socket_folder: &Path) -> Result<(), SupervisorError> {
    let making = async {
        let mut connection = connect_as_superuser(socket_folder, SUPERUSER).await?;
        for name in NAMES {
            ensure(&mut connection, name).await?;
        }
        // To forget is to have what was deleted leave the log of changes, too.
        // Since version 15 that can be granted.
        if exists(&mut connection, IS_ROLE, "pg_checkpoint").await? {
            run(&mut connection, "GRANT pg_checkpoint TO jex".into()).await?;
        }
        connection.close().await?;
        let mut connection = connect_as_superuser(socket_folder, "jex").await?;
        let switch = "GRANT EXECUTE ON FUNCTION pg_switch_wal() TO jex";
        run(&mut connection, switch.into()).await?;
        connection.close().await
    };
    making
        .await
        .map_err(|error: sqlx::Error| SupervisorError::Database(error.to_string()))
}

/// Databases are made outside of transactions, so one step may be done and the next not: each is looked for.
async fn ensure(connection: &mut PgConnection, name: &'static str) -> sqlx::Result<()> {
    if !exists(connection, IS_ROLE, name).await? {
        run(connection, format!("CREATE ROLE {name} LOGIN")).await?;
    }
    let is_database = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
    if !exists(connection, is_database, name).await? {
        run(connection, format!("CREATE DATABASE {name} OWNER {name}")).await?;
    }
    run(
        connection,
        format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"),
    )
    .await
}

async fn exists(
    connection: &mut PgConnection,
    query: &'static str,
    name: &str,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(query)
        .bind(name)
        .fetch_one(connection)
        .await
}

/// Names cannot be parameters of these; ours are constants.
async fn run(connection: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(connection)
        .await
        .map(drop)
}
