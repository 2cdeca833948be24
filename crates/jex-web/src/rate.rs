//! A token bucket: how often rooms may be opened.

use std::time::{Duration, Instant};

/// Lets a burst through, then a steady rate.
#[derive(Debug)]
pub struct Bucket {
    burst: u32,
    refill: Duration,
    left: u32,
    since: Instant,
}

impl Bucket {
    /// `burst` at once, then one each `refill`.
    pub fn new(burst: u32, refill: Duration, now: Instant) -> Self {
        Self {
            burst,
            refill,
            left: burst,
            since: now,
        }
    }

    /// Takes one, or says how long to wait for it.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.since);
        let gained = (passed.as_nanos() / self.refill.as_nanos()).min(self.burst.into());
        let gained = u32::try_from(gained).unwrap_or(self.burst);
        self.left = (self.left + gained).min(self.burst);
        if self.left == self.burst {
            self.since = now;
        } else {
            self.since += self.refill * gained;
        }
        if self.left == 0 {
            return Err((self.since + self.refill).saturating_duration_since(now));
        }
        self.left -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_and_the_next_one_waits() {
        let now = Instant::now();
        let mut bucket = Bucket::new(2, 4 * SECOND, now);

        assert_eq!(bucket.take(now), Ok(()));
        assert_eq!(bucket.take(now), Ok(()));
        assert_eq!(bucket.take(now + SECOND), Err(3 * SECOND));
        assert_eq!(bucket.take(now + 4 * SECOND), Ok(()));
        assert_eq!(bucket.take(now + 5 * SECOND), Err(3 * SECOND));
    }

    #[test]
    fn a_long_pause_fills_it_no_further_than_the_burst() {
        let now = Instant::now();
        let mut bucket = Bucket::new(2, SECOND, now);
        let later = now + 1_000_000 * SECOND;

        let taken = (0..5).filter(|_| bucket.take(later).is_ok()).count();

        assert_eq!(taken, 2);
    }
}
