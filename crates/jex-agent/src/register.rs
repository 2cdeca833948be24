//! Which conversation is in which room, and what becomes of each offer of a job.
//!
//! No I/O: what the server and the rooms say goes in, what to do comes out. The rules are those
//! of a self-hosted LiveKit: it starts a job when a room is created or when asked, never again
//! when a worker dies, and it starts a second one or terminates the first when a room comes back
//! after a restart (livekit#4887).

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A termination this soon after a reconnect is an echo of it.
const ECHO: Duration = Duration::from_secs(15);
/// A room is asked for again no sooner than this.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// What to do with an offered job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// Take it and begin a conversation.
    Accept,
    /// Take it for the conversation that holds the room already; nothing new begins.
    Absorb,
    /// No more conversations fit.
    Refuse,
}

/// What to do about a termination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Termination {
    /// End the conversation.
    End,
    /// An echo of a reconnect, or of no concern.
    Ignore,
}

#[derive(Debug)]
struct Held {
    jobs: Vec<String>,
    connection: Connection,
}

#[derive(Debug, Clone, Copy)]
enum Connection {
    Joining,
    Steady { since: Instant, ever_lost: bool },
    Lost,
}

/// The conversations of this worker by room name.
#[derive(Debug)]
pub struct Register {
    capacity: usize,
    rooms: HashMap<String, Held>,
    asked: HashMap<String, Instant>,
}

impl Register {
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            rooms: HashMap::new(),
            asked: HashMap::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.rooms.len()
    }

    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        self.rooms.keys().map(String::as_str)
    }

    /// The share of conversations that are taken, 0 to 1.
    pub fn load(&self) -> f32 {
        self.rooms.len() as f32 / self.capacity.max(1) as f32
    }

    /// A job for `room` is offered.
    pub fn offered(&mut self, room: &str) -> Offer {
        if self.rooms.contains_key(room) {
            Offer::Absorb
        } else if self.rooms.len() < self.capacity {
            Offer::Accept
        } else {
            Offer::Refuse
        }
    }

    /// A job for `room` is ours. True when a conversation is to begin.
    pub fn assigned(&mut self, room: &str, job: &str) -> bool {
        self.asked.remove(room);
        if let Some(held) = self.rooms.get_mut(room) {
            held.jobs.push(job.to_owned());
            return false;
        }
        let held = Held {
            jobs: vec![job.to_owned()],
            connection: Connection::Joining,
        };
        self.rooms.insert(room.to_owned(), held);
        true
    }

    /// The conversation's connection is up.
    pub fn connected(&mut self, room: &str, now: Instant) {
        if let Some(held) = self.rooms.get_mut(room) {
            let ever_lost = !matches!(held.connection, Connection::Joining);
            let since = now;
            held.connection = Connection::Steady { since, ever_lost };
        }
    }

    /// The conversation's connection is lost; it is trying to come back.
    pub fn lost(&mut self, room: &str) {
        if let Some(held) = self.rooms.get_mut(room) {
            held.connection = Connection::Lost;
        }
    }

    /// The server terminates `job`.
    pub fn terminated(&mut self, job: &str, now: Instant) -> (Option<String>, Termination) {
        let found = self
            .rooms
            .iter_mut()
            .find(|(_, held)| held.jobs.iter().any(|own| own == job));
        let Some((room, held)) = found else {
            return (None, Termination::Ignore);
        };
        held.jobs.retain(|own| own != job);
        let echo = match held.connection {
            Connection::Joining | Connection::Lost => true,
            Connection::Steady { since, ever_lost } => ever_lost && now < since + ECHO,
        };
        let verdict = if echo || !held.jobs.is_empty() {
            Termination::Ignore
        } else {
            Termination::End
        };
        (Some(room.clone()), verdict)
    }

    /// The conversation is over; its jobs, to be reported.
    pub fn ended(&mut self, room: &str) -> Vec<String> {
        self.rooms
            .remove(room)
            .map(|held| held.jobs)
            .unwrap_or_default()
    }

    /// A room with a caller was seen. True when an agent is to be asked for.
    pub fn waiting(&mut self, room: &str, now: Instant) -> bool {
        let asked = self.asked.get(room).is_some_and(|at| now < *at + ASK_AGAIN);
        if asked || self.rooms.contains_key(room) {
            return false;
        }
        self.asked.retain(|_, at| now < *at + ASK_AGAIN);
        self.asked.insert(room.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register() -> (Register, Instant) {
        (Register::new(2), Instant::now())
    }

    #[test]
    fn a_second_job_for_a_room_is_absorbed_by_its_conversation() {
        let (mut register, now) = register();
        assert!(register.assigned("talk", "J1"));
        register.connected("talk", now);
        register.lost("talk");

        let offer = register.offered("talk");
        let begins = register.assigned("talk", "J2");

        assert_eq!(offer, Offer::Absorb);
        assert!(!begins);
        assert_eq!(register.ended("talk"), ["J1", "J2"]);
    }

    #[test]
    fn a_termination_while_reconnecting_ends_nothing() {
        let (mut register, now) = register();
        register.assigned("talk", "J1");
        register.connected("talk", now);
        register.lost("talk");

        let (_, verdict) = register.terminated("J1", now);

        assert_eq!(verdict, Termination::Ignore);
    }

    #[test]
    fn a_termination_just_after_reconnecting_ends_nothing() {
        let (mut register, now) = register();
        register.assigned("talk", "J1");
        register.connected("talk", now);
        register.lost("talk");
        register.connected("talk", now);

        let (_, verdict) = register.terminated("J1", now + Duration::from_secs(3));

        assert_eq!(verdict, Termination::Ignore);
    }

    #[test]
    fn a_termination_of_a_steady_conversation_ends_it() {
        let (mut register, now) = register();
        register.assigned("talk", "J1");
        register.connected("talk", now);

        let (room, verdict) = register.terminated("J1", now + Duration::from_secs(1));

        assert_eq!(verdict, Termination::End);
        assert_eq!(room.as_deref(), Some("talk"));
    }

    #[test]
    fn a_full_worker_refuses() {
        let (mut register, _) = register();
        register.assigned("a", "J1");
        register.assigned("b", "J2");

        assert_eq!(register.offered("c"), Offer::Refuse);
    }

    #[test]
    fn a_waiting_room_is_asked_for_once_in_a_while_until_it_has_a_conversation() {
        let (mut register, now) = register();

        assert!(register.waiting("talk", now));
        assert!(!register.waiting("talk", now + Duration::from_secs(1)));
        assert!(register.waiting("talk", now + Duration::from_secs(6)));
        register.assigned("talk", "J1");
        assert!(!register.waiting("talk", now + Duration::from_secs(60)));
    }
}
