//! The control socket: one line of JSON asks, one line of JSON answers.

mod client;
mod server;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::status::StackStatus;

pub use client::{reload, status, stop, systemd_runs_it, wait_until_stopped};
pub use server::{Access, Request, listen};

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase")]
pub enum Command {
    Status,
    Stop,
    /// Read the settings again and do what they now say.
    Reload,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reply {
    Status(StackStatus),
    Stopping { stopping: bool },
    Reloading(Reloading),
    Error { error: String },
}

/// The settings have been read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloading {
    /// `llm.model`, as the running JEX has it.
    pub model: String,
    /// Where that came from: a file, a variable or a flag, which may be another than the asker's.
    pub model_from: String,
}

/// Longest path that fits into a socket's address (`sun_path` of `unix(7)`), without the zero at its
/// end.
const LONGEST_PATH: usize = 107;

/// Does something with a socket by its path; where that is too long, by a shorter one that leads
/// there.
fn at<T>(path: &Path, then: impl FnOnce(&Path) -> std::io::Result<T>) -> std::io::Result<T> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return then(path);
    };
    if path.as_os_str().len() <= LONGEST_PATH {
        return then(path);
    }
    let folder = File::open(folder)?;
    let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string());
    then(&short.join(name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_socket_may_lie_deep() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("d".repeat(100)).join("e".repeat(100));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("control.sock");

        let listener = at(&path, |path| UnixListener::bind(path)).unwrap();

        assert!(path.exists());
        at(&path, |path| UnixStream::connect(path)).unwrap();
        listener.accept().unwrap();
    }

    #[test]
    fn a_deep_socket_that_is_not_there_is_missed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("d".repeat(200)).join("control.sock");

        let error = at(&path, |path| UnixStream::connect(path)).unwrap_err();

        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }
}
