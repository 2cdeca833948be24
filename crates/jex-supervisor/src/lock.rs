//! One JEX per state folder.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;

use jex_config::Paths;

use crate::SupervisorError;

/// Held while `jex up` runs; the kernel frees it however the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or tells who has it. `address` is where that one's page is.
    pub fn take(paths: &Paths, address: &str) -> Result<Self, SupervisorError> {
        let path = paths.state.join("lock");
        let failed = |source| SupervisorError::File {
            what: "cannot write",
            path: path.clone(),
            source,
        };
        std::fs::create_dir_all(&paths.state).map_err(failed)?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text).map_err(failed)?;
                let (pid, address_there) = text.trim().split_once(' ').unwrap_or(("?", address));
                return Err(SupervisorError::RunsAlready {
                    pid: pid.into(),
                    address: address_there.into(),
                });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{} {address}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// Whether some process holds it.
    pub fn is_taken(paths: &Paths) -> bool {
        let Ok(file) = File::open(paths.state.join("lock")) else {
            return false;
        };
        matches!(
            file.try_lock_shared(),
            Err(std::fs::TryLockError::WouldBlock)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_learns_who_and_where() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().to_owned();
        let paths = Paths::from_lookup(|name| (name == "HOME").then(|| root.clone())).unwrap();
        assert!(!Lock::is_taken(&paths));

        let first = Lock::take(&paths, "http://localhost:3000").unwrap();
        let second = Lock::take(&paths, "http://localhost:4000")
            .unwrap_err()
            .to_string();

        assert!(second.contains(&std::process::id().to_string()), "{second}");
        assert!(second.contains("http://localhost:3000"), "{second}");
        assert!(Lock::is_taken(&paths));
        drop(first);
        assert!(Lock::take(&paths, "http://localhost:4000").is_ok());
    }
}
