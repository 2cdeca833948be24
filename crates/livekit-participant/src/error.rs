//! What can go wrong in a room.

use std::time::Duration;

use crate::audio::CodecError;
use crate::room::DisconnectReason;

/// What went wrong in or on the way into a room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{0:?} is no LiveKit address: ws://, wss://, http:// or https:// and a host are needed"
    )]
    Address(String),
    #[error("the access token holds characters that no token has")]
    TokenFormat,
    #[error("LiveKit at {address} refused the token ({status}): {message}")]
    Refused {
        address: String,
        status: u16,
        message: String,
    },
    #[error("LiveKit at {address} answered {status}: {message}")]
    Status {
        address: String,
        status: u16,
        message: String,
    },
    #[error("cannot reach LiveKit at {address}: {reason}")]
    Unreachable { address: String, reason: String },
    #[error("{step} took longer than {after:?}")]
    Timeout { step: &'static str, after: Duration },
    /// The server said goodbye in the midst of it.
    #[error("the server ended the session: {reason:?}")]
    Left {
        reason: DisconnectReason,
        /// The server asks not to come back.
        terminal: bool,
    },
    #[error("the server does not keep to the protocol: {0}")]
    Protocol(String),
    #[error("{what} is not allowed: {message}")]
    NotAllowed { what: &'static str, message: String },
    #[error("{what} was refused: {message}")]
    Rejected { what: &'static str, message: String },
    #[error("the room is left")]
    Disconnected,
    #[error("text of {bytes} bytes is more than the {limit} that a stream announced")]
    TooLong { bytes: u64, limit: u64 },
    #[error("no network address to use: {0}")]
    Network(#[from] std::io::Error),
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl Error {
    /// Whether trying the same again is of no use: the address or the token is wrong, or the
    /// server wants us gone. Anything else may pass (a server that starts, a network that comes
    /// back).
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Address(_) | Self::TokenFormat | Self::Refused { .. } => true,
            Self::NotAllowed { .. } | Self::Disconnected | Self::TooLong { .. } => true,
            Self::Left { terminal, .. } => *terminal,
            Self::Status { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Protocol(_)
            | Self::Rejected { .. }
            | Self::Network(_)
            | Self::Codec(_) => false,
        }
    }
}
