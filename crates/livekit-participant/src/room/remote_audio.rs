//! Audio of someone else.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::audio::{AudioFrame, AudioReceiver, CodecError, ReceiverStats, RtpAudio};

const FRAME: Duration = Duration::from_millis(20);
/// Packets between the network's task and the listener: 5 s. A listener that stays away longer
/// loses what came first.
const QUEUE_PACKETS: usize = 250;
/// A listener that was away longer than this starts afresh instead of catching up frame by frame.
const MAX_BEHIND: Duration = Duration::from_secs(1);

/// A subscribed track as 20 ms frames, on a clock of its own: mute, DTX and loss give silence or
/// concealment, never a gap. Jitter buffer, FEC and loss concealment are inside.
///
/// It ends when the track is unpublished or unsubscribed, its publisher leaves, or the session
/// has to be joined anew (then [`RoomEvent::TrackSubscribed`](crate::RoomEvent::TrackSubscribed)
/// brings another one); it lives on when the session is resumed.
pub struct RemoteAudio {
    track_sid: String,
    packets: mpsc::Receiver<RtpAudio>,
    receiver: AudioReceiver,
    clock: tokio::time::Interval,
}

impl std::fmt::Debug for RemoteAudio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteAudio")
            .field("track_sid", &self.track_sid)
            .finish_non_exhaustive()
    }
}

impl RemoteAudio {
    /// The listener's end and the network's.
    pub(crate) fn new(track_sid: &str) -> Result<(Self, mpsc::Sender<RtpAudio>), CodecError> {
        let (sender, packets) = mpsc::channel(QUEUE_PACKETS);
        let mut clock = interval(FRAME);
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let audio = Self {
            track_sid: track_sid.to_owned(),
            packets,
            receiver: AudioReceiver::new()?,
            clock,
        };
        Ok((audio, sender))
    }

    pub fn track_sid(&self) -> &str {
        &self.track_sid
    }

    /// The next 20 ms, when they are due; `None` when the track has ended.
    ///
    /// Cancel safe: a dropped future loses no audio.
    pub async fn next(&mut self) -> Option<AudioFrame> {
        let due = self.clock.tick().await;
        if due.elapsed() > MAX_BEHIND {
            self.clock.reset();
        }
        loop {
            match self.packets.try_recv() {
                Ok(packet) => self.receiver.push(packet),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
            }
        }
        Some(self.receiver.pull(Instant::now()))
    }

    /// What the network did to it so far.
    pub fn stats(&self) -> ReceiverStats {
        self.receiver.stats()
    }
}
