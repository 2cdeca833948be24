//! What can go wrong with the stack, in words for the owner.

use std::path::PathBuf;

use jex_config::ConfigError;

/// Says what happened and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("JEX runs already (process {pid}): open {address}. `jex stop` ends it.")]
    RunsAlready { pid: String, address: String },
    #[error("JEX is not running. `jex up` starts it.")]
    NotRunning,
    #[error(
        "JEX runs as process {pid}, but takes no orders yet or any more: it is starting or ending. \
         Try again in a moment; `kill {pid}` ends it, too."
    )]
    StartingOrEnding { pid: String },
    #[error(
        "systemd runs JEX on this machine. `jex status` shows how it is, `systemctl list-units 'jex-*'` \
         its own units."
    )]
    SystemdRunsIt,
    #[error(
        "systemd runs JEX on this machine, and its supervisor answers root and the members of the \
         group `jex` alone. Put `sudo` before the command."
    )]
    NotAllowed,
    #[error(
        "JEX's supervisor does not run on this machine. `systemctl status jex-supervisor` shows why."
    )]
    SupervisorDown,
    #[error("{what} {path}: {source}", path = path.display())]
    File {
        what: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("JEX does not answer on {path}: {reason}", path = path.display())]
    Control { path: PathBuf, reason: String },
    /// What the running JEX says to an order, in its words.
    #[error("{0}")]
    Refused(String),
    #[error("{component} cannot start: {reason}")]
    CannotStart {
        component: &'static str,
        reason: String,
    },
    #[error("{0}")]
    Model(String),
    #[error("PostgreSQL does not do what it is asked: {0}")]
    Database(String),
    #[error("{0}")]
    N8n(String),
    #[error("{0}")]
    NotReady(String),
    #[error("{what}: {source}")]
    System {
        what: &'static str,
        source: std::io::Error,
    },
}

impl SupervisorError {
    pub(crate) fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { what, source }
    }

    pub(crate) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}
