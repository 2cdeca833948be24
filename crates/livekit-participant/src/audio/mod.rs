//! Voice over RTP without a clock or a socket: a jitter buffer in, an encoder out.
//!
//! [`AudioReceiver`] takes Opus packets as the network delivers them (late, doubled, out of
//! order, not at all) and gives one 20 ms frame each time it is asked. [`AudioSender`] takes
//! samples whenever there are some and gives one packet each time it is asked. Both are driven
//! by their owner's 20 ms clock; time enters as an argument.
//!
//! ```text
//! packet → opus_packet (is it Opus, how long) → jitter_buffer (order, gaps) ← delay (how long to wait)
//!        → receiver (decode, recover, conceal) → time_scale (catch up) → frame
//! ```

mod delay;
mod jitter_buffer;
mod opus_packet;
mod playout;
mod receiver;
mod sender;
mod time_scale;

#[cfg(test)]
mod tests;

pub use jitter_buffer::RtpAudio;
pub use receiver::{AudioFrame, AudioReceiver, FrameKind, ReceiverStats};
pub use sender::{AudioSender, EncodedAudio};

/// Everything here runs at Opus' own clock, mono.
pub const SAMPLE_RATE_HZ: u32 = 48_000;
/// 20 ms.
pub const FRAME_SAMPLES: usize = 960;

/// libopus could not be set up: out of memory, or a library that lacks what was asked of it.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the Opus codec: {0}")]
pub struct CodecError(#[from] opus::Error);
