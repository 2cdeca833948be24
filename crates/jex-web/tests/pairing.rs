//! A browser on another machine is let in by the one-time code, by the real binary, and stays in until it is
//! forgotten.
#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use jex_pairing::{Sessions, Which};
use support::{Answer, PUBLIC, Web, command, free_port, request_under, write};

const JSON: &str = "Content-Type: application/json";
/// What gives a token or says anything of the assistant.
const GUARDED: [(&str, &str); 11] = [
    ("GET", "/api/info"),
    ("GET", "/api/health"),
    ("GET", "/health"),
    ("POST", "/api/token"),
    ("GET", "/api/history"),
    ("DELETE", "/api/history?all=true"),
    ("GET", "/api/facts"),
    ("DELETE", "/api/facts/2f5a4f0e-0d0c-4d0a-9e55-0c4f6f1d7a11"),
    ("GET", "/api/reminders"),
    ("GET", "/api/tools"),
    ("GET", "/api/status"),
];

fn pair(web: &Web, code: &str) -> Answer {
    let body = format!("{{\"code\":\"{code}\"}}");
    let agent = "User-Agent: Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0";
    let origin = format!("Origin: https://{}", PUBLIC[0]);
    let headers = [JSON, agent, &origin, "Sec-Fetch-Site: same-origin"];
    web.afar("POST", "/api/pair", &headers, Some(body.as_bytes()))
}

/// `Cookie: …` for the session that the answer gives.
fn cookie(answer: &Answer) -> String {
    let set = answer
        .header("set-cookie")
        .unwrap_or_else(|| panic!("no cookie: {answer:?}"));
    format!("Cookie: {}", set.split(';').next().unwrap())
}

fn ask(web: &Web, (method, path): (&str, &str), headers: &[&str]) -> Answer {
    let body = (method == "POST").then_some(&b"{}"[..]);
    web.afar(method, path, &[&[JSON], headers].concat(), body)
}

fn code_of(answer: &Answer) -> String {
    answer.json()["error"]["code"].as_str().unwrap().to_owned()
}

/// Nothing but 401 for all that is guarded.
fn assert_shut_out(web: &Web, headers: &[&str]) {
    for what in GUARDED {
        let answer = ask(web, what, headers);

        assert_eq!(answer.status, 401, "{what:?}: {answer:?}");
        assert_eq!(code_of(&answer), "not_paired", "{what:?}");
        assert!(!answer.gives_a_token());
        assert!(!answer.text().contains("version"), "{answer:?}");
    }
}

#[test]
fn a_browser_elsewhere_gets_the_page_and_nothing_of_the_assistant() {
    let web = Web::start_public_alone();

    let page = web.afar("GET", "/", &[], None);

    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    for source in [
        "wss://jex.test",
        "https://jex.test",
        "wss://192.0.2.20:8443",
    ] {
        assert!(policy.contains(source), "{policy}");
    }
    assert_shut_out(&web, &[]);
    assert_shut_out(&web, &["Cookie: __Host-jex="]);
    assert_shut_out(
        &web,
        &["Cookie: __Host-jex=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
    );
}

#[test]
fn the_code_lets_a_browser_in_and_livekit_is_where_the_page_is() {
    let web = Web::start_public();

    let answer = pair(&web, &web.code());

    assert_eq!(answer.status, 200, "{answer:?}");
    let set = answer.header("set-cookie").unwrap();
    for part in [
        "Secure",
        "HttpOnly",
        "SameSite=Strict",
        "Path=/",
        "Max-Age=34560000",
    ] {
        assert!(set.split("; ").any(|one| one == part), "{set}");
    }
    assert!(set.starts_with("__Host-jex="), "{set}");
    let cookie = cookie(&answer);
    for what in GUARDED {
        let answer = ask(&web, what, &[&cookie]);
        // There is no database here, and no agent: it is asked for all the same.
        assert!([200, 503].contains(&answer.status), "{what:?}: {answer:?}");
    }
    let token = ask(&web, ("POST", "/api/token"), &[&cookie]).json();
    assert_eq!(token["server_url"], "wss://jex.test");
    // On this machine all is as ever.
    let local = web.token("{}").json();
    let livekit = web.livekit.as_ref().unwrap().url();
    assert_eq!(local["server_url"], livekit.as_str().trim_end_matches('/'));
    assert_shut_out(&web, &[]);
}

#[test]
fn a_code_opens_once() {
    let web = Web::start_public_alone();
    let code = web.code();
    assert_eq!(pair(&web, &code).status, 200);

    let again = pair(&web, &code);

    assert_eq!((again.status, code_of(&again)), (403, "wrong_code".into()));
    assert_eq!(again.header("set-cookie"), None);
    let next = web.code();
    assert_ne!(next, code);
    assert_eq!(
        pair(&web, &next.to_lowercase().replace('-', " ")).status,
        200
    );
}

#[test]
fn a_wrong_code_opens_nothing_and_guessing_has_to_wait() {
    let web = Web::start_public_alone();
    let right = web.code();

    let answers: Vec<Answer> = (0..15).map(|_| pair(&web, "BCDF-GHJK-LMNP-QRST")).collect();

    assert!(
        answers
            .iter()
            .all(|answer| answer.header("set-cookie").is_none())
    );
    let wrong = answers.iter().filter(|answer| answer.status == 403).count();
    assert!((10..=12).contains(&wrong), "{wrong}");
    let last = answers.last().unwrap();
    assert_eq!(last.status, 429);
    assert!(last.header("retry-after").is_some());
    assert_eq!(
        pair(&web, &right).status,
        429,
        "the right one waits as well"
    );
    assert_eq!(web.code(), right);
    assert_shut_out(&web, &[]);
}

#[test]
fn what_is_no_code_is_told_so() {
    let web = Web::start_public_alone();
    for body in ["", "{}", "[]", r#"{"code":7}"#, r#"{"code":null}"#] {
        let answer = web.afar("POST", "/api/pair", &[JSON], Some(body.as_bytes()));

        assert_eq!(
            (answer.status, code_of(&answer)),
            (400, "malformed".into()),
            "{body}"
        );
    }
    let form = "Content-Type: application/x-www-form-urlencoded";
    assert_eq!(
        web.afar("POST", "/api/pair", &[form], Some(b"code=x"))
            .status,
        415
    );
    assert_eq!(web.afar("GET", "/api/pair", &[], None).status, 405);
}

#[test]
fn a_session_outlives_a_restart_and_a_code_does_not() {
    let mut web = Web::start_public_alone();
    let cookie = cookie(&pair(&web, &web.code()));
    let code = web.code();

    web.restart();

    assert_eq!(ask(&web, GUARDED[0], &[&cookie]).status, 200);
    assert_eq!(pair(&web, &code).status, 403);
    assert_ne!(web.code(), code);
}

#[test]
fn a_forgotten_browser_is_shut_out_at_once() {
    let web = Web::start_public_alone();
    let first = cookie(&pair(&web, &web.code()));
    let second = cookie(&pair(&web, &web.code()));
    // As `jex pair --forget` does it, in a process of its own.
    let sessions = Sessions::of(web.state().join("sessions.json"));
    let all = sessions.all().unwrap();
    assert_eq!(all[0].browser, "Firefox on Android");

    sessions
        .forget(&Which::One(all[0].id().to_owned()))
        .unwrap();

    assert_shut_out(&web, &[&first]);
    assert_eq!(ask(&web, GUARDED[0], &[&second]).status, 200);
    sessions.forget(&Which::All).unwrap();
    assert_shut_out(&web, &[&second]);
}

#[test]
fn neither_the_file_nor_the_log_holds_what_lets_a_browser_in() {
    let mut web = Web::start_public_alone();
    let code = web.code();
    let answer = pair(&web, &code);
    let token = cookie(&answer).replace("Cookie: __Host-jex=", "");
    pair(&web, &code);

    let kept = std::fs::read_to_string(web.state().join("sessions.json")).unwrap();

    assert!(!kept.contains(&token), "{kept}");
    web.assert_well();
    let log = web.log();
    for secret in [token, code, web.code()] {
        assert!(!log.contains(&secret), "{log}");
    }
    let mode = |name: &str| {
        let metadata = std::fs::metadata(web.state().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("sessions.json"), 0o600);
    assert_eq!(mode("run/pairing-address"), 0o600);
    assert!(web.pairing_address().starts_with("https://jex.test/pair#"));
}

#[test]
fn a_damaged_file_opens_no_door() {
    let mut web = Web::start_public_alone();
    let cookie = cookie(&pair(&web, &web.code()));
    let file = web.state().join("sessions.json");
    std::fs::write(&file, "{\"sessions\":").unwrap();

    for what in GUARDED {
        let answer = ask(&web, what, &[&cookie]);
        assert_eq!(
            (answer.status, code_of(&answer)),
            (500, "no_sessions".into())
        );
    }
    assert_eq!(pair(&web, &web.code()).status, 500);
    assert!(web.log().contains("damaged"), "{}", web.log());
    assert_eq!(
        web.get("/api/info", &[]).status,
        200,
        "this machine needs none"
    );
    web.assert_well();
}

#[test]
fn a_damaged_file_is_told_at_start_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let (config, page) = (folder.path().join("jex.toml"), folder.path().join("page"));
    write(&page.join("index.html"), "");
    let port = free_port();
    let public = "public_urls = [\"https://jex.test\"]";
    write(
        &config,
        &format!("[web]\nport = {port}\n{public}\npage = {page:?}\n"),
    );
    write(&folder.path().join("state/jex/sessions.json"), "[]");
    support::secrets(folder.path());

    let output = command(folder.path(), &config)
        .stderr(Stdio::piped())
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(
        log.contains("sessions.json is damaged") && log.contains("delete it"),
        "{log}"
    );
}

#[test]
fn strangers_are_refused_whatever_they_hold() {
    let web = Web::start_public_alone();
    let cookie = cookie(&pair(&web, &web.code()));
    let code = format!("{{\"code\":\"{}\"}}", web.code());
    for (method, path) in GUARDED.into_iter().chain([("POST", "/api/pair")]) {
        let body = (method == "POST").then_some(code.as_bytes());
        for host in [
            "evil.test",
            "jex.test.evil.test",
            "jex.test:443",
            "jex.test:8443",
            "192.0.2.20",
            "localhost",
        ] {
            let request = request_under(host, method, path, &[JSON, &cookie], body);
            let answer = web.raw(&request).unwrap();
            assert_eq!(
                (answer.status, code_of(&answer)),
                (403, "wrong_host".into()),
                "{host}"
            );
        }
        if path == "/health" {
            continue;
        }
        for origin in [
            "Origin: https://evil.test",
            "Origin: http://jex.test",
            "Origin: https://192.0.2.20:8443",
            "Origin: null",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: same-site",
        ] {
            let answer = web.afar(method, path, &[JSON, &cookie, origin], body);
            assert_eq!(
                (answer.status, code_of(&answer)),
                (403, "wrong_origin".into()),
                "{origin}"
            );
        }
    }
    assert!(code.contains(&web.code()), "nobody was paired");
}

#[test]
fn what_comes_through_the_proxy_is_never_this_machines_own() {
    let web = Web::start_public_alone();
    let host = format!("localhost:{}", web.port);
    for (method, path) in GUARDED {
        let body = (method == "POST").then_some(&b"{}"[..]);
        let headers = [JSON, "X-Forwarded-For: 192.0.2.7"];
        let answer = web
            .raw(&request_under(&host, method, path, &headers, body))
            .unwrap();

        assert_eq!(
            (answer.status, code_of(&answer)),
            (403, "proxied".into()),
            "{path}"
        );
    }
}

#[test]
fn this_machines_own_browser_needs_no_session_and_gets_none() {
    let web = Web::start_public_alone();

    assert_eq!(web.get("/api/info", &[]).status, 200);
    assert_eq!(web.get("/health", &[]).status, 200);
    let code = format!("{{\"code\":\"{}\"}}", web.code());
    let answer = web.request("POST", "/api/pair", &[JSON], Some(code.as_bytes()));
    assert_eq!((answer.status, answer.header("set-cookie")), (404, None));
    assert!(code.contains(&web.code()), "the code is still in force");
}

#[test]
fn without_public_addresses_there_is_nothing_to_pair() {
    let web = Web::start_alone();

    let answer = web.request("POST", "/api/pair", &[JSON], Some(b"{\"code\":\"x\"}"));

    assert_eq!(answer.status, 404);
    let far = web.afar("GET", "/", &[], None);
    assert_eq!((far.status, code_of(&far)), (403, "wrong_host".into()));
    assert!(!web.state().join("run/pairing-address").exists());
    assert!(!web.state().join("sessions.json").exists());
}

#[test]
fn the_end_takes_the_address_away() {
    let mut web = Web::start_public_alone();
    let file = web.state().join("run/pairing-address");
    assert!(file.exists());

    web.terminate();
    web.ended_after();

    assert!(!file.exists());
}

#[test]
fn under_systemd_the_files_lie_in_the_units_own_folders() {
    let folder = tempfile::tempdir().unwrap();
    let (config, page) = (folder.path().join("jex.toml"), folder.path().join("page"));
    write(&page.join("index.html"), "");
    let port = free_port();
    let public = "public_urls = [\"https://jex.test\"]";
    write(
        &config,
        &format!("[web]\nport = {port}\n{public}\npage = {page:?}\n"),
    );
    support::secrets(folder.path());
    let (run, state) = (folder.path().join("run"), folder.path().join("lib"));
    let mut process = command(folder.path(), &config)
        .env("RUNTIME_DIRECTORY", &run)
        .env("STATE_DIRECTORY", &state)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }

    // The socket may be there a moment before the address is.
    while !run.join("pairing-address").exists() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let _ = process.kill();
    let _ = process.wait();
    assert!(!folder.path().join("state/jex/run/pairing-address").exists());
}
