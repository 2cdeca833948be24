//! How long to hold packets back: long enough for nearly all of them, and no longer.
//!
//! All times are in samples at 48 kHz. The transit of a packet is its arrival minus its
//! timestamp; only differences between transits mean anything. The fastest packet of the last
//! seconds is the base, and a packet's lateness is counted from there.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::SAMPLE_RATE_HZ;

/// 60 ms: three usual packets, so that a lost one is known to be lost before it is needed.
pub const MIN_TARGET: i64 = 2880;
/// 200 ms: more is felt in a conversation; what comes later than that is concealed.
pub const MAX_TARGET: i64 = 9600;
/// Room above the lateness that was seen: one usual packet.
const MARGIN: i64 = 960;
/// Share of packets that must be there in time.
const IN_TIME: f64 = 0.97;
/// 8 s of usual packets.
const REMEMBERED: usize = 400;
const REMEMBERED_FOR: i64 = 10 * SAMPLE_RATE_HZ as i64;
/// The target falls by 10 ms in a second at most: jitter comes in bursts.
const SHRINK_DIVISOR: i64 = 100;

#[derive(Debug, Clone, Copy)]
struct Arrival {
    at: i64,
    transit: i64,
}

/// Lateness of recent packets and the delay that follows from it.
#[derive(Debug, Default)]
pub struct DelayEstimate {
    epoch: Option<Instant>,
    recent: VecDeque<Arrival>,
    base: i64,
    target: i64,
}

impl DelayEstimate {
    /// A moment in samples since the first one that was asked for.
    pub fn clock(&mut self, moment: Instant) -> i64 {
        let epoch = *self.epoch.get_or_insert(moment);
        in_samples(moment.saturating_duration_since(epoch))
    }

    /// How much later than the fastest packet one with timestamp `time` is, if it arrives at `now`.
    /// For what is about to be played: by how much playout lags behind the fastest packet.
    pub fn lateness(&self, time: i64, now: i64) -> i64 {
        if self.recent.is_empty() {
            return 0;
        }
        now - time - self.base
    }

    /// How far playout should lag behind the fastest packet.
    pub fn target(&self) -> i64 {
        self.target.max(MIN_TARGET)
    }

    /// Since the packet before this one.
    pub fn idle(&self, now: i64) -> i64 {
        self.recent.back().map_or(0, |last| (now - last.at).max(0))
    }

    /// A packet with timestamp `time` arrived.
    pub fn arrived(&mut self, time: i64, now: i64) {
        let passed = self.idle(now);
        self.recent.push_back(Arrival {
            at: now,
            transit: now - time,
        });
        while self.recent.len() > REMEMBERED
            || self
                .recent
                .front()
                .is_some_and(|old| now - old.at > REMEMBERED_FOR)
        {
            self.recent.pop_front();
        }
        let mut transits: Vec<i64> = self.recent.iter().map(|a| a.transit).collect();
        transits.sort_unstable();
        self.base = transits[0];
        let in_time = ((transits.len() - 1) as f64 * IN_TIME).ceil() as usize;
        let wanted = (transits[in_time] - self.base + MARGIN).clamp(MIN_TARGET, MAX_TARGET);
        let slowly = self.target() - passed / SHRINK_DIVISOR;
        self.target = wanted.max(slowly);
    }

    /// The timestamps have nothing to do with the ones before: another sender, another clock.
    /// The jitter of the network stays what it was.
    pub fn forget_base(&mut self) {
        self.recent.clear();
    }
}

fn in_samples(duration: Duration) -> i64 {
    let samples = duration.as_nanos() * u128::from(SAMPLE_RATE_HZ) / 1_000_000_000;
    i64::try_from(samples).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: i64 = 960;

    fn feed(delay: &mut DelayEstimate, packets: std::ops::Range<i64>, late: impl Fn(i64) -> i64) {
        for n in packets {
            delay.arrived(n * PACKET, n * PACKET + late(n));
        }
    }

    #[test]
    fn an_even_stream_is_held_for_60_ms() {
        let mut delay = DelayEstimate::default();

        feed(&mut delay, 0..100, |_| 0);

        assert_eq!(delay.target(), MIN_TARGET);
    }

    #[test]
    fn jitter_makes_it_longer_at_once() {
        let mut delay = DelayEstimate::default();

        feed(&mut delay, 0..100, |n| if n % 10 == 0 { 4800 } else { 0 });

        assert_eq!(delay.target(), 4800 + MARGIN);
    }

    #[test]
    fn it_stays_within_200_ms() {
        let mut delay = DelayEstimate::default();

        feed(&mut delay, 0..100, |n| if n % 2 == 0 { 48_000 } else { 0 });

        assert_eq!(delay.target(), MAX_TARGET);
    }

    #[test]
    fn calm_makes_it_shorter_slowly() {
        let mut delay = DelayEstimate::default();
        feed(&mut delay, 0..100, |n| if n % 2 == 0 { 9600 } else { 0 });

        feed(&mut delay, 100..600, |_| 0);
        let after_ten_seconds = delay.target();
        feed(&mut delay, 600..2000, |_| 0);

        assert!(
            (5000..9000).contains(&after_ten_seconds),
            "{after_ten_seconds}"
        );
        assert_eq!(delay.target(), MIN_TARGET);
    }

    #[test]
    fn a_sender_with_a_fast_clock_is_no_jitter() {
        let mut delay = DelayEstimate::default();

        // 200 ppm, more than any sound card's.
        feed(&mut delay, 0..50_000, |n| n * PACKET / 5000);

        assert_eq!(delay.target(), MIN_TARGET);
    }
}
