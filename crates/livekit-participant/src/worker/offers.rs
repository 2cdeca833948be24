//! The offers of one registration: the server forgets them with the socket.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// livekit-server's AssignJobTimeout: an answer that comes later finds nobody.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Offers by job id, until their job is assigned, rejected or out of time.
#[derive(Debug, Default)]
pub(super) struct Offers {
    open: BTreeMap<String, Offered>,
}

#[derive(Debug)]
struct Offered {
    until: Instant,
    accepted: bool,
}

impl Offers {
    /// False if the job was offered already.
    pub(super) fn add(&mut self, now: Instant, job_id: &str) -> bool {
        if self.open.contains_key(job_id) {
            return false;
        }
        let offered = Offered {
            until: now + ANSWER_TIMEOUT,
            accepted: false,
        };
        self.open.insert(job_id.to_owned(), offered);
        true
    }

    /// Whether the server still waits for an answer.
    pub(super) fn is_unanswered(&self, job_id: &str) -> bool {
        self.open
            .get(job_id)
            .is_some_and(|offered| !offered.accepted)
    }

    /// The answer was yes; the assignment is to come soon.
    pub(super) fn accept(&mut self, now: Instant, job_id: &str) {
        if let Some(offered) = self.open.get_mut(job_id) {
            offered.accepted = true;
            offered.until = now + ANSWER_TIMEOUT;
        }
    }

    pub(super) fn reject(&mut self, job_id: &str) {
        self.open.remove(job_id);
    }

    /// False if the job was not accepted: then it is not ours.
    pub(super) fn assign(&mut self, job_id: &str) -> bool {
        let accepted = self
            .open
            .get(job_id)
            .is_some_and(|offered| offered.accepted);
        if accepted {
            self.open.remove(job_id);
        }
        accepted
    }

    /// Jobs that may be assigned at any moment.
    pub(super) fn accepted(&self) -> usize {
        self.open
            .values()
            .filter(|offered| offered.accepted)
            .count()
    }

    /// Takes the unanswered ones out.
    pub(super) fn take_unanswered(&mut self) -> Vec<String> {
        let unanswered = self.open.extract_if(.., |_, offered| !offered.accepted);
        unanswered.map(|(job_id, _)| job_id).collect()
    }

    pub(super) fn expire(&mut self, now: Instant) {
        self.open.retain(|_, offered| now < offered.until);
    }
}
