//! When a component that ended is started again. No clock of its own: time is an argument.

use std::time::{Duration, Instant};

const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Ready for this long, it counts as healthy again.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);
/// Attempts in a row that never got ready until it counts as failed.
const ATTEMPTS: u32 = 3;

/// What to do about an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    pub after: Duration,
    /// It has not got ready several times in a row: say so.
    pub failed: bool,
}

/// Back-off of one component: 0.5 s, doubled up to 30 s, from the start again after 60 s ready.
#[derive(Debug, Clone)]
pub struct RestartPolicy {
    wait: Duration,
    never_ready: u32,
    ready_since: Option<Instant>,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            wait: FIRST_WAIT,
            never_ready: 0,
            ready_since: None,
        }
    }
}

impl RestartPolicy {
    pub fn became_ready(&mut self, now: Instant) {
        self.ready_since = Some(now);
        self.never_ready = 0;
    }

    /// It ended although nobody asked for it.
    pub fn ended(&mut self, now: Instant) -> Retry {
        match self.ready_since.take() {
            Some(since) if now.saturating_duration_since(since) >= HEALTHY_AFTER => {
                self.wait = FIRST_WAIT;
            }
            Some(_) => {}
            None => self.never_ready += 1,
        }
        let after = self.wait;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        Retry {
            after,
            failed: self.never_ready >= ATTEMPTS,
        }
    }

    /// It could not even be started: nothing will change within a second.
    pub fn hopeless(&mut self) -> Retry {
        self.ready_since = None;
        self.never_ready = ATTEMPTS;
        self.wait = (self.wait * 2).clamp(Duration::from_secs(5), LONGEST_WAIT);
        Retry {
            after: self.wait,
            failed: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_waits_longer_each_time() {
        let mut policy = RestartPolicy::default();
        let now = Instant::now();

        let waits: Vec<u128> = (0..8)
            .map(|_| policy.ended(now).after.as_millis())
            .collect();

        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    }

    #[test]
    fn dying_at_once_three_times_is_a_failure() {
        let mut policy = RestartPolicy::default();
        let now = Instant::now();

        let failed: Vec<bool> = (0..3).map(|_| policy.ended(now).failed).collect();

        assert_eq!(failed, [false, false, true]);
    }

    #[test]
    fn a_minute_of_service_forgives() {
        let mut policy = RestartPolicy::default();
        let start = Instant::now();
        for _ in 0..5 {
            policy.ended(start);
        }

        policy.became_ready(start);
        let retry = policy.ended(start + HEALTHY_AFTER);

        assert_eq!(
            retry,
            Retry {
                after: FIRST_WAIT,
                failed: false
            }
        );
    }

    #[test]
    fn a_short_life_does_not_forgive() {
        let mut policy = RestartPolicy::default();
        let start = Instant::now();
        policy.ended(start);

        policy.became_ready(start);
        let retry = policy.ended(start + Duration::from_secs(59));

        assert_eq!(retry.after, Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn the_wait_is_always_within_its_bounds(lives in prop::collection::vec((any::<bool>(), 0_u64..200), 0..60)) {
            let mut policy = RestartPolicy::default();
            let mut now = Instant::now();
            let mut without_ready = 0;
            for (ready, seconds) in lives {
                if ready {
                    policy.became_ready(now);
                    without_ready = 0;
                } else {
                    without_ready += 1;
                }
                now += Duration::from_secs(seconds);

                let retry = policy.ended(now);

                prop_assert!(retry.after >= FIRST_WAIT && retry.after <= LONGEST_WAIT);
                prop_assert_eq!(retry.failed, without_ready >= ATTEMPTS);
            }
        }
    }
}
