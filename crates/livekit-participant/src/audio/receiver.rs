//! Packets in, 20 ms frames out, whatever the network does in between.

use std::time::Instant;

use opus::{Channels, Decoder};

use super::jitter_buffer::{JitterBuffer, Next, Pushed};
use super::opus_packet::{MAX_SAMPLES, OpusPacket};
use super::playout::Playout;
use super::time_scale::{SHORTEN_SAMPLES, fade_out, shorten};
use super::{CodecError, FRAME_SAMPLES, RtpAudio, SAMPLE_RATE_HZ};

/// libopus' concealment fades out over about this long; beyond it is a guess that sounds like one.
const MAX_CONCEALED: usize = 5 * FRAME_SAMPLES;
/// Lag above the target that is not worth shortening speech for.
const TOLERATED_LAG: i64 = FRAME_SAMPLES as i64;
/// Lag above the target at which speech is shortened at any price: 200 ms.
const HEAVY_LAG: i64 = 9600;
/// Below that, one pitch period in so many frames: speech sounds about 5 % faster.
const FRAMES_BETWEEN_CUTS: u32 = 8;

/// Where a frame's samples come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// As sent.
    Received,
    /// From the low-rate copy in the packet after (in-band FEC).
    Recovered,
    /// Made up from what was before (packet loss concealment).
    Concealed,
    /// Nothing is sent (mute, DTX), or nothing arrived for so long that guessing would be wrong.
    Silence,
}

/// 20 ms of a microphone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioFrame {
    /// Mono, 48 kHz, 960 samples.
    pub samples: Vec<i16>,
    pub kind: FrameKind,
}

/// What the network did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReceiverStats {
    /// Packets that were put into the buffer.
    pub buffered: u64,
    pub late: u64,
    pub duplicate: u64,
    pub malformed: u64,
    /// Packets far from the stream's place, not (yet) followed by others.
    pub stray: u64,
    /// Samples at 48 kHz from the copy in the packet after.
    pub recovered_samples: u64,
    /// Samples at 48 kHz that were made up.
    pub concealed_samples: u64,
    /// Samples at 48 kHz by which the buffer means to lag behind the fastest packet.
    pub target_delay_samples: u64,
}

/// The listening end of one audio track.
#[derive(Debug)]
pub struct AudioReceiver {
    decoder: Decoder,
    buffer: JitterBuffer,
    ready: Playout,
    /// Samples made up since the last real ones.
    concealed: usize,
    frames_since_cut: u32,
    stats: ReceiverStats,
}

impl AudioReceiver {
    pub fn new() -> Result<Self, CodecError> {
        Ok(Self {
            decoder: Decoder::new(SAMPLE_RATE_HZ, Channels::Mono)?,
            buffer: JitterBuffer::default(),
            ready: Playout::default(),
            // There is nothing yet that could be continued.
            concealed: MAX_CONCEALED,
            frames_since_cut: 0,
            stats: ReceiverStats::default(),
        })
    }

    /// Takes a packet when it arrives. Memory is bounded: of more than a second, the oldest goes.
    pub fn push(&mut self, packet: RtpAudio) {
        let counter = match self.buffer.push(packet) {
            Pushed::Buffered => &mut self.stats.buffered,
            Pushed::Late => &mut self.stats.late,
            Pushed::Duplicate => &mut self.stats.duplicate,
            Pushed::Malformed => &mut self.stats.malformed,
            Pushed::Stray => &mut self.stats.stray,
        };
        *counter += 1;
    }

    /// The next 20 ms. To be called every 20 ms, packets or not. `now` is when the frame is due:
    /// a caller that is late and catches up passes 20 ms more each time, so that its own lateness
    /// is not taken for the network's.
    pub fn pull(&mut self, now: Instant) -> AudioFrame {
        while self.ready.len() < FRAME_SAMPLES {
            self.advance(now);
        }
        self.catch_up(now);
        let (samples, kind) = self.ready.take(FRAME_SAMPLES);
        AudioFrame { samples, kind }
    }

    pub fn stats(&self) -> ReceiverStats {
        ReceiverStats {
            target_delay_samples: self.buffer.target() as u64,
            ..self.stats
        }
    }

    /// Makes at least 2.5 ms more ready.
    fn advance(&mut self, now: Instant) {
        match self.buffer.next(now, self.ready.len()) {
            Next::Play(packet) => self.play(&packet),
            Next::Lost {
                samples,
                recover_from: Some(packet),
            } => self.recover(samples, &packet),
            Next::Lost { samples, .. } => self.conceal(samples),
            Next::Hold | Next::Empty { dtx: false } => self.conceal(FRAME_SAMPLES),
            Next::Pause | Next::Empty { dtx: true } => self.be_silent(FRAME_SAMPLES),
        }
    }

    fn play(&mut self, packet: &OpusPacket) {
        let mut samples = [0; MAX_SAMPLES as usize];
        // The table of contents may be right and the rest rubbish.
        let Ok(count) = self.decoder.decode(packet.payload(), &mut samples, false) else {
            self.stats.malformed += 1;
            self.conceal(packet.samples() as usize);
            return;
        };
        self.concealed = 0;
        self.ready.push(FrameKind::Received, &mut samples[..count]);
    }

    fn recover(&mut self, count: usize, from: &OpusPacket) {
        let mut samples = vec![0; count];
        if self
            .decoder
            .decode(from.payload(), &mut samples, true)
            .is_err()
        {
            self.conceal(count);
            return;
        }
        self.concealed = 0;
        self.stats.recovered_samples += count as u64;
        self.ready.push(FrameKind::Recovered, &mut samples);
    }

    fn conceal(&mut self, count: usize) {
        let left = MAX_CONCEALED.saturating_sub(self.concealed);
        let guessed = count.min(left);
        if guessed > 0 {
            self.guess(guessed, guessed == left);
        }
        if guessed < count {
            self.be_silent(count - guessed);
        }
    }

    /// Lets libopus continue what was heard last; `fade` when silence follows.
    fn guess(&mut self, count: usize, fade: bool) {
        let mut samples = vec![0; count];
        if self.decoder.decode(&[], &mut samples, false).is_err() {
            samples.fill(0);
        }
        if fade {
            fade_out(&mut samples);
        }
        self.concealed += count;
        self.stats.concealed_samples += count as u64;
        self.ready.push(FrameKind::Concealed, &mut samples);
    }

    fn be_silent(&mut self, count: usize) {
        // The encoder is not heard breaking off: it fades before DTX, concealment fades above.
        self.concealed = MAX_CONCEALED;
        self.ready.push(FrameKind::Silence, &mut vec![0; count]);
    }

    /// Shortens what comes next when playout lags behind: after a burst, or when jitter fell.
    fn catch_up(&mut self, now: Instant) {
        self.frames_since_cut = self.frames_since_cut.saturating_add(1);
        let lag = self.buffer.surplus(now, self.ready.len());
        let heavy = lag > HEAVY_LAG;
        if lag <= TOLERATED_LAG || (!heavy && self.frames_since_cut < FRAMES_BETWEEN_CUTS) {
            return;
        }
        while self.ready.len() < FRAME_SAMPLES + SHORTEN_SAMPLES {
            self.advance(now);
        }
        let Some(front) = self.ready.received(SHORTEN_SAMPLES) else {
            return;
        };
        if let Some(dropped) = shorten(front, heavy) {
            self.ready.skip(dropped);
            self.frames_since_cut = 0;
        }
    }
}
