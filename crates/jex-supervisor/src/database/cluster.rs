//! The folder of JEX's own PostgreSQL: made once, for one user of this machine, reached by a socket alone.
//!
//! Whoever connects is known by the kernel (`peer`), so there is no password. PostgreSQL refuses to be root: for
//! root it runs as the user `postgres`, and the folder is that user's.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::unistd::User;
use tokio::process::Command;

use crate::SupervisorError;
use crate::orphans::VARIABLE;

/// The role that initdb makes.
pub(super) const SUPERUSER: &str = "postgres";
/// Relative to the data, holds a number such as `15`.
pub const MAJOR_VERSION_FILE: &str = "PG_VERSION";
/// Who comes in: whom the kernel says and `pg_ident.conf` names, as one of these roles.
const HBA: &str = "local all all peer map=jex\n";
const ROLES: [&str; 3] = [SUPERUSER, "jex", "n8n"];

/// What is prepared before PostgreSQL starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Folder of `initdb`.
    pub programs: PathBuf,
    pub folder: PathBuf,
    /// Who PostgreSQL runs as, where that is not whoever runs JEX.
    pub user: Option<User>,
    /// Users of this machine that may come in.
    pub guests: Vec<String>,
}

impl Cluster {
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn socket_folder(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// Makes what is missing; `mark` is what everything that JEX starts carries. Can be broken off at any point.
    pub async fn prepare(&self, mark: &str) -> Result<(), SupervisorError> {
        self.make_folders()?;
        if !self.data().join(MAJOR_VERSION_FILE).exists() {
            self.initialise(mark).await?;
        }
        self.write("pg_hba.conf", HBA)?;
        self.write("pg_ident.conf", &self.identities())?;
        self.forget_a_dead_server()
    }

    fn make_folders(&self) -> Result<(), SupervisorError> {
        if let Some(parent) = self.folder.parent() {
            std::fs::create_dir_all(parent)
                .map_err(SupervisorError::file("cannot make", parent))?;
        }
        for folder in [self.folder.clone(), self.socket_folder()] {
            let making = std::fs::DirBuilder::new().mode(0o700).create(&folder);
            match making {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(SupervisorError::file("cannot make", &folder)(error));
                }
                _ => self.give_away(&folder)?,
            }
        }
        Ok(())
    }

    /// To the user that PostgreSQL runs as.
    fn give_away(&self, path: &Path) -> Result<(), SupervisorError> {
        let Some(user) = &self.user else {
            return Ok(());
        };
        // Whoever has the folder could have put a link there.
        std::os::unix::fs::lchown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .map_err(SupervisorError::file("cannot give away", path))
    }

    /// Under another name first: what was broken off is never taken for a database.
    async fn initialise(&self, mark: &str) -> Result<(), SupervisorError> {
        let scratch = self.folder.join("data.new");
        let broken_off = std::fs::remove_dir_all(&scratch);
        if let Err(error) = broken_off
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(SupervisorError::file("cannot remove", &scratch)(error));
        }
        let program = self.programs.join("initdb");
        let mut command = Command::new(&program);
        command
            .arg("--pgdata")
            .arg(&scratch)
            .args(["--username", SUPERUSER])
            .args(["--encoding", "UTF8", "--locale", "C.UTF-8"])
            .args(["--auth-local", "peer", "--auth-host", "reject"])
            .arg("--data-checksums")
            .env(VARIABLE, mark)
            .env_remove("PGDATA")
            .current_dir("/")
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(user) = &self.user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        let done = command
            .output()
            .await
            .map_err(SupervisorError::file("cannot start", &program))?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr);
            let reason = format!(
                "initdb could not make {}: {}",
                scratch.display(),
                said.trim()
            );
            return Err(SupervisorError::CannotStart {
                component: "postgresql",
                reason,
            });
        }
        let data = self.data();
        std::fs::rename(&scratch, &data).map_err(SupervisorError::file("cannot make", &data))?;
        std::fs::File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(SupervisorError::file("cannot make", &data))
    }

    /// Who of this machine may be which role.
    fn identities(&self) -> String {
        let mut text = String::new();
        for guest in &self.guests {
            for role in ROLES {
                text.push_str(&format!("jex \"{guest}\" {role}\n"));
            }
        }
        text
    }

    /// Only when it is another text: the disk may be full.
    fn write(&self, name: &str, text: &str) -> Result<(), SupervisorError> {
        let path = self.data().join(name);
        if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        let scratch = self.data().join(format!("{name}.new"));
        let failed = |error| SupervisorError::file("cannot write", &scratch)(error);
        match std::fs::remove_file(&scratch) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
        // Made by us, and no link that whoever has the folder put there.
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&scratch)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(failed)?;
        self.give_away(&scratch)?;
        std::fs::rename(&scratch, &path).map_err(SupervisorError::file("cannot write", &path))
    }

    /// One that was killed leaves its number behind. When another process of the same user has that number now,
    /// PostgreSQL would take it for itself and refuse to start.
    fn forget_a_dead_server(&self) -> Result<(), SupervisorError> {
        let file = self.data().join("postmaster.pid");
        let Ok(text) = std::fs::read_to_string(&file) else {
            return Ok(());
        };
        let number = text.lines().next().unwrap_or_default().trim().to_owned();
        let name = std::fs::read_to_string(format!("/proc/{number}/comm")).unwrap_or_default();
        if name.trim() == "postgres" {
            return Ok(());
        }
        std::fs::remove_file(&file).map_err(SupervisorError::file("cannot remove", &file))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn cluster(folder: &Path) -> Cluster {
        Cluster {
            programs: "/nowhere".into(),
            folder: folder.to_owned(),
            user: None,
            guests: vec!["root".into(), "postgres".into()],
        }
    }

    #[test]
    fn each_guest_may_be_each_role_and_nobody_else_any() {
        let folder = tempfile::tempdir().unwrap();

        let text = cluster(folder.path()).identities();

        assert_eq!(text.lines().count(), 6);
        assert!(text.contains("jex \"root\" n8n\n"));
    }

    #[test]
    fn a_number_that_is_another_process_now_keeps_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = cluster(folder.path());
        std::fs::create_dir(cluster.data()).unwrap();
        let file = cluster.data().join("postmaster.pid");
        std::fs::write(&file, format!("{}\n/somewhere\n", std::process::id())).unwrap();

        cluster.forget_a_dead_server().unwrap();

        assert!(!file.exists());
    }

    #[test]
    fn the_folders_are_for_their_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = cluster(&folder.path().join("deep/pg"));

        cluster.make_folders().unwrap();
        cluster.make_folders().unwrap();

        for path in [cluster.folder.clone(), cluster.socket_folder()] {
            let mode = std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }
}
