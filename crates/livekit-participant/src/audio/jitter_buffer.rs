//! Puts packets back in order and decides, each time audio is needed, what stands next.
//!
//! Packets are ordered by sequence number and placed by timestamp. A gap in both is a loss, a gap
//! in the timestamps alone is silence that was not sent (DTX). Numbers are taken as the network
//! has them, 16 and 32 bits wide; values that are extended already work as well.

use std::collections::BTreeMap;
use std::time::Instant;

use super::delay::{DelayEstimate, MAX_TARGET};
use super::opus_packet::{MAX_SAMPLES, OpusPacket};
use super::{FRAME_SAMPLES, SAMPLE_RATE_HZ};

const FRAME: i64 = FRAME_SAMPLES as i64;
/// Opus decodes, recovers and conceals in steps of 2.5 ms.
const STEP: i64 = 120;
/// A gap with more samples per lost packet than this is silence that was not sent, in the main:
/// 60 ms, the longest packets in use.
const MAX_LOST_SAMPLES: i64 = MAX_SAMPLES / 2;
/// RFC 3550 appendix A.1: farther ahead or behind than this is another stream, or rubbish.
const MAX_DROPOUT: i64 = 3000;
const MAX_MISORDER: i64 = 100;
/// Timestamp and arrival may disagree by this much before the same holds for them.
const MAX_DISAGREEMENT: i64 = 3 * SAMPLE_RATE_HZ as i64;
/// 1 s: beyond it the oldest packets go. Packets too, since one may be as short as 2.5 ms.
const MAX_SPAN: i64 = SAMPLE_RATE_HZ as i64;
const MAX_PACKETS: usize = 400;
/// Sequence numbers remembered to tell doubles from late ones.
const REMEMBERED: i64 = 128;

/// One RTP packet of a microphone track.
#[derive(Debug, Clone)]
pub struct RtpAudio {
    /// Sequence number, 16 bits or extended.
    pub seq: u64,
    /// Timestamp at 48 kHz, 32 bits or extended.
    pub rtp_time: u64,
    /// Opus.
    pub payload: Vec<u8>,
    pub arrived: Instant,
}

/// A packet in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub seq: i64,
    pub time: i64,
    pub opus: OpusPacket,
}

/// What became of a packet that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    Buffered,
    /// Its place was played already.
    Late,
    Duplicate,
    /// Not Opus.
    Malformed,
    /// Far from everything before it: believed only if the next one agrees.
    Stray,
}

/// What stands next. What is returned counts as played.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    Play(OpusPacket),
    /// These samples are lost; the packet after them may hold a copy.
    Lost {
        samples: usize,
        recover_from: Option<OpusPacket>,
    },
    /// Something is missing, and there is reason to wait for it one frame longer.
    Hold,
    /// Nothing is due: silence that was not sent, or the wait before the first packet.
    Pause,
    /// Nothing is there. `dtx` when the sender said that it falls silent.
    Empty {
        dtx: bool,
    },
}

/// The place that is played next.
#[derive(Debug, Clone, Copy)]
struct Position {
    seq: i64,
    time: i64,
}

/// The first of `lost` packets that will not be played.
#[derive(Debug, Clone, Copy)]
struct Missing {
    samples: i64,
    lost: i64,
}

/// Packets between the network and the decoder.
#[derive(Debug, Default)]
pub struct JitterBuffer {
    delay: DelayEstimate,
    packets: BTreeMap<i64, Packet>,
    /// Newest sequence number and its timestamp, unwrapped.
    newest: Option<Position>,
    /// Bit n: `newest.seq - n` was received.
    received: u128,
    position: Option<Position>,
    stray: Option<RtpAudio>,
    dtx: bool,
    /// Samples made up since the last packet while the position stood still.
    held: i64,
}

impl JitterBuffer {
    pub fn push(&mut self, packet: RtpAudio) -> Pushed {
        let now = self.delay.clock(packet.arrived);
        let Some(opus) = OpusPacket::parse(packet.payload.clone()) else {
            return Pushed::Malformed;
        };
        let newest = match self.newest {
            Some(newest) => newest,
            None => self.begin(&packet),
        };
        let seq = unwrap(newest.seq, packet.seq, 16);
        let time = unwrap(newest.time, packet.rtp_time, 32);
        if !self.is_plausible(seq, time, now) {
            return self.doubt(packet);
        }
        self.stray = None;
        self.insert(seq, time, opus, now)
    }

    /// Call when the decoder needs more. `ready` are the samples decoded but not played yet.
    pub fn next(&mut self, now: Instant, ready: usize) -> Next {
        let now = self.delay.clock(now) + ready as i64;
        let target = self.delay.target();
        self.use_held();
        let Some((_, first)) = self.packets.first_key_value() else {
            self.held += FRAME;
            return Next::Empty { dtx: self.dtx };
        };
        let first_is_due = self.delay.lateness(first.time, now) >= target;
        let Some(position) = self.position else {
            return if first_is_due {
                self.play()
            } else {
                Next::Pause
            };
        };
        if first.time - position.time < STEP {
            return self.play();
        }
        let Some(missing) = self.missing() else {
            return if first_is_due {
                self.play()
            } else {
                Next::Pause
            };
        };
        if self.delay.lateness(position.time, now) + FRAME <= target {
            self.held += FRAME;
            return Next::Hold;
        }
        self.lose(missing)
    }

    /// By how much playout lags more than it should, with packets in hand to catch up.
    pub fn surplus(&mut self, now: Instant, ready: usize) -> i64 {
        let now = self.delay.clock(now) + ready as i64;
        let (Some(position), 2..) = (self.position, self.packets.len()) else {
            return 0;
        };
        self.delay.lateness(position.time, now) - self.delay.target()
    }

    /// Samples at 48 kHz by which playout is meant to lag.
    pub fn target(&self) -> i64 {
        self.delay.target()
    }

    /// Forgets everything but the network's jitter: a stream begins with this packet.
    fn begin(&mut self, packet: &RtpAudio) -> Position {
        self.packets.clear();
        self.delay.forget_base();
        self.position = None;
        self.received = 0;
        self.dtx = false;
        self.held = 0;
        *self.newest.insert(Position {
            seq: packet.seq as u16 as i64,
            time: packet.rtp_time as u32 as i64,
        })
    }

    fn is_plausible(&self, seq: i64, time: i64, now: i64) -> bool {
        let Some(newest) = self.newest else {
            return true;
        };
        (-MAX_MISORDER..=MAX_DROPOUT).contains(&(seq - newest.seq))
            && self.delay.lateness(time, now).abs() <= MAX_DISAGREEMENT
    }

    /// A packet from nowhere is believed when the next one follows it.
    fn doubt(&mut self, packet: RtpAudio) -> Pushed {
        let follows = self.stray.as_ref().is_some_and(|stray| {
            let steps = (packet.seq as u16).wrapping_sub(stray.seq as u16);
            let time = (packet.rtp_time as u32).wrapping_sub(stray.rtp_time as u32);
            (1..=3).contains(&steps) && i64::from(time) <= i64::from(steps) * MAX_SAMPLES
        });
        let Some(stray) = self.stray.take().filter(|_| follows) else {
            self.stray = Some(packet);
            return Pushed::Stray;
        };
        self.begin(&stray);
        self.push(stray);
        self.push(packet)
    }

    fn insert(&mut self, seq: i64, time: i64, opus: OpusPacket, now: i64) -> Pushed {
        if self.remember(seq, time) {
            return Pushed::Duplicate;
        }
        // After a pause the sender's clock may have stood still (a muted microphone): what looks
        // like a great delay then is none. If it is one, the packets that follow in a burst say so.
        let late = self.delay.lateness(time, now);
        if self.packets.is_empty() && self.delay.idle(now) > MAX_TARGET && late > MAX_TARGET {
            self.delay.forget_base();
            self.position = None;
        }
        self.delay.arrived(time, now);
        if self.position.is_some_and(|position| seq < position.seq) {
            return Pushed::Late;
        }
        self.packets.insert(seq, Packet { seq, time, opus });
        self.drop_oldest();
        Pushed::Buffered
    }

    /// Whether this number was received before.
    fn remember(&mut self, seq: i64, time: i64) -> bool {
        let newest = self.newest.get_or_insert(Position { seq, time });
        let ahead = seq - newest.seq;
        if ahead > 0 {
            self.received = self.received.checked_shl(ahead as u32).unwrap_or(0);
            *newest = Position { seq, time };
        }
        let age = newest.seq - seq;
        if age >= REMEMBERED {
            return true;
        }
        let bit = 1u128 << age;
        let known = self.received & bit != 0;
        self.received |= bit;
        known
    }

    fn drop_oldest(&mut self) {
        while let (Some((_, first)), Some((_, last))) = (
            self.packets.first_key_value(),
            self.packets.last_key_value(),
        ) {
            let span = last.time + last.opus.samples() - first.time;
            if span <= MAX_SPAN && self.packets.len() <= MAX_PACKETS {
                return;
            }
            self.packets.pop_first();
            self.position = self.packets.first_key_value().map(|(_, first)| Position {
                seq: first.seq,
                time: first.time,
            });
        }
    }

    fn play(&mut self) -> Next {
        let Some((_, packet)) = self.packets.pop_first() else {
            return Next::Empty { dtx: self.dtx };
        };
        self.position = Some(Position {
            seq: packet.seq + 1,
            time: packet.time + packet.opus.samples(),
        });
        self.dtx = packet.opus.is_dtx();
        self.held = 0;
        Next::Play(packet.opus)
    }

    /// The packet that should stand next if it is lost; `None` where nothing was sent.
    fn missing(&self) -> Option<Missing> {
        let position = self.position?;
        let (_, first) = self.packets.first_key_value()?;
        let gap = first.time - position.time;
        let lost = first.seq - position.seq;
        let samples = gap.checked_div(lost)? / STEP * STEP;
        (STEP..=MAX_LOST_SAMPLES)
            .contains(&samples)
            .then_some(Missing { samples, lost })
    }

    fn lose(&mut self, missing: Missing) -> Next {
        self.step_over(missing);
        let after = self
            .packets
            .first_key_value()
            .map(|(_, packet)| &packet.opus);
        let recover_from = after
            .filter(|opus| missing.lost == 1 && opus.repeats_previous())
            .cloned();
        Next::Lost {
            samples: missing.samples as usize,
            recover_from,
        }
    }

    fn step_over(&mut self, missing: Missing) {
        if let Some(position) = &mut self.position {
            position.seq += 1;
            position.time += missing.samples;
        }
    }

    /// What was guessed while nothing was there stands for what turns out to be lost: a loss
    /// must not lengthen the delay.
    fn use_held(&mut self) {
        while let Some(missing) = self.missing() {
            if self.held < missing.samples {
                return;
            }
            self.held -= missing.samples;
            self.step_over(missing);
        }
    }
}

/// The number nearest to `reference` that has these low `bits`.
fn unwrap(reference: i64, wrapped: u64, bits: u32) -> i64 {
    let modulus = 1i64 << bits;
    let low_bits = (wrapped & (modulus as u64 - 1)) as i64;
    let ahead = (low_bits - reference).rem_euclid(modulus);
    if ahead < modulus / 2 {
        reference + ahead
    } else {
        reference + ahead - modulus
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A silent packet of 20 ms, in time.
    fn packet(epoch: Instant, n: u64) -> RtpAudio {
        RtpAudio {
            seq: n,
            rtp_time: n * 960,
            payload: vec![0xf8, 0xff, 0xfe],
            arrived: epoch + std::time::Duration::from_millis(n * 20),
        }
    }

    #[test]
    fn a_listener_who_never_listens_costs_a_second_of_packets() {
        let epoch = Instant::now();
        let mut buffer = JitterBuffer::default();

        for n in 0..100_000 {
            buffer.push(packet(epoch, n));
        }

        assert_eq!(buffer.packets.len() as i64, MAX_SPAN / 960);
    }

    #[test]
    fn senseless_timestamps_cost_a_bounded_number_of_packets() {
        let epoch = Instant::now();
        let mut buffer = JitterBuffer::default();

        for n in 0..100_000 {
            let rtp_time = 0;
            buffer.push(RtpAudio {
                rtp_time,
                ..packet(epoch, n)
            });
        }

        assert!(buffer.packets.len() <= MAX_PACKETS);
    }

    #[test]
    fn numbers_are_unwrapped_to_the_nearest() {
        assert_eq!(unwrap(65_535, 0, 16), 65_536);
        assert_eq!(unwrap(65_536, 65_535, 16), 65_535);
        assert_eq!(unwrap(0, 65_535, 16), -1);
        assert_eq!(unwrap(70_000, 70_001, 16), 70_001);
        assert_eq!(unwrap(10, u64::MAX, 32), -1);
    }
}
