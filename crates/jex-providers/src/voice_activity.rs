//! Whether somebody speaks: earshot's network, with a decision around its scores.
//!
//! earshot itself proposes a threshold of 0.5 (its README). Measured with version 1.2 on 10 s of
//! 16 kHz audio each (`tests/voice_activity.rs` prints and guards this table; levels are RMS in dB
//! of full scale, speech is Piper's at -22 dB):
//!
//! | sound                          | highest | frames ≥ 0.5 | frames ≥ 0.6 |
//! |--------------------------------|---------|--------------|--------------|
//! | speech                         | 0.98    | 93 %         | 90 %         |
//! | speech 20 dB quieter           | 0.95    | 94 %         | 89 %         |
//! | speech, pink noise 10 dB below | 0.97    | 91 %         | 85 %         |
//! | silence                        | 0.28    | 0            | 0            |
//! | white or pink noise, -40 dB    | 0.52    | 0.2 %        | 0            |
//! | white or pink noise, -20 dB    | 0.62    | 0.6 %        | 0.5 %        |
//! | white or pink noise, -10 dB    | 0.86    | 100 %        | 93–100 %     |
//! | tones 50–3000 Hz, -20 dB       | 0.49    | 0            | 0            |
//! | tones of 200 and 440 Hz, -10 dB | 0.60   | 99 %         | 0            |
//!
//! So voice begins at 0.6, which no tone reaches, for 6 of 10 frames, which no noise up to -20 dB
//! holds; and it lasts while the score is at least 0.5, not less, because a hum after a word keeps
//! 0.4 for ever. What stays wrong: noise as loud as a shout (-10 dB) is voice, and speech in noise
//! of its own level does not end. Both are left to the microphone's noise suppression, which
//! browsers have on.

use std::collections::VecDeque;

use earshot::Detector;

/// earshot takes frames of exactly this many samples: 16 ms at 16 kHz.
const FRAME: usize = 256;
const BEGIN: f32 = 0.6;
const CONTINUE: f32 = 0.5;
/// Voiced frames among the last [`WINDOW`] that begin speech: about 100 ms of voice.
const BEGIN_FRAMES: usize = 6;
const WINDOW: usize = 10;
/// 192 ms without voice end it; the conversation adds its own endpointing.
const HANGOVER_FRAMES: usize = 12;

/// Speech began or ended. Positions count samples since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoiceEvent {
    /// The first voiced frame began at this sample.
    Started { at_sample: u64 },
    /// The last voiced frame ended at this sample, a while ago.
    Stopped { last_voice_at_sample: u64 },
}

/// Streaming voice activity of one speaker.
pub struct VoiceActivity {
    detector: Box<Detector>,
    pending: Vec<i16>,
    /// Samples judged so far.
    position: u64,
    /// The newest frames, newest last: whether each was voiced, while nobody speaks.
    recent: VecDeque<bool>,
    speaking: bool,
    quiet_frames: usize,
    last_voice: u64,
}

impl Default for VoiceActivity {
    fn default() -> Self {
        Self::new()
    }
}

impl VoiceActivity {
    pub fn new() -> Self {
        Self {
            detector: Box::default(),
            pending: Vec::with_capacity(2 * FRAME),
            position: 0,
            recent: VecDeque::with_capacity(WINDOW),
            speaking: false,
            quiet_frames: 0,
            last_voice: 0,
        }
    }

    /// Takes mono samples at 16 kHz, any number of them.
    pub fn push(&mut self, samples: &[i16]) -> Vec<VoiceEvent> {
        self.pending.extend_from_slice(samples);
        let mut events = Vec::new();
        let mut used = 0;
        while let Some(frame) = self.pending.get(used..used + FRAME) {
            let score = self.detector.predict_i16(frame);
            used += FRAME;
            self.position += FRAME as u64;
            events.extend(self.judge(score));
        }
        self.pending.drain(..used);
        events
    }

    fn judge(&mut self, score: f32) -> Option<VoiceEvent> {
        if self.speaking {
            self.go_on(score)
        } else {
            self.begin(score)
        }
    }

    fn begin(&mut self, score: f32) -> Option<VoiceEvent> {
        if self.recent.len() == WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(score >= BEGIN);
        let voiced = self.recent.iter().filter(|voiced| **voiced).count();
        if voiced < BEGIN_FRAMES {
            return None;
        }
        let first = self.recent.iter().position(|voiced| *voiced).unwrap_or(0);
        let frames = (self.recent.len() - first) as u64;
        self.recent.clear();
        self.speaking = true;
        self.quiet_frames = 0;
        self.last_voice = self.position;
        let at_sample = self.position - frames * FRAME as u64;
        Some(VoiceEvent::Started { at_sample })
    }

    fn go_on(&mut self, score: f32) -> Option<VoiceEvent> {
        if score >= CONTINUE {
            self.quiet_frames = 0;
            self.last_voice = self.position;
            return None;
        }
        self.quiet_frames += 1;
        if self.quiet_frames < HANGOVER_FRAMES {
            return None;
        }
        self.speaking = false;
        let last_voice_at_sample = self.last_voice;
        Some(VoiceEvent::Stopped {
            last_voice_at_sample,
        })
    }
}
