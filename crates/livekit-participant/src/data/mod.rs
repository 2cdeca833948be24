//! Text streams and remote calls: the messages inside data packets.

mod rpc;
mod text_reader;
mod text_writer;

pub(crate) use rpc::{Calls, perform_rpc, rpc_answer};
pub use rpc::{RpcError, RpcInvocation};
pub(crate) use text_reader::TextReader;
pub use text_writer::{TextOptions, TextStreamWriter};
