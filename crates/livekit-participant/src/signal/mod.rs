//! The signal connection: a WebSocket that carries protobuf frames both ways.
//!
//! * `address`: where to, with which parameters
//! * `message`: bytes to messages; what a first message may be
//! * `connection`: the handshake, and the task that moves frames and keeps the socket alive

mod address;
mod connection;
mod message;

pub(crate) use connection::{Keepalive, Signal};
pub(crate) use message::{Request, Response, is_final, left};
