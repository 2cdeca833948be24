//! espeak-ng, the real program.

mod espeak_program;

use std::time::{Duration, Instant};

use espeak_program::voice;
use futures::StreamExt;
use jex_providers::{EspeakNg, ProviderError, Synthesis, TextToSpeech};

/// Seconds of audio and its loudest sample.
async fn listen(synthesis: Synthesis) -> (f64, i16) {
    let rate = f64::from(synthesis.sample_rate_hz);
    let (mut length, mut loudest) = (0, 0);
    let mut audio = synthesis.audio;
    while let Some(samples) = audio.next().await {
        let samples = samples.expect("no error in mid-sentence");
        length += samples.len();
        loudest = samples
            .iter()
            .copied()
            .map(i16::saturating_abs)
            .fold(loudest, i16::max);
    }
    (length as f64 / rate, loudest)
}

#[tokio::test]
async fn a_sentence_becomes_audio_soon() {
    let begun = Instant::now();

    let synthesis = voice("en")
        .synthesize("The capital of France is Paris.")
        .await;
    let synthesis = synthesis.expect("speech");
    let first_audio = begun.elapsed();
    let (seconds, loudest) = listen(synthesis).await;

    println!("first audio after {first_audio:?}, {seconds:.2} s in all");
    assert!((1.0..4.0).contains(&seconds), "{seconds}");
    assert!(loudest > 3000, "{loudest}");
    assert!(first_audio < Duration::from_secs(2), "{first_audio:?}");
}

#[tokio::test]
async fn text_that_looks_like_an_option_or_a_command_is_spoken() {
    for text in [
        "--help me",
        "-v nothing",
        "$(touch /tmp/x); `ls`",
        "[[h@'loU]] there",
        "a\0b\u{7}c",
    ] {
        let synthesis = voice("en").synthesize(text).await.expect("speech");

        let (seconds, loudest) = listen(synthesis).await;
        assert!(
            seconds > 0.2 && seconds < 8.0 && loudest > 1000,
            "{text}: {seconds} s, {loudest}"
        );
    }
}

#[tokio::test]
async fn a_language_with_an_unknown_region_falls_back_to_the_language() {
    let synthesis = voice("de-ZZ")
        .synthesize("Guten Tag.")
        .await
        .expect("speech");

    assert!(listen(synthesis).await.0 > 0.3);
}

#[tokio::test]
async fn a_language_that_it_does_not_have_is_named() {
    let error = voice("qqq").synthesize("Hello.").await.err();

    let Some(ProviderError::Refused { reason, .. }) = error else {
        panic!("{error:?}");
    };
    assert!(reason.contains("voice"), "{reason}");
}

#[tokio::test]
async fn a_missing_program_says_how_to_get_it() {
    let error = EspeakNg::new("/nowhere/espeak-ng".into(), "en")
        .synthesize("Hi.")
        .await
        .err();

    let error = error.expect("an error");
    assert!(
        matches!(error, ProviderError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("/nowhere/espeak-ng"), "{error}");
    assert!(
        error.remedy().contains("apt-get install espeak-ng"),
        "{error}"
    );
}
