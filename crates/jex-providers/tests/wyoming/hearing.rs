//! Speech to text.

use std::time::Duration;

use futures::StreamExt;
use jex_providers::wyoming::{Event, WyomingEndpoint, WyomingSpeechToText};
use jex_providers::{ProviderError, SpeechToText, Transcript};
use serde_json::json;
use tokio::sync::oneshot;

use crate::{LIMIT, nobody, read_until, say, server};

fn hear(endpoint: WyomingEndpoint) -> WyomingSpeechToText {
    WyomingSpeechToText::new(endpoint, Some("en".into()), LIMIT)
}

#[tokio::test]
async fn an_utterance_streams_out_and_its_transcript_comes_back() {
    let (heard, received) = oneshot::channel();
    let endpoint = server(|mut peer| async move {
        let transcribe = read_until(&mut peer, "transcribe").await;
        assert_eq!(transcribe.text("language"), Some("en"));
        let start = read_until(&mut peer, "audio-start").await;
        assert_eq!(
            (
                start.number("rate"),
                start.number("width"),
                start.number("channels")
            ),
            (Some(16_000), Some(2), Some(1))
        );
        let chunk = read_until(&mut peer, "audio-chunk").await;
        // The first chunk is here before the utterance has ended.
        let _ = heard.send(chunk.payload);
        read_until(&mut peer, "audio-stop").await;
        say(
            &mut peer,
            Event::new("transcript").with("text", " Hello there. "),
        )
        .await;
    })
    .await;

    let mut recognition = hear(endpoint).start().await.expect("an utterance");
    recognition
        .audio
        .send(vec![1, -2])
        .await
        .expect("it listens");
    assert_eq!(&received.await.expect("a chunk")[..], [1, 0, 254, 255]);
    drop(recognition.audio);

    let last = recognition
        .transcripts
        .recv()
        .await
        .expect("a transcript")
        .expect("no error");
    assert_eq!(
        last,
        Transcript {
            text: "Hello there.".into(),
            is_final: true
        }
    );
    assert!(recognition.transcripts.recv().await.is_none());
}

#[tokio::test]
async fn streamed_transcripts_are_interim_until_the_last() {
    let endpoint = server(|mut peer| async move {
        read_until(&mut peer, "audio-start").await;
        for event in [
            Event::new("info").with(
                "asr",
                json!([{"name": "parakeet", "models": [{"name": "v3"}]}]),
            ),
            Event::new("transcript-start"),
            Event::new("transcript-chunk").with("text", "Hello"),
            Event::new("transcript-chunk").with("text", " there."),
        ] {
            say(&mut peer, event).await;
        }
        read_until(&mut peer, "audio-stop").await;
        say(&mut peer, Event::new("transcript-stop")).await;
    })
    .await;
    let provider = hear(endpoint);
    assert_eq!(provider.name(), "Wyoming");

    let mut recognition = provider.start().await.expect("an utterance");
    let mut interim = Vec::new();
    for _ in 0..2 {
        interim.push(
            recognition
                .transcripts
                .recv()
                .await
                .expect("one")
                .expect("no error"),
        );
    }
    drop(recognition.audio);
    let last = recognition
        .transcripts
        .recv()
        .await
        .expect("one")
        .expect("no error");

    assert_eq!(
        interim[0],
        Transcript {
            text: "Hello".into(),
            is_final: false
        }
    );
    assert_eq!(
        interim[1],
        Transcript {
            text: "Hello there.".into(),
            is_final: false
        }
    );
    assert_eq!(
        last,
        Transcript {
            text: "Hello there.".into(),
            is_final: true
        }
    );
    assert_eq!(provider.name(), "parakeet v3 (Wyoming)");
}

#[tokio::test]
async fn dropping_a_recognition_closes_the_connection() {
    let (closed, noticed) = oneshot::channel();
    let endpoint = server(|mut peer| async move {
        while let Some(Ok(_)) = peer.next().await {}
        let _ = closed.send(());
    })
    .await;

    let recognition = hear(endpoint).start().await.expect("an utterance");
    recognition
        .audio
        .send(vec![0; 320])
        .await
        .expect("it listens");
    drop(recognition);

    let told = tokio::time::timeout(Duration::from_secs(2), noticed).await;
    assert!(told.is_ok(), "the connection stayed open");
}

#[tokio::test]
async fn a_recogniser_that_says_nothing_runs_into_its_limit() {
    let endpoint = server(|mut peer| async move { while peer.next().await.is_some() {} }).await;

    let mut recognition = hear(endpoint).start().await.expect("an utterance");
    drop(recognition.audio);

    let error = recognition
        .transcripts
        .recv()
        .await
        .expect("an outcome")
        .err();
    assert!(
        matches!(error, Some(ProviderError::TimedOut { seconds: 1, .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_recogniser_that_dies_is_told_of_at_once() {
    let endpoint = server(|mut peer| async move {
        read_until(&mut peer, "audio-chunk").await;
    })
    .await;

    let mut recognition = hear(endpoint).start().await.expect("an utterance");
    recognition
        .audio
        .send(vec![0; 320])
        .await
        .expect("it listens");

    let error = recognition
        .transcripts
        .recv()
        .await
        .expect("an outcome")
        .err();
    assert!(
        matches!(error, Some(ProviderError::Unreachable { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn nobody_there_names_address_and_remedy() {
    let error = hear(nobody().await).start().await.err();

    let error = error.expect("an error");
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
