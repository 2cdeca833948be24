//! Piper speaks, Whisper hears.

use std::time::{Duration, Instant};

use futures::StreamExt;
use jex_providers::{
    ProviderError, Providers, Resampler, SpeechToText, Synthesis, TextToSpeech, VoiceActivity,
    VoiceEvent,
};
use nix::sys::signal::Signal;

use crate::servers::Servers;
use crate::{Test, wait};

pub const TESTS: &[(&str, Test)] = &[
    (
        "what_piper_says_whisper_understands",
        what_piper_says_whisper_understands,
    ),
    ("what_espeak_says_is_voice", what_espeak_says_is_voice),
    (
        "silence_has_a_transcript_of_its_own",
        silence_has_a_transcript_of_its_own,
    ),
    (
        "a_new_sentence_behind_a_cancelled_one",
        a_new_sentence_behind_a_cancelled_one,
    ),
    (
        "a_new_utterance_behind_a_cancelled_one",
        a_new_utterance_behind_a_cancelled_one,
    ),
    (
        "a_voice_that_is_not_there_is_replaced_and_named",
        a_voice_that_is_not_there_is_replaced_and_named,
    ),
];

/// These stop servers.
pub const LAST_TESTS: &[(&str, Test)] = &[
    (
        "a_hanging_voice_is_replaced_and_comes_back",
        a_hanging_voice_is_replaced_and_comes_back,
    ),
    (
        "a_hanging_whisper_runs_into_its_limit",
        a_hanging_whisper_runs_into_its_limit,
    ),
    (
        "a_whisper_killed_in_mid_utterance_is_told_of",
        a_whisper_killed_in_mid_utterance_is_told_of,
    ),
    (
        "a_piper_killed_in_mid_sentence_is_told_of",
        a_piper_killed_in_mid_sentence_is_told_of,
    ),
];

const QUESTION: &str = "What is the capital of France, and how far is it from Berlin?";
/// As long as the splitter lets a sentence become.
const LONG: &str = "When the sun had set behind the hills and the last boats had come home to the \
    little harbour, the old fisherman sat down on the wall, lit his pipe, looked out at the quiet \
    sea, and began to tell the children about the great storm.";

async fn samples(mut synthesis: Synthesis) -> Result<Vec<i16>, ProviderError> {
    let mut all = Vec::new();
    while let Some(samples) = synthesis.audio.next().await {
        all.extend(samples?);
    }
    Ok(all)
}

/// The text as mono audio at 16 kHz.
async fn spoken(voice: &dyn TextToSpeech, text: &str) -> Vec<i16> {
    let synthesis = voice.synthesize(text).await.expect("speech");
    assert_eq!(synthesis.fallback, None);
    let mut resampler = Resampler::new(synthesis.sample_rate_hz, 16_000);
    let samples = samples(synthesis).await.expect("the whole sentence");
    let mut audio = resampler.process(&samples);
    audio.extend(resampler.finish());
    audio
}

async fn heard(stt: &dyn SpeechToText, audio: &[i16]) -> Result<String, ProviderError> {
    let mut recognition = stt.start().await?;
    for frame in audio.chunks(320) {
        recognition
            .audio
            .send(frame.to_vec())
            .await
            .expect("it listens");
    }
    drop(recognition.audio);
    loop {
        let transcript = recognition
            .transcripts
            .recv()
            .await
            .expect("a last transcript")?;
        if transcript.is_final {
            return Ok(transcript.text);
        }
    }
}

/// The words, without case and punctuation.
fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| {
            word.chars()
                .filter(|c| c.is_alphanumeric())
                .collect::<String>()
        })
        .map(|word| word.to_lowercase())
        .filter(|word| !word.is_empty())
        .collect()
}

async fn first_audio(voice: &dyn TextToSpeech, text: &str) -> (Duration, Synthesis) {
    let begun = Instant::now();
    let synthesis = voice.synthesize(text).await.expect("speech");
    assert_eq!(synthesis.fallback, None);
    (begun.elapsed(), synthesis)
}

fn what_piper_says_whisper_understands(servers: &Servers) {
    wait(async {
        let Providers { stt, tts, .. } = servers.providers();
        let audio = spoken(&*tts, QUESTION).await;
        let begun = Instant::now();

        let text = heard(&*stt, &audio).await.expect("a transcript");

        let seconds = audio.len() as f64 / 16_000.0;
        println!(
            "{seconds:.1} s of speech were recognised in {:?}: {text}",
            begun.elapsed()
        );
        assert_eq!(words(&text), words(QUESTION));
        assert_eq!(stt.name(), "faster-whisper base (Wyoming)");
        assert_eq!(tts.name(), "piper en_US-joe-medium (Wyoming)");
    });
}

fn what_espeak_says_is_voice(servers: &Servers) {
    wait(async {
        let Providers { announcer, .. } = servers.providers();
        let audio = spoken(&*announcer, QUESTION).await;

        let events = VoiceActivity::new().push(&audio);

        let begins = matches!(
            events.first(),
            Some(VoiceEvent::Started { at_sample: ..4000 })
        );
        assert!(begins, "{events:?}");
    });
}

fn silence_has_a_transcript_of_its_own(servers: &Servers) {
    wait(async {
        let Providers { stt, .. } = servers.providers();

        let text = heard(&*stt, &[0; 16_000]).await;

        // What it makes of silence is its own affair, as long as it answers.
        println!("silence is heard as {text:?}");
        assert!(text.is_ok());
        assert!(
            heard(&*stt, &[]).await.is_ok(),
            "an utterance without audio"
        );
    });
}

fn a_new_sentence_behind_a_cancelled_one(servers: &Servers) {
    wait(async {
        let Providers { tts, .. } = servers.providers();
        first_audio(&*tts, "Warm up.").await;
        let alone = median(async || first_audio(&*tts, "All right.").await.0).await;
        let long = median(async || first_audio(&*tts, LONG).await.0).await;
        let after_first_audio = median(async || {
            let (_, cancelled) = first_audio(&*tts, LONG).await;
            drop(cancelled);
            first_audio(&*tts, "All right.").await.0
        })
        .await;
        let at_once = median(async || {
            let cancelled = tokio::time::timeout(Duration::from_millis(20), tts.synthesize(LONG));
            assert!(cancelled.await.is_err(), "it was not cancelled in time");
            first_audio(&*tts, "All right.").await.0
        })
        .await;

        println!("first audio of a short sentence on a free voice: {alone:?}");
        println!(
            "first audio of a sentence of {} characters: {long:?}",
            LONG.len()
        );
        println!("short one behind a long one cancelled at its first audio: {after_first_audio:?}");
        println!("short one behind a long one cancelled 20 ms after its request: {at_once:?}");
        // It waits for at most the one sentence that was being made, and never for its playing.
        assert!(at_once < 2 * long + Duration::from_secs(1), "{at_once:?}");
        assert!(
            after_first_audio < alone + Duration::from_secs(1),
            "{after_first_audio:?}"
        );
    });
}

async fn median(measure: impl AsyncFn() -> Duration) -> Duration {
    let mut times = Vec::new();
    for _ in 0..5 {
        times.push(measure().await);
    }
    times.sort_unstable();
    times[times.len() / 2]
}

fn a_new_utterance_behind_a_cancelled_one(servers: &Servers) {
    wait(async {
        let Providers { stt, tts, .. } = servers.providers();
        let audio = spoken(&*tts, QUESTION).await;
        let recognition = stt.start().await.expect("an utterance");
        recognition
            .audio
            .send(audio.clone())
            .await
            .expect("it listens");
        drop(recognition);
        let begun = Instant::now();

        let text = heard(&*stt, &audio).await.expect("a transcript");

        println!(
            "recognised behind a cancelled utterance in {:?}",
            begun.elapsed()
        );
        assert_eq!(words(&text), words(QUESTION));
    });
}

fn a_voice_that_is_not_there_is_replaced_and_named(servers: &Servers) {
    wait(async {
        let Providers { tts, .. } = servers.providers_with(|settings| settings.tts.port = 9);

        let synthesis = tts.synthesize("I can still speak.").await.expect("speech");

        let reason = synthesis.fallback.clone().expect("why it is another voice");
        assert!(
            matches!(reason, ProviderError::Unreachable { .. }),
            "{reason}"
        );
        assert!(samples(synthesis).await.expect("all of it").len() > 8_000);
        assert_eq!(tts.name(), "espeak-ng (en)");
    });
}

fn a_hanging_voice_is_replaced_and_comes_back(servers: &Servers) {
    wait(async {
        let Providers { tts, .. } =
            servers.providers_with(|settings| settings.tts.timeout_ms = 1500);
        servers.piper.signal(Signal::SIGSTOP);
        let begun = Instant::now();

        let first = tts.synthesize("One.").await.expect("speech");
        let (first_wait, begun) = (begun.elapsed(), Instant::now());
        let second = tts.synthesize("Two.").await.expect("speech");
        let second_wait = begun.elapsed();
        servers.piper.signal(Signal::SIGCONT);

        assert!(
            matches!(first.fallback, Some(ProviderError::TimedOut { .. })),
            "{first:?}"
        );
        assert!(
            (1400..5000).contains(&first_wait.as_millis()),
            "{first_wait:?}"
        );
        assert!(second.fallback.is_some());
        assert!(second_wait < Duration::from_millis(1400), "{second_wait:?}");
        tokio::time::sleep(Duration::from_secs(3)).await;
        let third = tts.synthesize("Three.").await.expect("speech");
        assert_eq!(third.fallback, None, "the voice is back");
    });
}

fn a_hanging_whisper_runs_into_its_limit(servers: &Servers) {
    wait(async {
        let Providers { stt, .. } =
            servers.providers_with(|settings| settings.stt.timeout_ms = 1000);
        servers.whisper.signal(Signal::SIGSTOP);
        let begun = Instant::now();

        let error = heard(&*stt, &[0; 16_000]).await.expect_err("it hangs");
        servers.whisper.signal(Signal::SIGCONT);

        println!("{error}");
        assert!(matches!(error, ProviderError::TimedOut { .. }), "{error}");
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
    });
}

fn a_whisper_killed_in_mid_utterance_is_told_of(servers: &Servers) {
    wait(async {
        let Providers { stt, .. } = servers.providers();
        let mut recognition = stt.start().await.expect("an utterance");
        recognition
            .audio
            .send(vec![0; 16_000])
            .await
            .expect("it listens");
        let begun = Instant::now();
        servers.whisper.signal(Signal::SIGKILL);

        let error = recognition.transcripts.recv().await.expect("an outcome");
        let error = error.expect_err("it is dead");
        // A dying server may close its port a moment later than the connection.
        let next = loop {
            if let Err(next) = stt.start().await {
                break next;
            }
        };

        println!("{error}\n{next}");
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
        assert!(matches!(next, ProviderError::Unreachable { .. }), "{next}");
        assert!(next.remedy().contains("jex logs whisper"), "{next}");
    });
}

fn a_piper_killed_in_mid_sentence_is_told_of(servers: &Servers) {
    wait(async {
        let Providers { tts, .. } = servers.providers();
        // Piper speaks it piece by piece: when the first is there, most is not made yet.
        let mut synthesis = tts.synthesize(&[LONG; 8].join(" ")).await.expect("speech");
        assert_eq!(synthesis.fallback, None);
        let begun = synthesis.audio.next().await.expect("audio");
        assert!(begun.is_ok(), "{begun:?}");
        servers.piper.signal(Signal::SIGKILL);
        let killed = Instant::now();

        let error = samples(synthesis).await.expect_err("the rest is lost");
        let next = tts.synthesize("One more.").await.expect("espeak-ng speaks");

        println!("{error}");
        assert!(
            killed.elapsed() < Duration::from_secs(5),
            "{:?}",
            killed.elapsed()
        );
        for reason in [error, next.fallback.expect("Piper is dead")] {
            assert!(
                matches!(reason, ProviderError::Unreachable { .. }),
                "{reason}"
            );
        }
    });
}
