//! What silence amounts to. No clock of its own: time is an argument.

use std::time::{Duration, Instant};

use crate::status::State;

/// Unanswered questions in a row until it counts as gone: one at work may miss one.
const MISSES: u32 = 3;

/// How long a silence is borne before it is called a failure.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until the first answer.
    pub start: Duration,
    /// Until the next one, once it is gone.
    pub comeback: Duration,
}

/// Of one component.
#[derive(Debug, Clone)]
pub struct Patience {
    limits: Limits,
    has_answered: bool,
    misses: u32,
    /// When it was first waited for, or was gone.
    gone_since: Option<Instant>,
}

impl Patience {
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            has_answered: false,
            misses: 0,
            gone_since: Some(now),
        }
    }

    /// Returns whether it had been gone.
    pub fn answered(&mut self) -> bool {
        let came_back = self.has_answered && self.gone_since.is_some();
        self.has_answered = true;
        self.misses = 0;
        self.gone_since = None;
        came_back
    }

    /// The state that it is in; `None` while that need not change.
    pub fn missed(&mut self, now: Instant) -> Option<State> {
        self.misses += 1;
        if self.gone_since.is_none() && self.misses < MISSES {
            return None;
        }
        let gone = now.saturating_duration_since(*self.gone_since.get_or_insert(now));
        let (limit, state) = match self.has_answered {
            true => (self.limits.comeback, State::Restarting),
            false => (self.limits.start, State::Starting),
        };
        Some(if gone < limit { state } else { State::Failed })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits {
        start: Duration::from_secs(180),
        comeback: Duration::from_secs(60),
    };
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_that_has_never_answered_starts_until_it_has_failed() {
        let start = Instant::now();
        let mut patience = Patience::new(LIMITS, start);

        assert_eq!(patience.missed(start), Some(State::Starting));
        assert_eq!(patience.missed(start + 179 * SECOND), Some(State::Starting));
        assert_eq!(patience.missed(start + 180 * SECOND), Some(State::Failed));
        assert!(!patience.answered(), "that was its first life");
    }

    #[test]
    fn one_that_has_answered_may_miss_two_questions() {
        let now = Instant::now();
        let mut patience = Patience::new(LIMITS, now);
        patience.answered();

        assert_eq!(patience.missed(now), None);
        assert_eq!(patience.missed(now), None);
        assert_eq!(patience.missed(now), Some(State::Restarting));
        assert_eq!(patience.missed(now + 60 * SECOND), Some(State::Failed));
        assert!(patience.answered(), "it has come back");
        assert_eq!(patience.missed(now), None);
    }

    #[test]
    fn one_that_nobody_here_starts_fails_at_once() {
        let now = Instant::now();
        let limits = Limits {
            start: Duration::ZERO,
            comeback: Duration::ZERO,
        };
        let mut patience = Patience::new(limits, now);

        assert_eq!(patience.missed(now), Some(State::Failed));
    }

    proptest! {
        #[test]
        fn an_answer_forgives_everything(before in prop::collection::vec((any::<bool>(), 0_u64..100), 0..40)) {
            let mut now = Instant::now();
            let mut patience = Patience::new(LIMITS, now);
            for (answers, seconds) in before {
                now += Duration::from_secs(seconds);
                if answers {
                    patience.answered();
                } else {
                    patience.missed(now);
                }
            }

            patience.answered();

            prop_assert_eq!(patience.missed(now), None);
        }
    }
}
