//! What can be wrong with the files of pairing.

use std::io;
use std::path::{Path, PathBuf};

/// Names the file, what happened and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum PairingError {
    #[error("there is no {path}.", path = path.display())]
    Missing { path: PathBuf },
    /// The system says that we may not.
    #[error("only root and JEX itself may read {path}.", path = path.display())]
    Forbidden { path: PathBuf },
    #[error("cannot {deed} {path}: {reason}. Make its folder readable and writable for JEX.", path = path.display())]
    File {
        /// "read" or "write".
        deed: &'static str,
        path: PathBuf,
        reason: String,
    },
    #[error("{path} is damaged: {reason}. {REMEDY}", path = path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "others than its owner can change {path}. Run `chmod 600 {path}` and look at who is paired with \
         `jex pair --list`.",
        path = path.display()
    )]
    Exposed { path: PathBuf },
}

const REMEDY: &str = "Put it back from a backup, or delete it: then no browser is let in any more, and \
    `jex pair` lets each in again.";

impl PairingError {
    pub(crate) fn reading(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::PermissionDenied => Self::Forbidden { path },
            _ => Self::File {
                deed: "read",
                path,
                reason: error.to_string(),
            },
        }
    }

    pub(crate) fn writing(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Forbidden { path },
            _ => Self::File {
                deed: "write",
                path,
                reason: error.to_string(),
            },
        }
    }
}
