//! How long to wait between attempts to reach the server.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(10);
/// Part of a delay that is left to chance, so that many workers do not come back at once.
const JITTER: f64 = 0.25;

/// 1, 2, 4, 8 and then 10 s, each a little longer by chance.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: FIRST }
    }

    /// The next delay. `chance` is between 0 and 1.
    pub(super) fn delay(&mut self, chance: f64) -> Duration {
        let delay = self.next.mul_f64(1.0 + JITTER * chance.clamp(0.0, 1.0));
        self.next = (self.next * 2).min(LONGEST);
        delay.min(LONGEST)
    }

    /// It worked: begin anew.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }
}
