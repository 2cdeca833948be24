//! The Coqui provider against a server that answers as `tts-server` does: a form in, a WAV file out. What
//! SciPy and Flask write is written out here.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::StreamExt;
use jex_providers::{CoquiOptions, CoquiTextToSpeech, ProviderError, Synthesis, TextToSpeech};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use url::Url;

const LIMIT: Duration = Duration::from_millis(500);

/// A server below a path, as behind a proxy; and what it was asked.
async fn serve<F, A>(answer: F) -> (Url, mpsc::UnboundedReceiver<(HeaderMap, String)>)
where
    F: Fn() -> A + Clone + Send + Sync + 'static,
    A: IntoResponse,
{
    let (tell, asked) = mpsc::unbounded_channel();
    let handler = async move |headers: HeaderMap, body: String| {
        let _ = tell.send((headers, body));
        answer().into_response()
    };
    let app = Router::new().route("/voice/api/tts", post(handler));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    let url = Url::parse(&format!("http://{address}/voice/")).expect("a URL");
    (url, asked)
}

async fn nobody() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    Url::parse(&format!("http://{address}")).expect("a URL")
}

fn voice(base_url: Url) -> CoquiTextToSpeech {
    let options = CoquiOptions {
        base_url,
        speaker: Some("Ana Florence".into()),
        language: Some("en".into()),
        limit: LIMIT,
        remedy: "See `jex logs coqui`.".into(),
    };
    CoquiTextToSpeech::new(options).expect("an address")
}

/// A file as `scipy.io.wavfile.write` makes it.
fn wav(samples: &[i16]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let length = |bytes: usize| (bytes as u32).to_le_bytes();
    let mut file = b"RIFF".to_vec();
    file.extend(length(36 + data.len()));
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(22_050u32.to_le_bytes());
    file.extend(44_100u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(length(data.len()));
    file.extend(data);
    file
}

/// What Flask's `send_file` says.
fn file(body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "audio/wav")], body.into()).into_response()
}

/// An answer whose pieces are sent one by one.
fn pieces(mut more: mpsc::Receiver<Result<Bytes, std::io::Error>>) -> Response {
    let stream = futures::stream::poll_fn(move |context| more.poll_recv(context));
    file(Body::from_stream(stream))
}

async fn samples(synthesis: Synthesis) -> Result<Vec<i16>, ProviderError> {
    let mut all = Vec::new();
    let mut audio = synthesis.audio;
    while let Some(samples) = audio.next().await {
        all.extend(samples?);
    }
    Ok(all)
}

async fn error_of<A: IntoResponse>(
    answer: impl Fn() -> A + Clone + Send + Sync + 'static,
) -> ProviderError {
    let (url, _asked) = serve(answer).await;
    let error = voice(url).synthesize("Hi.").await.err();
    error.expect("an error")
}

#[tokio::test]
async fn a_sentence_is_asked_for_by_a_form_and_comes_as_samples() {
    let (url, mut asked) = serve(|| file(wav(&[1, -2, 3]))).await;

    let synthesis = voice(url).synthesize("Zoë & I: 50 %?").await;
    let synthesis = synthesis.expect("speech");

    assert_eq!(synthesis.sample_rate_hz, 22_050);
    assert_eq!(samples(synthesis).await, Ok(vec![1, -2, 3]));
    let (headers, body) = asked.recv().await.expect("a request");
    assert_eq!(
        headers[header::CONTENT_TYPE],
        "application/x-www-form-urlencoded"
    );
    let fields: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).collect();
    let expected = [
        ("text", "Zoë & I: 50 %?"),
        ("speaker_id", "Ana Florence"),
        ("language_id", "en"),
    ];
    assert_eq!(
        fields,
        expected.map(|(name, value)| (name.into(), value.into()))
    );
}

#[tokio::test]
async fn without_a_speaker_the_server_chooses() {
    let (url, mut asked) = serve(|| file(wav(&[1]))).await;
    let options = CoquiOptions {
        base_url: url,
        speaker: None,
        language: None,
        limit: LIMIT,
        remedy: String::new(),
    };

    let voice = CoquiTextToSpeech::new(options).expect("an address");
    voice.synthesize("Hi.").await.expect("speech");

    assert_eq!(voice.name(), "Coqui");
    assert_eq!(asked.recv().await.expect("a request").1, "text=Hi.");
}

#[tokio::test]
async fn the_first_audio_is_there_before_the_last_has_come() {
    let (send, more) = mpsc::channel(4);
    let more = std::sync::Mutex::new(Some(more));
    let more = std::sync::Arc::new(more);
    let (url, _asked) = serve(move || {
        let more = more.lock().expect("not poisoned").take();
        pieces(more.expect("one request"))
    })
    .await;
    let whole = wav(&[1, 2]);
    let (first, last) = whole.split_at(46);
    send.send(Ok(Bytes::copy_from_slice(first)))
        .await
        .expect("room");

    let mut synthesis = voice(url).synthesize("Hi.").await.expect("speech");
    let heard = synthesis.audio.next().await;
    send.send(Ok(Bytes::copy_from_slice(last)))
        .await
        .expect("room");
    drop(send);

    assert_eq!(heard, Some(Ok(vec![1])));
    assert_eq!(samples(synthesis).await, Ok(vec![2]));
}

#[tokio::test]
async fn dropping_a_synthesis_closes_the_connection() {
    let (closed, noticed) = oneshot::channel();
    let closed = std::sync::Arc::new(std::sync::Mutex::new(Some(closed)));
    let (url, _asked) = serve(move || {
        let (send, more) = mpsc::channel(1);
        let closed = closed.lock().expect("not poisoned").take();
        tokio::spawn(async move {
            let begun = wav(&[1, 2])[..46].to_vec();
            send.send(Ok(begun.into())).await.expect("room");
            send.closed().await;
            closed.expect("one request").send(()).expect("it waits");
        });
        pieces(more)
    })
    .await;

    let synthesis = voice(url).synthesize("Hi.").await.expect("speech");
    drop(synthesis);

    let told = tokio::time::timeout(Duration::from_secs(2), noticed).await;
    assert!(matches!(told, Ok(Ok(()))), "the connection stayed open");
}

#[tokio::test]
async fn a_failed_synthesis_says_what_the_server_said() {
    let error = error_of(|| {
        let said = r#"{"error":"TTS synthesis failed: Model is multi-speaker but no `speaker` is provided."}"#;
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(header::CONTENT_TYPE, "application/json")],
            said,
        )
    })
    .await;

    let message = error.to_string();
    assert!(matches!(error, ProviderError::Refused { .. }), "{message}");
    assert!(message.contains("Model is multi-speaker"), "{message}");
    assert!(error.remedy().contains("`tts.voice`"), "{message}");
}

#[tokio::test]
async fn a_page_instead_of_a_reason_is_not_read_out() {
    let error = error_of(|| {
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n",
        )
    })
    .await;

    let message = error.to_string();
    assert!(
        message.contains("status 500") && !message.contains("html"),
        "{message}"
    );
    assert!(error.remedy().contains("The server's log"), "{message}");
}

#[tokio::test]
async fn another_server_at_the_address_is_said() {
    let missing = error_of(|| StatusCode::NOT_FOUND).await;
    let elsewhere = error_of(|| {
        let place = [(header::LOCATION, "http://192.0.2.1/api/tts")];
        (StatusCode::FOUND, place)
    })
    .await;
    let page = error_of(|| "<!doctype html>").await;
    let wide = error_of(|| {
        let mut floats = wav(&[1, 2]);
        (floats[20], floats[34]) = (3, 32);
        file(floats)
    })
    .await;

    assert!(missing.remedy().contains("tts.url"), "{missing}");
    assert!(elsewhere.to_string().contains("elsewhere"), "{elsewhere}");
    assert!(page.to_string().contains("no WAV file"), "{page}");
    assert!(wide.to_string().contains("16-bit PCM"), "{wide}");
}

#[tokio::test]
async fn no_audio_is_an_error() {
    let empty = error_of(|| file(wav(&[]))).await;
    let nothing = error_of(|| file(Vec::new())).await;

    assert!(empty.to_string().contains("no audio"), "{empty}");
    assert!(nothing.to_string().contains("broke off"), "{nothing}");
}

#[tokio::test]
async fn a_sentence_that_breaks_off_is_an_error_after_its_audio() {
    let (url, _asked) = serve(|| {
        let (send, more) = mpsc::channel(1);
        let begun = wav(&[1, 2, 3])[..48].to_vec();
        send.try_send(Ok(begun.into())).expect("room");
        pieces(more)
    })
    .await;

    let mut synthesis = voice(url).synthesize("Hi.").await.expect("speech");

    assert_eq!(synthesis.audio.next().await, Some(Ok(vec![1, 2])));
    let error = synthesis.audio.next().await.expect("an outcome").err();
    assert!(
        matches!(&error, Some(ProviderError::Unreachable { reason, .. }) if reason.contains("broke off")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_at_a_loss_is_not_waited_for_for_ever() {
    // An answer that begins and stays a beginning.
    let (url, _asked) = serve(|| {
        let (send, more) = mpsc::channel(1);
        tokio::spawn(async move { send.closed().await });
        pieces(more)
    })
    .await;

    let error = voice(url).synthesize("Hi.").await.err();

    assert!(
        matches!(error, Some(ProviderError::TimedOut { seconds: 1, .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_text_without_words_is_silent_and_asks_nobody() {
    let synthesis = voice(nobody().await).synthesize("… !").await;

    assert_eq!(samples(synthesis.expect("silence")).await, Ok(vec![]));
}

#[tokio::test]
async fn nobody_there_names_address_and_remedy() {
    let error = voice(nobody().await).synthesize("Hi.").await.err();

    let error = error.expect("nobody is there");
    let message = error.to_string();
    assert!(
        matches!(error, ProviderError::Unreachable { .. }),
        "{message}"
    );
    assert!(
        message.contains("http://127.0.0.1:") && message.contains("jex logs coqui"),
        "{message}"
    );
}

#[test]
fn an_address_of_another_kind_is_refused_with_how_to_write_it() {
    let options = CoquiOptions {
        base_url: Url::parse("tcp://127.0.0.1:10200").expect("a URL"),
        speaker: None,
        language: None,
        limit: LIMIT,
        remedy: String::new(),
    };

    let error = CoquiTextToSpeech::new(options).err();

    let error = error.expect("no HTTP");
    assert_eq!(error.remedy(), "Write it as http://host:port.");
}
