//! What can be wrong with settings, in words for the owner.

use std::path::PathBuf;

/// Names where, what and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{origin}: there is no setting `{key}`. {remedy}")]
    UnknownKey {
        origin: String,
        key: String,
        remedy: String,
    },
    #[error("{origin}: `{key}` {reason}. {remedy}")]
    WrongValue {
        origin: String,
        key: String,
        reason: String,
        remedy: String,
    },
    #[error("{origin}: `{key}` looks like a secret. {remedy}")]
    SecretInSettings {
        origin: String,
        key: String,
        remedy: String,
    },
    #[error("{file}: {reason}. {remedy}", file = file.display())]
    Syntax {
        file: PathBuf,
        reason: String,
        remedy: &'static str,
    },
    #[error("cannot {deed} {path}: {reason}. {remedy}", path = path.display())]
    File {
        /// "read" or "write".
        deed: &'static str,
        path: PathBuf,
        reason: String,
        remedy: String,
    },
    #[error(
        "{variable} is not set, so there is no place for JEX's files. Set {variable} to your home directory."
    )]
    NoHome { variable: &'static str },
    #[error("{program} was not found. {remedy}")]
    PartMissing { program: String, remedy: String },
}
