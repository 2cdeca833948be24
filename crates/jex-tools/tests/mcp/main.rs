//! The client beside a server of the official Python SDK.
#![allow(clippy::unwrap_used, reason = "this is test code")]

#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jex_tools::mcp::{Launch, LaunchOptions, Mcp, McpServerOptions};
use jex_tools::{Outcome, Source};
use serde_json::json;
use support::{Server, call, context, free_port, handling, part, until};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mcp/server.py");

/// What Python needs to run: its own folders, and the script.
fn launch(environment: Option<&Path>) -> Launch {
    let python = part("peers_python");
    let folders = "import sys; print(sys.prefix); print(sys.base_prefix)";
    let folders = Command::new(&python)
        .args(["-c", folders])
        .output()
        .unwrap();
    let folders = String::from_utf8(folders.stdout).unwrap();
    let readable = folders.lines().chain([SCRIPT]).map(Into::into);
    Launch::new(LaunchOptions {
        launcher: env!("CARGO_BIN_EXE_jex-mcp-launcher").into(),
        command: vec![python.display().to_string(), SCRIPT.into()],
        network: false,
        readable: readable.collect(),
        environment_file: environment.map(Into::into),
    })
}

fn mcp(options: McpServerOptions, limit: Duration) -> Mcp {
    Mcp::new("tries".into(), options, Vec::new(), limit)
}

fn in_sandbox() -> Mcp {
    mcp(
        McpServerOptions::Program(launch(None)),
        Duration::from_secs(30),
    )
}

async fn outcome(source: &Mcp, tool: &str, arguments: serde_json::Value) -> Outcome {
    source
        .call(&call(tool, arguments), &context(), handling().0)
        .await
}

#[tokio::test]
async fn a_program_in_its_sandbox_lists_its_tools_and_is_called() {
    let source = in_sandbox();

    let listing = source.list().await.unwrap();

    let names: Vec<_> = listing
        .tools
        .iter()
        .map(|tool| tool.name.as_str())
        .collect();
    assert!(
        names.contains(&"add") && names.contains(&"files_read"),
        "{names:?}"
    );
    assert!(
        listing.tools.iter().all(|tool| !tool.shipped),
        "its hints are not believed"
    );
    assert_eq!(
        outcome(&source, "add", json!({"a": 2, "b": 3})).await,
        Outcome::Done(json!({"result": 5}))
    );
    assert_eq!(
        outcome(&source, "picture", json!({})).await,
        Outcome::Done(json!("(a picture)"))
    );
    let Outcome::Failed(reason) = outcome(&source, "break_down", json!({})).await else {
        panic!("it did not fail");
    };
    assert!(
        reason.contains("the cellar is flooded") && !reason.contains("Traceback"),
        "{reason}"
    );
}

#[tokio::test]
async fn it_has_what_the_owner_gives_it_and_no_more() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "KEY=given\n").unwrap();
    let program = McpServerOptions::Program(launch(Some(file.path())));
    let source = mcp(program, Duration::from_secs(30));
    source.list().await.unwrap();

    let variable = async |name: &str| outcome(&source, "variable", json!({"name": name})).await;

    assert_eq!(
        variable("KEY").await,
        Outcome::Done(json!({"result": "given"}))
    );
    assert_eq!(
        variable("CARGO_MANIFEST_DIR").await,
        Outcome::Done(json!({"result": ""}))
    );
    let secret = outcome(&source, "files_read", json!({"path": file.path()})).await;
    assert!(
        matches!(&secret, Outcome::Failed(reason) if reason.contains("No such file")),
        "{secret:?}"
    );
}

#[tokio::test]
async fn only_the_tools_that_the_owner_names_are_offered() {
    let options = McpServerOptions::Program(launch(None));
    let source = Mcp::new(
        "tries".into(),
        options,
        vec!["add".into()],
        Duration::from_secs(30),
    );

    let listing = source.list().await.unwrap();

    assert_eq!(listing.tools.len(), 1);
    let other = outcome(&source, "leave", json!({})).await;
    assert_eq!(other, Outcome::Failed("it is no longer there".into()));
}

#[tokio::test]
async fn a_server_that_goes_away_in_mid_call_leaves_it_unknown_and_comes_back() {
    let source = in_sandbox();
    source.list().await.unwrap();

    let outcome_of_it = outcome(&source, "leave", json!({})).await;

    assert!(
        matches!(outcome_of_it, Outcome::Unknown(_)),
        "{outcome_of_it:?}"
    );
    assert_eq!(
        outcome(&source, "add", json!({"a": 1, "b": 1})).await,
        Outcome::Done(json!({"result": 2}))
    );
}

#[tokio::test]
async fn progress_is_told_and_a_call_can_be_stopped() {
    let source = Arc::new(in_sandbox());
    source.list().await.unwrap();
    let (handling, cancel, mut progress) = handling();
    let calling = tokio::spawn({
        let source = source.clone();
        async move {
            source
                .call(&call("slow", json!({"seconds": 60})), &context(), handling)
                .await
        }
    });

    assert_eq!(progress.recv().await.as_deref(), Some("half of it"));
    let told = Instant::now();
    cancel.cancel();

    assert!(matches!(calling.await.unwrap(), Outcome::Unknown(reason) if reason.contains("stop")));
    assert!(told.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn one_that_takes_too_long_is_told_to_stop() {
    let program = McpServerOptions::Program(launch(None));
    let source = mcp(program, Duration::from_secs(1));
    source.list().await.unwrap();

    let slow = outcome(&source, "slow", json!({"seconds": 60})).await;

    assert!(
        matches!(&slow, Outcome::Unknown(reason) if reason.contains("1 s")),
        "{slow:?}"
    );
    assert_eq!(
        outcome(&source, "add", json!({"a": 1, "b": 1})).await,
        Outcome::Done(json!({"result": 2}))
    );
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_told() {
    let launch = |command: &str| {
        Launch::new(LaunchOptions {
            launcher: env!("CARGO_BIN_EXE_jex-mcp-launcher").into(),
            command: vec![command.into()],
            network: false,
            readable: Vec::new(),
            environment_file: None,
        })
    };
    let limit = Duration::from_secs(5);

    let missing = mcp(McpServerOptions::Program(launch("/nowhere/server")), limit)
        .list()
        .await;
    let silent = mcp(McpServerOptions::Program(launch("/bin/true")), limit)
        .list()
        .await;

    let missing = missing.unwrap_err().to_string();
    assert!(
        missing.contains("/nowhere/server") && missing.contains("`readable`"),
        "{missing}"
    );
    assert!(silent.unwrap_err().to_string().contains("ended"));
}

/// One that runs by itself on a port.
async fn by_address(log: &Path) -> (Server, u16) {
    let port = free_port();
    let mut command = Command::new(part("peers_python"));
    command.args([SCRIPT, &port.to_string()]);
    let server = Server::start(command, log);
    until("a server", Duration::from_secs(30), async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .ok()
    })
    .await;
    (server, port)
}

fn address(port: u16) -> Mcp {
    let url = format!("http://127.0.0.1:{port}/mcp").parse().unwrap();
    let options = McpServerOptions::Address { url, token: None };
    mcp(options, Duration::from_secs(30))
}

#[tokio::test]
async fn a_server_at_an_address_is_called_also_after_it_was_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let (server, port) = by_address(&log).await;
    let source = address(port);
    source.list().await.unwrap();
    assert_eq!(
        outcome(&source, "add", json!({"a": 2, "b": 2})).await,
        Outcome::Done(json!({"result": 4}))
    );

    drop(server);
    let away = outcome(&source, "add", json!({"a": 2, "b": 2})).await;
    assert!(
        matches!(away, Outcome::Failed(_)),
        "nothing was sent: {away:?}"
    );
    let mut command = Command::new(part("peers_python"));
    command.args([SCRIPT, &port.to_string()]);
    let _server = Server::start(command, &log);

    // It knows nothing of the session of before.
    let done = until(
        "it is back",
        Duration::from_secs(30),
        async || match outcome(&source, "add", json!({"a": 2, "b": 2})).await {
            Outcome::Done(done) => Some(done),
            _ => None,
        },
    )
    .await;
    assert_eq!(done, json!({"result": 4}));
}

#[tokio::test]
async fn a_result_that_is_too_large_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, port) = by_address(&folder.path().join("log")).await;
    let source = mcp(
        McpServerOptions::Address {
            url: format!("http://127.0.0.1:{port}/mcp").parse().unwrap(),
            token: None,
        },
        Duration::from_secs(3),
    );
    source.list().await.unwrap();

    let large = outcome(&source, "large", json!({})).await;

    assert!(matches!(large, Outcome::Unknown(_)), "{large:?}");
}
