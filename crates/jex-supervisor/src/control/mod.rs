//! The control socket: one line of JSON asks, one line of JSON answers.

mod client;
mod server;

use serde::{Deserialize, Serialize};

use crate::status::StackStatus;

pub use client::{reload, status, stop, wait_until_stopped};
pub use server::{Request, listen};

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
    Reloading { reloading: bool },
    Error { error: String },
}
