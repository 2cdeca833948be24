//! One JEX per state folder.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use jex_config::Paths;

use crate::SupervisorError;

/// Tries, with a pause between them, until it counts as taken: [`Lock::holder`] has it for a moment.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(20);

/// Held while `jex up` runs; the kernel frees it however the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or tells who has it. `address` is where that one's page is.
    pub fn take(paths: &Paths, address: &str) -> Result<Self, SupervisorError> {
        let path = paths.lock();
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
        let mut tries = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    let (pid, address_there) = read(&mut file).map_err(failed)?;
                    return Err(SupervisorError::RunsAlready {
                        pid,
                        address: address_there.unwrap_or_else(|| address.into()),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{} {address}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// Number of the process that holds it.
    pub fn holder(paths: &Paths) -> Option<String> {
        let mut file = File::open(paths.lock()).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                Some(read(&mut file).map_or("?".into(), |(pid, _)| pid))
            }
            _ => None,
        }
    }
}

/// The process that wrote it, and the address of its page.
fn read(file: &mut File) -> std::io::Result<(String, Option<String>)> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(match text.trim().split_once(' ') {
        Some((pid, address)) => (pid.into(), Some(address.into())),
        None => ("?".into(), None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_learns_who_and_where() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().to_owned();
        let paths = Paths::from_lookup(|name| (name == "HOME").then(|| root.clone())).unwrap();
        assert_eq!(Lock::holder(&paths), None);

        let first = Lock::take(&paths, "http://localhost:3000").unwrap();
        let second = Lock::take(&paths, "http://localhost:4000")
            .unwrap_err()
            .to_string();

        assert!(second.contains(&std::process::id().to_string()), "{second}");
        assert!(second.contains("http://localhost:3000"), "{second}");
        assert_eq!(Lock::holder(&paths), Some(std::process::id().to_string()));
        drop(first);
        assert!(Lock::take(&paths, "http://localhost:4000").is_ok());
    }
}
