//! Audio of someone else.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

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
        let mut due = self.clock.tick().await;
        if due.elapsed() > MAX_BEHIND {
            self.clock.reset();
            due = Instant::now();
        }
        loop {
            match self.packets.try_recv() {
                Ok(packet) => self.receiver.push(packet),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
            }
        }
        Some(self.receiver.pull(due.into_std()))
    }

    /// What the network did to it so far.
    pub fn stats(&self) -> ReceiverStats {
        self.receiver.stats()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::audio::{AudioSender, FRAME_SAMPLES, FrameKind};

    const PACKETS: u64 = 150;

    /// A tone as an ideal network delivers it.
    async fn speak(network: mpsc::Sender<RtpAudio>) {
        let mut sender = AudioSender::new().unwrap();
        let mut clock = interval(FRAME);
        for seq in 0..PACKETS {
            clock.tick().await;
            let samples: Vec<i16> = (0..FRAME_SAMPLES as u64)
                .map(|n| (seq * FRAME_SAMPLES as u64 + n) as f64 * 440.0 / 48_000.0)
                .map(|turns| (8000.0 * (std::f64::consts::TAU * turns).sin()) as i16)
                .collect();
            sender.write(&samples);
            let packet = sender.next_packet();
            let audio = RtpAudio {
                seq,
                rtp_time: packet.rtp_time,
                payload: packet.payload,
                arrived: Instant::now().into_std(),
            };
            network.send(audio).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_that_is_late_hears_everything_all_the_same() {
        let (mut audio, network) = RemoteAudio::new("TR_1").unwrap();
        tokio::spawn(speak(network));

        for _ in 0..50 {
            audio.next().await.unwrap();
        }
        sleep(40 * FRAME).await;

        while let Some(frame) = audio.next().await {
            assert_eq!(frame.kind, FrameKind::Received);
        }
    }
}
