//! The mouth: sentences to speech on the room's track, and how much of them was heard.
//!
//! One speaker per answer. While a sentence plays, the next one is synthesised, and no more: a
//! voice server with one lock would make a new answer wait behind the rest of a cancelled one.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use jex_conversation::{AnswerId, Stage};
use jex_providers::{ProviderError, Resampler, Synthesis, TextToSpeech};
use livekit_participant::LocalAudioTrack;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::timeline::{TRACK_HZ, Timeline};
use super::{Mark, Signal, problem};

/// From our network to the caller's ear: their jitter buffer and sound card.
const EAR_LATENCY_SAMPLES: u64 = TRACK_HZ / 10;
const REPORT_EVERY: Duration = Duration::from_millis(50);
/// 20 ms, the track's own frame.
const CHUNK_SAMPLES: usize = 960;
const VOICE_MISSING: &str = "My usual voice is not available.";

/// Where speech goes, mono at [`TRACK_HZ`].
pub trait Track: Send + Sync + 'static {
    /// Queues samples; waits while more than a moment of them is queued.
    fn write(&self, samples: &[i16]) -> impl Future<Output = ()> + Send;
    /// Drops what is queued.
    fn clear(&self);
    /// Samples that went out so far.
    fn played(&self) -> u64;
}

impl Track for LocalAudioTrack {
    async fn write(&self, samples: &[i16]) {
        LocalAudioTrack::write(self, samples).await;
    }

    fn clear(&self) {
        LocalAudioTrack::clear(self);
    }

    fn played(&self) -> u64 {
        LocalAudioTrack::played(self)
    }
}

/// Speaks one answer at a time on one track.
pub struct Mouth<T = LocalAudioTrack> {
    voices: Voices,
    track: Arc<T>,
    signals: mpsc::UnboundedSender<Signal>,
    speaker: Option<Speaker>,
}

#[derive(Clone)]
struct Voices {
    usual: Arc<dyn TextToSpeech>,
    announcer: Arc<dyn TextToSpeech>,
    /// Whether the caller was told that another voice speaks.
    told: Arc<Mutex<bool>>,
}

struct Speaker {
    answer: AnswerId,
    sentences: mpsc::UnboundedSender<(usize, String)>,
    _tasks: [AbortOnDropHandle<()>; 3],
}

impl<T: Track> Mouth<T> {
    pub fn new(
        usual: Arc<dyn TextToSpeech>,
        announcer: Arc<dyn TextToSpeech>,
        track: Arc<T>,
        signals: mpsc::UnboundedSender<Signal>,
    ) -> Self {
        let told = Arc::default();
        Self {
            voices: Voices {
                usual,
                announcer,
                told,
            },
            track,
            signals,
            speaker: None,
        }
    }

    /// Queues a sentence. The first of a new answer replaces the speaker of the one before.
    pub fn speak(&mut self, answer: AnswerId, sentence: usize, text: String) {
        if self.speaker.as_ref().is_none_or(|s| s.answer != answer) {
            self.speaker = Some(self.start(answer));
        }
        if let Some(speaker) = &self.speaker {
            let _ = speaker.sentences.send((sentence, text));
        }
    }

    /// Silence from the next 20 ms frame on.
    pub fn stop(&mut self, answer: AnswerId) {
        if self.speaker.take_if(|s| s.answer == answer).is_some() {
            self.track.clear();
        }
    }

    fn start(&self, answer: AnswerId) -> Speaker {
        let (sentences, inbox) = mpsc::unbounded_channel();
        // One clip plays, one waits: see above.
        let (clips, playlist) = mpsc::channel(1);
        let timeline = Timeline::new(answer, self.track.played(), EAR_LATENCY_SAMPLES);
        let timeline = Arc::new(Mutex::new(timeline));
        let synthesise = synthesise(self.voices.clone(), inbox, clips, self.signals.clone());
        let play = Player {
            answer,
            track: self.track.clone(),
            timeline: timeline.clone(),
            signals: self.signals.clone(),
        };
        let report = report(self.track.clone(), timeline, self.signals.clone());
        Speaker {
            answer,
            sentences,
            _tasks: [
                AbortOnDropHandle::new(tokio::spawn(synthesise)),
                AbortOnDropHandle::new(tokio::spawn(play.run(playlist))),
                AbortOnDropHandle::new(tokio::spawn(report)),
            ],
        }
    }
}

/// A sentence on its way from the voice to the track.
struct Clip {
    sentence: usize,
    text: String,
    audio: mpsc::UnboundedReceiver<Result<Sound, ProviderError>>,
}

/// Mono PCM at the track's rate.
enum Sound {
    /// Said before the sentence; none of its words.
    Prelude(Vec<i16>),
    Words(Vec<i16>),
}

async fn synthesise(
    voices: Voices,
    mut sentences: mpsc::UnboundedReceiver<(usize, String)>,
    clips: mpsc::Sender<Clip>,
    signals: mpsc::UnboundedSender<Signal>,
) {
    while let Some((sentence, text)) = sentences.recv().await {
        let Ok(slot) = clips.reserve().await else {
            return;
        };
        let (audio, inbox) = mpsc::unbounded_channel();
        slot.send(Clip {
            sentence,
            text: text.clone(),
            audio: inbox,
        });
        if let Err(error) = voices.say(&text, &audio, &signals).await {
            let _ = audio.send(Err(error));
        }
    }
}

type Audio = mpsc::UnboundedSender<Result<Sound, ProviderError>>;

impl Voices {
    async fn say(
        &self,
        text: &str,
        audio: &Audio,
        signals: &mpsc::UnboundedSender<Signal>,
    ) -> Result<(), ProviderError> {
        tracing::debug!(chars = text.len(), "synthesising");
        let mut synthesis = self.usual.synthesize(text).await?;
        tracing::debug!("first audio is there");
        let fallback = synthesis.fallback.take();
        let first_time = self.note_fallback(fallback.is_some());
        let problem = fallback.map(|error| problem(Stage::TextToSpeech, &error));
        if first_time {
            let announcement = self.announcer.synthesize(VOICE_MISSING).await?;
            pump(announcement, audio, Sound::Prelude).await?;
        }
        let _ = signals.send(Signal::Voice(problem));
        pump(synthesis, audio, Sound::Words).await
    }

    /// Whether this is the first sentence of a spell without the usual voice.
    fn note_fallback(&self, fallback: bool) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *told, fallback);
        fallback && !before
    }
}

async fn pump(
    mut synthesis: Synthesis,
    audio: &Audio,
    sound: fn(Vec<i16>) -> Sound,
) -> Result<(), ProviderError> {
    let mut up = Resampler::new(synthesis.sample_rate_hz, TRACK_HZ as u32);
    while let Some(chunk) = synthesis.audio.next().await {
        let _ = audio.send(Ok(sound(up.process(&chunk?))));
    }
    let _ = audio.send(Ok(sound(up.finish())));
    Ok(())
}

struct Player<T> {
    answer: AnswerId,
    track: Arc<T>,
    timeline: Arc<Mutex<Timeline>>,
    signals: mpsc::UnboundedSender<Signal>,
}

impl<T: Track> Player<T> {
    async fn run(self, mut playlist: mpsc::Receiver<Clip>) {
        while let Some(clip) = playlist.recv().await {
            self.play(clip).await;
        }
    }

    async fn play(&self, mut clip: Clip) {
        lock(&self.timeline).begin(clip.sentence, &clip.text);
        let mut started = false;
        while let Some(sound) = clip.audio.recv().await {
            match sound {
                Ok(Sound::Prelude(samples)) => {
                    self.write(&samples, Timeline::wrote_prelude).await;
                }
                Ok(Sound::Words(samples)) => {
                    if !samples.is_empty() && !std::mem::replace(&mut started, true) {
                        let mark = Signal::Mark(self.answer, Mark::FirstAudio, Instant::now());
                        let _ = self.signals.send(mark);
                    }
                    self.write(&samples, Timeline::wrote).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "speech failed");
                    let problem = problem(Stage::TextToSpeech, &error);
                    lock(&self.timeline).break_off(problem);
                    return;
                }
            }
        }
        lock(&self.timeline).complete();
    }

    async fn write(&self, samples: &[i16], note: fn(&mut Timeline, usize)) {
        for chunk in samples.chunks(CHUNK_SAMPLES) {
            note(&mut lock(&self.timeline), chunk.len());
            self.track.write(chunk).await;
        }
    }
}

async fn report<T: Track>(
    track: Arc<T>,
    timeline: Arc<Mutex<Timeline>>,
    signals: mpsc::UnboundedSender<Signal>,
) {
    let mut tick = tokio::time::interval(REPORT_EVERY);
    let mut inputs = Vec::new();
    loop {
        tick.tick().await;
        lock(&timeline).heard(track.played(), &mut inputs);
        for input in inputs.drain(..) {
            let _ = signals.send(Signal::Input(input));
        }
    }
}

fn lock(timeline: &Mutex<Timeline>) -> std::sync::MutexGuard<'_, Timeline> {
    timeline.lock().unwrap_or_else(PoisonError::into_inner)
}
