//! One session with the server: a signal connection, two peer connections, and what has been
//! agreed upon over them. A full reconnect makes another one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use prost::Message as _;
use str0m::Candidate;
use tokio::sync::mpsc;
use url::Url;

use super::RoomOptions;
use super::command::Message;
use crate::Error;
use crate::rtc::{
    EVENT_QUEUE, PeerCommand, PeerConnection, PeerEvent, Role, local_addresses, on_loopback,
    without_loopback,
};
use crate::signal::{Keepalive, Request, Response, Signal};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer connection that is not connected for this long is lost. Shorter gaps happen when
/// candidates are tried anew.
const LOST_AFTER: Duration = Duration::from_secs(3);
/// Senders whose numbers are remembered; whoever left is forgotten anyway.
const MAX_SENDERS: usize = 4096;

pub(super) struct Link {
    /// `None`: lost, or given up.
    pub signal: Option<Signal>,
    pub keepalive: Keepalive,
    /// Ours in this session.
    pub participant_sid: String,
    pub peers: mpsc::Receiver<(Role, PeerEvent)>,
    /// Keeps the channel open when both connections have ended.
    _peers: mpsc::Sender<(Role, PeerEvent)>,
    publisher: Peer,
    subscriber: Peer,
    primary: Role,
    pub negotiation: Negotiation,
    /// The server's last offer and what we answered, for the server to compare on a resume.
    pub offer: Option<proto::SessionDescription>,
    pub answer: Option<proto::SessionDescription>,
    /// The last sequence number of each sender's reliable packets.
    pub last_received: HashMap<String, u32>,
    /// Of our own reliable packets.
    last_sent: u32,
    /// A peer connection ended; until then the server may say why.
    pub ended: Option<Instant>,
    /// The next update that names us lists everyone.
    pub expects_list: bool,
    is_loopback: bool,
}

struct Peer {
    connection: PeerConnection,
    connected: bool,
    /// Since when `connected` is what it is; `None`: it never was connected.
    since: Option<Instant>,
}

impl Link {
    /// Joins and starts to connect.
    pub async fn join(
        server: &Url,
        token: &str,
        options: &RoomOptions,
    ) -> Result<(Self, Box<proto::JoinResponse>), Error> {
        crate::crypto::install();
        let (mut signal, mut join) = Signal::join(server, token, options.auto_subscribe).await?;
        if let Some(other) = alternative(server, &join) {
            signal.close().await;
            (signal, join) = Signal::join(&other, token, options.auto_subscribe).await?;
        }
        let Some(participant) = &join.participant else {
            return Err(Error::Protocol("the server does not say who we are".into()));
        };
        let participant_sid = participant.sid.clone();
        let addresses = media_addresses(options, signal.is_loopback)?;
        let (events, peers) = mpsc::channel(EVENT_QUEUE);
        let publisher = PeerConnection::spawn(Role::Publisher, &addresses, events.clone()).await?;
        let subscriber =
            PeerConnection::spawn(Role::Subscriber, &addresses, events.clone()).await?;
        let link = Self {
            keepalive: Keepalive::from(join.as_ref()),
            is_loopback: signal.is_loopback,
            signal: Some(signal),
            participant_sid,
            peers,
            _peers: events,
            publisher: Peer::new(publisher),
            subscriber: Peer::new(subscriber),
            primary: if join.subscriber_primary {
                Role::Subscriber
            } else {
                Role::Publisher
            },
            negotiation: Negotiation::default(),
            offer: None,
            answer: None,
            last_received: HashMap::new(),
            last_sent: 0,
            ended: None,
            expects_list: false,
        };
        Ok((link, join))
    }

    /// Sends a message, unless the signal connection is lost.
    pub fn request(&self, request: Request) {
        if let Some(signal) = &self.signal {
            signal.send(request);
        }
    }

    pub fn peer(&self, role: Role) -> &PeerConnection {
        match role {
            Role::Publisher => &self.publisher.connection,
            Role::Subscriber => &self.subscriber.connection,
        }
    }

    pub fn set_connected(&mut self, role: Role, connected: bool) {
        let peer = match role {
            Role::Publisher => &mut self.publisher,
            Role::Subscriber => &mut self.subscriber,
        };
        tracing::debug!(?role, connected, "peer connection");
        peer.connected = connected;
        peer.since = Some(Instant::now());
    }

    /// Whether media and data can flow both ways. The publisher is always offered, since data
    /// goes out on it; where it is the primary one the server connects the other when needed.
    pub fn is_connected(&self) -> bool {
        let receives = self.primary == Role::Subscriber || self.subscriber.since.is_some();
        self.publisher.connected && (!receives || self.subscriber.connected)
    }

    /// When each peer connection that is down counts as lost.
    pub fn losses(&self) -> impl Iterator<Item = (Role, Instant)> {
        let peers = [
            (Role::Publisher, &self.publisher),
            (Role::Subscriber, &self.subscriber),
        ];
        peers.into_iter().filter_map(|(role, peer)| match peer {
            Peer {
                connected: false,
                since: Some(since),
                ..
            } => Some((role, *since + LOST_AFTER)),
            _ => None,
        })
    }

    /// Offers what is to be published, now or after the answer to the offer that is out. While
    /// the signal connection is lost, nothing: whatever comes after it begins with an offer.
    pub fn negotiate(&mut self, ice_restart: bool) {
        if self.signal.is_none() {
            return;
        }
        if let Some(id) = self.negotiation.begin(ice_restart, Instant::now()) {
            let ice_restart = self.negotiation.restarts;
            let offer = PeerCommand::Offer { id, ice_restart };
            self.peer(Role::Publisher).send(offer);
        }
    }

    /// An offer was answered, or there was nothing to offer.
    pub fn negotiated(&mut self, id: u32) {
        if self.negotiation.end(id) {
            self.negotiate(false);
        }
    }

    /// A reliable data packet, with our name and the next number.
    pub fn number(&mut self, message: &Message, identity: &str) -> Vec<u8> {
        self.last_sent = self.last_sent.wrapping_add(1);
        let identity = message.sender_identity.as_deref().unwrap_or(identity);
        let packet = proto::DataPacket {
            participant_identity: identity.to_owned(),
            participant_sid: self.participant_sid.clone(),
            destination_identities: message.destinations.clone(),
            sequence: self.last_sent,
            value: Some(message.value.clone()),
            ..proto::DataPacket::default()
        };
        packet.encode_to_vec()
    }

    /// Whether a reliable packet is new: after a resume some come twice.
    pub fn is_next(&mut self, packet: &proto::DataPacket) -> bool {
        // Servers before 1.9 do not number them.
        if packet.sequence == 0 {
            return true;
        }
        if let Some(last) = self.last_received.get_mut(&packet.participant_sid) {
            let is_next = packet.sequence > *last;
            *last = packet.sequence.max(*last);
            return is_next;
        }
        if self.last_received.len() >= MAX_SENDERS {
            self.last_received.clear();
        }
        let sid = packet.participant_sid.clone();
        self.last_received.insert(sid, packet.sequence);
        true
    }

    /// The addresses that media may use as of now.
    pub fn addresses(&self, options: &RoomOptions) -> Option<Vec<IpAddr>> {
        // Those that were chosen by hand stay.
        if options.ip_addresses.is_some() {
            return None;
        }
        media_addresses(options, self.is_loopback).ok()
    }

    /// Where the server can be reached.
    pub fn way_to_server(&self, role: Role, candidate: Candidate) {
        let here = on_loopback(&candidate).filter(|_| self.is_loopback);
        for candidate in here.into_iter().chain([candidate]) {
            self.peer(role).send(PeerCommand::Candidate(candidate));
        }
    }
}

impl Peer {
    fn new(connection: PeerConnection) -> Self {
        Self {
            connection,
            connected: false,
            since: None,
        }
    }
}

/// The server's next message; never, while there is no connection. Cancel safe.
pub(super) async fn next_response(signal: &mut Option<Signal>) -> Option<Response> {
    match signal {
        Some(signal) => signal.next().await,
        None => std::future::pending().await,
    }
}

fn alternative(server: &Url, join: &proto::JoinResponse) -> Option<Url> {
    if join.alternative_url.is_empty() {
        return None;
    }
    let url = Url::parse(&join.alternative_url).ok()?;
    (url != *server).then_some(url)
}

fn media_addresses(options: &RoomOptions, is_loopback: bool) -> std::io::Result<Vec<IpAddr>> {
    if let Some(chosen) = &options.ip_addresses {
        return Ok(chosen.clone());
    }
    let all = local_addresses()?;
    let outside = without_loopback(&all);
    // A server on this machine may offer loopback, its other addresses, or both.
    Ok(if is_loopback || outside.is_empty() {
        all
    } else {
        outside
    })
}

/// Offers of ours: one at a time.
#[derive(Debug, Default)]
pub(super) struct Negotiation {
    last: u32,
    /// The offer that is out, and until when its answer is waited for.
    out: Option<(u32, Instant)>,
    again: bool,
    /// The one that is out, or the next one, restarts ICE.
    restarts: bool,
}

impl Negotiation {
    /// The number of an offer to be made now, if none is out.
    fn begin(&mut self, ice_restart: bool, now: Instant) -> Option<u32> {
        if self.out.is_some() {
            self.again = true;
            self.restarts |= ice_restart;
            return None;
        }
        self.restarts |= ice_restart;
        self.last = self.last.wrapping_add(1);
        self.out = Some((self.last, now + ANSWER_TIMEOUT));
        Some(self.last)
    }

    /// Whether another one is to be made.
    fn end(&mut self, id: u32) -> bool {
        if self.out.take_if(|(out, _)| *out == id).is_none() {
            return false;
        }
        self.restarts = false;
        std::mem::take(&mut self.again)
    }

    /// The signal connection broke: the answer to the offer that is out will not come.
    pub fn forget(&mut self) {
        self.out = None;
        self.again = false;
        self.restarts = false;
    }

    /// The number that an answer is for; servers before 1.9 leave it out.
    pub fn answered(&self, id: u32) -> Option<u32> {
        let (out, _) = self.out?;
        (id == out || id == 0).then_some(out)
    }

    pub fn is_idle(&self) -> bool {
        self.out.is_none()
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.out.map(|(_, deadline)| deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_go_out_one_at_a_time_and_later_wishes_become_one_more() {
        let now = Instant::now();
        let mut negotiation = Negotiation::default();

        let first = negotiation.begin(false, now).expect("an offer");
        let second = negotiation.begin(false, now);
        let third = negotiation.begin(false, now);

        assert_eq!((second, third), (None, None));
        assert!(!negotiation.end(first + 7), "an answer to nothing");
        assert!(negotiation.end(first), "one more is due");
        let next = negotiation.begin(false, now).expect("the one more");
        assert!(!negotiation.end(next));
        assert!(negotiation.is_idle());
    }

    #[test]
    fn an_answer_without_a_number_is_for_the_offer_that_is_out() {
        let mut negotiation = Negotiation::default();

        assert_eq!(negotiation.answered(0), None);
        let id = negotiation.begin(false, Instant::now()).expect("an offer");

        assert_eq!(negotiation.answered(0), Some(id));
        assert_eq!(negotiation.answered(id), Some(id));
        assert_eq!(negotiation.answered(id + 1), None);
    }
}
