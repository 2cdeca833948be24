//! Audio that we publish.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::command::{Command, Commands};
use crate::audio::{AudioSender, CodecError, EncodedAudio, FRAME_SAMPLES};

/// 200 ms: enough for a writer that is late now and then, little to lose at a barge-in.
const QUEUE_SAMPLES: usize = 10 * FRAME_SAMPLES;

/// A published audio track: write samples, they are played at their own pace. Silence goes out
/// by itself in between.
///
/// While the track is muted, what is written is consumed at its pace, unheard. While the
/// connection is being mended the queue waits, unless the media connection still works.
#[derive(Clone)]
pub struct LocalAudioTrack {
    audio: Arc<LocalAudio>,
    commands: Commands,
}

impl std::fmt::Debug for LocalAudioTrack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalAudioTrack")
            .field("sid", &self.sid())
            .field("name", &self.audio.name)
            .finish_non_exhaustive()
    }
}

impl LocalAudioTrack {
    pub(crate) fn new(audio: Arc<LocalAudio>, commands: Commands) -> Self {
        Self { audio, commands }
    }

    /// The server's id for the track as of now: another one after each full reconnect.
    pub fn sid(&self) -> String {
        self.audio.sid()
    }

    /// Queues samples (mono, 48 kHz) and waits while more than about 200 ms are queued. Returns
    /// at once when the room is left. Dropping the future leaves what it has queued so far.
    pub async fn write(&self, samples: &[i16]) {
        let mut rest = samples;
        while !rest.is_empty() {
            let Some(room) = self.audio.wait_until(|queued| queued < QUEUE_SAMPLES).await else {
                return;
            };
            let count = rest.len().min(QUEUE_SAMPLES - room);
            let (now, later) = rest.split_at(count);
            self.audio.state().sender.write(now);
            rest = later;
        }
    }

    /// Drops what is queued: silence from the next 20 ms frame on. A `write` that waits goes on
    /// with the rest of its samples; drop it first.
    pub fn clear(&self) {
        self.audio.state().sender.clear();
        self.audio.advanced.notify_waiters();
    }

    /// Samples of written audio that were handed to the network so far. Cleared ones and the
    /// silence in between do not count.
    pub fn played(&self) -> u64 {
        self.audio.state().sender.played()
    }

    /// Waits until nothing is queued, or the room is left.
    pub async fn wait_played(&self) {
        self.audio.wait_until(|queued| queued == 0).await;
    }

    /// Stops or resumes sending, and tells the others.
    pub async fn set_muted(&self, muted: bool) {
        self.audio.set_muted(muted);
        let cid = self.audio.cid.clone();
        self.commands.tell(Command::Mute { cid, muted });
    }

    /// Whether we or the server muted it.
    pub fn is_muted(&self) -> bool {
        self.audio.is_muted()
    }

    pub(crate) fn cid(&self) -> &str {
        &self.audio.cid
    }
}

/// What the handle and the peer connection's task share. The lock is held for as long as it
/// takes to encode 20 ms, and never across an await.
pub(crate) struct LocalAudio {
    /// Our own id for the track, the same for the life of the room.
    pub cid: String,
    pub name: String,
    state: Mutex<State>,
    muted: AtomicBool,
    closed: AtomicBool,
    /// The queue got shorter, or nobody will shorten it any more.
    advanced: Notify,
}

struct State {
    sender: AudioSender,
    sid: String,
}

impl LocalAudio {
    pub fn new(name: &str) -> Result<Self, CodecError> {
        Ok(Self {
            cid: format!("mic-{}", uuid::Uuid::new_v4()),
            name: name.to_owned(),
            state: Mutex::new(State {
                sender: AudioSender::new()?,
                sid: String::new(),
            }),
            muted: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            advanced: Notify::new(),
        })
    }

    /// The next 20 ms, or `None` while muted: time goes on, nothing is sent.
    pub fn next_packet(&self) -> Option<EncodedAudio> {
        let packet = self.state().sender.next_packet();
        self.advanced.notify_waiters();
        (!self.is_muted()).then_some(packet)
    }

    /// Lets the timestamp follow the wall clock over frames that could not be sent.
    pub fn skip(&self, frames: u64) {
        self.state().sender.skip(frames);
    }

    pub fn sid(&self) -> String {
        self.state().sid.clone()
    }

    pub fn set_sid(&self, sid: &str) {
        sid.clone_into(&mut self.state().sid);
    }

    pub fn is_muted(&self) -> bool {
        self.muted.load(Ordering::Relaxed)
    }

    pub fn set_muted(&self, muted: bool) {
        self.muted.store(muted, Ordering::Relaxed);
    }

    /// Nobody will play any more: releases those who wait.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.advanced.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whatever panicked while it held the lock, the samples are still samples.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a length of the queue and returns it; `None` when the track is closed.
    async fn wait_until(&self, fits: impl Fn(usize) -> bool) -> Option<usize> {
        loop {
            // Registered before the look, so that no change in between is missed.
            let mut advanced = std::pin::pin!(self.advanced.notified());
            advanced.as_mut().enable();
            if self.closed.load(Ordering::Acquire) {
                return None;
            }
            let queued = self.state().sender.queued();
            if fits(queued) {
                return Some(queued);
            }
            advanced.await;
        }
    }
}
