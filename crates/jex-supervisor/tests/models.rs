//! Models out of a registry, on a real Ollama.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::time::Duration;

use jex_config::Parts;
use jex_supervisor::status::State;
use jex_supervisor::{control, models};
use nix::sys::signal::Signal;
use support::registry::Registry;
use support::{Home, turn};

const START: Duration = Duration::from_secs(90);
fn in_memory(ollama: u16) -> String {
    support::http_get(ollama, "/api/ps")
}

#[test]
fn a_pull_that_broke_off_goes_on_where_it_was() {
    let _turn = turn();
    let registry = Registry::start();
    registry.stall(true);
    let home = Home::new();
    home.write_settings(&format!("model = \"{}\"", registry.model()));
    let mut stack = home.up(&["ollama"]);
    // A single `pulling` line ends with the size of the whole.
    stack.wait_for(START, |status| {
        let detail = status.components[0].detail.clone().unwrap_or_default();
        let percent = detail.strip_prefix("pulling ").unwrap_or_default();
        let percent = percent.split(' ').next().unwrap_or_default();
        percent.parse::<u32>().is_ok_and(|percent| percent >= 40)
    });
    stack.signal(Signal::SIGTERM);
    stack.wait_end(Duration::from_secs(10));
    registry.stall(false);

    let mut stack = home.up(&["ollama"]);
    stack.wait_ready(START);

    let starts = registry.starts();
    assert_eq!(starts.first(), Some(&0));
    assert!(starts.last().unwrap() > &30_000_000, "{starts:?}");
    assert!(in_memory(home.ports.ollama).contains("library/small"));
}

#[test]
fn another_model_is_taken_while_jex_runs() {
    let _turn = turn();
    let registry = Registry::start();
    let home = Home::new();
    let mut stack = home.up(&["ollama"]);
    let before = stack.wait_ready(START);
    assert!(in_memory(home.ports.ollama).contains("jex-demo"));

    models::write_model(&home.paths().config_file, &registry.model()).unwrap();
    control::reload(&home.paths()).unwrap();
    stack.wait_state("ollama", State::Warming, Duration::from_secs(5));
    let after = stack.wait_ready(START);

    assert_eq!(before.components[0].pid, after.components[0].pid);
    let loaded = in_memory(home.ports.ollama);
    assert!(loaded.contains("library/small"), "{loaded}");
    assert!(!loaded.contains("jex-demo"), "{loaded}");
    let settings = std::fs::read_to_string(home.paths().config_file).unwrap();
    assert!(
        settings.starts_with("# The owner's own words."),
        "{settings}"
    );

    let loaded = jex_config::check_file(&home.paths().config_file).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread();
    let list = { runtime }
        .enable_all()
        .build()
        .unwrap()
        .block_on(models::list(&models::wanted(
            &loaded.settings,
            &home.paths(),
            &Parts::default(),
        )))
        .unwrap();
    assert_eq!(list.len(), 2, "{list:?}");
    let chosen = list.iter().find(|model| model.chosen).unwrap();
    assert!(chosen.name.contains("library/small") && chosen.loaded);
    let demo = list.iter().find(|model| !model.chosen).unwrap();
    assert!(demo.name.contains("jex-demo") && !demo.loaded);
    for model in &list {
        assert!(model.size_bytes > 90_000_000 && model.memory_bytes > model.size_bytes);
        assert_eq!(model.fits, Some(true), "{model:?}");
    }
}

#[test]
fn a_model_that_is_nowhere_is_named_with_the_remedy_and_ollama_stays_of_use() {
    let _turn = turn();
    let registry = Registry::start();
    let home = Home::new();
    let wrong = registry.model().replace("small", "smal");
    home.write_settings(&format!("model = \"{wrong}\""));
    let mut stack = home.up(&["ollama"]);

    let ollama = stack.wait_state("ollama", State::Failed, START);
    let error = ollama.last_error.unwrap();
    assert!(error.contains("has no model of this name"), "{error}");
    assert!(
        error.contains(&wrong) && error.contains("jex model list"),
        "{error}"
    );

    // The way out that the message names.
    models::write_model(&home.paths().config_file, "jex-demo").unwrap();
    control::reload(&home.paths()).unwrap();
    let after = stack.wait_ready(START);
    assert_eq!(after.components[0].pid, ollama.pid);
}

#[test]
fn a_model_that_the_disk_has_no_room_for_is_not_pulled() {
    let _turn = turn();
    let registry = Registry::start();
    let mut home = Home::new();
    home.write_settings(&format!("model = \"{}\"", registry.model()));
    home.env
        .push(("JEX_TEST_DISK_FREE_BYTES".into(), "600000000".into()));
    let mut stack = home.up(&["ollama"]);

    let ollama = stack.wait_state("ollama", State::Failed, START);

    let error = ollama.last_error.unwrap();
    assert!(error.contains("too little disk for http://"), "{error}");
    assert!(error.contains("600 MB free"), "{error}");
    assert_eq!(registry.starts(), [0; 0]);
}

#[test]
fn a_model_that_does_not_fit_is_not_loaded() {
    let _turn = turn();
    let mut home = Home::new();
    home.env
        .push(("JEX_TEST_AVAILABLE_BYTES".into(), "400000000".into()));
    let mut stack = home.up(&["ollama"]);

    let ollama = stack.wait_state("ollama", State::Failed, START);

    let error = ollama.last_error.unwrap();
    assert!(error.contains("jex-demo needs about"), "{error}");
    assert!(error.contains("400 MB are free"), "{error}");
    assert!(error.contains("llm.context_tokens"), "{error}");
    assert!(!in_memory(home.ports.ollama).contains("jex-demo"));
}
