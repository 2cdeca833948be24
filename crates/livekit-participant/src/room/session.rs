//! The task of a room: it owns what lasts over reconnects, and does everything that is not media.
//!
//! Nothing here waits: each thing that happens is handled at once and may start others, so that
//! commands, events and a reconnect never hold one another up.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;
use url::Url;

use super::attributes::Attributes;
use super::command::{Command, Commands};
use super::link::{Link, next_response};
use super::outbox::Outbox;
use super::publish::Published;
use super::recovery::{Dial, Dialled, Recovery};
use super::subscribe::{Heard, Wish};
use super::{DisconnectReason, Participant, RoomEvent, RoomOptions, Shared};
use crate::Error;
use crate::data::{Calls, TextReader};
use crate::rtc::{PeerCommand, PeerEvent, Role};
use crate::signal::{Request, Response};

/// How long the media connection may take when a room is joined.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(5);
const ADDRESSES_EVERY: Duration = Duration::from_secs(3);
/// How long leaving may wait for the data that was sent last to arrive.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the server may take to say why it closed a peer connection, to hang up when we left, or
/// to take us in once more for that.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);
/// Nothing is due: look again some time.
const IDLE: Duration = Duration::from_secs(60);

pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    /// For answers of handlers to remote calls.
    pub(super) own_commands: Commands,
    events: mpsc::UnboundedSender<RoomEvent>,
    pub(super) server: Url,
    /// The latest: the server sends fresh ones.
    pub(super) token: String,
    pub(super) options: RoomOptions,
    pub(super) link: Link,
    pub(super) phase: Phase,
    pub(super) tracks: Vec<Published>,
    pub(super) wishes: Vec<Wish>,
    pub(super) heard: HashMap<String, Heard>,
    pub(super) attributes: Attributes,
    pub(super) outbox: Outbox,
    pub(super) text: TextReader,
    pub(super) calls: Calls,
    addresses: Option<Vec<IpAddr>>,
    look_at_addresses: Instant,
}

/// Where a session is.
pub(super) enum Phase {
    /// Joined, media is being connected for the first time.
    Joining {
        ready: oneshot::Sender<Result<(), Error>>,
        deadline: Instant,
    },
    Up,
    Recovering(Recovery),
    /// To be left as soon as what was sent last has arrived.
    Leaving {
        deadline: Instant,
        replies: Vec<oneshot::Sender<()>>,
        /// An attempt to come back that was under way: the server may have taken us in, and is
        /// told then.
        dial: Option<Dial>,
    },
    Over(Ending),
}

pub(super) struct Ending {
    pub reason: DisconnectReason,
    /// Whether the server is to be told.
    pub say_goodbye: bool,
    pub replies: Vec<oneshot::Sender<()>>,
}

// Lives for one turn of the loop.
#[allow(clippy::large_enum_variant)]
enum Happened {
    Command(Option<Command>),
    Response(Option<Response>),
    Peer(Option<(Role, PeerEvent)>),
    Dialled(Result<Dialled, Error>),
    Deadline,
}

impl Session {
    /// A session that was just joined; `ready` is told when media is connected.
    pub fn new(
        (server, token, options): (Url, String, RoomOptions),
        (link, join): (Link, Box<proto::JoinResponse>),
        (own_commands, commands): (Commands, mpsc::UnboundedReceiver<Command>),
        shared: Arc<Shared>,
        events: mpsc::UnboundedSender<RoomEvent>,
        ready: oneshot::Sender<Result<(), Error>>,
    ) -> Self {
        let now = Instant::now();
        let mut session = Self {
            text: TextReader::new(options.max_text_bytes),
            addresses: link.addresses(&options),
            shared,
            commands,
            own_commands,
            events,
            server,
            token,
            options,
            link,
            phase: Phase::Joining {
                ready,
                deadline: now + MEDIA_TIMEOUT,
            },
            tracks: Vec::new(),
            wishes: Vec::new(),
            heard: HashMap::new(),
            attributes: Attributes::default(),
            outbox: Outbox::default(),
            calls: Calls::default(),
            look_at_addresses: now + ADDRESSES_EVERY,
        };
        // Those who are there already are in the room's list, not events.
        session.take_in(&join);
        session.link.negotiate(false);
        session
    }

    /// Until the room is left or lost.
    pub async fn run(mut self) {
        while !matches!(self.phase, Phase::Over(_)) {
            let deadline = self.next_deadline();
            let happened = tokio::select! {
                response = next_response(&mut self.link.signal) => Happened::Response(response),
                event = self.link.peers.recv() => Happened::Peer(event),
                dialled = self.phase.dialled() => Happened::Dialled(dialled),
                command = self.commands.recv() => Happened::Command(command),
                () = sleep_until(deadline.into()) => Happened::Deadline,
            };
            match happened {
                Happened::Response(Some(response)) => self.response(response),
                Happened::Response(None) => self.signal_lost(),
                Happened::Peer(Some((role, event))) => self.peer_event(role, event),
                Happened::Peer(None) => {}
                Happened::Dialled(dialled) => self.dialled(dialled),
                Happened::Command(Some(command)) => self.command(command),
                Happened::Command(None) => self.end(DisconnectReason::ClientInitiated, true),
                Happened::Deadline => self.deadlines(Instant::now()),
            }
            self.settle();
        }
        self.finish().await;
    }

    pub(super) fn emit(&self, event: RoomEvent) {
        // The application may not be interested.
        let _ = self.events.send(event);
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(
            self.phase,
            Phase::Up | Phase::Joining { .. } | Phase::Leaving { .. }
        )
    }

    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::PublishAudio { audio, reply } => self.publish(audio, reply),
            Command::Unpublish { cid, reply } => self.unpublish(&cid, reply),
            Command::Mute { cid, muted } => self.mute(&cid, muted),
            Command::Subscribe {
                track_sid,
                subscribed,
                reply,
            } => {
                self.subscribe(&track_sid, subscribed);
                let _ = reply.send(Ok(()));
            }
            Command::SetAttributes { changes, reply } => self.set_attributes(changes, reply),
            Command::Send { message, reply } => self.send(message, reply),
            Command::Call {
                request,
                destination,
                acknowledged,
                reply,
            } => self.call(request, destination, acknowledged, reply),
            Command::Leave { reply } => self.leave(reply),
        }
    }

    fn peer_event(&mut self, role: Role, event: PeerEvent) {
        match event {
            // One that was given up when the connection broke is followed by another.
            PeerEvent::Offer { id, sdp } if self.link.negotiation.answered(id) == Some(id) => {
                self.link
                    .request(Request::Offer(description("offer", sdp, id)));
            }
            PeerEvent::Offer { .. } => {}
            PeerEvent::NothingToOffer { id } => self.link.negotiated(id),
            PeerEvent::Answered { id, result } => match result {
                Ok(()) => {
                    self.link.negotiated(id);
                    self.published();
                }
                Err(reason) => self.broken("the server's answer cannot be used", &reason),
            },
            PeerEvent::Answer { id, result } => match result {
                Ok(sdp) => {
                    let answer = description("answer", sdp, id);
                    self.link.answer = Some(answer.clone());
                    self.link.request(Request::Answer(answer));
                }
                Err(reason) => self.broken("the server's offer cannot be used", &reason),
            },
            PeerEvent::Connected(connected) => self.link.set_connected(role, connected),
            PeerEvent::Data { reliable, packet } => self.data(reliable, &packet),
            PeerEvent::Sent => self.sent(),
            PeerEvent::Arrived => self.arrived(),
            PeerEvent::Flushed => self.left(),
            PeerEvent::Closed(reason) => self.peer_ended(role, &reason),
        }
    }

    /// Media is faster than the signal connection: when the server closes a room, its goodbye comes
    /// after the end of the peer connections. To join again would open the room again.
    fn peer_ended(&mut self, role: Role, reason: &str) {
        tracing::info!(?role, reason, "a peer connection ended");
        if matches!(self.phase, Phase::Up) && self.link.signal.is_some() {
            self.link
                .ended
                .get_or_insert(Instant::now() + GOODBYE_TIMEOUT);
        } else {
            self.broken("a peer connection ended", reason);
        }
    }

    pub(super) fn next_deadline(&self) -> Instant {
        let answer = self.link.negotiation.deadline();
        let phase = match &self.phase {
            Phase::Joining { deadline, .. } => Some(*deadline),
            Phase::Recovering(recovery) => recovery.deadline().into_iter().chain(answer).min(),
            Phase::Up => self
                .link
                .losses()
                .map(|(_, at)| at)
                .chain(self.link.ended)
                .chain(answer)
                .min(),
            Phase::Leaving { deadline, .. } => Some(*deadline),
            Phase::Over(_) => None,
        };
        let tracks = self.tracks.iter().filter_map(Published::deadline).min();
        let due = [phase, tracks, self.attributes.deadline()];
        let addresses = self.addresses.is_some().then_some(self.look_at_addresses);
        let idle = Instant::now() + IDLE;
        due.into_iter()
            .flatten()
            .chain(addresses)
            .min()
            .unwrap_or(idle)
    }

    pub(super) fn deadlines(&mut self, now: Instant) {
        if self.look_at_addresses <= now {
            self.look_at_addresses = now + ADDRESSES_EVERY;
            self.follow_addresses();
        }
        self.give_up_publishing(now);
        self.attributes.give_up(now);
        match &self.phase {
            Phase::Joining { deadline, .. } if *deadline <= now => {
                self.fail_joining(Error::Timeout {
                    step: "the media connection",
                    after: MEDIA_TIMEOUT,
                });
            }
            Phase::Up if self.link.ended.is_some_and(|at| at <= now) => {
                self.broken("a peer connection ended", "the server does not say why");
            }
            Phase::Up => {
                let lost = self.link.losses().find(|(_, at)| *at <= now);
                if let Some((role, _)) = lost {
                    self.peer_lost(role);
                }
            }
            Phase::Recovering(_) => self.recovery_deadline(now),
            Phase::Leaving { deadline, .. } if *deadline <= now => self.left(),
            Phase::Joining { .. } | Phase::Leaving { .. } | Phase::Over(_) => {}
        }
        let unanswered = self.link.negotiation.deadline().is_some_and(|at| at <= now);
        if unanswered && matches!(self.phase, Phase::Up | Phase::Recovering(_)) {
            self.broken("the server does not answer", "no answer to an offer");
        }
    }

    /// A machine whose address changes keeps its connections.
    fn follow_addresses(&mut self) {
        let addresses = self.link.addresses(&self.options);
        if addresses.is_none() || addresses == self.addresses {
            return;
        }
        tracing::info!(?addresses, "this machine's addresses changed");
        self.addresses.clone_from(&addresses);
        for role in [Role::Publisher, Role::Subscriber] {
            let addresses = addresses.clone().unwrap_or_default();
            self.link.peer(role).send(PeerCommand::Addresses(addresses));
        }
    }

    /// What a fresh session says about the room.
    pub(super) fn take_in(&mut self, join: &proto::JoinResponse) -> Vec<RoomEvent> {
        let mut members = self.shared.members();
        if let Some(room) = &join.room {
            members.room_name.clone_from(&room.name);
        }
        if let Some(local) = &join.participant {
            members.local = Participant::from(local);
        }
        members.roster.replace(&join.other_participants)
    }

    pub(super) fn end(&mut self, reason: DisconnectReason, say_goodbye: bool) {
        self.phase = Phase::Over(Ending {
            reason,
            say_goodbye,
            replies: Vec::new(),
        });
    }

    /// What was sent last (a goodbye) is to arrive before we are gone.
    fn leave(&mut self, reply: Option<oneshot::Sender<()>>) {
        if let Phase::Leaving { replies, .. } = &mut self.phase {
            replies.extend(reply);
            return;
        }
        let (patience, dial) = match std::mem::replace(&mut self.phase, Phase::Up) {
            Phase::Up => {
                self.link.peer(Role::Publisher).send(PeerCommand::Flush);
                (LAST_WORDS_TIMEOUT, None)
            }
            Phase::Recovering(recovery) => match recovery.into_dial() {
                Some(dial) => (GOODBYE_TIMEOUT, Some(dial)),
                None => (Duration::ZERO, None),
            },
            _ => (Duration::ZERO, None),
        };
        self.phase = Phase::Leaving {
            deadline: Instant::now() + patience,
            replies: reply.into_iter().collect(),
            dial,
        };
    }

    pub(super) fn left(&mut self) {
        if let Phase::Leaving { replies, .. } = &mut self.phase {
            let replies = std::mem::take(replies);
            self.phase = Phase::Over(Ending {
                reason: DisconnectReason::ClientInitiated,
                say_goodbye: true,
                replies,
            });
        }
    }

    pub(super) fn fail_joining(&mut self, error: Error) {
        let phase = std::mem::replace(&mut self.phase, Phase::Up);
        if let Phase::Joining { ready, .. } = phase {
            // Whoever joined may have given up.
            let _ = ready.send(Err(error));
        }
        self.end(DisconnectReason::JoinFailure, true);
    }

    async fn finish(mut self) {
        let Phase::Over(ending) = self.phase else {
            return;
        };
        for track in &self.tracks {
            track.audio.close();
        }
        // Handlers may hold handles of the room, which hold them.
        drop(std::mem::take(&mut *self.shared.rpc_handlers()));
        if let Some(mut signal) = self.link.signal.take() {
            if ending.say_goodbye {
                signal.send(Request::Leave(proto::LeaveRequest {
                    reason: proto::DisconnectReason::ClientInitiated as i32,
                    action: proto::leave_request::Action::Disconnect as i32,
                    ..proto::LeaveRequest::default()
                }));
                // The server hangs up then. Were the peer connections, which end with this
                // function, to go first, it might tell the others that we were lost.
                let hung_up = async { while signal.next().await.is_some() {} };
                let _ = tokio::time::timeout(GOODBYE_TIMEOUT, hung_up).await;
            }
            signal.close().await;
        }
        let _ = self.events.send(RoomEvent::Disconnected(ending.reason));
        for reply in ending.replies {
            let _ = reply.send(());
        }
    }
}

fn description(r#type: &str, sdp: String, id: u32) -> proto::SessionDescription {
    proto::SessionDescription {
        r#type: r#type.to_owned(),
        sdp,
        id,
        ..proto::SessionDescription::default()
    }
}
