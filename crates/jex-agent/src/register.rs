//! Which conversation is in which room, and what becomes of each offer of a job.
//!
//! No I/O: what the server and the rooms say goes in, what to do comes out. The rules are those
//! of a self-hosted LiveKit: it starts a job when a room is created or when asked, never again
//! when a worker dies, and it starts a second one or terminates the first when a room comes back
//! after a restart (livekit#4887).

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A termination this soon after a join is an echo of it: when our identity replaces what a lost
/// connection or a killed agent left in the room, livekit-server (1.13, `RemoveParticipant` in
/// `pkg/rtc/room.go`) terminates the job that goes by that identity, which is the new one.
/// Whoever means it removes the agent from the room as well.
const ECHO: Duration = Duration::from_secs(15);
/// A room is asked for again no sooner than this.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// livekit-server's AssignJobTimeout: an accepted job that is not ours by then never will be.
const ASSIGNMENT: Duration = Duration::from_secs(10);

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
    /// An echo of a join, or of no concern.
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
    Steady { since: Instant },
    Lost,
}

/// The conversations of this worker by room name.
#[derive(Debug)]
pub struct Register {
    capacity: usize,
    rooms: HashMap<String, Held>,
    /// Rooms whose job was accepted; its assignment is on the way.
    accepted: HashMap<String, Instant>,
    asked: HashMap<String, Instant>,
}

impl Register {
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            rooms: HashMap::new(),
            accepted: HashMap::new(),
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
    pub fn load(&self, now: Instant) -> f32 {
        self.taken(now) as f32 / self.capacity.max(1) as f32
    }

    /// A job for `room` is offered.
    pub fn offered(&mut self, room: &str, now: Instant) -> Offer {
        self.accepted.retain(|_, at| now < *at + ASSIGNMENT);
        if self.rooms.contains_key(room) || self.accepted.contains_key(room) {
            Offer::Absorb
        } else if self.is_full(now) {
            Offer::Refuse
        } else {
            self.accepted.insert(room.to_owned(), now);
            Offer::Accept
        }
    }

    /// A job for `room` is ours. True when a conversation is to begin.
    pub fn assigned(&mut self, room: &str, job: &str) -> bool {
        self.asked.remove(room);
        self.accepted.remove(room);
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
            held.connection = Connection::Steady { since: now };
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
            Connection::Steady { since } => now < since + ECHO,
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

    /// The room is being closed: whoever is in it does not wait for an agent.
    pub fn hung_up(&mut self, room: &str, now: Instant) {
        self.asked.insert(room.to_owned(), now);
    }

    /// A room with a caller was seen. True when an agent is to be asked for.
    pub fn waiting(&mut self, room: &str, now: Instant) -> bool {
        let asked = self.asked.get(room).is_some_and(|at| now < *at + ASK_AGAIN);
        // LiveKit may have died between our word and its own.
        let accepted = self.accepted.get(room);
        let on_the_way = accepted.is_some_and(|at| now < *at + ASSIGNMENT);
        let held = self.rooms.contains_key(room) || on_the_way;
        if asked || held || self.is_full(now) {
            return false;
        }
        self.asked.retain(|_, at| now < *at + ASK_AGAIN);
        self.asked.insert(room.to_owned(), now);
        true
    }

    fn is_full(&self, now: Instant) -> bool {
        self.taken(now) >= self.capacity
    }

    fn taken(&self, now: Instant) -> usize {
        let on_the_way = self.accepted.values().filter(|at| now < **at + ASSIGNMENT);
        self.rooms.len() + on_the_way.count()
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

        let offer = register.offered("talk", now);
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
    fn a_termination_for_the_ghost_that_was_replaced_ends_nothing() {
        let (mut register, now) = register();
        register.assigned("talk", "J1");
        register.connected("talk", now);

        let (_, verdict) = register.terminated("J1", now + Duration::from_secs(1));

        assert_eq!(verdict, Termination::Ignore);
    }

    #[test]
    fn a_termination_of_a_steady_conversation_ends_it() {
        let (mut register, now) = register();
        register.assigned("talk", "J1");
        register.connected("talk", now);

        let (room, verdict) = register.terminated("J1", now + Duration::from_secs(60));

        assert_eq!(verdict, Termination::End);
        assert_eq!(room.as_deref(), Some("talk"));
    }

    #[test]
    fn a_full_worker_refuses() {
        let (mut register, now) = register();
        register.assigned("a", "J1");
        register.assigned("b", "J2");

        assert_eq!(register.offered("c", now), Offer::Refuse);
        assert!(
            !register.waiting("c", now),
            "asked for what it would refuse"
        );
    }

    #[test]
    fn what_was_accepted_counts_until_it_is_clear_that_it_went_elsewhere() {
        let (mut register, now) = register();
        register.assigned("a", "J1");
        assert_eq!(register.offered("b", now), Offer::Accept);

        let at_once = register.offered("c", now);
        let load = register.load(now);
        let again = register.offered("b", now);
        let later = register.offered("c", now + ASSIGNMENT);

        assert_eq!(at_once, Offer::Refuse);
        assert_eq!(load, 1.0);
        assert_eq!(again, Offer::Absorb);
        assert_eq!(later, Offer::Accept);
    }

    #[test]
    fn a_room_whose_accepted_job_never_came_is_asked_for() {
        let (mut register, now) = register();
        register.offered("talk", now);

        let soon = register.waiting("talk", now + Duration::from_secs(3));
        let later = register.waiting("talk", now + ASSIGNMENT);

        assert!(!soon && later);
    }

    #[test]
    fn nobody_is_asked_for_in_a_room_that_is_being_closed() {
        let (mut register, now) = register();
        register.assigned("talk", "J1");
        register.ended("talk");
        register.hung_up("talk", now);

        assert!(!register.waiting("talk", now + Duration::from_secs(3)));
        assert!(register.waiting("talk", now + ASK_AGAIN));
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
