//! What comes of an answer, and of none.

use std::time::Instant;

use futures::{StreamExt, stream};
use jex_providers::ProviderError;
use jex_providers::openai::OpenAiLanguageModel;
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;

use crate::{ask, end, error_of, event, events, model, options, serve, status, url, word};

#[tokio::test]
async fn words_stream_and_the_request_carries_the_settings() {
    let (url, mut requests) = serve(|| {
        let role = event(r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#);
        let thought = event(r#"{"choices":[{"delta":{"reasoning":"hm"}}]}"#);
        let answer = [role, thought, word("Paris"), word(" it is.")];
        events(stream::iter(answer.into_iter().chain(end())))
    })
    .await;

    let (pieces, error) = ask(&model(url)).await;

    assert_eq!((pieces.concat().as_str(), error), ("Paris it is.", None));
    let (headers, body) = requests.recv().await.expect("one request");
    assert_eq!(body["model"], "jex-demo");
    assert_eq!(body["stream"], true);
    assert_eq!(body["temperature"], 0.0);
    assert_eq!(body["seed"], 7);
    assert_eq!(body["max_tokens"], 50);
    assert_eq!(
        body["messages"][0],
        json!({"role": "system", "content": "Be brief."})
    );
    assert_eq!(headers.get("authorization"), None);
}

#[tokio::test]
async fn a_key_is_sent_and_a_wrong_one_is_named() {
    let refusal = r#"{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}"#;
    let (url, mut requests) = serve(move || status(401, refusal)).await;
    let mut options = options(url);
    options.api_key = Some("secret-key\n".into());

    let (_, error) = ask(&OpenAiLanguageModel::new(options).expect("usable")).await;

    let (headers, _) = requests.recv().await.expect("one request");
    assert_eq!(headers["authorization"], "Bearer secret-key");
    let error = error.expect("an error");
    assert!(error.remedy().contains("llm.api_key_file"), "{error}");
    assert!(!error.to_string().contains("secret-key"), "{error}");
    assert!(requests.try_recv().is_err(), "it was asked again");
}

#[tokio::test]
async fn each_refusal_says_what_to_do() {
    for (code, body, said, remedy) in [
        (
            404,
            r#"{"error":{"message":"model \"jex-demo\" not found, try pulling it first"}}"#,
            "no model named jex-demo",
            "jex model use jex-demo",
        ),
        (404, "404 page not found", "no chat API", "/v1"),
        (403, "forbidden", "API key", "llm.api_key_file"),
        (
            400,
            r#"{"error":{"message":"This model's maximum context length is 4096 tokens","code":"context_length_exceeded"}}"#,
            "longer than the model's context",
            "llm.context_tokens",
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
            "longer than the model's context",
            "llm.context_tokens",
        ),
        (429, r#"{"error":"slow down"}"#, "too many requests", "Wait"),
        (
            500,
            r#"{"error":{"message":"llama runner process has terminated"}}"#,
            "runner process",
            "jex logs ollama",
        ),
        (502, "<html>bad gateway</html>", "status 502", "jex status"),
        (307, "", "elsewhere", "llm.url"),
    ] {
        let error = error_of(move || status(code, body)).await;

        assert!(
            matches!(error, ProviderError::Refused { .. }),
            "{code}: {error:?}"
        );
        assert!(error.to_string().contains(said), "{code}: {error}");
        assert!(error.remedy().contains(remedy), "{code}: {error}");
    }
}

#[tokio::test]
async fn a_failure_is_not_retried() {
    let (url, mut requests) = serve(|| status(503, "overloaded")).await;

    let (_, error) = ask(&model(url)).await;

    assert!(error.is_some());
    requests.recv().await.expect("one request");
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);

    let (_, error) = ask(&model(url(port))).await;

    let error = error.expect("an error");
    assert!(
        matches!(error, ProviderError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().to_lowercase().contains("refused"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    let nonsense = error_of(|| events(stream::iter([event("{not json")]))).await;
    let empty = error_of(|| {
        let length = r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#;
        events(stream::iter([event(length), event("[DONE]")]))
    })
    .await;
    let cut = error_of(|| events(stream::iter([word("Par")]))).await;
    let page = error_of(|| status(200, "<html>hello</html>")).await;
    let failed = error_of(|| {
        let failure = event(r#"{"error":{"message":"out of memory"}}"#);
        events(stream::iter([word("Par"), failure]))
    })
    .await;

    assert!(
        matches!(nonsense, ProviderError::Protocol { .. }),
        "{nonsense}"
    );
    assert!(empty.to_string().contains("empty answer"), "{empty}");
    assert!(cut.to_string().contains("in the middle"), "{cut}");
    assert!(page.to_string().contains("ended in the middle"), "{page}");
    assert!(failed.to_string().contains("out of memory"), "{failed}");
}

#[tokio::test]
async fn a_model_with_nothing_to_say_has_not_failed() {
    let (url, _) = serve(|| events(stream::iter(end()))).await;

    let (pieces, error) = ask(&model(url)).await;

    assert_eq!((pieces.concat().as_str(), error), ("", None));
}

#[tokio::test]
async fn a_connection_that_breaks_in_mid_answer_keeps_the_words_before() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut socket, _) = listener.accept().await.expect("a caller");
        let _ = socket.read(&mut [0; 4096]).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let data = word("Paris").expect("infallible");
        let chunk = format!(
            "{head}{:x}\r\n{}\r\n",
            data.len(),
            String::from_utf8_lossy(&data)
        );
        let _ = socket.write_all(chunk.as_bytes()).await;
        // Dropped within the body.
    });

    let (pieces, error) = ask(&model(url(port))).await;

    assert_eq!(pieces, ["Paris"]);
    let error = error.expect("an error");
    assert!(
        matches!(error, ProviderError::Unreachable { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_model_that_never_begins_and_one_that_stalls_run_into_their_limits() {
    let (slow, _) = serve(|| events(stream::pending())).await;
    let (stalled, _) =
        serve(|| events(stream::iter([word("Well")]).chain(stream::pending()))).await;

    let begun = Instant::now();
    let (_, never_began) = ask(&model(slow)).await;
    let first = begun.elapsed();
    let (pieces, stopped) = ask(&model(stalled)).await;

    assert!(
        matches!(never_began, Some(ProviderError::TimedOut { .. })),
        "{never_began:?}"
    );
    assert!((550..5000).contains(&first.as_millis()), "{first:?}");
    assert_eq!(pieces, ["Well"]);
    assert!(
        matches!(stopped, Some(ProviderError::TimedOut { .. })),
        "{stopped:?}"
    );
}

#[test]
fn an_address_that_is_none_is_refused_at_the_start() {
    let url = Url::parse("tcp://127.0.0.1:1").expect("a URL");

    let error = OpenAiLanguageModel::new(options(url)).err();

    assert!(
        matches!(error, Some(ProviderError::Refused { .. })),
        "{error:?}"
    );
}
