//! The supervisor of an appliance: its real program, told and asked as systemd and the owner do, on real parts.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use jex_supervisor::status::State;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::appliance::{Supervisor, Unit, WATCHDOG, healthy};
use support::registry::Registry;
use support::{Home, PARTS, http_get, turn};

const START: Duration = Duration::from_secs(120);

fn restarts(count: u32) -> impl Fn(&jex_supervisor::status::ComponentStatus) -> bool {
    move |component| component.restarts == count && component.state.is_ready()
}

#[test]
fn it_reports_everything_notices_what_comes_back_and_ends_in_time() {
    let _turn = turn();
    let home = Home::new();
    // Whoever runs them is none of the supervisor's business.
    let parts = [&PARTS[..], &["postgresql", "n8n"]].concat();
    let mut runs = home.up(&parts);
    healthy(home.ports.agent);
    healthy(home.ports.web);
    let n8n = format!("--n8n=http://127.0.0.1:{}/healthz", home.ports.n8n);
    let settings = jex_config::check_file(&home.paths().config_file).unwrap();
    let socket = settings.settings.postgresql_socket_folder(&home.paths());
    let postgresql = format!("--postgresql={}/.s.PGSQL.5432", socket.display());
    let page = "--address=https://jex.local";

    let mut supervisor = Supervisor::start(&home, &[&n8n, &postgresql, page]);

    supervisor.wait_told(START, |line| line == "STATUS=ready");
    let status = supervisor.status();
    assert!(status.ready);
    assert_eq!(status.address, "https://jex.local");
    let names: Vec<_> = status.components.iter().map(|one| &one.name).collect();
    assert_eq!(
        names,
        [
            "postgresql",
            "redis",
            "livekit",
            "ollama",
            "whisper",
            "piper",
            "agent",
            "web",
            "n8n"
        ]
    );
    for component in &status.components {
        assert_eq!(component.state, State::Ready, "{component:?}");
        let tells_its_version =
            !matches!(component.name.as_str(), "postgresql" | "livekit" | "n8n");
        assert_eq!(
            component.version.is_some(),
            tells_its_version,
            "{component:?}"
        );
    }
    let warmed: Vec<_> = { supervisor.told.iter() }
        .filter(|line| line.contains("whisper warming: first transcript"))
        .collect();
    assert!(!warmed.is_empty(), "{:#?}", supervisor.told);

    let mut running = runs.wait_ready(START).components.into_iter();
    let piper = running.find(|one| one.name == "piper").unwrap();
    let pid = i32::try_from(piper.pid.unwrap()).unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    let after = supervisor.wait_for("piper", START, restarts(1));
    assert!(after.since_unix >= status.components[5].since_unix);

    for _ in 0..3 {
        supervisor.wait_told(WATCHDOG, |line| line == "WATCHDOG=1");
    }
    let (exit, took) = supervisor.end();
    assert!(exit.success());
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn the_model_is_pulled_on_the_first_start_and_loaded_again_when_ollama_comes_back() {
    let _turn = turn();
    let registry = Registry::start();
    let home = Home::new();
    home.write_settings(&format!("model = \"{}\"", registry.model()));
    let loaded = || http_get(home.ports.ollama, "/api/ps").contains("library/small");
    let ollama = Unit::ollama(&home);

    let mut supervisor = Supervisor::start(&home, &[]);

    supervisor.wait_told(START, |line| line.contains("ollama warming: pulling "));
    let ready = supervisor.wait_state("ollama", State::Ready, START);
    assert!(
        ready.version.is_some() && ready.last_error.is_none(),
        "{ready:?}"
    );
    assert!(loaded());

    ollama.kill();
    let gone = supervisor.wait_state("ollama", State::Restarting, Duration::from_secs(20));
    let error = gone.last_error.unwrap();
    assert!(
        error.contains("`systemctl status ollama.service`"),
        "{error}"
    );
    assert!(error.contains("`jex logs ollama`"), "{error}");
    let _ollama = Unit::ollama(&home);
    supervisor.wait_for("ollama", START, restarts(1));
    assert!(loaded());
    assert_eq!(registry.starts().iter().filter(|at| **at == 0).count(), 1);
}

#[test]
fn a_restart_between_two_questions_is_not_missed() {
    let _turn = turn();
    let registry = Registry::start();
    let home = Home::new();
    home.write_settings(&format!("model = \"{}\"", registry.model()));
    let ollama = Unit::ollama(&home);
    let supervisor = Supervisor::start(&home, &[]);
    supervisor.wait_state("ollama", State::Ready, START);

    ollama.kill();
    let _ollama = Unit::ollama(&home);

    let after = supervisor.wait_for("ollama", START, restarts(1));
    assert_eq!(after.last_error, None, "nobody has seen it gone");
    assert!(http_get(home.ports.ollama, "/api/ps").contains("library/small"));
}

#[test]
fn a_machine_that_may_not_download_says_so_and_asks_nobody() {
    let _turn = turn();
    let registry = Registry::start();
    let mut home = Home::new();
    home.write_settings(&format!("model = \"{}\"", registry.model()));
    home.set("llm.download", "false");
    let _ollama = Unit::ollama(&home);
    let supervisor = Supervisor::start(&home, &[]);

    let ollama = supervisor.wait_state("ollama", State::Failed, START);

    let error = ollama.last_error.unwrap();
    assert!(error.contains("`llm.download` is false"), "{error}");
    assert!(error.contains("services.jex.models.ollama"), "{error}");
    assert!(ollama.detail.unwrap().starts_with("next try in "));
    assert!(!registry.was_asked());
}

#[test]
fn a_model_that_the_disk_has_no_room_for_is_not_pulled_though_its_folder_is_out_of_sight() {
    let _turn = turn();
    let registry = Registry::start();
    let mut home = Home::new();
    home.write_settings(&format!("model = \"{}\"", registry.model()));
    home.env
        .push(("JEX_TEST_DISK_FREE_BYTES".into(), "600000000".into()));
    let _ollama = Unit::ollama(&home);
    let supervisor = Supervisor::start(&home, &["--models=/nowhere/models"]);

    let ollama = supervisor.wait_state("ollama", State::Failed, START);

    let error = ollama.last_error.unwrap();
    assert!(error.contains("too little disk for http://"), "{error}");
    assert!(!http_get(home.ports.ollama, "/api/tags").contains("small"));
}

#[test]
fn a_registry_elsewhere_is_asked_by_way_of_the_proxy_and_nothing_here_is() {
    let _turn = turn();
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut home = Home::new();
    home.write_settings("model = \"llama3.2:1b\"");
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
        home.env.push((name.into(), address.clone()));
    }
    let _ollama = Unit::ollama(&home);
    let supervisor = Supervisor::start(&home, &[]);

    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(proxy.accept().unwrap().0));
    let mut asked = receiver.recv_timeout(START).expect("nobody asks the proxy");
    let mut line = String::new();
    BufReader::new(&asked).read_line(&mut line).unwrap();
    asked.write_all(b"HTTP/1.1 403 Filtered\r\n\r\n").unwrap();
    drop(asked);

    assert_eq!(line.trim_end(), "CONNECT registry.ollama.ai:443 HTTP/1.1");
    let ollama = supervisor.wait_state("ollama", State::Failed, START);
    let error = ollama.last_error.unwrap();
    assert!(
        error.contains("registry.ollama.ai cannot be reached"),
        "{error}"
    );
}

#[test]
fn one_that_dies_is_told_with_its_unit_until_it_is_back() {
    let _turn = turn();
    let home = Home::new();
    let supervisor = Supervisor::start(&home, &[]);
    supervisor.wait_state("redis", State::Starting, Duration::from_secs(5));

    let redis = Unit::redis(&home);
    let first = supervisor.wait_state("redis", State::Ready, START);
    assert!(first.version.is_some());
    redis.kill();

    let gone = supervisor.wait_state("redis", State::Restarting, Duration::from_secs(20));
    let error = gone.last_error.unwrap();
    assert!(error.contains("redis-livekit.service"), "{error}");
    let _redis = Unit::redis(&home);
    let back = supervisor.wait_for("redis", Duration::from_secs(5), restarts(1));
    assert_eq!(back.last_error, Some(error));
    assert!(!supervisor.status().ready, "the others are not there");
}

#[test]
fn orders_are_answered_with_who_takes_them() {
    let home = Home::new();
    let supervisor = Supervisor::start(&home, &[]);

    let mode = std::fs::metadata(&supervisor.socket).unwrap().permissions();

    assert_eq!(mode.mode() & 0o777, 0o660);
    assert!(
        supervisor
            .ask("stop")
            .contains("sudo systemctl stop jex-agent")
    );
    assert!(supervisor.ask("reload").contains("nixos-rebuild switch"));
    assert!(supervisor.ask("dance").contains("does not understand"));
}

#[test]
fn it_ends_in_time_while_it_is_busy() {
    let _turn = turn();
    let registry = Registry::start();
    registry.stall(true);
    let home = Home::new();
    home.write_settings(&format!("model = \"{}\"", registry.model()));
    let _ollama = Unit::ollama(&home);
    // One that takes a connection and says nothing.
    let _silent = TcpListener::bind(("127.0.0.1", home.ports.whisper)).unwrap();
    let mut supervisor = Supervisor::start(&home, &[]);
    supervisor.wait_told(START, |line| line.contains("ollama warming: pulling "));

    let (exit, took) = supervisor.end();

    assert!(exit.success());
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn without_a_folder_of_systemds_it_names_the_way_to_run_jex() {
    let begun = Instant::now();

    let output = std::process::Command::new(env!("CARGO_BIN_EXE_jex-supervisor"))
        .env_remove("RUNTIME_DIRECTORY")
        .output()
        .unwrap();

    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("RuntimeDirectory") && said.contains("`jex up`"),
        "{said}"
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
}
