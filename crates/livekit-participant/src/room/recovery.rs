//! How a lost connection is mended: the session is resumed where the server still knows it, else
//! the room is joined anew.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::{Duration, Instant};

use livekit_protocol as proto;

use super::link::Link;
use super::session::{Phase, Session};
use super::{DisconnectReason, RoomEvent};
use crate::Error;
use crate::rtc::Role;
use crate::signal::{Request, Signal};

/// Peer connections may take this long to come back, and tracks to be published again.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);
/// 300 ms, doubled with each attempt up to 5 s; a random part of it is waited.
const FIRST_DELAY: Duration = Duration::from_millis(300);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

pub(super) struct Recovery {
    give_up_at: Instant,
    attempt: u32,
    /// Join anew; the session cannot be resumed.
    anew: bool,
    reason: proto::ReconnectReason,
    step: Step,
}

enum Step {
    Waiting {
        until: Instant,
    },
    Dialling(Dial),
    /// Connected; peer connections and tracks are on their way.
    Settling {
        deadline: Instant,
    },
}

pub(super) type Dial = Pin<Box<dyn Future<Output = Result<Dialled, Error>> + Send>>;

pub(super) enum Dialled {
    Resumed(Signal),
    Joined(Box<Link>, Box<proto::JoinResponse>),
}

impl Recovery {
    pub fn deadline(&self) -> Option<Instant> {
        match self.step {
            Step::Waiting { until } => Some(until),
            Step::Settling { deadline } => Some(deadline),
            // Has a time-out of its own.
            Step::Dialling(_) => None,
        }
    }

    /// The attempt that is under way.
    pub fn into_dial(self) -> Option<Dial> {
        match self.step {
            Step::Dialling(dial) => Some(dial),
            Step::Waiting { .. } | Step::Settling { .. } => None,
        }
    }
}

impl Phase {
    /// The outcome of the attempt that is under way; never, if there is none. Cancel safe.
    pub async fn dialled(&mut self) -> Result<Dialled, Error> {
        match self {
            Self::Recovering(Recovery {
                step: Step::Dialling(dial),
                ..
            })
            | Self::Leaving {
                dial: Some(dial), ..
            } => dial.await,
            _ => pending().await,
        }
    }
}

impl Session {
    pub(super) fn signal_lost(&mut self) {
        self.recover(false, proto::ReconnectReason::RrSignalDisconnected);
    }

    pub(super) fn peer_lost(&mut self, role: Role) {
        tracing::warn!(?role, "the media connection is lost");
        let reason = match role {
            Role::Publisher => proto::ReconnectReason::RrPublisherFailed,
            Role::Subscriber => proto::ReconnectReason::RrSubscriberFailed,
        };
        self.recover(false, reason);
    }

    /// The session cannot go on as it is.
    pub(super) fn broken(&mut self, what: &str, reason: &str) {
        tracing::warn!(reason, "{what}");
        self.recover(true, proto::ReconnectReason::RrUnknown);
    }

    /// Starts to mend the connection, or goes on after a failed attempt.
    fn recover(&mut self, anew: bool, reason: proto::ReconnectReason) {
        self.link.signal = None;
        self.link.negotiation.forget();
        self.attributes.connection_lost();
        self.forget_asking();
        match &mut self.phase {
            Phase::Joining { .. } => {
                self.fail_joining(Error::Protocol("the connection broke while joining".into()));
            }
            Phase::Up => {
                // To a server that closed a peer connection there is nothing to be resumed.
                let anew = anew || self.link.ended.is_some();
                tracing::info!(?reason, anew, "mending the connection");
                self.phase = Phase::Recovering(Recovery {
                    give_up_at: Instant::now() + self.options.reconnect_for,
                    attempt: 0,
                    anew,
                    reason,
                    step: Step::Waiting {
                        until: Instant::now(),
                    },
                });
                self.emit(RoomEvent::Reconnecting);
            }
            Phase::Recovering(recovery) => {
                recovery.anew |= anew;
                if !matches!(recovery.step, Step::Dialling(_)) {
                    self.try_later();
                }
            }
            // Whoever leaves need not come back first.
            Phase::Leaving {
                deadline,
                dial: None,
                ..
            } => *deadline = Instant::now(),
            Phase::Leaving { .. } | Phase::Over(_) => {}
        }
    }

    fn try_later(&mut self) {
        let now = Instant::now();
        let Phase::Recovering(recovery) = &mut self.phase else {
            return;
        };
        let delay = delay(recovery.attempt, rand::random());
        recovery.attempt += 1;
        let until = now + delay;
        if until >= recovery.give_up_at {
            tracing::warn!(
                attempts = recovery.attempt,
                "the connection cannot be mended"
            );
            self.end(DisconnectReason::SignalClose, false);
            return;
        }
        recovery.step = Step::Waiting { until };
    }

    pub(super) fn recovery_deadline(&mut self, now: Instant) {
        let Phase::Recovering(recovery) = &mut self.phase else {
            return;
        };
        match recovery.step {
            Step::Waiting { until } if until <= now => {
                let anew = recovery.anew;
                let reason = recovery.reason;
                let dial = if anew {
                    self.join_anew()
                } else {
                    self.resume(reason)
                };
                if let Phase::Recovering(recovery) = &mut self.phase {
                    recovery.step = Step::Dialling(dial);
                }
            }
            Step::Settling { deadline } if deadline <= now => {
                self.broken("the connection is not back in time", "no media");
            }
            _ => {}
        }
    }

    fn join_anew(&self) -> Dial {
        let server = self.server.clone();
        let token = self.token.clone();
        let options = self.options.clone();
        Box::pin(async move {
            let (link, join) = Link::join(&server, &token, &options).await?;
            Ok(Dialled::Joined(Box::new(link), join))
        })
    }

    fn resume(&self, reason: proto::ReconnectReason) -> Dial {
        let server = self.server.clone();
        let token = self.token.clone();
        let sid = self.link.participant_sid.clone();
        let keepalive = self.link.keepalive;
        Box::pin(async move {
            let resume = Signal::resume(&server, &token, &sid, reason, keepalive);
            let (signal, _) = resume.await?;
            Ok(Dialled::Resumed(signal))
        })
    }

    pub(super) fn dialled(&mut self, result: Result<Dialled, Error>) {
        let recovery = match &mut self.phase {
            Phase::Recovering(recovery) => recovery,
            Phase::Leaving { dial, .. } => {
                *dial = None;
                self.back_to_leave(result);
                return;
            }
            _ => return,
        };
        recovery.step = Step::Settling {
            deadline: Instant::now() + SETTLE_TIMEOUT,
        };
        match result {
            // A peer connection ended meanwhile: there is nothing to be resumed.
            Ok(Dialled::Resumed(_)) if recovery.anew => self.try_later(),
            Ok(Dialled::Resumed(signal)) => self.resumed(signal),
            Ok(Dialled::Joined(link, join)) => self.joined_anew(*link, &join),
            Err(error) => self.attempt_failed(&error),
        }
    }

    /// Whoever left meanwhile is back for as long as it takes to say goodbye.
    fn back_to_leave(&mut self, result: Result<Dialled, Error>) {
        match result {
            Ok(Dialled::Resumed(signal)) => self.link.signal = Some(signal),
            Ok(Dialled::Joined(link, _)) => self.link = *link,
            Err(error) => tracing::debug!(%error, "there is nobody to say goodbye to"),
        }
        self.left();
    }

    fn attempt_failed(&mut self, error: &Error) {
        tracing::info!(%error, "an attempt to mend the connection failed");
        if error.is_terminal() {
            let reason = match error {
                Error::Left { reason, .. } => *reason,
                _ => DisconnectReason::SignalClose,
            };
            self.end(reason, false);
            return;
        }
        if let Phase::Recovering(recovery) = &mut self.phase {
            // The server is there and does not know the session, or not as we do.
            let unreachable = matches!(error, Error::Unreachable { .. } | Error::Timeout { .. });
            recovery.anew |= !unreachable;
        }
        self.try_later();
    }

    /// The signal connection is back: say what we believe, then restart ICE.
    fn resumed(&mut self, signal: Signal) {
        self.link.signal = Some(signal);
        self.link.expects_list = true;
        let last_received = self.link.last_received.iter();
        let sync = proto::SyncState {
            offer: self.link.offer.clone(),
            answer: self.link.answer.clone(),
            subscription: Some(self.subscription_to_sync()),
            publish_tracks: self.tracks_to_sync(),
            datachannel_receive_states: last_received
                .map(|(sid, sequence)| proto::DataChannelReceiveState {
                    publisher_sid: sid.clone(),
                    last_seq: *sequence,
                })
                .collect(),
            ..proto::SyncState::default()
        };
        self.link.request(Request::SyncState(sync));
        self.link.negotiate(true);
    }

    /// A new session: everything starts over.
    fn joined_anew(&mut self, link: Link, join: &proto::JoinResponse) {
        self.stop_hearing_all();
        self.link = link;
        self.forget_tracks();
        let events = self.take_in(join);
        self.tell(events);
        self.link.negotiate(false);
        self.ask_for_tracks();
        self.restore_attributes(true);
        self.restore_subscriptions();
        self.send_again();
    }

    /// Looks whether everything that was on its way has arrived.
    pub(super) fn settle(&mut self) {
        let connected = self.link.signal.is_some()
            && self.link.negotiation.is_idle()
            && self.link.is_connected();
        if !connected {
            return;
        }
        match &self.phase {
            Phase::Joining { .. } => {
                let phase = std::mem::replace(&mut self.phase, Phase::Up);
                if let Phase::Joining { ready, .. } = phase
                    && ready.send(Ok(())).is_err()
                {
                    // Whoever joined has given up.
                    self.end(DisconnectReason::ClientInitiated, true);
                }
            }
            Phase::Recovering(Recovery {
                step: Step::Settling { .. },
                anew,
                ..
            }) => {
                let anew = *anew;
                if anew && !self.all_tracks_live() {
                    return;
                }
                self.phase = Phase::Up;
                self.restore_attributes(false);
                self.restore_subscriptions();
                self.restore_mutes();
                self.ask_for_tracks();
                self.emit(if anew {
                    RoomEvent::Reconnected
                } else {
                    RoomEvent::Resumed
                });
            }
            _ => {}
        }
    }
}

/// `chance` is between 0 and 1; the first attempt is made at once.
fn delay(attempt: u32, chance: f64) -> Duration {
    let longest = FIRST_DELAY
        .saturating_mul(2_u32.saturating_pow(attempt))
        .min(LONGEST_DELAY);
    longest.mul_f64(chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_up_to_a_limit() {
        assert_eq!(delay(0, 1.0), FIRST_DELAY);
        assert_eq!(delay(2, 1.0), 4 * FIRST_DELAY);
        assert_eq!(delay(u32::MAX, 1.0), LONGEST_DELAY);
        assert_eq!(delay(5, 0.0), Duration::ZERO);
    }
}
