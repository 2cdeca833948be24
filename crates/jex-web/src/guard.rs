//! Under which names we may be asked, and by which pages.
//!
//! The listeners are on loopback, but any web page that the owner opens can send requests there,
//! and by DNS rebinding even read the answers. So the name that the browser believes to talk to
//! must be one that only means this machine, or one of those that the owner gave it for others, and
//! a request must not come from another page. Who is let in under the latter is for [`crate::door`].

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::Url;

use crate::refusal::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The names that mean this machine and nothing else.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What a proxy adds, Caddy among them (RFC 9110, 7.6.3; RFC 7239; and the older custom).
const PROXIED: [HeaderName; 4] = [
    header::VIA,
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
];

/// The name that a request was sent to: an extension of every request that has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// One that means this machine and nothing else.
    Local,
    /// `host` or `host:port` of one of the addresses for other machines.
    Public(String),
}

impl Name {
    /// Of a request that has passed the guard.
    pub fn of(request: &Request) -> &Self {
        let name = request.extensions().get();
        name.expect("every request passes the guard first")
    }
}

/// Knows the addresses under which the page may be asked for.
#[derive(Debug, Clone)]
pub struct Guard {
    port: u16,
    public: Arc<[String]>,
}

impl Guard {
    /// `port` is the one that the listeners are on; `public` are the addresses for other machines.
    pub fn new(port: u16, public: &[Url]) -> Self {
        let public = public.iter().map(authority).collect();
        Self { port, public }
    }

    /// Checks what every request must fulfil.
    fn check(&self, request: &Request) -> Result<Name, Refusal> {
        one_framing(request.method(), request.headers())?;
        self.host(request.uri(), request.headers())
    }

    /// The only Host is one of ours, and an absolute request target agrees with it.
    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<Name, Refusal> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(malformed("The request does not name exactly one Host."));
        };
        let host = host.as_bytes();
        let agrees = uri
            .authority()
            .is_none_or(|named| named.as_str().as_bytes().eq_ignore_ascii_case(host));
        if !agrees {
            return Err(self.wrong_host());
        }
        if self.is_local(host) {
            return self.unproxied(headers).map(|()| Name::Local);
        }
        let public = self.public.iter();
        let mut public = public.filter(|own| own.as_bytes().eq_ignore_ascii_case(host));
        match public.next() {
            Some(own) => Ok(Name::Public(own.clone())),
            None => Err(self.wrong_host()),
        }
    }

    /// Where a proxy lets other machines in, what it passes on is from one of them, whatever the name
    /// that it was sent to.
    fn unproxied(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let proxied = PROXIED.iter().any(|name| headers.contains_key(name));
        if self.public.is_empty() || !proxied {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "proxied",
            "A proxy passed this request on under a name of this machine.",
            "Let the proxy pass the Host on as it came, and list its address in `web.public_urls`.",
        ))
    }

    fn wrong_host(&self) -> Refusal {
        let remedy = match self.public.first() {
            Some(first) => format!(
                "Open https://{first}, or add the address that you opened to `web.public_urls`."
            ),
            None => format!("Open http://localhost:{}.", self.port),
        };
        Refusal::new(
            StatusCode::FORBIDDEN,
            "wrong_host",
            "JEX answers only under the names of this machine.",
            remedy,
        )
    }

    fn is_local(&self, host: &[u8]) -> bool {
        NAMES.iter().any(|name| {
            host.eq_ignore_ascii_case(format!("{name}:{}", self.port).as_bytes())
                || (self.port == 80 && host.eq_ignore_ascii_case(name.as_bytes()))
        })
    }
}

/// As a browser writes it into `Host`: without the port that `https` has anyway.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Middleware for every request.
pub async fn every_request(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Response {
    match guard.check(&request) {
        Ok(name) => {
            request.extensions_mut().insert(name);
            next.run(request).await
        }
        Err(refusal) => {
            tracing::warn!(
                code = refusal.code,
                method = %request.method(),
                host = ?request.headers().get(header::HOST),
                "refused a request"
            );
            refusal.into_response()
        }
    }
}

/// Middleware for what only our own page, or a program of the owner, may ask.
pub async fn same_origin(request: Request, next: Next) -> Response {
    match is_same_origin(Name::of(&request), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            let origin = request.headers().get(header::ORIGIN);
            tracing::warn!(code = refusal.code, ?origin, "refused a request");
            refusal.into_response()
        }
    }
}

/// The Host was checked before: an origin that equals it is this page.
fn is_same_origin(name: &Name, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers.get(header::HOST).map(|host| host.as_bytes());
    let scheme: &[u8] = match name {
        Name::Local => b"http://",
        Name::Public(_) => b"https://",
    };
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => origin.as_bytes().strip_prefix(scheme) == host,
        (Some(_), Some(_)) => false,
    };
    // Browsers send this even where they leave Origin out. `same-site` would be another port.
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    let site = sites.all(|site| site == "same-origin" || site == "none");
    if origin && site {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        "wrong_origin",
        "Another page asked.",
        "Ask from JEX's own page.",
    ))
}

/// How long a request is must be said once, and in one way (request smuggling: RFC 9112, 11.2).
fn one_framing(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(Refusal::new(
            StatusCode::LENGTH_REQUIRED,
            "length_required",
            "The request does not say how long it is.",
            "Send a Content-Length and no Transfer-Encoding.",
        )
        .closing());
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let (length, second) = (lengths.next(), lengths.next());
    if second.is_some() {
        return Err(malformed("The request names its length twice."));
    }
    if method != Method::POST && length.is_some_and(|length| length != "0") {
        return Err(malformed("A request of this method has no body."));
    }
    Ok(())
}

fn malformed(message: &str) -> Refusal {
    let remedy = "Send the request as HTTP/1.1 asks for.";
    Refusal::new(StatusCode::BAD_REQUEST, "bad_request", message, remedy).closing()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::HeaderValue;

    use super::*;

    fn headers(host: &str, others: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        for (name, value) in others {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn host(host: &str) -> Result<Name, Refusal> {
        Guard::new(3000, &[]).host(&Uri::from_static("/"), &headers(host, &[]))
    }

    /// As on an appliance, with a second port for good measure.
    fn public() -> Guard {
        let urls = ["https://jex.local", "https://192.168.1.20:8443"];
        Guard::new(3000, &urls.map(|url| url.parse().unwrap()))
    }

    fn origin(others: &[(&'static str, &'static str)]) -> Result<(), Refusal> {
        is_same_origin(&Name::Local, &headers("localhost:3000", others))
    }

    #[test]
    fn the_names_of_this_machine_with_our_port_pass() {
        for name in [
            "localhost:3000",
            "127.0.0.1:3000",
            "[::1]:3000",
            "LOCALHOST:3000",
        ] {
            assert_eq!(host(name), Ok(Name::Local), "{name}");
        }
    }

    #[test]
    fn any_other_name_is_refused_even_if_it_points_here() {
        for name in [
            "localhost",
            "localhost:3001",
            "localhost.:3000",
            "127.0.0.1.nip.io:3000",
            "127.0.0.2:3000",
            "0.0.0.0:3000",
            "evil.test:3000",
            "evil.test@localhost:3000",
            "localhost:3000@evil.test",
            "::1:3000",
            "[::ffff:127.0.0.1]:3000",
            "localhost:03000",
            "",
        ] {
            assert_eq!(host(name).unwrap_err().code, "wrong_host", "{name}");
        }
    }

    #[test]
    fn the_addresses_for_other_machines_pass_and_nothing_like_them() {
        let host = |host| public().host(&Uri::from_static("/"), &headers(host, &[]));
        let is = |name: &str| Ok(Name::Public(name.to_owned()));

        assert_eq!(host("jex.local"), is("jex.local"));
        assert_eq!(host("JEX.local"), is("jex.local"));
        assert_eq!(host("192.168.1.20:8443"), is("192.168.1.20:8443"));
        assert_eq!(host("localhost:3000"), Ok(Name::Local));
        for name in [
            "jex.local:443",
            "jex.local:3000",
            "jex.local.",
            "a.jex.local",
            "jex.local.evil.test",
            "192.168.1.20",
            "192.168.1.20:3000",
            "evil.test",
            "localhost",
            "",
        ] {
            let refusal = host(name).unwrap_err();
            assert_eq!(refusal.code, "wrong_host", "{name}");
            assert!(refusal.remedy.contains("https://jex.local"));
        }
    }

    #[test]
    fn what_a_proxy_passes_on_is_never_taken_for_this_machines_own() {
        let seen = |guard: &Guard, header| {
            let headers = headers("localhost:3000", &[(header, "10.0.0.1")]);
            guard.host(&Uri::from_static("/"), &headers)
        };

        for header in ["x-forwarded-for", "x-forwarded-host", "forwarded", "via"] {
            let refusal = seen(&public(), header).unwrap_err();
            assert_eq!(refusal.code, "proxied", "{header}");
            // Where no other machine is let in, nothing changes.
            assert_eq!(seen(&Guard::new(3000, &[]), header), Ok(Name::Local));
        }
        assert_eq!(seen(&public(), "accept"), Ok(Name::Local));
    }

    #[test]
    fn from_another_machine_the_page_is_an_https_one() {
        let origin = |host: &str, origin| {
            let name = public().host(&Uri::from_static("/"), &headers(host, &[]));
            is_same_origin(&name.unwrap(), &headers(host, &[("origin", origin)]))
        };

        assert!(origin("jex.local", "https://jex.local").is_ok());
        assert!(origin("192.168.1.20:8443", "https://192.168.1.20:8443").is_ok());
        assert!(origin("jex.local", "http://jex.local").is_err());
        assert!(origin("jex.local", "https://192.168.1.20:8443").is_err());
        assert!(origin("jex.local", "https://evil.test").is_err());
        assert!(origin("localhost:3000", "https://localhost:3000").is_err());
        assert!(origin("localhost:3000", "https://jex.local").is_err());
    }

    #[test]
    fn on_port_80_the_port_may_be_left_out() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));

        assert!(
            Guard::new(80, &[])
                .host(&Uri::from_static("/"), &headers)
                .is_ok()
        );
    }

    #[test]
    fn a_request_target_that_names_another_host_is_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost:3000"));
        let guard = Guard::new(3000, &[]);

        assert!(
            guard
                .host(&Uri::from_static("http://localhost:3000/"), &headers)
                .is_ok()
        );
        assert!(
            guard
                .host(&Uri::from_static("http://evil.test/"), &headers)
                .is_err()
        );
    }

    #[test]
    fn our_own_page_and_programs_pass_the_origin_check() {
        assert!(origin(&[]).is_ok());
        assert!(origin(&[("origin", "http://localhost:3000")]).is_ok());
        assert!(origin(&[("sec-fetch-site", "same-origin")]).is_ok());
        assert!(origin(&[("sec-fetch-site", "none")]).is_ok());
    }

    #[test]
    fn every_other_page_fails_the_origin_check() {
        for value in [
            "null",
            "",
            "http://127.0.0.1:3000",
            "https://localhost:3000",
            "http://localhost:3001",
            "http://localhost:3000/",
            "http://localhost:3000.evil.test",
            "HTTP://localhost:3000",
        ] {
            assert!(origin(&[("origin", value)]).is_err(), "{value}");
        }
        let own = ("origin", "http://localhost:3000");
        assert!(origin(&[own, own]).is_err());
        assert!(origin(&[own, ("sec-fetch-site", "cross-site")]).is_err());
        assert!(origin(&[("sec-fetch-site", "same-site")]).is_err());
    }

    #[test]
    fn a_request_whose_end_is_in_doubt_is_refused_and_the_connection_closed() {
        let request = |method: Method, headers: &[(&'static str, &'static str)]| {
            let mut request = Request::new(Body::empty());
            *request.method_mut() = method;
            for (name, value) in headers {
                request
                    .headers_mut()
                    .append(*name, HeaderValue::from_static(value));
            }
            one_framing(request.method(), request.headers())
        };

        for (method, headers) in [
            (Method::POST, &[("transfer-encoding", "chunked")][..]),
            (
                Method::POST,
                &[("content-length", "2"), ("content-length", "2")],
            ),
            (Method::GET, &[("content-length", "2")]),
        ] {
            assert!(request(method, headers).unwrap_err().closes);
        }
        assert!(request(Method::GET, &[("content-length", "0")]).is_ok());
        assert!(request(Method::POST, &[("content-length", "2")]).is_ok());
    }
}
