//! What the handles ask of the session's task.

use std::collections::HashMap;
use std::sync::Arc;

use livekit_protocol as proto;
use tokio::sync::{mpsc, oneshot};

use super::local_audio::LocalAudio;
use crate::Error;
use crate::data::RpcError;

/// Answered when it is done, or refused.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

pub(crate) enum Command {
    PublishAudio {
        audio: Arc<LocalAudio>,
        reply: Reply<()>,
    },
    Unpublish {
        cid: String,
        reply: Reply<()>,
    },
    Mute {
        cid: String,
        muted: bool,
    },
    Subscribe {
        track_sid: String,
        subscribed: bool,
        reply: Reply<()>,
    },
    SetAttributes {
        changes: HashMap<String, String>,
        reply: Reply<()>,
    },
    /// Answered when the packet was handed to the network.
    Send {
        message: Message,
        reply: Option<Reply<()>>,
    },
    /// Answered with the payload of the response.
    Call {
        request: proto::RpcRequest,
        destination: String,
        acknowledged: oneshot::Sender<()>,
        reply: oneshot::Sender<Result<String, RpcError>>,
    },
    /// The last handle is gone, or somebody asked.
    Leave {
        reply: Option<oneshot::Sender<()>>,
    },
}

/// A data packet before it has a sequence number.
pub(crate) struct Message {
    pub value: proto::data_packet::Value,
    /// Empty: everyone.
    pub destinations: Vec<String>,
    /// In whose name, if not in ours.
    pub sender_identity: Option<String>,
}

/// Sends commands; does not keep the room open.
#[derive(Clone)]
pub(crate) struct Commands(mpsc::UnboundedSender<Command>);

impl Commands {
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Command>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Sends and waits for the answer.
    pub async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.tell(command(reply));
        answer.await.unwrap_or(Err(Error::Disconnected))
    }

    /// Sends and does not wait. Once the room is left, nobody listens.
    pub fn tell(&self, command: Command) {
        let _ = self.0.send(command);
    }

    pub fn send_and_forget(&self, message: Message) {
        let reply = None;
        self.tell(Command::Send { message, reply });
    }

    pub async fn send(&self, message: Message) -> Result<(), Error> {
        self.ask(|reply| Command::Send {
            message,
            reply: Some(reply),
        })
        .await
    }
}
