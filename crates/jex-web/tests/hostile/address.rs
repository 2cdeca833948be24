//! The wrong name, the wrong page, the wrong method, the wrong path.

use super::support::request;
use super::table::{Cases, JSON};

const CONVERSATION: &str = "/api/history/2f5a4f0e-0d0c-4d0a-9e55-0c4f6f1d7a11";
/// Each address in a form that is not refused from the right page under the right name. The last has no origin.
const ADDRESSES: [(&str, &str, &str); 13] = [
    (
        "POST",
        "/api/token",
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    ),
    ("GET", "/", "\r\n"),
    ("GET", "/api/info", "\r\n"),
    ("GET", "/api/health", "\r\n"),
    ("GET", "/api/history", "\r\n"),
    ("DELETE", "/api/history?all=true", "\r\n"),
    ("GET", CONVERSATION, "\r\n"),
    ("DELETE", CONVERSATION, "\r\n"),
    ("GET", "/api/facts", "\r\n"),
    ("GET", "/api/reminders", "\r\n"),
    ("GET", "/api/tools", "\r\n"),
    ("GET", "/api/status", "\r\n"),
    ("GET", "/health", "\r\n"),
];

pub fn wrong_hosts(cases: &mut Cases) {
    for host in [
        "localhost",
        "localhost:1",
        "localhost.:PORT",
        "localhost:PORT.evil.test",
        "127.0.0.1",
        "127.0.0.2:PORT",
        "127.1:PORT",
        "0.0.0.0:PORT",
        "2130706433:PORT",
        "0x7f000001:PORT",
        "127.0.0.1.nip.io:PORT",
        "[::]:PORT",
        "[::ffff:127.0.0.1]:PORT",
        "::1:PORT",
        "evil.test",
        "evil.test:PORT",
        "user@localhost:PORT",
        "localhost:PORT@evil.test",
        "localhost:PORT, evil.test",
        "localhost:PORT/",
        "localhost: PORT",
        "localhost:0PORT",
        "",
    ] {
        for (method, path, rest) in ADDRESSES {
            let text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{rest}");
            cases.raw(format!("{method} {path} as {host:?}"), &[403, 400], &text);
        }
    }
    for (method, path, rest) in ADDRESSES {
        let none = format!("{method} {path} HTTP/1.1\r\n{rest}");
        cases.raw(format!("{method} {path} without a Host"), &[400], &none);
        let old = format!("{method} {path} HTTP/1.0\r\n{rest}");
        cases.raw(
            format!("{method} {path} in HTTP/1.0 without a Host"),
            &[400],
            &old,
        );
        let two = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:PORT\r\nHost: evil.test\r\n{rest}"
        );
        cases.raw(format!("{method} {path} with two Hosts"), &[400], &two);
        let absolute =
            format!("{method} http://evil.test{path} HTTP/1.1\r\nHost: localhost:PORT\r\n{rest}");
        cases.raw(format!("{method} {path} at evil.test"), &[403], &absolute);
    }
}

pub fn wrong_origins(cases: &mut Cases) {
    for origin in [
        "null",
        "http://evil.test",
        "http://evil.test:PORT",
        "https://localhost:PORT",
        "http://localhost",
        "http://localhost:1",
        "http://localhost:PORT.evil.test",
        "http://localhost:PORT/",
        "http://127.0.0.1:PORT",
        "http://[::1]:PORT",
        "http://LOCALHOST:PORT",
        "file://",
        "chrome-extension://abcdefghijklmnop",
        "http://localhost:PORT http://evil.test",
        "",
    ] {
        for (method, path, rest) in &ADDRESSES[..ADDRESSES.len() - 1] {
            if *path == "/" {
                continue;
            }
            let text = format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost:PORT\r\nOrigin: {origin}\r\n{rest}"
            );
            cases.raw(format!("{method} {path} from {origin:?}"), &[403], &text);
        }
    }
    for site in ["cross-site", "same-site", "", "same-origin, cross-site"] {
        let header = format!("Sec-Fetch-Site: {site}");
        cases.token(
            format!("a token for {site:?}"),
            &[403],
            &[JSON, &header],
            b"{}",
        );
    }
    let two = ["Origin: http://localhost:PORT", "Origin: http://evil.test"];
    let port = cases.port.to_string();
    let two = two.map(|origin| origin.replace("PORT", &port));
    cases.token("two origins", &[403], &[JSON, &two[0], &two[1]], b"{}");
}

pub fn wrong_methods(cases: &mut Cases) {
    for method in [
        "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "post", "POSTS",
    ] {
        let request = request(cases.port, method, "/api/token", &[JSON], None);
        cases.add(format!("{method} /api/token"), &[405], request);
    }
    for path in [
        "/",
        "/index.html",
        "/nowhere",
        "/health",
        "/api/info",
        "/api/health",
        "/api/facts",
        "/api/reminders",
        "/api/tools",
        "/api/status",
    ] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            let request = request(cases.port, method, path, &[], None);
            cases.add(format!("{method} {path}"), &[405], request);
        }
    }
    for path in ["/api/history", CONVERSATION] {
        for method in ["POST", "PUT", "PATCH", "OPTIONS"] {
            let request = request(cases.port, method, path, &[], None);
            cases.add(format!("{method} {path}"), &[405], request);
        }
    }
    let connect = "CONNECT localhost:PORT HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n";
    cases.raw("CONNECT", &[405], connect);
    let anything = "OPTIONS * HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n";
    cases.raw("OPTIONS *", &[405], anything);
}

pub fn wrong_paths(cases: &mut Cases) {
    for path in [
        "/..",
        "/../",
        "/../jex.toml",
        "/../../../../etc/passwd",
        "/%2e%2e/jex.toml",
        "/%2e%2e%2fjex.toml",
        "/..%2fjex.toml",
        "/.%2e/jex.toml",
        "/%252e%252e/jex.toml",
        "/..%5cjex.toml",
        "/..\\jex.toml",
        "/..;/jex.toml",
        "/%c0%ae%c0%ae/jex.toml",
        "/%uff0e%uff0e/jex.toml",
        "/....//jex.toml",
        "/./index.html",
        "/_next/../index.html",
        "/_next/static/../../index.html",
        "//etc/passwd",
        "///index.html",
        "/etc/passwd",
        "/proc/self/environ",
        "/index.html/",
        "/index.html/../../jex.toml",
        "/index.html%00",
        "/index.html%00.js",
        "/index.html%20",
        "/index.html.",
        "/INDEX.HTML",
        "/index.html~",
        "/.git/config",
        "/.env",
        "/jex.toml",
        "/state/jex/secrets/livekit-api-secret",
        "/_next/",
        "/_next/static/chunks",
        "/_next/static/chunks/",
        "/404.html",
        "/%",
        "/%f",
        "/%gg",
        "/%ff%fe",
        "/api",
        "/api/",
        "/api/nothing",
        "/api/token/",
        "/api//token",
        "/api/../api/token",
        "/API/TOKEN",
        "/api/token%00",
        "/api%2ftoken",
        "/health/",
        "/metrics",
        "/debug/pprof/",
        "/admin",
        "/wp-login.php",
    ] {
        let request = request(cases.port, "GET", path, &[], None);
        cases.add(format!("GET {path}"), &[404], request);
    }
    for path in [
        "/api/token/",
        "/api//token",
        "/api/token%00",
        "/API/TOKEN",
        "/api%2ftoken",
    ] {
        let request = request(cases.port, "POST", path, &[JSON], Some(b"{}"));
        cases.add(format!("POST {path}"), &[404, 405], request);
    }
}
