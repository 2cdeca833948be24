//! Nothing is taken from the environment.

use futures::stream;

use crate::{ask, end, events, model, serve, word};

#[test]
fn neither_proxies_nor_keys_are_taken_from_the_environment() {
    // An environment is a process's: the test below again, in one of its own.
    let this = std::env::current_exe().expect("this test's program");
    let nowhere = "http://127.0.0.1:9";
    let output = std::process::Command::new(this)
        .args([
            "--exact",
            "environment::the_environment_is_ignored",
            "--nocapture",
        ])
        .envs([
            ("HTTP_PROXY", nowhere),
            ("http_proxy", nowhere),
            ("ALL_PROXY", nowhere),
            ("NO_PROXY", ""),
            ("OPENAI_API_KEY", "from-the-environment"),
            ("OPENAI_BASE_URL", nowhere),
            ("OPENAI_ORG_ID", "from-the-environment"),
            ("OPENAI_PROJECT_ID", "from-the-environment"),
        ])
        .output()
        .expect("it runs");

    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[tokio::test]
async fn the_environment_is_ignored() {
    let (url, mut requests) =
        serve(|| events(stream::iter([word("Paris.")].into_iter().chain(end())))).await;

    let (pieces, error) = ask(&model(url)).await;

    assert_eq!((pieces.concat().as_str(), error), ("Paris.", None));
    let (headers, _) = requests.recv().await.expect("one request");
    let sent = format!("{headers:?}");
    assert!(!sent.contains("from-the-environment"), "{sent}");
}
