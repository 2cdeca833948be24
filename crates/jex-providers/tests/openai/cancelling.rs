//! A caller that gives up stops the server.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use futures::{StreamExt, stream};
use jex_providers::LanguageModel;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::{events, model, question, serve, url, word};

/// Tells when the server drops the body, which it does when the caller is gone.
struct Gone(Option<oneshot::Sender<()>>);

impl Drop for Gone {
    fn drop(&mut self) {
        if let Some(gone) = self.0.take() {
            let _ = gone.send(());
        }
    }
}

#[tokio::test]
async fn dropping_the_answer_closes_the_connection() {
    for words in [0, 3] {
        let (gone, noticed) = oneshot::channel();
        let mut gone = Some(Gone(Some(gone)));
        let (url, mut requests) = serve(move || {
            let gone = gone.take();
            let said = (0..words).map(|_| word("word "));
            let silence = stream::pending().inspect(move |_: &Result<Bytes, Infallible>| {
                let _keep = &gone;
            });
            events(stream::iter(said).chain(silence))
        })
        .await;
        let model = model(url);

        let mut answer = model.generate(question()).await.expect("an answer");
        for _ in 0..words {
            answer.next().await.expect("a word").expect("no error");
        }
        requests.recv().await.expect("one request");
        drop(answer);

        let told = tokio::time::timeout(Duration::from_secs(2), noticed).await;
        assert!(
            told.is_ok(),
            "the server was left generating after {words} words"
        );
    }
}

#[tokio::test]
async fn giving_up_before_the_first_byte_closes_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let model = model(url(port));
    let asking = tokio::spawn(async move { model.generate(question()).await.map(|_| ()) });
    let (mut socket, _) = listener.accept().await.expect("a caller");

    use tokio::io::AsyncReadExt;
    let mut request = [0; 4096];
    assert!(socket.read(&mut request).await.expect("a request") > 0);
    asking.abort();

    let closed = tokio::time::timeout(Duration::from_secs(2), async {
        while socket.read(&mut request).await.is_ok_and(|read| read > 0) {}
    });
    assert!(closed.await.is_ok(), "the connection stayed open");
}
