//! Where JEX remembers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

/// PostgreSQL, in which JEX and n8n keep what they know.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// Address of a PostgreSQL that runs already, with the user and the database that are JEX's; absent: JEX
    /// runs its own, on a socket that no one else on this machine can open. n8n then keeps its own file.
    /// Example: `"postgres://jex@192.168.1.20/jex"`
    pub url: Option<Url>,
    /// File with the password for `database.url`, if that server wants one.
    /// Example: `"/home/ada/.config/jex/database-password"`
    pub password_file: Option<PathBuf>,
    /// Folder of JEX's own PostgreSQL; absent: among JEX's data. Where root runs JEX it is one below
    /// `/var/lib/jex-postgresql`, since PostgreSQL runs as the user `postgres`, who has to reach it.
    /// Example: `"/srv/jex/postgresql"`
    pub folder: Option<PathBuf>,
}
