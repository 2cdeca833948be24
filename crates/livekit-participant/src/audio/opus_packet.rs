//! What can be told about an Opus packet without decoding it (RFC 6716 §3).

use super::SAMPLE_RATE_HZ;

/// Five frames of 20 ms at 510 kbit/s take 6.4 kB; nothing legal over RTP is longer.
const MAX_BYTES: usize = 8192;
/// Opus' own limit: 120 ms.
pub const MAX_SAMPLES: i64 = 5760;
/// An encoder in DTX sends the table of contents alone, or with one byte.
const DTX_BYTES: usize = 2;

/// A payload that parses as Opus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpusPacket {
    payload: Vec<u8>,
    /// At 48 kHz: 120 (2.5 ms) to 5760 (120 ms).
    samples: i64,
}

impl OpusPacket {
    /// `None` for what is not Opus: its place in the stream will be concealed like a loss.
    pub fn parse(payload: Vec<u8>) -> Option<Self> {
        if payload.is_empty() || payload.len() > MAX_BYTES {
            return None;
        }
        opus::packet::parse(&payload).ok()?;
        let samples = opus::packet::get_nb_samples(&payload, SAMPLE_RATE_HZ).ok()? as i64;
        (1..=MAX_SAMPLES)
            .contains(&samples)
            .then_some(Self { payload, samples })
    }

    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub fn samples(&self) -> i64 {
        self.samples
    }

    /// Whether the sender goes silent with this packet: no more may follow until it speaks.
    pub fn is_dtx(&self) -> bool {
        self.payload.len() <= DTX_BYTES
    }

    /// Whether a low-rate copy of the packet before rides along (LBRR: RFC 6716 §4.2.3, read the
    /// way libopus' `opus_packet_has_lbrr` does).
    pub fn repeats_previous(&self) -> bool {
        let Ok(packet) = opus::packet::parse(&self.payload) else {
            return false;
        };
        let celt_only = packet.toc & 0x80 != 0;
        let Some(&first) = packet.frames.first().and_then(|frame| frame.first()) else {
            return false;
        };
        if celt_only {
            return false;
        }
        let frame = opus::packet::get_samples_per_frame(&self.payload, SAMPLE_RATE_HZ);
        let silk_frames = (frame.unwrap_or(0) / 960).max(1) as u32;
        let stereo = packet.toc & 0x04 != 0;
        let mid = (first >> (7 - silk_frames)) & 1 == 1;
        // The side channel's flags follow the mid channel's.
        let side = stereo && (first >> (6 - 2 * silk_frames)) & 1 == 1;
        mid || side
    }
}
