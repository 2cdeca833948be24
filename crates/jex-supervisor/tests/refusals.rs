//! What keeps JEX from starting is named, with the remedy.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use jex_supervisor::status::State;
use jex_supervisor::{Lock, SupervisorError, control, models};
use support::{Home, turn};

const START: Duration = Duration::from_secs(60);

/// A `parts.toml` in which Redis is a script.
fn redis_is(home: &mut Home, script: &str) {
    let program = home.folder.path().join("redis-server");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    home.parts = home.folder.path().join("parts.toml");
    let text = format!("redis_server = \"{}\"\n", program.display());
    std::fs::write(&home.parts, text).unwrap();
}

#[test]
fn a_second_start_on_the_same_data_says_so() {
    let _turn = turn();
    let home = Home::new();
    let mut first = home.up(&["redis"]);
    first.wait_ready(START);

    let said = home.up_in_vain(&["redis"]);

    assert!(said.contains("JEX runs already"), "{said}");
    assert!(said.contains(&first.child.id().to_string()), "{said}");
    assert!(
        said.contains(&format!("http://localhost:{}", home.ports.web)),
        "{said}"
    );
    assert!(first.status().unwrap().ready, "the first is left alone");
}

#[test]
fn a_taken_port_names_its_holder_and_the_key() {
    let _turn = turn();
    let home = Home::new();
    let _taken = TcpListener::bind(("127.0.0.1", home.ports.redis)).unwrap();

    let said = home.up_in_vain(&["redis"]);

    assert!(
        said.contains(&format!("port {} is in use", home.ports.redis)),
        "{said}"
    );
    assert!(
        said.contains(&format!("process {}", std::process::id())),
        "{said}"
    );
    assert!(said.contains("`redis.port`"), "{said}");
}

#[test]
fn a_missing_program_names_the_remedy() {
    let _turn = turn();
    let mut home = Home::new();
    home.env.push(("JEX_BIN".into(), "/nowhere".into()));

    let said = home.up_in_vain(&["agent", "web"]);

    assert!(said.contains("/nowhere/jex-agent is missing"), "{said}");
    assert!(said.contains("/nowhere/jex-web is missing"), "{said}");
    assert!(said.contains("./dev build"), "{said}");
}

#[test]
fn a_redis_that_is_too_old_is_named_with_the_version_that_is_needed() {
    let _turn = turn();
    let mut home = Home::new();
    redis_is(
        &mut home,
        "#!/bin/sh\necho 'Redis server v=6.0.16 sha=00000000:0 bits=64'\n",
    );
    let mut stack = home.up(&["redis"]);

    let redis = stack.wait_state("redis", State::Failed, START);

    let error = redis.last_error.unwrap();
    assert!(error.contains("redis-server is version 6.0"), "{error}");
    assert!(error.contains("6.2 or newer"), "{error}");
}

#[test]
fn one_that_dies_at_once_is_shown_with_its_last_words() {
    let _turn = turn();
    let mut home = Home::new();
    redis_is(
        &mut home,
        "#!/bin/sh\necho 'the disk is made of cheese' >&2\nexit 7\n",
    );
    let mut stack = home.up(&["redis"]);

    let redis = stack.wait_state("redis", State::Failed, START);

    let error = redis.last_error.unwrap();
    assert!(error.contains("redis ended with exit status 7"), "{error}");
    assert!(error.contains("the disk is made of cheese"), "{error}");
    assert!(error.contains("jex logs redis"), "{error}");
    assert!(redis.restarts >= 2);
}

#[test]
fn one_that_never_answers_is_ended_and_named() {
    let _turn = turn();
    let mut home = Home::new();
    redis_is(
        &mut home,
        "#!/bin/sh\necho waiting for godot\nsleep 1000 & wait\n",
    );
    let mut stack = home.up(&["redis"]);

    let status = stack.wait_for(START, |status| status.components[0].last_error.is_some());

    let error = status.components[0].last_error.clone().unwrap();
    assert!(error.contains("was not ready within 30 s"), "{error}");
    assert!(error.contains("waiting for godot"), "{error}");
    // The sleeper has gone with it.
    let sleepers = support::processes_in(&home)
        .iter()
        .filter(|process| process.contains("sleep 1000"))
        .count();
    assert!(sleepers <= 1);
}

#[test]
fn an_address_that_does_not_answer_names_the_key() {
    let _turn = turn();
    let home = Home::new();
    home.write_settings("url = \"http://127.0.0.1:9\"");
    let mut stack = home.up(&["ollama"]);

    let ollama = stack.wait_state("ollama", State::Failed, START);

    let error = ollama.last_error.unwrap();
    assert!(error.contains("http://127.0.0.1:9"), "{error}");
    assert!(error.contains("`llm.url`"), "{error}");
    assert_eq!(ollama.pid, None);
}

#[test]
fn a_wrong_setting_is_named_before_anything_starts() {
    let _turn = turn();
    let home = Home::new();
    home.write_settings("modell = \"x\"");

    let said = home.up_in_vain(&["redis"]);

    assert!(
        said.contains("llm.modell") && said.contains("llm.model"),
        "{said}"
    );
}

#[test]
fn a_variable_that_wins_over_the_file_is_told_to_who_changed_the_file() {
    let _turn = turn();
    let mut home = Home::new();
    home.set("llm.model", "jex-demo");
    let mut stack = home.up(&["redis"]);
    stack.wait_ready(START);

    models::write_model(&home.paths().config_file, "other").unwrap();
    let reloading = control::reload(&home.paths()).unwrap();

    assert_eq!(reloading.model, "jex-demo");
    assert_eq!(reloading.model_from, "$JEX_LLM__MODEL");
}

#[test]
fn settings_that_change_which_parts_there_are_need_another_start() {
    let _turn = turn();
    let home = Home::new();
    let mut stack = home.up(&["redis"]);
    stack.wait_ready(START);
    let file = home.paths().config_file;
    let text = std::fs::read_to_string(&file).unwrap();
    let elsewhere = "[livekit]\nurl = \"ws://127.0.0.1:1\"";

    std::fs::write(&file, text.replace("[livekit]", elsewhere)).unwrap();
    let error = control::reload(&home.paths()).unwrap_err().to_string();

    assert!(
        error.contains("(redis)") && error.contains("`jex up`"),
        "{error}"
    );
    assert!(stack.status().unwrap().ready, "it goes on as before");
}

#[test]
fn one_that_takes_no_orders_yet_is_said_to_run() {
    let home = Home::new();
    let _starting = Lock::take(&home.paths(), "http://localhost:3000").unwrap();

    let error = control::status(&home.paths()).unwrap_err().to_string();

    let pid = std::process::id();
    assert!(error.contains(&format!("runs as process {pid}")), "{error}");
    assert!(error.contains("starting or ending"), "{error}");
}

#[test]
fn in_the_background_it_returns_when_all_is_ready_and_goes_on() {
    let _turn = turn();
    let home = Home::new();

    let (exit, said) = home.up_in_background(&["redis"]);

    assert!(exit.success(), "{said}");
    assert!(said.contains("JEX is ready"), "{said}");
    assert!(said.contains("`jex stop` ends JEX"), "{said}");
    let status = control::status(&home.paths()).unwrap();
    assert!(status.ready);
    let (again, said) = home.up_in_background(&["redis"]);
    assert!(
        !again.success() && said.contains("JEX runs already"),
        "{said}"
    );
    control::stop(&home.paths()).unwrap();
    assert!(control::wait_until_stopped(
        &home.paths(),
        Duration::from_secs(10)
    ));
    assert!(matches!(
        control::status(&home.paths()),
        Err(SupervisorError::NotRunning)
    ));
    assert_eq!(support::processes_in(&home), [""; 0]);
}

#[test]
fn in_the_background_a_failure_is_told_with_its_reason() {
    let _turn = turn();
    let mut home = Home::new();
    redis_is(
        &mut home,
        "#!/bin/sh\necho 'the disk is made of cheese' >&2\nexit 7\n",
    );

    let (exit, said) = home.up_in_background(&["redis"]);

    assert!(!exit.success());
    assert!(said.contains("redis has failed"), "{said}");
    assert!(said.contains("the disk is made of cheese"), "{said}");
    control::stop(&home.paths()).unwrap();
    assert!(control::wait_until_stopped(
        &home.paths(),
        Duration::from_secs(10)
    ));
}

#[test]
fn in_the_background_a_refusal_is_told_too() {
    let _turn = turn();
    let home = Home::new();
    let _taken = TcpListener::bind(("127.0.0.1", home.ports.redis)).unwrap();

    let (exit, said) = home.up_in_background(&["redis"]);

    assert!(!exit.success());
    assert!(said.contains("is in use"), "{said}");
}
