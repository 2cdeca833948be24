//! Our own attributes: what they should be, and what the server was asked to make of them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use livekit_protocol as proto;

use super::command::Reply;
use super::session::Session;
use crate::Error;
use crate::signal::Request;

const TIMEOUT: Duration = Duration::from_secs(5);
const STEP: &str = "the change of attributes";

#[derive(Default)]
pub(super) struct Attributes {
    /// Everything that was ever set; sent again to a new session.
    wanted: HashMap<String, String>,
    /// The server may not know all of it.
    outdated: bool,
    asked: HashMap<u32, Asked>,
    last_request: u32,
}

struct Asked {
    names: Vec<String>,
    reply: Reply<()>,
    deadline: Instant,
}

impl Attributes {
    pub fn accepted(&mut self, request_id: u32) {
        if let Some(asked) = self.asked.remove(&request_id) {
            let _ = asked.reply.send(Ok(()));
        }
    }

    /// What was refused is not wanted any longer: it would be refused again.
    pub fn refused(&mut self, request_id: u32, error: Error) {
        let Some(asked) = self.asked.remove(&request_id) else {
            return;
        };
        for name in &asked.names {
            self.wanted.remove(name);
        }
        let _ = asked.reply.send(Err(error));
    }

    /// The connection is lost: everything is sent again once it is back.
    pub fn connection_lost(&mut self) {
        self.outdated |= !self.asked.is_empty();
        for (_, asked) in self.asked.drain() {
            let _ = asked.reply.send(Ok(()));
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.asked.values().map(|asked| asked.deadline).min()
    }

    pub fn give_up(&mut self, now: Instant) {
        let late = self.asked.extract_if(|_, asked| asked.deadline <= now);
        for (_, asked) in late {
            let _ = asked.reply.send(Err(Error::Timeout {
                step: STEP,
                after: TIMEOUT,
            }));
        }
    }
}

impl Session {
    pub(super) fn set_attributes(&mut self, changes: HashMap<String, String>, reply: Reply<()>) {
        self.attributes.wanted.extend(changes.clone());
        if !self.is_up() {
            self.attributes.outdated = true;
            let _ = reply.send(Ok(()));
            return;
        }
        let asked = Asked {
            names: changes.keys().cloned().collect(),
            reply,
            deadline: Instant::now() + TIMEOUT,
        };
        let request_id = self.send_attributes(changes);
        self.attributes.asked.insert(request_id, asked);
    }

    /// After a reconnect: `all` for a session that knows nothing.
    pub(super) fn restore_attributes(&mut self, all: bool) {
        let outdated = std::mem::take(&mut self.attributes.outdated) || all;
        if outdated && !self.attributes.wanted.is_empty() {
            self.send_attributes(self.attributes.wanted.clone());
        }
    }

    fn send_attributes(&mut self, attributes: HashMap<String, String>) -> u32 {
        self.attributes.last_request = self.attributes.last_request.wrapping_add(1).max(1);
        let request_id = self.attributes.last_request;
        // Older servers take what is not sent along for empty.
        let (name, metadata) = {
            let members = self.shared.members();
            (members.local.name.clone(), members.local.metadata.clone())
        };
        self.link
            .request(Request::UpdateMetadata(proto::UpdateParticipantMetadata {
                name,
                metadata,
                attributes,
                request_id,
            }));
        request_id
    }
}
