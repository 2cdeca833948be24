//! Where JEX's database is.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use url::Url;

use crate::{Paths, Settings};

/// Part of the name of its socket; nobody listens on it otherwise.
const PORT: u16 = 5432;
/// Below it are the databases of all JEX that root runs on this machine.
const OF_ROOT: &str = "/var/lib/jex-postgresql";

impl Settings {
    /// Folder of JEX's own PostgreSQL.
    pub fn postgresql_folder(&self, paths: &Paths) -> PathBuf {
        let own = || match is_root() {
            true => below(Path::new(OF_ROOT), &paths.data),
            false => paths.data.join("postgresql"),
        };
        self.database.folder.clone().unwrap_or_else(own)
    }

    /// Folder of that one's socket, which is for its user and root alone.
    pub fn postgresql_socket_folder(&self, paths: &Paths) -> PathBuf {
        self.postgresql_folder(paths).join("socket")
    }

    /// Address of JEX's database, as sqlx takes it: `postgres://user@host/database`, with a folder as `host` in
    /// the query where it is a socket. Never with a password: [`crate::secrets::database_password`] has that.
    pub fn database_url(&self, paths: &Paths) -> Url {
        let own = || own_database("jex", &self.postgresql_socket_folder(paths));
        self.database.url.clone().unwrap_or_else(own)
    }

    /// Address of n8n's database; `None` where it is none of JEX's business, or a file.
    pub fn n8n_database_url(&self, paths: &Paths) -> Option<Url> {
        let has_own = self.n8n.url.is_none() && self.database.url.is_none();
        let own = || own_database("n8n", &self.postgresql_socket_folder(paths));
        self.n8n.database_url.clone().or_else(|| has_own.then(own))
    }
}

/// Address of a database of JEX's own PostgreSQL that bears its user's name.
pub fn own_database(name: &str, socket_folder: &Path) -> Url {
    // The port is said, since `PGPORT` in an environment would be taken for what is not.
    let mut url = Url::parse(&format!("postgres://{name}@localhost:{PORT}/{name}"))
        .expect("a name makes an address");
    let folder = socket_folder.to_string_lossy();
    url.query_pairs_mut().append_pair("host", &folder);
    url
}

/// `/proc/self` belongs to whoever asks.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// A folder for each JEX: a short name, since that of a socket must not be longer than 107 bytes.
fn below(folder: &Path, data: &Path) -> PathBuf {
    let digest = Sha256::digest(data.as_os_str().as_encoded_bytes());
    let name: String = digest[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    folder.join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(home: &str) -> Paths {
        Paths::from_lookup(|name| (name == "HOME").then(|| home.into())).unwrap()
    }

    #[test]
    fn its_own_is_reached_by_a_socket_without_a_password() {
        let mut settings = Settings::default();
        settings.database.folder = Some("/srv/a b/pg".into());

        let url = settings.database_url(&paths("/home/ada"));

        assert_eq!(
            url.as_str(),
            "postgres://jex@localhost:5432/jex?host=%2Fsrv%2Fa+b%2Fpg%2Fsocket"
        );
    }

    #[test]
    fn a_configured_one_is_taken_as_it_is() {
        let mut settings = Settings::default();
        settings.database.url = Some("postgres://jex@10.0.0.7/memory".parse().unwrap());

        let url = settings.database_url(&paths("/home/ada"));

        assert_eq!(url.as_str(), "postgres://jex@10.0.0.7/memory");
    }

    #[test]
    fn n8ns_is_known_where_it_is_our_own() {
        let paths = paths("/home/ada");
        let mut settings = Settings::default();
        settings.database.folder = Some("/srv/pg".into());
        let own = settings.n8n_database_url(&paths).unwrap();

        settings.n8n.url = Some("http://10.0.0.7:5678".parse().unwrap());
        let elsewhere = settings.n8n_database_url(&paths);
        settings.n8n.database_url = Some("postgres://n8n@10.0.0.7/n8n".parse().unwrap());

        assert!(
            own.as_str().starts_with("postgres://n8n@localhost"),
            "{own}"
        );
        assert_eq!(elsewhere, None);
        assert_eq!(settings.n8n_database_url(&paths), settings.n8n.database_url);
    }

    #[test]
    fn each_jex_of_root_has_a_folder_of_its_own_that_others_can_reach() {
        let of = |home: &str| below(Path::new(OF_ROOT), &paths(home).data);

        assert_ne!(of("/root"), of("/tmp/x"));
        assert_eq!(of("/root"), of("/root"));
        assert!(of("/root").starts_with(OF_ROOT));
    }
}
