//! The ear: what the caller says, from 20 ms frames to voice activity and utterances.
//!
//! One task per caller. It keeps the last moments of audio, so that an utterance begins with the
//! sound that made voice activity notice it.

use std::collections::VecDeque;
use std::time::Duration;

use jex_conversation::{Input, UtteranceId};
use jex_providers::{Resampler, VoiceActivity, VoiceEvent};
use livekit_participant::{FrameKind, RemoteAudio};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::Span;

use super::Signal;
use super::recogniser::Recogniser;

const RATE_HZ: usize = 16_000;
/// Voice activity needs about 100 ms to be sure; the rest is the soft beginning of a word.
const PRE_ROLL: Duration = Duration::from_millis(400);

/// What the ear is told.
#[derive(Debug)]
pub enum EarCommand {
    /// Begin to recognise, in the span of the caller's turn.
    Start(UtteranceId, Span),
    End(UtteranceId),
    Cancel(UtteranceId),
    /// Listen to this track from now on.
    Listen(Box<RemoteAudio>),
}

/// A handle to the ear's task, which ends with it.
pub struct Ear {
    commands: mpsc::UnboundedSender<EarCommand>,
    _task: AbortOnDropHandle<()>,
}

impl Ear {
    pub fn spawn(recogniser: Recogniser, signals: mpsc::UnboundedSender<Signal>) -> Self {
        let (commands, inbox) = mpsc::unbounded_channel();
        let task = tokio::spawn(listen(recogniser, signals, inbox));
        Self {
            commands,
            _task: AbortOnDropHandle::new(task),
        }
    }

    pub fn tell(&self, command: EarCommand) {
        // The task ends only with this handle.
        let _ = self.commands.send(command);
    }
}

async fn listen(
    recogniser: Recogniser,
    signals: mpsc::UnboundedSender<Signal>,
    mut inbox: mpsc::UnboundedReceiver<EarCommand>,
) {
    let mut track: Option<RemoteAudio> = None;
    let mut hearing = Hearing::new(recogniser, signals);
    loop {
        let frame = async {
            match track.as_mut() {
                Some(audio) => audio.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // Commands first: an utterance that was opened must get the very next frame.
            biased;
            command = inbox.recv() => match command {
                None => return,
                Some(EarCommand::Listen(audio)) => track = Some(*audio),
                Some(EarCommand::Start(id, turn)) => turn.in_scope(|| hearing.start(id)),
                Some(EarCommand::End(id)) => hearing.end(id),
                Some(EarCommand::Cancel(id)) => hearing.cancel(id),
            },
            frame = frame => match frame {
                // A concealed frame is a guess; silence keeps voice activity honest about it.
                Some(frame) if frame.kind == FrameKind::Silence => hearing.hear(&[0; 960]),
                Some(frame) => hearing.hear(&frame.samples),
                None => {
                    track = None;
                    hearing.track_ended();
                }
            },
        }
    }
}

/// The ear's state.
struct Hearing {
    recogniser: Recogniser,
    signals: mpsc::UnboundedSender<Signal>,
    down: Resampler,
    activity: VoiceActivity,
    /// Samples given to voice activity so far.
    heard: u64,
    speaking: bool,
    pre_roll: VecDeque<i16>,
    open: Option<(UtteranceId, mpsc::UnboundedSender<Vec<i16>>)>,
    /// Ended or open utterances whose transcripts are still expected; dropping one cancels it.
    running: Vec<(UtteranceId, AbortOnDropHandle<()>)>,
}

impl Hearing {
    fn new(recogniser: Recogniser, signals: mpsc::UnboundedSender<Signal>) -> Self {
        Self {
            recogniser,
            signals,
            down: Resampler::new(48_000, RATE_HZ as u32),
            activity: VoiceActivity::new(),
            heard: 0,
            speaking: false,
            pre_roll: VecDeque::new(),
            open: None,
            running: Vec::new(),
        }
    }

    fn start(&mut self, id: UtteranceId) {
        let (audio, inbox) = mpsc::unbounded_channel();
        let _ = audio.send(self.pre_roll.iter().copied().collect());
        let task = self.recogniser.recognise(id, inbox, self.signals.clone());
        self.running.retain(|(_, task)| !task.is_finished());
        self.running.push((id, AbortOnDropHandle::new(task)));
        self.open = Some((id, audio));
    }

    fn end(&mut self, id: UtteranceId) {
        self.open.take_if(|(open, _)| *open == id);
    }

    fn cancel(&mut self, id: UtteranceId) {
        self.end(id);
        self.running.retain(|(running, _)| *running != id);
    }

    fn hear(&mut self, samples_48k: &[i16]) {
        let samples = self.down.process(samples_48k);
        if samples.is_empty() {
            return;
        }
        if let Some((_, audio)) = &self.open {
            let _ = audio.send(samples.clone());
        }
        self.heard += samples.len() as u64;
        self.pre_roll.extend(&samples);
        let keep = RATE_HZ * PRE_ROLL.as_millis() as usize / 1000;
        let surplus = self.pre_roll.len().saturating_sub(keep);
        self.pre_roll.drain(..surplus);
        for event in self.activity.push(&samples) {
            self.report(event);
        }
    }

    fn report(&mut self, event: VoiceEvent) {
        let input = match event {
            VoiceEvent::Started { .. } => {
                self.speaking = true;
                Input::SpeechStarted
            }
            VoiceEvent::Stopped {
                last_voice_at_sample,
            } => {
                self.speaking = false;
                let silent = self.heard.saturating_sub(last_voice_at_sample);
                Input::SpeechStopped {
                    silence: Duration::from_millis(silent * 1000 / RATE_HZ as u64),
                }
            }
        };
        let _ = self.signals.send(Signal::Input(input));
    }

    /// A track that ends in mid-word (mute, leave) ends the speech, too.
    fn track_ended(&mut self) {
        self.activity = VoiceActivity::new();
        self.heard = 0;
        if std::mem::take(&mut self.speaking) {
            let silence = Duration::ZERO;
            let _ = self
                .signals
                .send(Signal::Input(Input::SpeechStopped { silence }));
        }
    }
}
