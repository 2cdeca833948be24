//! The task around a peer connection.
//!
//! Rules of str0m that the loop keeps: after each change everything that it wants to say is
//! polled before the next change; after each change from outside it is told the time, since new
//! pairs of candidates would wait for the next timer otherwise.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use str0m::channel::ChannelId;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcError};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::publisher::Publisher;
use super::sockets::{DATAGRAM_BYTES, Received, Sockets};
use crate::audio::RtpAudio;
use crate::room::LocalAudio;

/// What LiveKit's SDKs allow in one message of a data channel.
const MAX_DATA_BYTES: u32 = 64_000;
/// Unanswered checks until a pair counts as dead: about 6 s with the intervals below.
const MAX_STUN_RETRANSMITS: usize = 6;
const MAX_STUN_INTERVAL: Duration = Duration::from_millis(1500);
/// A server has a handful of addresses; more than this is not one.
const MAX_REMOTE_CANDIDATES: usize = 64;
/// Events between this task and the session's.
pub(crate) const EVENT_QUEUE: usize = 256;
/// A connection that fails so often in a row, without anything that works in between, is broken.
const MAX_ERRORS: u32 = 16;
pub(super) const RELIABLE: &str = "_reliable";
pub(super) const LOSSY: &str = "_lossy";

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Carries what we send; we offer.
    Publisher,
    /// Carries what we receive; the server offers.
    Subscriber,
}

/// What the session asks of a peer connection.
pub(crate) enum PeerCommand {
    /// Publisher: make an offer of all that is to be published.
    Offer {
        id: u32,
        ice_restart: bool,
    },
    /// Publisher: the server's answer to the offer of that number.
    Answer {
        id: u32,
        sdp: String,
    },
    /// Publisher: to be part of the next offer.
    Publish(Arc<LocalAudio>),
    /// Publisher: by our own id of the track; not part of the next offer.
    Unpublish(String),
    /// Publisher: a packet for the reliable data channel.
    Send(Vec<u8>),
    /// Publisher: tell when all data has arrived.
    Flush,
    /// Subscriber: the server's offer.
    Accept {
        id: u32,
        sdp: String,
    },
    /// Subscriber: where the audio of each media section goes.
    Routes(HashMap<String, Media>),
    /// Subscriber: audio goes there no longer.
    Unroute(Media),
    Candidate(Candidate),
    /// This machine's addresses as of now.
    Addresses(Vec<IpAddr>),
}

/// Where audio packets go.
pub(crate) type Media = mpsc::Sender<RtpAudio>;

/// What a peer connection tells the session.
#[derive(Debug)]
pub(crate) enum PeerEvent {
    /// Publisher: an offer to be sent.
    Offer { id: u32, sdp: String },
    /// Publisher: there was nothing to negotiate.
    NothingToOffer { id: u32 },
    /// Publisher: the answer is in force, or was no answer to what we offered.
    Answered { id: u32, result: Result<(), String> },
    /// Subscriber: the answer to be sent, or why there is none.
    Answer {
        id: u32,
        result: Result<String, String>,
    },
    /// Media and data can flow, or no longer (a restart that is under way included).
    Connected(bool),
    /// A message of a data channel.
    Data { reliable: bool, packet: Vec<u8> },
    /// Publisher: the network took the next of the packets that were to be sent.
    Sent,
    /// Publisher: the server has every packet that the network took.
    Arrived,
    /// Publisher: all data has arrived.
    Flushed,
    /// The end; nothing follows.
    Closed(String),
}

/// A handle to a peer connection's task. Dropping it closes the connection.
pub(crate) struct PeerConnection {
    commands: mpsc::UnboundedSender<PeerCommand>,
}

impl PeerConnection {
    /// Starts one on the given local addresses.
    pub async fn spawn(
        role: Role,
        addresses: &[IpAddr],
        events: mpsc::Sender<(Role, PeerEvent)>,
    ) -> std::io::Result<Self> {
        let sockets = Sockets::bind(addresses).await?;
        let (commands, inbox) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let driver = Driver::new(role, sockets, inbox, events.clone());
            // A peer must not bring down more than its own connection, whatever it sends.
            let result = AssertUnwindSafe(driver.run()).catch_unwind().await;
            let reason = match result {
                Ok(Ok(())) => "closed".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "the WebRTC stack panicked".to_owned(),
            };
            // Nobody listens to a connection that was dropped.
            let _ = events.send((role, PeerEvent::Closed(reason))).await;
        });
        Ok(Self { commands })
    }

    /// Once the task has ended, commands go nowhere; [`PeerEvent::Closed`] tells.
    pub fn send(&self, command: PeerCommand) {
        let _ = self.commands.send(command);
    }
}

pub(super) struct Driver {
    role: Role,
    pub(super) rtc: Rtc,
    sockets: Sockets,
    commands: mpsc::UnboundedReceiver<PeerCommand>,
    events: mpsc::Sender<(Role, PeerEvent)>,
    /// Told to the session before anything else is waited for.
    pub(super) news: VecDeque<PeerEvent>,
    /// Wait until a remote description is in force: candidates that come earlier are lost.
    candidates: VecDeque<Candidate>,
    candidates_seen: usize,
    pub(super) has_remote: bool,
    connected: bool,
    channels: HashMap<ChannelId, bool>,
    pub(super) publisher: Publisher,
    /// By media section.
    pub(super) routes: HashMap<str0m::media::Mid, Media>,
    errors: u32,
}

impl Driver {
    pub(super) fn new(
        role: Role,
        sockets: Sockets,
        commands: mpsc::UnboundedReceiver<PeerCommand>,
        events: mpsc::Sender<(Role, PeerEvent)>,
    ) -> Self {
        crate::crypto::install();
        let mut config = Rtc::builder()
            .clear_codecs()
            .enable_opus(true, false)
            // Our own jitter buffer wants packets as they come.
            .set_rtp_mode(role == Role::Subscriber)
            .set_sctp_max_message_size(MAX_DATA_BYTES);
        config.set_max_stun_retransmits(MAX_STUN_RETRANSMITS);
        config.set_max_stun_rto(MAX_STUN_INTERVAL);
        let mut driver = Self {
            role,
            rtc: config.build(Instant::now()),
            sockets,
            commands,
            events,
            news: VecDeque::new(),
            candidates: VecDeque::new(),
            candidates_seen: 0,
            has_remote: false,
            connected: false,
            channels: HashMap::new(),
            publisher: Publisher::new(Instant::now()),
            routes: HashMap::new(),
            errors: 0,
        };
        let locals: Vec<SocketAddr> = driver.sockets.addresses().collect();
        driver.add_local_candidates(&locals);
        driver
    }

    /// Until the handle is dropped or the connection is broken for good.
    pub(super) async fn run(mut self) -> Result<(), RtcError> {
        let mut buffer = [0; DATAGRAM_BYTES];
        let mut timer = std::pin::pin!(sleep_until(Instant::now().into()));
        loop {
            let deadline = self.advance()?;
            if !self.rtc.is_alive() {
                return Ok(());
            }
            while let Some(event) = self.news.pop_front() {
                if self.events.send((self.role, event)).await.is_err() {
                    return Ok(());
                }
            }
            timer.as_mut().reset(deadline.into());
            tokio::select! {
                received = self.sockets.receive(&mut buffer) => self.receive(&received, &buffer)?,
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command).await?,
                    None => return self.close(),
                },
                () = &mut timer => self.tell_time()?,
            }
        }
    }

    /// Does all that can be done now; returns when to come back.
    fn advance(&mut self) -> Result<Instant, RtcError> {
        self.drain()?;
        while self.add_next_candidate() {
            self.tell_time()?;
            self.drain()?;
        }
        if self.role == Role::Subscriber {
            return self.drain();
        }
        self.play_audio(Instant::now())?;
        self.look_whether_arrived();
        self.write_data()?;
        self.look_whether_flushed();
        let deadline = self.drain()?;
        Ok(deadline.min(self.publisher.next_frame().unwrap_or(deadline)))
    }

    /// Sends and notes everything that the connection has to say; returns its next deadline.
    pub(super) fn drain(&mut self) -> Result<Instant, RtcError> {
        let deadline = loop {
            match self.rtc.poll_output()? {
                Output::Timeout(deadline) => break deadline,
                Output::Transmit(transmit) => {
                    self.sockets
                        .send(transmit.source, transmit.destination, &transmit.contents);
                }
                Output::Event(event) => self.event(event),
            }
        };
        let connected = self.rtc.is_connected();
        if connected != self.connected {
            self.connected = connected;
            self.news.push_back(PeerEvent::Connected(connected));
        }
        Ok(deadline)
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::ChannelOpen(id, label) => {
                let reliable = label == RELIABLE;
                self.channels.insert(id, reliable);
                if reliable {
                    self.publisher.channel_opened(id);
                }
            }
            Event::ChannelClose(id) => {
                self.channels.remove(&id);
                self.publisher.channel_closed(id);
            }
            Event::ChannelData(data) => {
                if let Some(&reliable) = self.channels.get(&data.id) {
                    let packet = data.data;
                    self.news.push_back(PeerEvent::Data { reliable, packet });
                }
            }
            Event::RtpPacket(packet) => self.audio_arrived(&packet),
            _ => {}
        }
    }

    pub(super) fn receive(
        &mut self,
        received: &Received,
        buffer: &[u8; DATAGRAM_BYTES],
    ) -> Result<(), RtcError> {
        let now = Instant::now();
        let Ok(contents) = buffer[..received.length].try_into() else {
            return Ok(());
        };
        let receive = Receive {
            proto: Protocol::Udp,
            source: received.source,
            destination: received.destination,
            contents,
        };
        let input = Input::Receive(now, receive);
        // What does not come from the server is not looked at any further.
        if !self.rtc.accepts(&input) {
            return Ok(());
        }
        let result = self.rtc.handle_input(input);
        self.tolerate(result)
    }

    /// A datagram that cannot be used is no reason to end, many in a row are.
    fn tolerate(&mut self, result: Result<(), RtcError>) -> Result<(), RtcError> {
        match result {
            Ok(()) => self.errors = 0,
            Err(error) if self.errors < MAX_ERRORS => {
                self.errors += 1;
                tracing::debug!(%error, role = ?self.role, "a datagram could not be used");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn command(&mut self, command: PeerCommand) -> Result<(), RtcError> {
        match command {
            PeerCommand::Offer { id, ice_restart } => self.offer(id, ice_restart),
            PeerCommand::Answer { id, sdp } => self.answered(id, &sdp),
            PeerCommand::Publish(audio) => self.publisher.publish(audio),
            PeerCommand::Unpublish(cid) => self.publisher.unpublish(&cid),
            PeerCommand::Send(packet) => self.publisher.queue(packet),
            PeerCommand::Flush => self.publisher.flush(),
            PeerCommand::Accept { id, sdp } => self.accept(id, &sdp),
            PeerCommand::Routes(routes) => self.set_routes(routes),
            PeerCommand::Unroute(media) => {
                self.routes.retain(|_, route| !route.same_channel(&media));
            }
            PeerCommand::Candidate(candidate) => {
                if self.candidates_seen < MAX_REMOTE_CANDIDATES {
                    self.candidates_seen += 1;
                    self.candidates.push_back(candidate);
                }
            }
            PeerCommand::Addresses(addresses) => self.set_addresses(&addresses).await,
        }
        self.drain()?;
        self.tell_time()
    }

    /// Whether there was one that could be added.
    fn add_next_candidate(&mut self) -> bool {
        // While an offer of ours is out, an ICE restart may be: the server's candidates belong to
        // what it answers then.
        if !self.has_remote || self.publisher.is_negotiating() {
            return false;
        }
        let Some(candidate) = self.candidates.pop_front() else {
            return false;
        };
        self.rtc.add_remote_candidate(candidate);
        true
    }

    /// Takes the server's candidates of before an ICE restart for the last ones.
    pub(super) fn expect_new_candidates(&mut self) {
        self.candidates_seen = self.candidates.len();
    }

    async fn set_addresses(&mut self, addresses: &[IpAddr]) {
        for gone in self.sockets.retain(addresses) {
            if let Ok(candidate) = Candidate::host(gone, Protocol::Udp) {
                self.rtc.direct_api().invalidate_candidate(&candidate);
            }
        }
        let added = self.sockets.add(addresses).await;
        self.add_local_candidates(&added);
    }

    fn add_local_candidates(&mut self, addresses: &[SocketAddr]) {
        for &address in addresses {
            match Candidate::host(address, Protocol::Udp) {
                Ok(candidate) => {
                    self.rtc.add_local_candidate(candidate);
                }
                Err(error) => tracing::debug!(%address, %error, "not usable as a candidate"),
            }
        }
    }

    #[cfg(test)]
    pub(super) fn local_address(&self) -> SocketAddr {
        self.sockets.addresses().next().expect("a socket")
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected
    }

    fn tell_time(&mut self) -> Result<(), RtcError> {
        self.rtc.handle_input(Input::Timeout(Instant::now()))
    }

    /// Tells the server; whether it hears is not waited for.
    fn close(mut self) -> Result<(), RtcError> {
        self.rtc.close()?;
        self.drain()?;
        Ok(())
    }
}
