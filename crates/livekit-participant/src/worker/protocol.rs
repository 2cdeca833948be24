//! Every rule of the worker protocol, without I/O.
//!
//! Inputs go in through [`Protocol::handle`] with the time, what is to be done comes out of
//! [`Protocol::poll`], and [`Protocol::next_deadline`] says when to come back at the latest.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use url::Url;

use super::backoff::Backoff;
use super::exchange::{Config, Event, Input, Output};
use super::incoming::Incoming;
use super::job::{Acceptance, JobStatus, Offer};
use super::offers::Offers;
use super::outgoing;

/// livekit-server closes a socket that did not register within ten seconds; it answers at once.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the load is reported, as LiveKit's own workers do.
const REPORT_INTERVAL: Duration = Duration::from_millis(2_500);
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// A server that is silent for this long, pings notwithstanding, is gone.
const SILENCE: Duration = Duration::from_secs(15);
/// A server that shuts down terminates every job just before it hangs up. A termination is meant
/// when the connection outlives it by this much.
pub(super) const MEANT_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Link {
    /// No socket; the next attempt is due at `until`.
    Down {
        until: Instant,
    },
    /// A socket is being opened.
    Dialling,
    /// The socket is open, the registration under way.
    Registering {
        deadline: Instant,
    },
    Registered(Registration),
    Closed,
}

/// What holds for one registration only: the server forgets it with the socket.
#[derive(Debug)]
struct Registration {
    next_report: Instant,
    next_ping: Instant,
    last_heard: Instant,
    offers: Offers,
    /// Terminated jobs, and when that is to be believed.
    terminations: BTreeMap<String, Instant>,
}

/// The worker's side of the protocol.
#[derive(Debug)]
pub(super) struct Protocol {
    config: Config,
    random: StdRng,
    backoff: Backoff,
    link: Link,
    load: f32,
    running: BTreeSet<String>,
    draining: bool,
    drained: bool,
    /// The last reason that the application was told, while nothing has changed since.
    told: Option<String>,
    outputs: VecDeque<Output>,
}

impl Protocol {
    /// `seed` decides the chance in the delays between attempts.
    pub(super) fn new(config: Config, now: Instant, seed: u64) -> Self {
        Self {
            config,
            random: StdRng::seed_from_u64(seed),
            backoff: Backoff::new(),
            link: Link::Down { until: now },
            load: 0.0,
            running: BTreeSet::new(),
            draining: false,
            drained: false,
            told: None,
            outputs: VecDeque::new(),
        }
    }

    pub(super) fn is_registered(&self) -> bool {
        matches!(self.link, Link::Registered(_))
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.link, Link::Closed)
    }

    pub(super) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due at the latest; `None`: nothing is waited for.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match &self.link {
            Link::Down { until } => Some(*until),
            Link::Registering { deadline } => Some(*deadline),
            Link::Registered(registration) => registration
                .terminations
                .values()
                .copied()
                .chain([
                    registration.next_report,
                    registration.next_ping,
                    registration.last_heard + SILENCE,
                ])
                .min(),
            // The dial has a time-out of its own.
            Link::Dialling | Link::Closed => None,
        }
    }

    /// The load that the next reports carry; what is not a number counts as fully loaded.
    pub(super) fn set_load(&mut self, load: f32) {
        self.load = if load.is_nan() {
            1.0
        } else {
            load.clamp(0.0, 1.0)
        };
    }

    pub(super) fn handle(&mut self, now: Instant, input: Input<'_>) {
        if self.is_closed() {
            return;
        }
        match input {
            Input::Connected => self.connected(now),
            Input::Disconnected(reason) => self.disconnected(now, reason),
            Input::Received(bytes) => self.received(now, bytes),
            Input::Answer(job_id, acceptance) => self.answer(now, job_id, acceptance),
            Input::UpdateJob(job_id, status) => self.update_job(job_id, status),
            Input::Drain => self.drain(),
            Input::Close => self.close(),
            Input::Tick => {}
        }
        self.tick(now);
        self.check_drained();
    }

    fn connected(&mut self, now: Instant) {
        if !matches!(self.link, Link::Dialling) {
            return;
        }
        let register = outgoing::register(&self.config.agent_name, &self.config.version);
        self.send(register);
        let deadline = now + REGISTER_TIMEOUT;
        self.link = Link::Registering { deadline };
    }

    fn disconnected(&mut self, now: Instant, reason: String) {
        if matches!(self.link, Link::Down { .. }) {
            return;
        }
        let delay = self.backoff.delay(self.random.random());
        self.link = Link::Down { until: now + delay };
        if self.told.as_ref() != Some(&reason) {
            self.told = Some(reason.clone());
            self.tell(Event::Lost { reason });
        }
    }

    /// Gives the socket up by our own decision.
    fn hang_up(&mut self, now: Instant, reason: String) {
        self.outputs.push_back(Output::HangUp);
        self.disconnected(now, reason);
    }

    fn received(&mut self, now: Instant, bytes: &[u8]) {
        if let Link::Registered(registration) = &mut self.link {
            registration.last_heard = now;
        }
        let message = match Incoming::parse(bytes) {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(%error, "ignoring a message of the server");
                return;
            }
        };
        match message {
            Incoming::Registered {
                worker_id,
                server_version,
            } => self.registered(now, worker_id, server_version),
            Incoming::Offered(offer) => self.offered(now, offer),
            Incoming::Assigned {
                job_id,
                room_name,
                url,
                token,
            } => self.assigned(job_id, room_name, url, token),
            Incoming::Terminated { job_id } => self.terminated(now, job_id),
            Incoming::Pong => {}
            Incoming::GoAway { reason } => {
                if matches!(self.link, Link::Registering { .. } | Link::Registered(_)) {
                    self.hang_up(now, format!("the server goes away: {reason}"));
                }
            }
        }
    }

    fn registered(&mut self, now: Instant, worker_id: String, server_version: String) {
        if !matches!(self.link, Link::Registering { .. }) {
            return;
        }
        self.link = Link::Registered(Registration {
            next_report: now + REPORT_INTERVAL,
            next_ping: now + PING_INTERVAL,
            last_heard: now,
            offers: Offers::default(),
            terminations: BTreeMap::new(),
        });
        self.backoff.reset();
        self.told = None;
        self.tell(Event::Registered {
            worker_id,
            server_version,
        });
        // A server that restarted knows of no job; one that did not lost us for a moment.
        for job_id in self.running.clone() {
            self.send(outgoing::job_status(job_id, &JobStatus::Running));
        }
        // The server takes a new worker for available until told otherwise.
        self.report();
    }

    fn offered(&mut self, now: Instant, offer: Offer) {
        let is_full = self.is_full();
        let Link::Registered(registration) = &mut self.link else {
            return;
        };
        if self.running.contains(&offer.job_id) || !registration.offers.add(now, &offer.job_id) {
            tracing::warn!(job_id = offer.job_id, "a job that was offered already");
            return;
        }
        if is_full {
            registration.offers.reject(&offer.job_id);
            self.send(outgoing::rejection(offer.job_id));
            return;
        }
        self.tell(Event::Offered(offer));
    }

    fn answer(&mut self, now: Instant, job_id: String, acceptance: Option<Acceptance>) {
        let is_full = self.is_full();
        let Link::Registered(registration) = &mut self.link else {
            return;
        };
        if !registration.offers.is_unanswered(&job_id) {
            // The offer ended with its connection or its time.
            return;
        }
        let Some(acceptance) = acceptance.filter(|_| !is_full) else {
            registration.offers.reject(&job_id);
            self.send(outgoing::rejection(job_id));
            return;
        };
        registration.offers.accept(now, &job_id);
        self.send(outgoing::acceptance(job_id, acceptance));
    }

    fn assigned(&mut self, job_id: String, room_name: String, url: Option<Url>, token: String) {
        let Link::Registered(registration) = &mut self.link else {
            return;
        };
        if !registration.offers.assign(&job_id) {
            tracing::warn!(job_id, "ignoring a job that was not accepted");
            return;
        }
        self.running.insert(job_id.clone());
        self.tell(Event::Assigned {
            job_id,
            room_name,
            url,
            token,
        });
        self.jobs_changed();
    }

    fn terminated(&mut self, now: Instant, job_id: String) {
        let Link::Registered(registration) = &mut self.link else {
            return;
        };
        if self.running.contains(&job_id) {
            let believe_at = now + MEANT_AFTER;
            registration
                .terminations
                .entry(job_id)
                .or_insert(believe_at);
        }
    }

    fn believe_termination(&mut self, job_id: String) {
        // It may have ended by itself.
        if self.running.remove(&job_id) {
            self.tell(Event::Terminated { job_id });
            self.jobs_changed();
        }
    }

    fn update_job(&mut self, job_id: String, status: JobStatus) {
        if !self.running.contains(&job_id) {
            // Terminated in the meantime: the server wants no report.
            return;
        }
        let ended = status != JobStatus::Running;
        if self.is_registered() {
            self.send(outgoing::job_status(job_id.clone(), &status));
        }
        if ended {
            self.running.remove(&job_id);
            self.jobs_changed();
        }
    }

    fn drain(&mut self) {
        self.draining = true;
        if let Link::Registered(registration) = &mut self.link {
            for job_id in registration.offers.take_unanswered() {
                self.outputs
                    .push_back(Output::Send(outgoing::rejection(job_id)));
            }
        }
        self.jobs_changed();
    }

    fn close(&mut self) {
        if !matches!(self.link, Link::Down { .. }) {
            self.outputs.push_back(Output::HangUp);
        }
        self.link = Link::Closed;
    }

    fn tick(&mut self, now: Instant) {
        match &mut self.link {
            Link::Down { until } if now >= *until => {
                self.link = Link::Dialling;
                self.outputs.push_back(Output::Dial);
            }
            Link::Registering { deadline } if now >= *deadline => {
                self.hang_up(now, "the server does not answer the registration".into());
            }
            Link::Registered(registration) => {
                if now >= registration.last_heard + SILENCE {
                    self.hang_up(now, "the server is silent".into());
                    return;
                }
                registration.offers.expire(now);
                let meant = registration.terminations.extract_if(.., |_, at| now >= *at);
                let meant: Vec<String> = meant.map(|(job_id, _)| job_id).collect();
                let ping = now >= registration.next_ping;
                let report = now >= registration.next_report;
                if ping {
                    registration.next_ping = now + PING_INTERVAL;
                }
                if report {
                    registration.next_report = now + REPORT_INTERVAL;
                }
                if ping {
                    self.send(outgoing::ping());
                }
                if report {
                    self.report();
                }
                for job_id in meant {
                    self.believe_termination(job_id);
                }
            }
            Link::Down { .. } | Link::Dialling | Link::Registering { .. } | Link::Closed => {}
        }
    }

    /// No more jobs are taken. Jobs that were accepted count: their assignment is on its way.
    fn is_full(&self) -> bool {
        let taken = self.running.len() + self.accepted();
        self.draining || self.config.max_jobs.is_some_and(|most| taken >= most)
    }

    fn accepted(&self) -> usize {
        let Link::Registered(registration) = &self.link else {
            return 0;
        };
        registration.offers.accepted()
    }

    /// The server should know at once, not with the next report.
    fn jobs_changed(&mut self) {
        if self.is_registered() {
            self.report();
        }
    }

    fn check_drained(&mut self) {
        if self.draining && !self.drained && self.running.is_empty() && self.accepted() == 0 {
            self.drained = true;
            self.tell(Event::Drained);
        }
    }

    fn report(&mut self) {
        let jobs = self.running.len();
        let status = outgoing::worker_status(self.is_full(), self.load, jobs, self.draining);
        self.send(status);
    }

    fn send(&mut self, message: Vec<u8>) {
        self.outputs.push_back(Output::Send(message));
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Tell(event));
    }
}
