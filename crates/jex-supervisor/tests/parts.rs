//! `jex up` on the real parts, from the first start to every kind of end.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use jex_config::secrets;
use jex_supervisor::component::{Interfaces, Port};
use jex_supervisor::status::State;
use jex_supervisor::{control, models, ports};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use secrecy::ExposeSecret;
use support::{Home, PARTS, processes_in, redis, start_generating, turn};

const START: Duration = Duration::from_secs(120);

fn assert_nothing_is_left(home: &Home, limit: Duration) {
    let start = Instant::now();
    loop {
        let left = processes_in(home);
        let held: Vec<_> = home
            .all_ports()
            .into_iter()
            .filter_map(|number| ports::conflict(&[tcp(number)]))
            .collect();
        if left.is_empty() && held.is_empty() {
            return;
        }
        assert!(start.elapsed() < limit, "{left:#?}\n{held:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn tcp(number: u16) -> Port {
    Port {
        number,
        key: "",
        on: Interfaces::Loopback,
    }
}

#[test]
fn everything_gets_ready_listens_on_loopback_and_ends_in_time() {
    let _turn = turn();
    let home = Home::new();
    let mut stack = home.up(&PARTS);

    let status = stack.wait_ready(START);

    for component in &status.components {
        assert!(component.version.is_some(), "{component:?}");
        assert!(component.memory_bytes.unwrap() > 5_000_000, "{component:?}");
        assert!(component.log.as_ref().unwrap().exists(), "{component:?}");
        assert_eq!(component.restarts, 0, "{component:?}");
    }
    // The runner counts with the server: the weights alone are 98 MB.
    assert!(status.components[2].memory_bytes.unwrap() > 200_000_000);
    for (pid, address) in support::listeners(&home, 6) {
        let beyond = !ports::is_loopback(address.ip());
        assert!(
            !beyond || address.port() == home.ports.rtc_tcp,
            "process {pid} listens on {address}"
        );
    }
    let password = secrets::redis_password(&home.paths()).unwrap();
    let keys = redis(home.ports.redis, password.expose_secret(), "KEYS *");
    assert!(keys.contains("nodes"), "LiveKit uses it not: {keys}");
    assert!(redis(home.ports.redis, "wrong", "KEYS *").contains("WRONGPASS"));

    stack.signal(Signal::SIGTERM);
    let (exit, said, took) = stack.wait_end(Duration::from_secs(10));

    assert!(exit.success(), "{said}");
    assert!(
        said.contains("JEX is ready: open http://localhost:"),
        "{said}"
    );
    assert!(said.contains("demo") && said.contains("What is said is kept here for 90 days"));
    let stopped = |name: &str| said.rfind(&format!("{name:<8} stopped")).unwrap();
    assert!(stopped("livekit") < stopped("redis"), "{said}");
    assert_nothing_is_left(&home, Duration::from_millis(500));
    println!("ended in {took:?}");

    // The words that Piper spoke while it warmed up, and what the model was asked: in no log.
    for component in ["piper", "whisper", "ollama", "livekit"] {
        let log = std::fs::read_to_string(home.paths().log(component)).unwrap();
        assert!(!log.contains("Hello"), "{component}: {log}");
    }
}

#[test]
fn killed_while_a_model_writes_it_leaves_nothing_and_starts_again() {
    let _turn = turn();
    let home = Home::new();
    let mut stack = home.up(&PARTS);
    stack.wait_ready(START);
    let writing = start_generating(home.ports.ollama);
    assert!(processes_in(&home).len() >= 6, "with Ollama's runner");

    stack.signal(Signal::SIGKILL);

    stack.child.wait().unwrap();
    assert_nothing_is_left(&home, Duration::from_secs(3));
    drop(writing);
    let mut again = home.up(&PARTS);
    again.wait_ready(START);
    again.signal(Signal::SIGINT);
    assert!(again.wait_end(Duration::from_secs(10)).0.success());
}

#[test]
fn killed_together_with_its_keeper_the_next_start_clears_up() {
    let _turn = turn();
    let home = Home::new();
    let mut stack = home.up(&["ollama"]);
    stack.wait_ready(START);
    let keeper = support::keeper_of(stack.child.id());
    start_generating(home.ports.ollama);

    kill(keeper, Signal::SIGKILL).unwrap();
    stack.signal(Signal::SIGKILL);
    stack.child.wait().unwrap();
    assert!(!processes_in(&home).is_empty(), "the test shows nothing");
    let mut again = home.up(&["ollama"]);
    again.wait_ready(START);
    again.signal(Signal::SIGTERM);
    let (_, said, _) = again.wait_end(Duration::from_secs(10));

    assert!(said.contains("earlier JEX left behind"), "{said}");
    assert_nothing_is_left(&home, Duration::from_millis(500));
}

#[test]
fn a_dead_keeper_is_replaced() {
    let _turn = turn();
    let home = Home::new();
    let mut stack = home.up(&["redis"]);
    stack.wait_ready(START);
    let first = support::keeper_of(stack.child.id());

    kill(first, Signal::SIGKILL).unwrap();

    let deadline = Instant::now() + Duration::from_secs(5);
    while support::keeper_of(stack.child.id()) == first {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(50));
    }
    stack.signal(Signal::SIGKILL);
    stack.child.wait().unwrap();
    assert_nothing_is_left(&home, Duration::from_secs(3));
}

#[test]
fn what_is_killed_comes_back() {
    let _turn = turn();
    let home = Home::new();
    let mut stack = home.up(&["redis", "livekit", "ollama"]);
    let before = stack.wait_ready(START);

    for component in &before.components {
        let pid = i32::try_from(component.pid.unwrap()).unwrap();
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    }

    let after = stack.wait_for(Duration::from_secs(30), |status| {
        let restarted = status.components.iter().all(|one| one.restarts == 1);
        status.ready && restarted
    });
    for (before, after) in before.components.iter().zip(&after.components) {
        assert_ne!(before.pid, after.pid);
        let error = after.last_error.as_ref().unwrap();
        assert!(error.contains("was killed"), "{error}");
        assert!(
            error.contains(&format!("jex logs {}", after.name)),
            "{error}"
        );
    }
    // The killed server's runner has gone with it.
    let runners = processes_in(&home)
        .iter()
        .filter(|process| process.contains("runner"))
        .count();
    assert_eq!(runners, 1);
}

#[test]
fn a_second_interrupt_ends_everything_at_once() {
    let _turn = turn();
    let home = Home::new();
    let mut stack = home.up(&["redis"]);
    stack.wait_ready(START);
    // One that does not end by itself.
    let pid = i32::try_from(stack.component("redis").unwrap().pid.unwrap()).unwrap();
    kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();

    stack.signal(Signal::SIGINT);
    stack.wait_state("redis", State::Stopping, Duration::from_secs(1));
    stack.signal(Signal::SIGINT);
    let (_, _, took) = stack.wait_end(Duration::from_secs(1));

    assert!(took < Duration::from_millis(700), "{took:?}");
    assert_nothing_is_left(&home, Duration::from_millis(500));
}

#[test]
fn one_that_hangs_while_it_is_asked_holds_up_no_end() {
    let _turn = turn();
    let home = Home::new();
    for (interrupts, limit) in [(1, Duration::from_secs(4)), (2, Duration::from_secs(1))] {
        let mut stack = home.up(&["redis"]);
        stack.wait_ready(START);
        let pid = i32::try_from(stack.component("redis").unwrap().pid.unwrap()).unwrap();
        kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
        support::wait_for_unread_question(home.ports.redis);

        for interrupt in 1..=interrupts {
            stack.signal(Signal::SIGINT);
            if interrupt < interrupts {
                stack.wait_state("redis", State::Stopping, Duration::from_secs(1));
            }
        }
        let (_, said, took) = stack.wait_end(Duration::from_secs(15));

        assert!(took < limit, "{interrupts} interrupts, {took:?}: {said}");
        assert_nothing_is_left(&home, Duration::from_millis(500));
    }
}

#[test]
fn what_runs_elsewhere_is_used_and_left_as_it_is() {
    let _turn = turn();
    let owner = Home::new();
    let mut theirs = owner.up(&["redis", "livekit", "ollama"]);
    theirs.wait_ready(START);
    let mut home = Home::new();
    home.set_address("llm.url", "http", owner.ports.ollama);
    home.set_address("livekit.url", "ws", owner.ports.livekit);
    for (key, name) in [
        ("livekit.api_key_file", "livekit-api-key"),
        ("livekit.api_secret_file", "livekit-api-secret"),
    ] {
        home.set(key, owner.paths().secrets().join(name).to_str().unwrap());
    }
    let mut stack = home.up(&["redis", "livekit", "ollama"]);

    let status = stack.wait_ready(START);

    let names = status.components.iter().map(|one| one.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["livekit", "ollama"], "no Redis");
    for component in &status.components {
        assert_eq!(component.state, State::External, "{component:?}");
        assert_eq!(component.pid, None);
    }
    assert!(status.components[1].version.is_some());

    models::write_model(&home.paths().config_file, "not-there").unwrap();
    control::reload(&home.paths()).unwrap();
    let ollama = stack.wait_state("ollama", State::Failed, START);
    let error = ollama.last_error.unwrap();
    assert!(error.contains("`jex model use not-there`"), "{error}");

    stack.signal(Signal::SIGTERM);
    assert!(stack.wait_end(Duration::from_secs(5)).0.success());
    assert!(theirs.status().unwrap().ready, "theirs goes on");
}

#[test]
fn nothing_goes_out() {
    let _turn = turn();
    if !support::in_namespace_with_one_address() {
        support::again_in_namespace("nothing_goes_out");
        return;
    }
    // Of this network: `/sys` may show another one's.
    let sent = || procfs::net::dev_status().unwrap()["v0"].sent_packets;
    let before = sent();
    let home = Home::new();
    let mut stack = home.up(&PARTS);
    stack.wait_ready(START);
    start_generating(home.ports.ollama);
    // Long enough for what is done a while after a start, such as a look for updates.
    std::thread::sleep(Duration::from_secs(30));

    assert_eq!(sent(), before);

    // The counter does count: there is a way out, only nobody at its end.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.send_to(b"?", "192.0.2.1:53").unwrap();
    assert_eq!(sent(), before + 1);
}

#[test]
fn livekit_follows_the_machines_address() {
    let _turn = turn();
    if !support::in_namespace_with_one_address() {
        // The same test again, in a network of its own.
        support::again_in_namespace("livekit_follows_the_machines_address");
        return;
    }
    let home = Home::new();
    let mut stack = home.up(&["redis", "livekit"]);
    stack.wait_ready(START);
    let written = || {
        let file = home.paths().run().join("livekit.yaml");
        let config: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let rtc = &config["rtc"];
        let ip: IpAddr = rtc["node_ip"].as_str().unwrap().parse().unwrap();
        (ip, rtc["enable_loopback_candidate"].as_bool().unwrap())
    };
    assert_eq!(written(), ("10.99.0.1".parse().unwrap(), false));

    support::ip(&["address", "del", "10.99.0.1/24", "dev", "v0"]);
    stack.wait_for(Duration::from_secs(20), |status| {
        status.ready && status.components[1].restarts == 1
    });
    assert_eq!(written(), ("127.0.0.1".parse().unwrap(), true));

    support::ip(&["address", "add", "10.99.0.7/24", "dev", "v0"]);
    stack.wait_for(Duration::from_secs(20), |status| {
        status.ready && status.components[1].restarts == 2
    });
    assert_eq!(written(), ("10.99.0.7".parse().unwrap(), false));
}
