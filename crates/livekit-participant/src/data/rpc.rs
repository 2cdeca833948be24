//! Remote calls, version 1 of the protocol: requests, acknowledgements and responses are data
//! packets of their own.
//!
//! Numbers and texts are those of LiveKit's SDKs
//! (<https://docs.livekit.io/home/client/data/rpc/#errors>).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use livekit_protocol as proto;
use livekit_protocol::rpc_response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::room::{Command, Commands};

/// Longest payload of a request or a response, in bytes.
pub(crate) const MAX_PAYLOAD: usize = 15 * 1024;
const MAX_MESSAGE: usize = 256;
const VERSION: u32 = 1;
/// Handlers that work at a time.
const MAX_HANDLERS: usize = 32;
/// A destination that does not acknowledge a request within this time is not there. The official
/// SDKs allow for 7 s of latency.
pub(crate) const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(7);

/// A call that failed, here or at the other end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("RPC error {code}: {message}")]
pub struct RpcError {
    /// 1400 and up: LiveKit's own; below: the application's.
    pub code: u32,
    pub message: String,
    /// For the application; may be empty.
    pub data: String,
}

impl RpcError {
    pub const APPLICATION_ERROR: u32 = 1500;
    pub const CONNECTION_TIMEOUT: u32 = 1501;
    pub const RESPONSE_TIMEOUT: u32 = 1502;
    pub const RECIPIENT_DISCONNECTED: u32 = 1503;
    pub const RESPONSE_PAYLOAD_TOO_LARGE: u32 = 1504;
    pub const SEND_FAILED: u32 = 1505;
    pub const UNSUPPORTED_METHOD: u32 = 1400;
    pub const RECIPIENT_NOT_FOUND: u32 = 1401;
    pub const REQUEST_PAYLOAD_TOO_LARGE: u32 = 1402;
    pub const UNSUPPORTED_SERVER: u32 = 1403;
    pub const UNSUPPORTED_VERSION: u32 = 1404;

    /// An error of the application's own.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: String::new(),
        }
    }

    pub(crate) fn built_in(code: u32) -> Self {
        let message = match code {
            Self::CONNECTION_TIMEOUT => "Connection timeout",
            Self::RESPONSE_TIMEOUT => "Response timeout",
            Self::RECIPIENT_DISCONNECTED => "Recipient disconnected",
            Self::RESPONSE_PAYLOAD_TOO_LARGE => "Response payload too large",
            Self::SEND_FAILED => "Failed to send",
            Self::UNSUPPORTED_METHOD => "Method not supported at destination",
            Self::RECIPIENT_NOT_FOUND => "Recipient not found",
            Self::REQUEST_PAYLOAD_TOO_LARGE => "Request payload too large",
            Self::UNSUPPORTED_SERVER => "RPC not supported by server",
            Self::UNSUPPORTED_VERSION => "Unsupported RPC version",
            _ => "Application error in method handler",
        };
        Self::new(code, message)
    }
}

impl From<proto::RpcError> for RpcError {
    fn from(error: proto::RpcError) -> Self {
        Self {
            code: error.code,
            message: error.message,
            data: error.data,
        }
    }
}

impl From<RpcError> for proto::RpcError {
    fn from(error: RpcError) -> Self {
        Self {
            code: error.code,
            message: shorten(error.message, MAX_MESSAGE),
            data: shorten(error.data, MAX_PAYLOAD),
        }
    }
}

/// A call that somebody makes to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcInvocation {
    pub request_id: String,
    pub caller_identity: String,
    pub method: String,
    pub payload: String,
    /// The caller gives up after this time.
    pub response_timeout: Duration,
}

/// Calls `method` of `destination`. The server tells of people who only listen up to 3 s late:
/// not to know someone is no reason not to call.
pub(crate) async fn perform_rpc(
    commands: &Commands,
    destination: &str,
    method: &str,
    payload: &str,
    timeout: Duration,
) -> Result<String, RpcError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(RpcError::built_in(RpcError::REQUEST_PAYLOAD_TOO_LARGE));
    }
    let (acknowledged, acknowledgement) = oneshot::channel();
    let (reply, response) = oneshot::channel();
    let request = proto::RpcRequest {
        id: uuid::Uuid::new_v4().to_string(),
        method: method.to_owned(),
        payload: payload.to_owned(),
        response_timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
        version: VERSION,
        ..proto::RpcRequest::default()
    };
    commands.tell(Command::Call {
        request,
        destination: destination.to_owned(),
        acknowledged,
        reply,
    });
    let acknowledgement = tokio::time::timeout(ACKNOWLEDGED_WITHIN.min(timeout), acknowledgement);
    let answered = async {
        // A response without an acknowledgement is as good: the session drops the one when the
        // other arrives.
        if acknowledgement.await.is_err() {
            return Err(RpcError::built_in(RpcError::CONNECTION_TIMEOUT));
        }
        response
            .await
            .unwrap_or_else(|_| Err(RpcError::built_in(RpcError::RECIPIENT_DISCONNECTED)))
    };
    tokio::time::timeout(timeout, answered)
        .await
        .unwrap_or_else(|_| Err(RpcError::built_in(RpcError::RESPONSE_TIMEOUT)))
}

/// The response to a call.
pub(crate) fn rpc_answer(request_id: &str, result: Result<String, RpcError>) -> proto::RpcResponse {
    let result = result.and_then(|payload| match payload.len() {
        0..=MAX_PAYLOAD => Ok(payload),
        _ => Err(RpcError::built_in(RpcError::RESPONSE_PAYLOAD_TOO_LARGE)),
    });
    proto::RpcResponse {
        request_id: request_id.to_owned(),
        value: Some(match result {
            Ok(payload) => rpc_response::Value::Payload(payload),
            Err(error) => rpc_response::Value::Error(error.into()),
        }),
    }
}

/// Calls under way: ours that wait for a response, and others' that are being worked on.
pub(crate) struct Calls {
    /// By request.
    waiting: HashMap<String, Waiting>,
    slots: Arc<Semaphore>,
}

struct Waiting {
    destination: String,
    acknowledged: Option<oneshot::Sender<()>>,
    reply: oneshot::Sender<Result<String, RpcError>>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            slots: Arc::new(Semaphore::new(MAX_HANDLERS)),
        }
    }
}

impl Calls {
    pub fn begin(
        &mut self,
        request_id: &str,
        destination: &str,
        acknowledged: oneshot::Sender<()>,
        reply: oneshot::Sender<Result<String, RpcError>>,
    ) {
        // Those that nobody waits for any longer.
        self.waiting.retain(|_, waiting| !waiting.reply.is_closed());
        let waiting = Waiting {
            destination: destination.to_owned(),
            acknowledged: Some(acknowledged),
            reply,
        };
        self.waiting.insert(request_id.to_owned(), waiting);
    }

    pub fn acknowledged(&mut self, request_id: &str) {
        let waiting = self.waiting.get_mut(request_id);
        if let Some(acknowledged) = waiting.and_then(|waiting| waiting.acknowledged.take()) {
            let _ = acknowledged.send(());
        }
    }

    pub fn answered(&mut self, response: proto::RpcResponse) {
        let Some(waiting) = self.waiting.remove(&response.request_id) else {
            return;
        };
        let result = match response.value {
            Some(rpc_response::Value::Payload(payload)) => Ok(payload),
            Some(rpc_response::Value::Error(error)) => Err(error.into()),
            // Compressed ones come only to those who say that they read them.
            Some(rpc_response::Value::CompressedPayload(_)) | None => {
                Err(RpcError::built_in(RpcError::UNSUPPORTED_VERSION))
            }
        };
        let _ = waiting.reply.send(result);
    }

    pub fn participant_left(&mut self, identity: &str) {
        let left = self
            .waiting
            .extract_if(|_, waiting| waiting.destination == identity);
        for (_, waiting) in left {
            let error = RpcError::built_in(RpcError::RECIPIENT_DISCONNECTED);
            let _ = waiting.reply.send(Err(error));
        }
    }

    /// To be held while a handler works; `None` when too many do.
    pub fn slot(&self) -> Option<OwnedSemaphorePermit> {
        self.slots.clone().try_acquire_owned().ok()
    }
}

fn shorten(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    text
}
