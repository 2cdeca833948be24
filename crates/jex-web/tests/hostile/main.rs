//! Requests that nobody means well by, over a raw socket, against the real binary with a real
//! livekit-server beside it: a good request would get a token.
#![allow(clippy::unwrap_used, reason = "this is test code")]

mod address;
mod content;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod wire;

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use support::{Answer, Web, request};
use table::{JSON, table};

fn status(answer: Option<&Answer>) -> u16 {
    answer.map_or(0, |answer| answer.status)
}

#[test]
fn every_hostile_request_has_the_right_answer_and_none_gets_a_token() {
    let mut web = Web::start();
    let cases = table(web.port);
    assert!(cases.len() >= 200, "only {}", cases.len());
    assert!(web.token("{}").gives_a_token(), "a good one would get one");

    let mut wrong = Vec::new();
    let mut statuses = BTreeMap::new();
    for case in &cases {
        let answer = web.raw(&case.request);
        let status = status(answer.as_ref());
        *statuses.entry(status).or_insert(0) += 1;
        if !case.right.contains(&status) || answer.is_some_and(|answer| answer.gives_a_token()) {
            wrong.push(format!("{}: {status}, not {:?}", case.name, case.right));
        }
    }

    println!("{} requests by status: {statuses:?}", cases.len());
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    web.assert_well();
    let log = web.log();
    let given = log.matches("gave out a token").count();
    assert_eq!(given, 1, "the good one only: {log}");
}

#[test]
fn every_refusal_says_what_to_do_and_is_as_guarded_as_the_page() {
    let web = Web::start();
    let cases = table(web.port);

    for case in &cases {
        let Some(answer) = web.raw(&case.request) else {
            continue;
        };
        assert_eq!(answer.header("server"), None);
        // What is no HTTP is refused below the router, with nothing in the answer.
        if answer.body.is_empty() {
            continue;
        }
        let name = &case.name;
        for header in [
            "content-security-policy",
            "permissions-policy",
            "referrer-policy",
            "x-content-type-options",
            "cross-origin-resource-policy",
        ] {
            assert!(answer.header(header).is_some(), "{name}: no {header}");
        }
        if answer.header("content-type") == Some("application/json") {
            let error = &answer.json()["error"];
            for part in ["code", "message", "remedy"] {
                let text = error[part].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{name}: no {part}");
            }
        }
    }
}

/// Bytes that are put in the place of others in a good request.
#[derive(Debug, Clone)]
struct Damage {
    at: prop::sample::Index,
    length: usize,
    bytes: Vec<u8>,
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..6),
        "[ \t\r\n:,;/%a-zA-Z0-9]{0,6}".prop_map(String::into_bytes),
    ];
    (any::<prop::sample::Index>(), 0..6usize, bytes).prop_map(|(at, length, bytes)| Damage {
        at,
        length,
        bytes,
    })
}

#[test]
fn a_foreign_request_damaged_in_any_way_gets_no_token() {
    let mut web = Web::start();
    let head = "POST /api/token HTTP/1.1\r\nHost: evil.test\r\nOrigin: http://evil.test\r\n\
                Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    let mut runner = TestRunner::new(ProptestConfig::with_cases(400));

    runner
        .run(&damage(), |damage| {
            let mut request = head.as_bytes().to_vec();
            let from = damage.at.index(request.len());
            let to = (from + damage.length).min(request.len());
            request.splice(from..to, damage.bytes.iter().copied());
            let mut socket = web.connect();
            socket.write_all(&request).unwrap();
            // A request that lost its end would be waited for.
            socket.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer);
            let answer = String::from_utf8_lossy(&answer);

            prop_assert!(!answer.contains("participant_token"), "{answer}");
            prop_assert!(!answer.contains(" 200 OK"), "{answer}");
            prop_assert!(!answer.contains(" 500 "), "{answer}");
            Ok(())
        })
        .unwrap();

    web.assert_well();
}

#[test]
fn any_body_from_our_own_page_is_answered_without_a_fault() {
    let mut web = Web::start_alone();
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "[{}\\[\\]\":,a-z0-9\\\\u ]{0,60}".prop_map(String::into_bytes),
    ];
    let mut runner = TestRunner::new(ProptestConfig::with_cases(300));

    runner
        .run(&body, |body| {
            let answer = web.request("POST", "/api/token", &[JSON], Some(&body));

            // 429 and 503: it was a good one, but too many of them, and LiveKit is not there.
            prop_assert!([400, 429, 503].contains(&answer.status), "{answer:?}");
            Ok(())
        })
        .unwrap();

    web.assert_well();
}

#[test]
fn pipelined_requests_are_judged_one_by_one() {
    let web = Web::start();
    let good = request(web.port, "GET", "/api/info", &[], None);
    let foreign = b"GET /api/info HTTP/1.1\r\nHost: evil.test\r\n\r\n";
    let together = [&good[..], foreign, &good, foreign].concat();
    let mut socket = web.connect();

    socket.write_all(&together).unwrap();

    let mut stream = BufReader::new(&mut socket);
    let statuses: Vec<u16> = (0..4)
        .map(|_| status(Answer::read(&mut stream, true).as_ref()))
        .collect();
    assert_eq!(statuses, [200, 403, 200, 403]);
}

#[test]
fn a_request_hidden_in_another_ones_body_is_not_answered() {
    let web = Web::start();
    let hidden = request(web.port, "POST", "/api/token", &[JSON], Some(b"{}"));
    let hidden = String::from_utf8(hidden).unwrap();
    let length = hidden.len() + 5;
    let smugglers = [
        // The length covers the hidden request, the chunks end before it.
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding:\tchunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        format!("Content-Length: 4097\r\n\r\n{hidden}"),
    ];
    for smuggler in smugglers {
        let port = web.port;
        let request =
            format!("POST /api/token HTTP/1.1\r\nHost: localhost:{port}\r\n{JSON}\r\n{smuggler}");
        let mut socket = web.connect();
        socket.write_all(request.as_bytes()).unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();

        let mut answers = Vec::new();
        let _ = socket.read_to_end(&mut answers);

        let answers = String::from_utf8_lossy(&answers);
        assert_eq!(
            answers.matches("HTTP/1.1 ").count(),
            1,
            "{request}\n{answers}"
        );
        assert!(
            !answers.contains("participant_token"),
            "{request}\n{answers}"
        );
    }
}

#[test]
fn a_body_sent_too_slowly_is_given_up() {
    let web = Web::start();
    let mut socket = web.connect();
    let began = Instant::now();
    let head = request(
        web.port,
        "POST",
        "/api/token",
        &[JSON, "Content-Length: 2"],
        None,
    );

    socket.write_all(&head).unwrap();
    socket.write_all(b"{").unwrap();

    let answer = Answer::read(&mut BufReader::new(&mut socket), true).unwrap();
    assert_eq!(answer.status, 408);
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[test]
fn a_head_that_never_ends_is_given_up_while_others_are_served() {
    let mut web = Web::start_alone();
    let began = Instant::now();
    // As many as are let in at all, less one.
    let mut slow: Vec<_> = (0..127).map(|_| web.connect()).collect();
    for socket in &mut slow {
        socket.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    }

    let asked = Instant::now();
    assert_eq!(web.get("/health", &[]).status, 200);
    assert!(asked.elapsed() < Duration::from_secs(2), "without waiting");

    for socket in &mut slow {
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        assert!(!String::from_utf8_lossy(&answer).contains(" 200 "));
    }
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "given up in time"
    );
    web.assert_well();
}

#[test]
fn too_many_requests_in_a_row_have_to_wait() {
    let web = Web::start();

    let answers: Vec<Answer> = (0..40).map(|_| web.token("{}")).collect();

    let given = answers
        .iter()
        .filter(|answer| answer.gives_a_token())
        .count();
    assert!((30..=32).contains(&given), "{given}");
    let last = answers.last().unwrap();
    assert_eq!(last.status, 429);
    assert!(last.header("retry-after").is_some());
}
