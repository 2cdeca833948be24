//! What is no HTTP, or too much of it.

use super::table::Cases;

pub fn wrong_syntax(cases: &mut Cases) {
    let host = "Host: localhost:PORT\r\n";
    for (name, text) in [
        (
            "a space before the colon",
            format!("GET / HTTP/1.1\r\n{host}X-A : b\r\n\r\n"),
        ),
        (
            "a space in the Host's name",
            "GET / HTTP/1.1\r\nHost : localhost:PORT\r\n\r\n".into(),
        ),
        (
            "a folded header",
            format!("GET / HTTP/1.1\r\n{host}X-A: b\r\n c\r\n\r\n"),
        ),
        (
            "a folded Host",
            "GET / HTTP/1.1\r\nHost:\r\n localhost:PORT\r\n\r\n".into(),
        ),
        (
            "a header without a colon",
            format!("GET / HTTP/1.1\r\n{host}nonsense\r\n\r\n"),
        ),
        (
            "a header without a name",
            format!("GET / HTTP/1.1\r\n{host}: b\r\n\r\n"),
        ),
        (
            "NUL in a header",
            format!("GET / HTTP/1.1\r\n{host}X-A: a\0b\r\n\r\n"),
        ),
        (
            "NUL in a header's name",
            format!("GET / HTTP/1.1\r\n{host}X\0A: b\r\n\r\n"),
        ),
        (
            "a lone carriage return",
            format!("GET / HTTP/1.1\r\n{host}X-A: a\rb\r\n\r\n"),
        ),
        (
            "a space in the target",
            format!("GET /a b HTTP/1.1\r\n{host}\r\n"),
        ),
        ("no target", format!("GET HTTP/1.1\r\n{host}\r\n")),
        ("no version", format!("GET /\r\n{host}\r\n")),
        ("HTTP/2", format!("GET / HTTP/2.0\r\n{host}\r\n")),
        ("HTTP/1.2", format!("GET / HTTP/1.2\r\n{host}\r\n")),
        ("http/1.1", format!("GET / http/1.1\r\n{host}\r\n")),
        (
            "a method with a slash",
            format!("GE/T / HTTP/1.1\r\n{host}\r\n"),
        ),
        (
            "NUL in the target",
            format!("GET /\0 HTTP/1.1\r\n{host}\r\n"),
        ),
        (
            "a fragment for a target",
            format!("GET # HTTP/1.1\r\n{host}\r\n"),
        ),
    ] {
        cases.raw(name, &[400], &text);
    }
    // Which names a host, as CONNECT would.
    let relative = format!("GET index.html HTTP/1.1\r\n{host}\r\n");
    cases.raw("a relative target", &[403], &relative);
    cases.raw(
        "the start of HTTP/2",
        &[0, 400],
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    );
    for (name, bytes) in [
        (
            "the start of TLS",
            &b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"[..],
        ),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("bytes", b"\xff\xfe\xfd\xfc\r\n\r\n"),
        ("line breaks", b"\r\n\r\n\r\n\0"),
    ] {
        cases.add(name, &[0, 400], bytes.to_vec());
    }
}

pub fn wrong_sizes(cases: &mut Cases) {
    let host = format!("Host: localhost:{}\r\n", cases.port);
    for (name, right, text) in [
        (
            "a long target",
            &[414, 431][..],
            format!("GET /{} HTTP/1.1\r\n{host}\r\n", "a".repeat(20_000)),
        ),
        (
            "a huge target",
            &[414, 431],
            format!("GET /{} HTTP/1.1\r\n{host}\r\n", "a".repeat(200_000)),
        ),
        (
            "a long query",
            &[414, 431],
            format!("GET /?{} HTTP/1.1\r\n{host}\r\n", "a".repeat(20_000)),
        ),
        (
            "a long header",
            &[431],
            format!(
                "GET / HTTP/1.1\r\n{host}X-A: {}\r\n\r\n",
                "a".repeat(20_000)
            ),
        ),
        (
            "a long header's name",
            &[431, 400],
            format!("GET / HTTP/1.1\r\n{host}{}: a\r\n\r\n", "a".repeat(70_000)),
        ),
        (
            "many headers",
            &[431],
            format!("GET / HTTP/1.1\r\n{host}{}\r\n", "X-A: b\r\n".repeat(100)),
        ),
        (
            "a long cookie",
            &[431],
            format!(
                "GET / HTTP/1.1\r\n{host}Cookie: {}\r\n\r\n",
                "a=b; ".repeat(5_000)
            ),
        ),
        (
            "a long method",
            &[405, 431],
            format!("{} / HTTP/1.1\r\n{host}\r\n", "A".repeat(5_000)),
        ),
    ] {
        cases.add(name, right, text.into_bytes());
    }
}
