//! Data packets: ours on their way out, others' as they come in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures::FutureExt;
use livekit_protocol as proto;
use livekit_protocol::data_packet::Value;
use prost::Message as _;
use tokio::sync::oneshot;

use super::command::{Message, Reply};
use super::session::Session;
use crate::Error;
use crate::data::{RpcError, RpcInvocation, rpc_answer};
use crate::rtc::{PeerCommand, Role};

/// What the server takes in one packet.
const MAX_PACKET_BYTES: usize = 64_000;
/// Packets that nobody waits for (acknowledgements, responses) are dropped beyond this.
const MAX_KEPT: usize = 1024;
const MAX_RPC_TIMEOUT: Duration = Duration::from_secs(300);

/// Packets of ours that may not have arrived yet, oldest first. Kept, since a new session starts
/// over with them.
#[derive(Default)]
pub(super) struct Outbox {
    packets: VecDeque<Packet>,
    /// So many of them the network has taken.
    taken: usize,
}

struct Packet {
    message: Message,
    /// Who waits for the network to take it.
    reply: Option<Reply<()>>,
}

impl Outbox {
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.packets.len()
    }
}

impl Session {
    pub(super) fn send(&mut self, message: Message, reply: Option<Reply<()>>) {
        if reply.is_none() && self.outbox.packets.len() >= MAX_KEPT {
            tracing::warn!("too many data packets wait; one is dropped");
            return;
        }
        let packet = self.packet(&message);
        if packet.len() > MAX_PACKET_BYTES {
            if let Some(reply) = reply {
                let (bytes, limit) = (packet.len() as u64, MAX_PACKET_BYTES as u64);
                let _ = reply.send(Err(Error::TooLong { bytes, limit }));
            }
            return;
        }
        self.outbox.packets.push_back(Packet { message, reply });
        self.link
            .peer(Role::Publisher)
            .send(PeerCommand::Send(packet));
    }

    /// The network took the oldest one that it had not taken yet.
    pub(super) fn sent(&mut self) {
        let Outbox { packets, taken } = &mut self.outbox;
        let Some(packet) = packets.get_mut(*taken) else {
            return;
        };
        *taken += 1;
        if let Some(reply) = packet.reply.take() {
            let _ = reply.send(Ok(()));
        }
    }

    /// Everything that the network took has arrived at the server.
    pub(super) fn arrived(&mut self) {
        let taken = std::mem::take(&mut self.outbox.taken);
        self.outbox.packets.drain(..taken);
    }

    /// Everything that may not have arrived, for a new session.
    pub(super) fn send_again(&mut self) {
        self.outbox.taken = 0;
        for packet in &self.outbox.packets {
            let identity = self.shared.members().local.identity.clone();
            let packet = self.link.number(&packet.message, &identity);
            self.link
                .peer(Role::Publisher)
                .send(PeerCommand::Send(packet));
        }
    }

    fn packet(&mut self, message: &Message) -> Vec<u8> {
        let identity = self.shared.members().local.identity.clone();
        self.link.number(message, &identity)
    }

    /// A packet came in.
    pub(super) fn data(&mut self, reliable: bool, packet: &[u8]) {
        let packet = match proto::DataPacket::decode(packet) {
            Ok(packet) => packet,
            Err(error) => {
                tracing::debug!(%error, "passing over a data packet");
                return;
            }
        };
        if reliable && !self.link.is_next(&packet) {
            return;
        }
        let sid = packet.participant_sid;
        let identity = packet.participant_identity;
        let now = Instant::now();
        match packet.value {
            Some(Value::StreamHeader(header)) => self.text.header(&sid, &identity, header, now),
            Some(Value::StreamChunk(chunk)) => {
                if let Some(event) = self.text.chunk(&sid, chunk, now) {
                    self.emit(event);
                }
            }
            Some(Value::StreamTrailer(trailer)) => {
                if let Some(event) = self.text.trailer(&sid, trailer) {
                    self.emit(event);
                }
            }
            Some(Value::RpcRequest(request)) => self.called(identity, request),
            Some(Value::RpcAck(ack)) => self.calls.acknowledged(&ack.request_id),
            Some(Value::RpcResponse(response)) => self.calls.answered(response),
            // Not for us, encrypted, or newer than this crate.
            _ => {}
        }
    }

    /// Somebody calls a method of ours.
    fn called(&mut self, caller: String, request: proto::RpcRequest) {
        let request_id = request.id.clone();
        let acknowledgement = Value::RpcAck(proto::RpcAck {
            request_id: request_id.clone(),
        });
        self.send(to(&caller, acknowledgement), None);
        let refusal = |code| {
            let answer = rpc_answer(&request_id, Err(RpcError::built_in(code)));
            to(&caller, Value::RpcResponse(answer))
        };
        if request.version != 1 {
            self.send(refusal(RpcError::UNSUPPORTED_VERSION), None);
            return;
        }
        let handler = self.shared.rpc_handlers().get(&request.method).cloned();
        let Some(handler) = handler else {
            self.send(refusal(RpcError::UNSUPPORTED_METHOD), None);
            return;
        };
        let Some(slot) = self.calls.slot() else {
            tracing::warn!(caller, request.method, "too many calls at a time");
            self.send(refusal(RpcError::APPLICATION_ERROR), None);
            return;
        };
        let timeout =
            Duration::from_millis(request.response_timeout_ms.into()).min(MAX_RPC_TIMEOUT);
        let invocation = RpcInvocation {
            request_id: request.id,
            caller_identity: caller.clone(),
            method: request.method,
            payload: request.payload,
            response_timeout: timeout,
        };
        let commands = self.own_commands.clone();
        tokio::spawn(async move {
            let work = async { handler(invocation).await };
            let work = std::panic::AssertUnwindSafe(work).catch_unwind();
            let result = match tokio::time::timeout(timeout, work).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(RpcError::built_in(RpcError::APPLICATION_ERROR)),
                Err(_) => Err(RpcError::built_in(RpcError::RESPONSE_TIMEOUT)),
            };
            let answer = Value::RpcResponse(rpc_answer(&request_id, result));
            commands.send_and_forget(to(&caller, answer));
            drop(slot);
        });
    }

    /// We call a method of someone else.
    pub(super) fn call(
        &mut self,
        request: proto::RpcRequest,
        destination: String,
        acknowledged: oneshot::Sender<()>,
        reply: oneshot::Sender<Result<String, RpcError>>,
    ) {
        self.calls
            .begin(&request.id, &destination, acknowledged, reply);
        self.send(to(&destination, Value::RpcRequest(request)), None);
    }
}

fn to(identity: &str, value: Value) -> Message {
    Message {
        value,
        destinations: vec![identity.to_owned()],
        sender_identity: None,
    }
}
