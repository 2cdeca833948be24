//! Samples in, one Opus packet every 20 ms out, and how much of them was sent.

use std::collections::VecDeque;

use opus::{Application, Bitrate, Channels, Encoder};

use super::time_scale::{fade_out, rms};
use super::{CodecError, FRAME_SAMPLES, SAMPLE_RATE_HZ};

/// Full-band speech that nobody can tell from the original.
const BITRATE: i32 = 32_000;
/// Without an expected loss libopus spends nothing on the copies that FEC needs.
const EXPECTED_LOSS_PERCENT: i32 = 5;
/// Of 0 to 10: half the work of the default, no difference heard at this rate.
const COMPLEXITY: i32 = 9;
/// What fits into one datagram beside RTP, SRTP, UDP and IP.
const MAX_PACKET_BYTES: usize = 1200;
/// Opus' 20 ms of silence, as LiveKit's own senders use it.
const SILENT_PACKET: [u8; 3] = [0xf8, 0xff, 0xfe];
/// Softer than a quiet room.
const VOICED_DBOV: i8 = -60;
/// RFC 6464: -127 stands for silence.
const SILENCE_DBOV: i8 = -127;
/// 2.5 ms: too short to be heard as a rest, long enough not to click.
const CLEAR_FADE_SAMPLES: usize = 120;

/// One packet to send now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedAudio {
    /// Opus, 20 ms.
    pub payload: Vec<u8>,
    /// At 48 kHz, from 0; 960 more with each packet.
    pub rtp_time: u64,
    /// For the `ssrc-audio-level` extension (RFC 6464), -127 (silence) to 0 (loudest).
    pub level_dbov: i8,
    /// Whether somebody speaks in it.
    pub voiced: bool,
}

/// The speaking end of one audio track.
#[derive(Debug)]
pub struct AudioSender {
    encoder: Encoder,
    queue: VecDeque<i16>,
    /// What is left of cleared audio, fading.
    tail: Vec<i16>,
    played: u64,
    rtp_time: u64,
}

impl AudioSender {
    pub fn new() -> Result<Self, CodecError> {
        let mut encoder = Encoder::new(SAMPLE_RATE_HZ, Channels::Mono, Application::Voip)?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE))?;
        encoder.set_inband_fec(true)?;
        encoder.set_packet_loss_perc(EXPECTED_LOSS_PERCENT)?;
        encoder.set_complexity(COMPLEXITY)?;
        Ok(Self {
            encoder,
            queue: VecDeque::new(),
            tail: Vec::new(),
            played: 0,
            rtp_time: 0,
        })
    }

    /// Appends samples (mono, 48 kHz). The queue takes all of them: look at [`Self::queued`]
    /// before writing more.
    pub fn write(&mut self, samples: &[i16]) {
        self.queue.extend(samples);
    }

    /// Samples that wait.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Drops what waits: silence from the next packet on.
    pub fn clear(&mut self) {
        self.tail = self
            .queue
            .iter()
            .copied()
            .take(CLEAR_FADE_SAMPLES)
            .collect();
        fade_out(&mut self.tail);
        self.queue.clear();
    }

    /// Samples that were written and went out so far. Cleared ones and the silence in between
    /// do not count.
    pub fn played(&self) -> u64 {
        self.played
    }

    /// The next 20 ms: what waits, else silence. To be called every 20 ms.
    pub fn next_packet(&mut self) -> EncodedAudio {
        let rtp_time = self.rtp_time;
        self.rtp_time += FRAME_SAMPLES as u64;
        let frame = self.next_frame();
        let level_dbov = level_dbov(&frame);
        let payload = self
            .encoder
            .encode_vec(&frame, MAX_PACKET_BYTES)
            .unwrap_or_else(|_| SILENT_PACKET.to_vec());
        EncodedAudio {
            payload,
            rtp_time,
            level_dbov,
            voiced: level_dbov > VOICED_DBOV,
        }
    }

    /// Lets the timestamp follow the wall clock over `frames` of 20 ms in which nothing was sent
    /// (the machine slept).
    pub fn skip(&mut self, frames: u64) {
        self.rtp_time += frames * FRAME_SAMPLES as u64;
    }

    fn next_frame(&mut self) -> Vec<i16> {
        let count = self.queue.len().min(FRAME_SAMPLES);
        self.played += count as u64;
        let mut frame: Vec<i16> = self.queue.drain(..count).collect();
        frame.resize(FRAME_SAMPLES, 0);
        for (sample, rest) in frame.iter_mut().zip(self.tail.drain(..)) {
            *sample = sample.saturating_add(rest);
        }
        frame
    }
}

/// RFC 6464: the root mean square relative to the loudest possible one.
fn level_dbov(frame: &[i16]) -> i8 {
    let level = 20.0 * f64::log10(rms(frame) / 32_768.0);
    // Silence is minus infinity; the cast saturates, the clamp makes it legal.
    (level.round() as i8).clamp(SILENCE_DBOV, 0)
}
