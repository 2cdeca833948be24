//! How many calls within a minute.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);

/// Counts what happened within the last minute.
#[derive(Debug, Clone)]
pub struct Rate {
    most: usize,
    taken: VecDeque<Instant>,
}

impl Rate {
    pub fn new(most: u32) -> Self {
        Self {
            most: most as usize,
            taken: VecDeque::new(),
        }
    }

    /// Whether one more fits; then it is counted.
    pub fn take(&mut self, now: Instant) -> bool {
        while let Some(first) = self.taken.front() {
            if now.saturating_duration_since(*first) < WINDOW {
                break;
            }
            self.taken.pop_front();
        }
        let fits = self.taken.len() < self.most;
        if fits {
            self.taken.push_back(now);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_later_there_is_room_again() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut rate = Rate::new(2);

        assert!(rate.take(at(0)));
        assert!(rate.take(at(30)));
        assert!(!rate.take(at(59)));
        assert!(rate.take(at(60)));
        assert!(!rate.take(at(61)));
    }
}
