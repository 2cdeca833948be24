//! The mouth: sentences to speech on the room's track, and how much of them was heard.
//!
//! One speaker per answer. While a sentence plays, the next one is synthesised, and no more: a
//! voice server with one lock would make a new answer wait behind the rest of a cancelled one.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use jex_conversation::{AnswerId, Stage};
use jex_providers::{ProviderError, Resampler, Synthesis, TextToSpeech};
use livekit_participant::LocalAudioTrack;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::timeline::{TRACK_HZ, Timeline};
use super::{Mark, Signal, problem};

/// From our network to the caller's ear: their jitter buffer and sound card.
const EAR_LATENCY_SAMPLES: u64 = TRACK_HZ / 10;
const REPORT_EVERY: Duration = Duration::from_millis(50);
/// 5 s: a track that plays nothing of what waits for so long, with the connection up, is dead.
const STANDSTILL_REPORTS: u32 = 100;
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
    /// The connection is lost: what is played now may reach nobody.
    held: Arc<AtomicBool>,
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
            held: Arc::default(),
            speaker: None,
        }
    }

    /// Queues a sentence. The first of a new answer replaces the speaker of the one before, and
    /// the answer is spoken in the span that is current then.
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

    /// Says no more of what was heard: the connection is lost.
    pub fn hold(&self) {
        self.held.store(true, Ordering::Relaxed);
    }

    /// The connection is back: tells what was heard meanwhile, and what is from now on.
    pub fn resume(&self) {
        self.held.store(false, Ordering::Relaxed);
    }

    /// The answer that is spoken, or was last.
    pub fn answer(&self) -> Option<AnswerId> {
        self.speaker.as_ref().map(|speaker| speaker.answer)
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
        let report = report(
            self.track.clone(),
            timeline,
            self.held.clone(),
            self.signals.clone(),
        );
        Speaker {
            answer,
            sentences,
            _tasks: [
                AbortOnDropHandle::new(tokio::spawn(synthesise.in_current_span())),
                AbortOnDropHandle::new(tokio::spawn(play.run(playlist).in_current_span())),
                AbortOnDropHandle::new(tokio::spawn(report)),
            ],
        }
    }
}

/// More than the longest sentence has (Piper's pieces are of 46 ms), and a bound for a server that never ends.
const PIECES_AHEAD: usize = 1024;

/// A sentence on its way from the voice to the track.
struct Clip {
    sentence: usize,
    text: String,
    audio: mpsc::Receiver<Result<Sound, ProviderError>>,
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
        let (audio, inbox) = mpsc::channel(PIECES_AHEAD);
        slot.send(Clip {
            sentence,
            text: text.clone(),
            audio: inbox,
        });
        if let Err(error) = voices.say(&text, &audio, &signals).await {
            let _ = audio.send(Err(error)).await;
        }
    }
}

type Audio = mpsc::Sender<Result<Sound, ProviderError>>;

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
        let _ = audio.send(Ok(sound(up.process(&chunk?)))).await;
    }
    let _ = audio.send(Ok(sound(up.finish()))).await;
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
    held: Arc<AtomicBool>,
    signals: mpsc::UnboundedSender<Signal>,
) {
    let mut tick = tokio::time::interval(REPORT_EVERY);
    // Whoever was stopped for a while has not looked at the track meanwhile.
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut inputs = Vec::new();
    let mut before = track.played();
    let mut standstill = 0;
    loop {
        tick.tick().await;
        if held.load(Ordering::Relaxed) {
            standstill = 0;
            continue;
        }
        let played = track.played();
        let is_playing = {
            let mut timeline = lock(&timeline);
            timeline.heard(played, &mut inputs);
            timeline.is_playing(played)
        };
        for input in inputs.drain(..) {
            let _ = signals.send(Signal::Input(input));
        }
        let moved = std::mem::replace(&mut before, played) != played;
        standstill = if is_playing && !moved {
            standstill + 1
        } else {
            0
        };
        if standstill == STANDSTILL_REPORTS {
            let _ = signals.send(Signal::TrackDead);
        }
    }
}

fn lock(timeline: &Mutex<Timeline>) -> std::sync::MutexGuard<'_, Timeline> {
    timeline.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use futures::stream;
    use jex_conversation::Input;
    use jex_providers::Origin;

    use super::*;

    const ANSWER: AnswerId = AnswerId(7);
    const SECOND: u64 = TRACK_HZ;
    const TEXT: &str = "Paris is the capital of France";

    /// A track that plays when the test says so.
    #[derive(Default)]
    struct Scripted {
        written: Mutex<u64>,
        played: Mutex<u64>,
    }

    impl Scripted {
        fn play(&self, samples: u64) {
            let written = *self.written.lock().expect("not poisoned");
            let mut played = self.played.lock().expect("not poisoned");
            *played = (*played + samples).min(written);
        }
    }

    impl Track for Scripted {
        async fn write(&self, samples: &[i16]) {
            *self.written.lock().expect("not poisoned") += samples.len() as u64;
        }

        fn clear(&self) {}

        fn played(&self) -> u64 {
            *self.played.lock().expect("not poisoned")
        }
    }

    /// A voice that says a second for each sentence, after which it may die.
    #[derive(Default)]
    struct Voice {
        dies: bool,
        stands_in: bool,
    }

    fn dead() -> ProviderError {
        let origin = Origin {
            provider: "Piper".into(),
            endpoint: "here".into(),
            remedy: "Start it.".into(),
        };
        origin.unreachable("it died")
    }

    #[async_trait]
    impl TextToSpeech for Voice {
        fn name(&self) -> String {
            "a voice".into()
        }

        async fn synthesize(&self, _: &str) -> Result<Synthesis, ProviderError> {
            let second = Ok(vec![1; TRACK_HZ as usize]);
            let end = self.dies.then(|| Err(dead()));
            Ok(Synthesis {
                sample_rate_hz: TRACK_HZ as u32,
                audio: Box::pin(stream::iter([second].into_iter().chain(end))),
                fallback: self.stands_in.then(dead),
            })
        }
    }

    struct Scene {
        mouth: Mouth<Scripted>,
        track: Arc<Scripted>,
        inbox: mpsc::UnboundedReceiver<Signal>,
    }

    impl Scene {
        fn with(usual: Voice) -> Self {
            let (signals, inbox) = mpsc::unbounded_channel();
            let track = Arc::<Scripted>::default();
            let announcer = Arc::new(Voice::default());
            Self {
                mouth: Mouth::new(Arc::new(usual), announcer, track.clone(), signals),
                track,
                inbox,
            }
        }

        /// What is told of the answer within two seconds.
        async fn told(&mut self) -> Vec<Input> {
            let mut inputs = Vec::new();
            let end = tokio::time::Instant::now() + Duration::from_secs(2);
            while let Ok(signal) = tokio::time::timeout_at(end, self.inbox.recv()).await {
                if let Some(Signal::Input(input)) = signal {
                    inputs.push(input);
                }
            }
            inputs.dedup();
            inputs
        }

        async fn is_told_dead(&mut self, within: Duration) -> bool {
            let end = tokio::time::Instant::now() + within;
            while let Ok(signal) = tokio::time::timeout_at(end, self.inbox.recv()).await {
                if matches!(signal, Some(Signal::TrackDead)) {
                    return true;
                }
            }
            false
        }
    }

    fn heard(chars: usize) -> Input {
        Input::Heard {
            answer: ANSWER,
            sentence: 0,
            chars,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_sentence_is_heard_as_it_is_played() {
        let mut scene = Scene::with(Voice::default());
        scene.mouth.speak(ANSWER, 0, TEXT.into());
        scene.told().await;

        scene.track.play(SECOND / 2);
        let half = scene.told().await;
        scene.track.play(SECOND);
        let whole = scene.told().await;

        assert_eq!(half, [heard(12)], "100 ms are on their way to the ear");
        let (answer, sentence) = (ANSWER, 0);
        assert_eq!(whole, [Input::SentencePlayed { answer, sentence }]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_voice_that_dies_in_mid_sentence_fails_it_once_its_audio_is_played() {
        let mut scene = Scene::with(Voice {
            dies: true,
            ..Voice::default()
        });
        scene.mouth.speak(ANSWER, 0, TEXT.into());
        scene.told().await;

        scene.track.play(SECOND / 2);
        let before = scene.told().await;
        scene.track.play(SECOND);
        let after = scene.told().await;

        assert!(matches!(before[..], [Input::Heard { .. }]), "{before:?}");
        let failed = Input::SpeechFailed {
            answer: ANSWER,
            sentence: 0,
            problem: problem(Stage::TextToSpeech, &dead()),
        };
        assert_eq!(after, [failed]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_announcement_of_another_voice_is_none_of_the_answer() {
        let mut scene = Scene::with(Voice {
            stands_in: true,
            ..Voice::default()
        });
        scene.mouth.speak(ANSWER, 0, TEXT.into());
        scene.told().await;

        scene.track.play(SECOND);
        let announced = scene.told().await;
        scene.track.play(SECOND / 2);
        let half = scene.told().await;

        assert_eq!(announced, [heard(0)]);
        assert_eq!(half, [heard(12)]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_played_while_the_connection_is_lost_is_told_when_it_is_back() {
        let mut scene = Scene::with(Voice::default());
        scene.mouth.speak(ANSWER, 0, TEXT.into());
        scene.told().await;

        scene.mouth.hold();
        scene.track.play(2 * SECOND);
        let meanwhile = scene.told().await;
        scene.mouth.resume();
        let back = scene.told().await;

        let (answer, sentence) = (ANSWER, 0);
        assert_eq!(meanwhile, []);
        assert_eq!(back, [Input::SentencePlayed { answer, sentence }]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_track_that_plays_nothing_any_more_is_noticed() {
        let mut scene = Scene::with(Voice::default());
        scene.mouth.speak(ANSWER, 0, TEXT.into());
        scene.track.play(SECOND / 2);

        assert!(!scene.is_told_dead(Duration::from_secs(4)).await);
        assert!(scene.is_told_dead(Duration::from_secs(2)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_track_that_waits_for_the_connection_or_for_words_is_not_dead() {
        let mut scene = Scene::with(Voice::default());
        scene.mouth.speak(ANSWER, 0, TEXT.into());

        scene.mouth.hold();
        let lost = scene.is_told_dead(Duration::from_secs(60)).await;
        scene.mouth.resume();
        scene.track.play(2 * SECOND);
        let silent = scene.is_told_dead(Duration::from_secs(60)).await;

        assert!(!lost && !silent);
    }
}
