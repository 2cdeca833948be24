//! Text to speech.

use std::time::Duration;

use futures::StreamExt;
use jex_providers::wyoming::{Event, WyomingEndpoint, WyomingTextToSpeech};
use jex_providers::{ProviderError, Synthesis, TextToSpeech};
use serde_json::json;
use tokio::sync::oneshot;

use crate::{LIMIT, nobody, read_until, say, server};

fn speak(endpoint: WyomingEndpoint) -> WyomingTextToSpeech {
    WyomingTextToSpeech::new(endpoint, Some("joe".into()), LIMIT)
}

fn audio_start() -> Event {
    Event::new("audio-start")
        .with("rate", 22_050)
        .with("width", 2)
        .with("channels", 1)
}

fn audio_chunk(samples: &[i16]) -> Event {
    let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    Event::new("audio-chunk").with_payload(bytes)
}

async fn samples(synthesis: Synthesis) -> Result<Vec<i16>, ProviderError> {
    let mut all = Vec::new();
    let mut audio = synthesis.audio;
    while let Some(samples) = audio.next().await {
        all.extend(samples?);
    }
    Ok(all)
}

#[tokio::test]
async fn a_sentence_streams_back_as_samples() {
    let endpoint = server(|mut peer| async move {
        let request = read_until(&mut peer, "synthesize").await;
        assert_eq!(request.text("text"), Some("Hi there."));
        assert_eq!(request.data["voice"], json!({"name": "joe"}));
        say(&mut peer, audio_start()).await;
        // Half a sample at the end of a chunk belongs to the next one.
        say(
            &mut peer,
            Event::new("audio-chunk").with_payload(vec![1, 0, 2]),
        )
        .await;
        say(
            &mut peer,
            Event::new("audio-chunk").with_payload(vec![0, 3, 0]),
        )
        .await;
        say(&mut peer, Event::new("audio-stop")).await;
    })
    .await;

    let synthesis = speak(endpoint)
        .synthesize("Hi there.")
        .await
        .expect("speech");

    assert_eq!(synthesis.sample_rate_hz, 22_050);
    assert_eq!(samples(synthesis).await, Ok(vec![1, 2, 3]));
}

#[tokio::test]
async fn the_first_audio_is_there_before_the_last_is_made() {
    let (go_on, more) = oneshot::channel();
    let endpoint = server(|mut peer| async move {
        read_until(&mut peer, "synthesize").await;
        say(&mut peer, audio_start()).await;
        say(&mut peer, audio_chunk(&[1])).await;
        let _ = more.await;
        say(&mut peer, audio_chunk(&[2])).await;
        say(&mut peer, Event::new("audio-stop")).await;
    })
    .await;

    let mut synthesis = speak(endpoint).synthesize("Hi.").await.expect("speech");
    let first = synthesis
        .audio
        .next()
        .await
        .expect("audio")
        .expect("no error");
    go_on.send(()).expect("the server waits");

    assert_eq!(first, [1]);
    assert_eq!(samples(synthesis).await, Ok(vec![2]));
}

#[tokio::test]
async fn dropping_a_synthesis_closes_the_connection() {
    let (closed, noticed) = oneshot::channel();
    let endpoint = server(|mut peer| async move {
        read_until(&mut peer, "synthesize").await;
        say(&mut peer, audio_start()).await;
        say(&mut peer, audio_chunk(&[1])).await;
        while let Some(Ok(_)) = peer.next().await {}
        let _ = closed.send(());
    })
    .await;

    let synthesis = speak(endpoint).synthesize("Hi.").await.expect("speech");
    drop(synthesis);

    let told = tokio::time::timeout(Duration::from_secs(2), noticed).await;
    assert!(told.is_ok(), "the connection stayed open");
}

#[tokio::test]
async fn whatever_else_a_voice_server_does_is_an_error() {
    let strange = |event: Event| async move {
        let endpoint = server(|mut peer| async move {
            read_until(&mut peer, "synthesize").await;
            say(&mut peer, event).await;
            while let Some(Ok(_)) = peer.next().await {}
        })
        .await;
        speak(endpoint)
            .synthesize("Hi.")
            .await
            .expect_err("an error")
    };

    let refused = strange(Event::new("error").with("text", "no such voice")).await;
    let silent = strange(Event::new("audio-stop")).await;
    let formless = strange(audio_chunk(&[1])).await;
    let wide = strange(
        Event::new("audio-start")
            .with("rate", 22_050)
            .with("width", 4)
            .with("channels", 1),
    )
    .await;
    let fast = strange(
        Event::new("audio-start")
            .with("rate", u64::MAX)
            .with("width", 2)
            .with("channels", 1),
    )
    .await;
    let late = strange(Event::new("ping")).await;

    assert!(refused.to_string().contains("no such voice"), "{refused}");
    assert!(
        matches!(silent, ProviderError::Protocol { .. }),
        "{silent:?}"
    );
    assert!(
        matches!(formless, ProviderError::Protocol { .. }),
        "{formless:?}"
    );
    assert!(matches!(wide, ProviderError::Protocol { .. }), "{wide:?}");
    assert!(matches!(fast, ProviderError::Protocol { .. }), "{fast:?}");
    assert!(matches!(late, ProviderError::TimedOut { .. }), "{late:?}");
}

#[tokio::test]
async fn a_voice_that_stops_in_mid_sentence_is_an_error_after_its_audio() {
    let endpoint = server(|mut peer| async move {
        read_until(&mut peer, "synthesize").await;
        say(&mut peer, audio_start()).await;
        say(&mut peer, audio_chunk(&[1, 2])).await;
    })
    .await;

    let mut synthesis = speak(endpoint).synthesize("Hi.").await.expect("speech");

    assert_eq!(synthesis.audio.next().await, Some(Ok(vec![1, 2])));
    let error = synthesis.audio.next().await.expect("an outcome").err();
    assert!(
        matches!(error, Some(ProviderError::Unreachable { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_text_without_words_is_silent_and_asks_nobody() {
    let synthesis = speak(nobody().await)
        .synthesize("… !")
        .await
        .expect("silence");

    assert_eq!(samples(synthesis).await, Ok(vec![]));
}

#[tokio::test]
async fn nobody_there_names_address_and_remedy() {
    let error = speak(nobody().await)
        .synthesize("Hi.")
        .await
        .expect_err("nobody is there");

    assert!(
        matches!(error, ProviderError::Unreachable { .. }),
        "{error:?}"
    );
    let message = error.to_string();
    assert!(
        message.contains("tcp://127.0.0.1:") && message.contains("jex logs"),
        "{message}"
    );
}
