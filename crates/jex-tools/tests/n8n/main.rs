//! Workflows as tools, on the real n8n.
//!
//! It takes n8n 15 s to start: one is shared, and the stories follow one another.
#![allow(clippy::unwrap_used, reason = "this is test code")]

#[path = "../support/mod.rs"]
mod support;

mod instance;
mod workflows;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::routing::post;
use jex_tools::mcp::{Mcp, McpServerOptions};
use jex_tools::n8n::{N8n, Shipped};
use jex_tools::{
    CallEvent, Listing, LookUp, Outcome, Runner, SentCall, Source, ToolCall, Toolbox, Unresolved,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use support::{Notes, call, context, handling, permit, until};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use instance::Instance;

const LIMIT: Duration = Duration::from_secs(30);

fn names(listing: &Listing) -> Vec<&str> {
    listing
        .tools
        .iter()
        .map(|tool| tool.name.as_str())
        .collect()
}

async fn outcome(source: &N8n, tool: &str, arguments: Value) -> Outcome {
    source
        .call(&call(tool, arguments), &context(), handling().0)
        .await
}

#[tokio::test]
async fn workflows_are_tools() {
    let mut n8n = Instance::start().await;
    macro_rules! stories {
        ($($story:ident),* $(,)?) => {$(
            println!("{}", stringify!($story));
            $story(&mut n8n).await;
        )*};
    }
    stories!(
        a_published_workflow_is_a_tool_and_a_draft_changes_nothing,
        what_cannot_be_offered_is_listed_with_the_reason,
        what_came_with_jex_is_known,
        it_is_called_and_answers,
        a_wrong_token_is_told,
        a_workflow_that_fails_tells_its_reason_and_no_stack,
        its_own_sentence_is_told,
        sizes_are_limited,
        progress_comes_by_the_address_that_was_given,
        stopping_one_run_stops_no_other,
        one_that_takes_too_long_is_stopped,
        a_call_that_ended_unheard_is_found,
        what_is_forgotten_leaves_no_run,
        mcp_trigger_is_a_second_way,
        a_call_cut_off_by_its_death_is_unknown_then_told_and_never_repeated,
        without_it_nothing_is_sent,
    );
}

async fn a_published_workflow_is_a_tool_and_a_draft_changes_nothing(n8n: &mut Instance) {
    let id = n8n.publish(&workflows::echo("echo")).await;
    let source = n8n.source(LIMIT);

    let listing = source.list().await.unwrap();
    assert!(names(&listing).contains(&"echo"), "{:?}", listing.rejected);

    // As the editor saves: a draft beside what is published.
    n8n.save_draft(&id, &workflows::echo("echo_of_the_draft"))
        .await;
    assert!(names(&source.list().await.unwrap()).contains(&"echo"));
    assert!(!names(&source.list().await.unwrap()).contains(&"echo_of_the_draft"));

    let other = n8n.publish(&workflows::echo("short_lived")).await;
    assert!(names(&source.list().await.unwrap()).contains(&"short_lived"));
    n8n.unpublish(&other).await;
    assert!(!names(&source.list().await.unwrap()).contains(&"short_lived"));
}

async fn what_cannot_be_offered_is_listed_with_the_reason(n8n: &mut Instance) {
    let mut broken = workflows::echo("broken");
    broken["name"] = json!("A broken one");
    broken["nodes"][0]["parameters"]["content"] = json!("no block here");
    n8n.publish(&broken).await;

    let listing = n8n.source(LIMIT).list().await.unwrap();

    assert!(!names(&listing).contains(&"broken"));
    let rejected = listing
        .rejected
        .iter()
        .find(|rejected| rejected.name == "A broken one")
        .unwrap();
    assert!(
        rejected.reason.contains("JSON block"),
        "{}",
        rejected.reason
    );
}

async fn what_came_with_jex_is_known(n8n: &mut Instance) {
    let folder = tempfile::tempdir().unwrap();
    let ours = workflows::echo("ours");
    std::fs::write(folder.path().join("ours.json"), ours.to_string()).unwrap();
    n8n.publish(&ours).await;
    let mut options = n8n.options(LIMIT);
    options.shipped = Shipped::in_folder(folder.path());

    let listing = N8n::new(options).unwrap().list().await.unwrap();

    for tool in &listing.tools {
        assert_eq!(tool.shipped, tool.name.as_str() == "ours", "{tool:?}");
    }
    assert!(names(&listing).contains(&"ours"));
}

async fn it_is_called_and_answers(n8n: &mut Instance) {
    let source = n8n.source(LIMIT);
    source.list().await.unwrap();

    let done = outcome(&source, "echo", json!({"words": "ä \"quoted\" 3"})).await;

    let expected = json!({"arguments": {"words": "ä \"quoted\" 3"}, "language": "en", "timezone": "Europe/Berlin"});
    assert_eq!(done, Outcome::Done(expected));
}

async fn a_wrong_token_is_told(n8n: &mut Instance) {
    let mut options = n8n.options(LIMIT);
    options.webhook_token = Arc::new(|| Ok("wrong".into()));

    let refused = outcome(&N8n::new(options).unwrap(), "echo", json!({})).await;

    assert!(
        matches!(&refused, Outcome::Failed(reason) if reason.contains("token")),
        "{refused:?}"
    );
}

async fn a_workflow_that_fails_tells_its_reason_and_no_stack(n8n: &mut Instance) {
    n8n.publish(&workflows::failing("failing")).await;
    let source = n8n.source(LIMIT);
    source.list().await.unwrap();

    let Outcome::Failed(reason) = outcome(&source, "failing", json!({})).await else {
        panic!("it did not fail");
    };

    assert!(reason.contains("The cellar is flooded"), "{reason}");
    assert!(
        !reason.contains(" at ") && !reason.contains(".js"),
        "{reason}"
    );
}

async fn its_own_sentence_is_told(n8n: &mut Instance) {
    n8n.publish(&workflows::refusing("refusing")).await;
    let source = n8n.source(LIMIT);
    source.list().await.unwrap();

    let refused = outcome(&source, "refusing", json!({})).await;

    assert_eq!(refused, Outcome::Failed("There is no such list".into()));
}

async fn sizes_are_limited(n8n: &mut Instance) {
    n8n.publish(&workflows::large("large")).await;
    let source = n8n.source(LIMIT);
    source.list().await.unwrap();

    let large = outcome(&source, "large", json!({})).await;
    assert!(
        matches!(&large, Outcome::Failed(reason) if reason.contains("256 KiB")),
        "{large:?}"
    );

    let much = outcome(&source, "echo", json!({"words": "x".repeat(100_000)})).await;
    assert!(
        matches!(&much, Outcome::Failed(reason) if reason.contains("64 KiB")),
        "{much:?}"
    );
}

async fn progress_comes_by_the_address_that_was_given(n8n: &mut Instance) {
    n8n.publish(&workflows::telling("telling")).await;
    let source = n8n.source(LIMIT);
    source.list().await.unwrap();
    let (said, mut heard) = mpsc::unbounded_channel();
    let app = axum::Router::new().route(
        "/progress/x",
        post(move |Json(body): Json<Value>| async move {
            said.send(body).unwrap();
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut context = context();
    context.progress = Some(
        format!("http://127.0.0.1:{port}/progress/x")
            .parse()
            .unwrap(),
    );

    let done = source
        .call(&call("telling", json!({})), &context, handling().0)
        .await;

    assert_eq!(done, Outcome::Done(json!("told")));
    assert_eq!(heard.recv().await.unwrap(), json!({"text": "half of it"}));
    serving.abort();
}

async fn stopping_one_run_stops_no_other(n8n: &mut Instance) {
    n8n.publish(&workflows::slow("slow")).await;
    let source = Arc::new(n8n.source(LIMIT));
    source.list().await.unwrap();
    let start = |seconds: u64| {
        let (handling, cancel, _) = handling();
        let source = source.clone();
        let one = call("slow", json!({"seconds": seconds}));
        let calling = tokio::spawn(async move { source.call(&one, &context(), handling).await });
        (calling, cancel)
    };
    let (first, stop) = start(40);
    let (second, _keep) = start(4);
    until("both run", LIMIT, async || {
        (n8n.running().await == 2).then_some(())
    })
    .await;

    let told = Instant::now();
    stop.cancel();

    assert_eq!(first.await.unwrap(), Outcome::Cancelled);
    assert!(
        told.elapsed() < Duration::from_secs(5),
        "{:?}",
        told.elapsed()
    );
    assert_eq!(second.await.unwrap(), Outcome::Done(json!("waited")));
    nothing_runs(n8n).await;
}

/// A run that is over leaves the list of those that run a moment later.
async fn nothing_runs(n8n: &Instance) {
    until("nothing runs", LIMIT, async || {
        (n8n.running().await == 0).then_some(())
    })
    .await;
}

async fn what_is_forgotten_leaves_no_run(n8n: &mut Instance) {
    let source = n8n.source(LIMIT);
    source.list().await.unwrap();
    let before = n8n.runs_of("ours").await;
    let (gone, stays) = (call("ours", json!({})), call("ours", json!({})));
    let running = call("slow", json!({"seconds": 5}));
    let sent = |call: &ToolCall| SentCall {
        id: call.id,
        tool: call.tool.clone(),
        at: Timestamp::now(),
    };
    for call in [&gone, &stays] {
        source.call(call, &context(), handling().0).await;
    }
    let calling = {
        let (running, source) = (running.clone(), n8n.source(LIMIT));
        tokio::spawn(async move { source.call(&running, &context(), handling().0).await })
    };
    until("it runs", LIMIT, async || {
        (n8n.running().await == 1).then_some(())
    })
    .await;
    until("both are written down", LIMIT, async || {
        (n8n.runs_of("ours").await == before + 2).then_some(())
    })
    .await;
    let never_sent = call("ours", json!({}));

    let forgotten = source
        .forget(&[sent(&gone), sent(&running), sent(&never_sent)])
        .await
        .unwrap();

    assert!(forgotten.contains(&gone.id) && forgotten.contains(&never_sent.id));
    assert!(!forgotten.contains(&running.id), "it still runs");
    assert_eq!(n8n.runs_of("ours").await, before + 1);
    let look_up = source.look_up(&stays, Timestamp::now()).await.unwrap();
    assert!(matches!(look_up, LookUp::Ended(_)), "{look_up:?}");
    assert_eq!(calling.await.unwrap(), Outcome::Done(json!("waited")));
    nothing_runs(n8n).await;
    let forgotten = source.forget(&[sent(&running)]).await.unwrap();
    assert_eq!(forgotten, [running.id]);
}

async fn one_that_takes_too_long_is_stopped(n8n: &mut Instance) {
    let source = n8n.source(Duration::from_secs(2));
    source.list().await.unwrap();

    let slow = outcome(&source, "slow", json!({"seconds": 40})).await;

    assert!(
        matches!(&slow, Outcome::Failed(reason) if reason.contains("2 s")),
        "{slow:?}"
    );
    nothing_runs(n8n).await;
}

async fn a_call_that_ended_unheard_is_found(n8n: &mut Instance) {
    let source = n8n.source(LIMIT);
    source.list().await.unwrap();
    let (done, failed) = (
        call("slow", json!({"seconds": 0})),
        call("failing", json!({})),
    );
    let sent = Timestamp::now();
    for one in [&done, &failed] {
        source.call(one, &context(), handling().0).await;
    }

    // n8n keeps what went into the Respond node, not what it made of that.
    let look_up = async |one| source.look_up(one, sent).await.unwrap();

    assert_eq!(
        look_up(&done).await,
        LookUp::Ended(Outcome::Done(json!({"seconds": 0})))
    );
    let of_failed = look_up(&failed).await;
    assert!(
        matches!(&of_failed, LookUp::Ended(Outcome::Failed(reason)) if reason.contains("cellar")),
        "{of_failed:?}"
    );
    let never = call("slow", json!({}));
    assert_eq!(look_up(&never).await, LookUp::NoTrace);

    let mut discreet = workflows::echo("discreet");
    discreet["settings"]["saveDataSuccessExecution"] = json!("none");
    n8n.publish(&discreet).await;
    source.list().await.unwrap();
    let discreet = call("discreet", json!({}));
    source.call(&discreet, &context(), handling().0).await;
    assert_eq!(look_up(&discreet).await, LookUp::CannotTell);
}

async fn mcp_trigger_is_a_second_way(n8n: &mut Instance) {
    n8n.publish_untagged(&workflows::mcp_trigger()).await;
    let options = McpServerOptions::Address {
        url: format!("{}mcp/jex-mcp", n8n.url()).parse().unwrap(),
        token: Some((
            "x-jex-token".parse().unwrap(),
            n8n.options(LIMIT).webhook_token,
        )),
    };
    let source = Mcp::new("second".into(), options, Vec::new(), LIMIT);
    let listing = source.list().await.unwrap();
    let name = listing.tools[0].name.as_str().to_owned();
    let calculate = async || {
        let one = call(&name, json!({"input": "6 * 7"}));
        source.call(&one, &context(), handling().0).await
    };
    let is_right = |outcome: &Outcome| matches!(outcome, Outcome::Done(value) if value.to_string().contains("42"));
    let first = calculate().await;
    assert!(is_right(&first), "{first:?}");

    n8n.kill();
    n8n.start_again().await;

    // It knows nothing of the session of before.
    let second = calculate().await;
    assert!(is_right(&second), "{second:?}");
}

async fn a_call_cut_off_by_its_death_is_unknown_then_told_and_never_repeated(n8n: &mut Instance) {
    let toolbox = Arc::new(Toolbox::new(vec![Arc::new(n8n.source(LIMIT))]));
    toolbox.refresh().await;
    let notes = Notes::new();
    let runner = Arc::new(Runner::new(toolbox.clone(), notes.clone()));
    let (events, mut told) = mpsc::unbounded_channel();
    let before = n8n.runs_of("slow").await;
    let one = call("slow", json!({"seconds": 40}));
    runner.start(permit(&toolbox, one.clone()), context(), events);
    until("it runs", LIMIT, async || {
        (n8n.running().await == 1).then_some(())
    })
    .await;

    n8n.kill();

    let (source, sent) = loop {
        if let CallEvent::Ended {
            source,
            sent,
            outcome,
            ..
        } = told.recv().await.unwrap()
        {
            assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
            break (source, sent);
        }
    };
    let lost = Unresolved {
        call: one,
        source,
        sent,
    };
    let settling = tokio::spawn({
        let runner = runner.clone();
        async move { runner.settle(&lost, CancellationToken::new()).await }
    });
    n8n.start_again().await;
    let settled = settling.await.unwrap().unwrap();

    assert!(
        matches!(&settled, Outcome::Failed(reason) if reason.contains("in the middle")),
        "{settled:?}"
    );
    assert_eq!(n8n.runs_of("slow").await, before + 1);
    let notes = notes.all();
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert!(
        notes[0].starts_with("intent")
            && notes[1].contains("unknown")
            && notes[2].contains("failed")
    );
}

async fn without_it_nothing_is_sent(n8n: &mut Instance) {
    let source = n8n.source(LIMIT);
    source.list().await.unwrap();
    n8n.kill();

    assert_eq!(
        outcome(&source, "echo", json!({})).await,
        Outcome::Failed("n8n cannot be reached".into())
    );
    assert!(source.list().await.unwrap_err().to_string().contains("n8n"));
}
