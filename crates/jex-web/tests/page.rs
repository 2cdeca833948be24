//! The page as a browser gets it, from the real binary.
#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{Answer, INDEX, Web, command, free_port, request, write};

#[test]
fn the_page_comes_with_a_policy_that_names_its_scripts_and_livekit() {
    let web = Web::start_alone();

    let answer = web.get("/", &[]);

    assert_eq!((answer.status, answer.text()), (200, INDEX.to_owned()));
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    let policy = answer.header("content-security-policy").unwrap();
    assert_eq!(policy.matches("'sha256-").count(), 2, "{policy}");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self' 'sha256-"),
        "{policy}"
    );
    assert!(
        policy.contains("connect-src 'self' ws://127.0.0.1:"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn every_answer_is_hardened_and_none_names_the_server() {
    let web = Web::start_alone();

    for path in [
        "/",
        "/nowhere",
        "/icon.svg",
        "/api/info",
        "/api/nothing",
        "/health",
    ] {
        let answer = web.get(path, &[]);
        let header = |name| {
            answer
                .header(name)
                .unwrap_or_else(|| panic!("{path}: no {name}"))
        };

        assert!(header("permissions-policy").starts_with("microphone=(self)"));
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        assert!(header("content-security-policy").starts_with("default-src 'none'"));
        assert_eq!(answer.header("server"), None);
    }
}

#[test]
fn hashed_files_are_kept_for_good_and_compressed_and_the_rest_is_asked_for_again() {
    let web = Web::start_alone();

    let script = web.get("/_next/static/chunks/a.js", &["Accept-Encoding: gzip, br"]);
    let icon = web.get("/icon.svg", &["Accept-Encoding: gzip, br"]);

    assert_eq!(
        script.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(
        script.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(script.header("content-encoding"), Some("gzip"));
    assert!(script.body.starts_with(b"\x1f\x8b"));
    assert_eq!(icon.header("cache-control"), Some("no-cache"));
    assert_eq!(icon.header("content-encoding"), None);
    let etag = format!("If-None-Match: {}", icon.header("etag").unwrap());
    assert_eq!(web.get("/icon.svg", &[&etag]).status, 304);
}

#[test]
fn a_head_is_the_answer_without_its_body() {
    let web = Web::start_alone();

    for path in ["/", "/nowhere", "/api/info", "/health"] {
        let get = web.get(path, &[]);
        let head = web.request("HEAD", path, &[], None);

        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(
            head.header("content-length"),
            get.header("content-length"),
            "{path}"
        );
    }
}

#[test]
fn what_is_not_there_is_told_in_the_pages_own_words() {
    let web = Web::start_alone();

    let answer = web.get("/nowhere", &[]);

    assert_eq!(answer.status, 404);
    assert_eq!(answer.text(), "<p>Nothing here</p>");
}

#[test]
fn a_method_that_is_not_taken_is_told_which_are() {
    let web = Web::start_alone();

    for (path, allowed) in [
        ("/", "GET, HEAD"),
        ("/health", "GET,HEAD"),
        ("/api/info", "GET,HEAD"),
        ("/api/token", "POST"),
    ] {
        let answer = web.request("DELETE", path, &[], None);

        assert_eq!(answer.status, 405, "{path}");
        assert_eq!(answer.header("allow"), Some(allowed), "{path}");
    }
}

#[test]
fn the_page_is_told_who_answers_and_what_is_missing() {
    let web = Web::start_alone();

    let info = web.get("/api/info", &[]).json();
    let health = web.get("/api/health", &[]).json();

    assert_eq!(info["assistant_name"], "JEX");
    assert_eq!(info["language"], "en");
    assert_eq!(info["model_is_demo"], true);
    assert_eq!(info["made_where"], "on this machine");
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    let ports = serde_json::json!({"udp_first": 50_000, "udp_last": 50_200, "tcp": 7_881});
    assert_eq!(info["media_ports"], ports);
    assert_eq!(info["keeps_history"], true);
    assert_eq!(health["livekit"], "unreachable");
    assert_eq!(health["agent"], "unreachable");
}

#[test]
fn without_livekit_there_is_no_token_and_the_reason_is_given() {
    let web = Web::start_alone();

    let answer = web.token("{}");

    assert_eq!(answer.status, 503);
    let error = &answer.json()["error"];
    assert_eq!(error["code"], "livekit_unreachable");
    assert!(error["remedy"].as_str().unwrap().contains("jex status"));
}

#[test]
fn localhost_may_mean_either_address() {
    let web = Web::start_alone();
    let Ok(mut socket) = TcpStream::connect(("::1", web.port)) else {
        // A machine without IPv6 on loopback.
        assert!(web.log().contains("no IPv6"), "{}", web.log());
        return;
    };
    let port = web.port;
    let text = format!("GET /health HTTP/1.1\r\nHost: [::1]:{port}\r\n\r\n");

    socket.write_all(text.as_bytes()).unwrap();

    let answer = Answer::read(&mut BufReader::new(&mut socket), true).unwrap();
    assert_eq!(answer.status, 200);
}

#[test]
fn nobody_on_the_network_can_connect() {
    let web = Web::start_alone();
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap()
        + &std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    let port = format!(":{:04X}", web.port);
    const LISTENING: &str = "0A";

    let mut listeners = 0;
    for line in sockets.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (Some(local), Some(state)) = (fields.get(1), fields.get(3)) else {
            continue;
        };
        if let (Some(address), &LISTENING) = (local.strip_suffix(&port), state) {
            listeners += 1;
            let loopback = ["0100007F", "00000000000000000000000001000000"];
            assert!(loopback.contains(&address), "{local}");
        }
    }
    assert!(listeners >= 1);
}

#[test]
fn it_ends_within_a_second_although_browsers_are_connected() {
    let mut web = Web::start_alone();
    let mut idle = web.connect();
    let kept = request(web.port, "GET", "/health", &[], None);
    idle.write_all(&kept).unwrap();
    Answer::read(&mut BufReader::new(&mut idle), true).unwrap();
    let mut busy = web.connect();
    busy.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();

    web.terminate();

    assert!(web.ended_after() < Duration::from_secs(1));
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest);
    assert!(rest.is_empty());
}

#[test]
fn who_is_connected_when_it_ends_is_answered_once_more() {
    let mut web = Web::start_alone();
    let asked = request(web.port, "GET", "/health", &[], None);
    let mut silent = web.connect();
    // Accepted in order: once this one is answered, the one before it is in.
    let mut idle = web.connect();
    idle.write_all(&asked).unwrap();
    Answer::read(&mut BufReader::new(&mut idle), true).unwrap();

    web.terminate();
    // Idle ones are closed as the end begins.
    let _ = idle.read_to_end(&mut Vec::new());
    silent.write_all(&asked).unwrap();

    let answer = Answer::read(&mut BufReader::new(&mut silent), true);
    assert_eq!(answer.map(|answer| answer.status), Some(200));
    web.ended_after();
}

#[test]
fn a_second_one_on_the_same_port_says_so() {
    let first = Web::start_alone();
    let (status, log) = fails_with(&format!("port = {}", first.port), true);

    assert_eq!(status, Some(1));
    assert!(
        log.contains(&format!("port {} of 127.0.0.1 is in use", first.port)),
        "{log}"
    );
    assert!(log.contains("web.port"), "{log}");
}

#[test]
fn without_a_page_the_remedy_is_named() {
    let (status, log) = fails_with(&format!("port = {}", free_port()), false);

    assert_eq!(status, Some(1));
    assert!(log.contains("./dev parts page"), "{log}");
}

/// How a jex-web with these web settings ends, and what it says.
fn fails_with(web: &str, with_page: bool) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("jex.toml");
    let page = folder.path().join("page");
    if with_page {
        write(&page.join("index.html"), "");
        write(&config, &format!("[web]\n{web}\npage = {page:?}\n"));
    } else {
        write(&config, &format!("[web]\n{web}\n"));
    }
    support::secrets(folder.path());
    let mut command = command(folder.path(), &config);
    let process = command.stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    let output = process.wait_with_output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(10));
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), log)
}
