//! JEX's own n8n under `jex up`: real n8n on real PostgreSQL, provisioned without a question.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::time::Duration;

use jex_supervisor::provision::{Outcome, Provision};
use jex_supervisor::status::State;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};
use support::n8n::{N8n, Shipped};
use support::{Home, Stack, turn};

/// The first time n8n makes its tables; a machine may have two cores, and be busy.
const START: Duration = Duration::from_secs(300);
const BOTH: [&str; 2] = ["postgresql", "n8n"];

fn run<T>(doing: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.enable_all().build().unwrap().block_on(doing)
}

fn with_workflows() -> (Home, Shipped) {
    let mut home = Home::new();
    let shipped = Shipped::new(&home);
    home.set("n8n.workflows", shipped.folder().to_str().unwrap());
    (home, shipped)
}

fn up(home: &Home) -> Stack {
    let mut stack = home.up(&BOTH);
    stack.wait_state("n8n", State::Ready, START);
    stack
}

fn stop(stack: Stack) {
    stack.signal(Signal::SIGTERM);
    let (exit, said, took) = stack.wait_end(Duration::from_secs(10));
    assert!(exit.success(), "{said}");
    println!("ended in {took:?}");
}

fn outcomes(home: &Home) -> Vec<(String, Outcome)> {
    let records = Provision::outcomes(&jex_config::Settings::default(), &home.paths()).unwrap();
    let outcome = records.into_iter().map(|one| (one.file, one.outcome));
    outcome.collect()
}

fn outcome(home: &Home, file: &str) -> Outcome {
    let all = outcomes(home);
    all.into_iter().find(|(name, _)| name == file).unwrap().1
}

/// What must be the same when nothing was done.
fn versions(workflows: &[Value]) -> Vec<String> {
    let version = |one: &Value| {
        format!(
            "{} {} {} {} {}",
            one["id"], one["versionId"], one["active"], one["updatedAt"], one["tags"]
        )
    };
    workflows.iter().map(version).collect()
}

#[test]
fn it_is_provisioned_once_and_the_owners_hand_is_respected() {
    let _turn = turn();
    let (home, shipped) = with_workflows();
    let n8n = N8n::of(&home);

    // The first start.
    let stack = up(&home);
    let component = stack.component("n8n").unwrap();
    assert!(!component.essential);
    assert_eq!(outcome(&home, "echo"), Outcome::Imported);
    assert_eq!(outcome(&home, "weather"), Outcome::Off);
    let first = run(async {
        assert_eq!(n8n.result("echo").await, "first");
        assert_eq!(n8n.call("echo", false).await.status(), 403);
        assert_eq!(n8n.call("weather", true).await.status(), 404);
        let body = json!({
            "email": "thief@example.com", "password": "Thief1234", "firstName": "A", "lastName": "B",
        });
        let setup = n8n.editor(Method::POST, "owner/setup", body).await;
        assert_eq!(setup.status(), 400, "its owner is there already");
        let workflows = n8n.workflows().await;
        assert_eq!(workflows.len(), 3);
        for workflow in &workflows {
            assert_eq!(workflow["tags"][0]["name"], "jex");
        }
        workflows
    });
    stop(stack);

    // Again: nothing is done.
    let stack = up(&home);
    assert_eq!(outcome(&home, "echo"), Outcome::Unchanged);
    let second = run(n8n.workflows());
    assert_eq!(versions(&first), versions(&second));

    // The owner's hand, and newer ones.
    run(async {
        let cookie = n8n.login().await;
        n8n.save_draft(&cookie, "Echo", "the owner's").await;
        let shout = n8n.workflow("Shout").await["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let path = format!("workflows/{shout}/deactivate");
        n8n.api(Method::POST, &path, Some(json!({}))).await;
        let weather = n8n.workflow("Weather").await["id"]
            .as_str()
            .unwrap()
            .to_owned();
        n8n.api(Method::DELETE, &format!("workflows/{weather}"), None)
            .await;
    });
    for (file, name, enabled) in [
        ("echo", "Echo", true),
        ("shout", "Shout", true),
        ("weather", "Weather", false),
    ] {
        shipped.write(file, name, enabled, "second");
    }
    stop(stack);

    let stack = up(&home);
    assert_eq!(outcome(&home, "echo"), Outcome::YoursAndOlder);
    assert_eq!(outcome(&home, "shout"), Outcome::SwitchedOff);
    assert_eq!(outcome(&home, "weather"), Outcome::Deleted);
    run(async {
        let echo = n8n.workflow("Echo").await;
        assert!(
            echo["nodes"].to_string().contains("the owner's"),
            "the draft is kept"
        );
        assert_eq!(n8n.result("echo").await, "first", "and is not published");
        assert_eq!(n8n.call("shout", true).await.status(), 404);
        assert_eq!(n8n.workflows().await.len(), 2);
    });
    stop(stack);
}

#[test]
fn what_nobody_touched_is_renewed_and_a_lost_key_is_made_anew() {
    let _turn = turn();
    let (home, shipped) = with_workflows();
    let n8n = N8n::of(&home);
    let mut stack = up(&home);
    assert_eq!(run(n8n.result("echo")), "first");

    shipped.write("echo", "Echo", true, "second");
    let key = home.paths().secrets().join("n8n-api-key");
    let before = std::fs::read_to_string(&key).unwrap();
    std::fs::write(&key, "no key of this n8n").unwrap();
    // The owner gives webhooks another token by deleting the file.
    std::fs::remove_file(home.paths().secrets().join("n8n-webhook-token")).unwrap();
    // n8n dies in the middle of it all.
    let pid = i32::try_from(stack.component("n8n").unwrap().pid.unwrap()).unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    stack.wait_for(START, |status| {
        status.components.iter().any(|one| one.restarts > 0)
    });
    stop(stack);

    let stack = up(&home);
    assert_eq!(outcome(&home, "echo"), Outcome::Updated);
    assert_ne!(std::fs::read_to_string(&key).unwrap(), before);
    run(async {
        assert_eq!(n8n.result("echo").await, "second");
        assert_eq!(n8n.result("shout").await, "first");
        let credentials = n8n.api(Method::GET, "credentials", None).await;
        assert_eq!(credentials["data"].as_array().unwrap().len(), 3);
    });
    stop(stack);
}

#[test]
fn broken_off_anywhere_it_goes_on_and_does_nothing_twice() {
    let _turn = turn();
    let mut home = Home::new();
    let shipped = Shipped::new(&home);
    let empty = home.folder.path().join("none");
    std::fs::create_dir_all(&empty).unwrap();
    home.set("n8n.workflows", empty.to_str().unwrap());
    let stack = up(&home);
    let settings = jex_config::check_file(&home.paths().config_file)
        .unwrap()
        .settings;
    let provision = Provision {
        settings,
        paths: home.paths(),
        workflows: Some(shipped.folder().to_owned()),
    };
    let n8n = N8n::of(&home);

    for version in ["first", "second"] {
        shipped.write("echo", "Echo", true, version);
        shipped.write("shout", "Shout", true, version);
        let mut tries = 0_u32;
        run(async {
            // Longer each time, so that it ends at every step of it.
            loop {
                let limit = Duration::from_millis(u64::from(tries) * 15);
                let done = tokio::time::timeout(limit, provision.run(&|_| {})).await;
                tries += 1;
                if let Ok(done) = done {
                    break done.unwrap();
                }
            }
            println!("{version}: whole at the {tries}th try");
            assert!(tries > 5, "it was broken off");
            assert_eq!(n8n.workflows().await.len(), 3);
            assert_eq!(n8n.result("echo").await, version);
            assert_eq!(n8n.result("shout").await, version);
            assert_eq!(n8n.call("weather", true).await.status(), 404);
        });
        for (file, outcome) in outcomes(&home) {
            assert!(
                !matches!(outcome, Outcome::Yours | Outcome::Failed(_)),
                "{file}: {outcome:?}"
            );
        }
    }
    stop(stack);
}

#[test]
fn one_talks_while_n8n_is_still_being_got() {
    let _turn = turn();
    let (mut home, _shipped) = with_workflows();
    let all = std::fs::read_to_string(&home.parts).unwrap();
    home.parts = home.folder.path().join("parts.toml");
    let without = { all.lines() }.filter(|line| !line.starts_with("n8n "));
    let without: Vec<&str> = without.collect();
    std::fs::write(&home.parts, without.join("\n")).unwrap();
    let mut stack = home.up(&["postgresql", "redis", "n8n"]);

    let missing = stack.wait_state("n8n", State::Failed, START);
    let status = stack.wait_ready(Duration::from_secs(30));

    let error = missing.last_error.unwrap();
    assert!(
        error.contains("n8n") && error.contains("./dev parts"),
        "{error}"
    );
    assert!(status.summary().contains("n8n"), "{}", status.summary());

    std::fs::write(&home.parts, all).unwrap();

    stack.wait_state("n8n", State::Ready, START);
    assert_eq!(outcome(&home, "echo"), Outcome::Imported);
    stop(stack);
}

/// As long as it may be watched: ten minutes by `JEX_TEST_WATCH_SECONDS=600`.
fn watched_for() -> Duration {
    let seconds = std::env::var("JEX_TEST_WATCH_SECONDS").ok();
    Duration::from_secs(seconds.map_or(30, |text| text.parse().unwrap()))
}

#[test]
fn nothing_of_it_goes_out() {
    let _turn = turn();
    if !support::in_namespace_with_one_address() {
        support::again_in_namespace("nothing_of_it_goes_out");
        return;
    }
    // Of this network: `/sys` may show another one's.
    let sent = || procfs::net::dev_status().unwrap()["v0"].sent_packets;
    let before = sent();
    let (home, _shipped) = with_workflows();
    let stack = up(&home);
    let n8n = N8n::of(&home);
    run(async {
        // What the editor asks for when it is opened.
        let cookie = n8n.login().await;
        for path in support::n8n::ASKED_BY_THE_EDITOR {
            n8n.as_owner(&cookie, path).await;
        }
    });
    std::thread::sleep(watched_for());

    assert_eq!(sent(), before);
    for (process, address) in support::listeners(&home, 2) {
        assert!(address.ip().is_loopback(), "{process} listens on {address}");
    }
    stop(stack);

    // The counter does count: there is a way out, only nobody at its end.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.send_to(b"?", "192.0.2.1:53").unwrap();
    assert_eq!(sent(), before + 1);
}
