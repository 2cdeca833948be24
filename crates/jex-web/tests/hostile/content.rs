//! Content of the wrong type, shape or length.

use super::table::{Cases, JSON};

pub fn wrong_types(cases: &mut Cases) {
    for content_type in [
        "text/plain",
        "text/plain; application/json",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json-patch+json",
        "application/ld+json",
        "application/jsonp",
        "application/json; charset=utf-16",
        "application/json; charset=utf-7",
        "application/json, text/plain",
        "application/ json",
        "*/*",
        "json",
        "\u{fffd}",
        "",
    ] {
        let header = format!("Content-Type: {content_type}");
        cases.token(
            format!("a token by {content_type:?}"),
            &[415],
            &[&header],
            b"{}",
        );
    }
    cases.token("a token by nothing", &[415], &[], b"{}");
    cases.token(
        "a token by two types",
        &[415],
        &[JSON, "Content-Type: text/plain"],
        b"{}",
    );
}

pub fn wrong_bodies(cases: &mut Cases) {
    let deep_array = "[".repeat(2_000);
    let deep_object = "{\"a\":".repeat(600);
    let closed = format!("{}1{}", "{\"a\":".repeat(500), "}".repeat(500));
    let long_name = format!("{{\"participant_name\":\"{}\"}}", "x".repeat(65));
    let wide_name = format!("{{\"participant_name\":\"{}\"}}", "\u{1f600}".repeat(65));
    for (name, body) in [
        ("nothing", ""),
        ("spaces", "   "),
        ("half an object", "{"),
        ("an array", "[]"),
        ("an array with a name", "[\"Ada\"]"),
        ("null", "null"),
        ("a number", "1"),
        ("a huge number", "1e999"),
        ("text", "\"{}\""),
        ("two objects", "{}{}"),
        ("an object and more", "{} x"),
        ("a comment", "{} // hello"),
        ("a trailing comma", "{\"participant_name\":\"Ada\",}"),
        ("single quotes", "{'participant_name':'Ada'}"),
        ("no quotes", "{participant_name:\"Ada\"}"),
        ("NaN", "{\"a\":NaN}"),
        ("a form", "participant_name=Ada"),
        ("XML", "<?xml version=\"1.0\"?><a/>"),
        ("a byte order mark", "\u{feff}{}"),
        ("a number for a name", "{\"participant_name\":1}"),
        ("an object for a name", "{\"participant_name\":{}}"),
        ("an array for a name", "{\"participant_name\":[\"Ada\"]}"),
        ("true for a name", "{\"participant_name\":true}"),
        ("a line break in a name", "{\"participant_name\":\"a\\nb\"}"),
        ("NUL in a name", "{\"participant_name\":\"a\\u0000b\"}"),
        ("a raw control in a name", "{\"participant_name\":\"a\tb\"}"),
        ("half a surrogate", "{\"participant_name\":\"\\ud800\"}"),
        ("a bad escape", "{\"participant_name\":\"\\x41\"}"),
        ("a name of 65 letters", &long_name),
        ("a name of 65 emoji", &wide_name),
        ("deep arrays", &deep_array),
        ("deep objects", &deep_object),
        ("deep objects, closed", &closed),
    ] {
        cases.token(
            format!("a token for {name}"),
            &[400],
            &[JSON],
            body.as_bytes(),
        );
    }
    for (name, body) in [
        (
            "an overlong slash",
            &b"{\"participant_name\":\"\xc0\xaf\"}"[..],
        ),
        (
            "a lone continuation byte",
            b"{\"participant_name\":\"\x80\"}",
        ),
        ("a cut-off letter", b"{\"participant_name\":\"\xe2\x82\"}"),
        ("Latin-1", b"{\"participant_name\":\"J\xfcrgen\"}"),
        ("UTF-16", b"\xff\xfe{\0}\0"),
        ("NUL bytes", b"\0\0\0\0"),
        (
            "gzip",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0C\xbf\xa6\xa3\x02\0\0\0",
        ),
    ] {
        cases.token(format!("a token for {name}"), &[400], &[JSON], body);
    }
}

pub fn wrong_lengths(cases: &mut Cases) {
    for length in [4_097, 65_536, 1 << 20] {
        let padded = format!("{{{}}}", " ".repeat(length - 2));
        cases.token(
            format!("a body of {length} bytes"),
            &[413],
            &[JSON],
            padded.as_bytes(),
        );
    }
    let claims =
        "POST /api/token HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Type: application/json\r\n";
    for length in ["4097", "18446744073709551614", "9223372036854775807"] {
        let text = format!("{claims}Content-Length: {length}\r\n\r\n{{}}");
        // 431 is hyper's for what it cannot count.
        cases.raw(format!("a claim of {length} bytes"), &[413, 431], &text);
    }
    for length in [
        "-2",
        "+2",
        "0x2",
        "2.0",
        "2e0",
        "2 2",
        "two",
        "",
        "18446744073709551616",
        "99999999999999999999999999999",
    ] {
        let text = format!("{claims}Content-Length: {length}\r\n\r\n{{}}");
        cases.raw(format!("a claim of {length:?} bytes"), &[400], &text);
    }
    let twice = format!("{claims}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}} ");
    cases.raw("two lengths", &[400], &twice);
    let list = format!("{claims}Content-Length: 2, 2\r\n\r\n{{}}");
    cases.raw("a list of lengths", &[400], &list);
    let chunked = "Transfer-Encoding: chunked\r\n";
    let body = "\r\n2\r\n{}\r\n0\r\n\r\n";
    cases.raw("chunks", &[411], &format!("{claims}{chunked}{body}"));
    let both = format!("{claims}{chunked}Content-Length: 2\r\n{body}");
    cases.raw("chunks and a length", &[411, 400], &both);
    let both = format!("{claims}Content-Length: 2\r\n{chunked}{body}");
    cases.raw("a length and chunks", &[411, 400], &both);
    for encoding in [
        "identity",
        "gzip",
        "gzip, chunked",
        "chunked, identity",
        "xchunked",
        " chunked",
        "\tchunked",
        "chunked, chunked",
        "\"chunked\"",
    ] {
        let text = format!("{claims}Transfer-Encoding: {encoding}{body}");
        cases.raw(format!("a body in {encoding:?}"), &[411, 400], &text);
    }
    let get = "GET / HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Length: 2\r\n\r\n{}";
    cases.raw("a page with a body", &[400], get);
}
