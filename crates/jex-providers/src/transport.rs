//! HTTP to a provider: no redirect, no proxy for this machine, and errors in few words.

use std::error::Error;
use std::time::Duration;

use futures::StreamExt;
use reqwest::redirect::Policy;
use url::{Host, Url};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// An error body is a sentence; a proxy's page may be longer and is not worth waiting for.
const ERROR_BODY_LIMIT: usize = 16 << 10;
const ERROR_BODY_TIME: Duration = Duration::from_secs(3);

/// A client for one server.
pub(crate) fn client(url: &Url) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_LIMIT)
        // A redirect could carry the conversation to a host that the owner did not choose.
        .redirect(Policy::none())
        .user_agent(concat!("jex/", env!("CARGO_PKG_VERSION")));
    let builder = match url.scheme() {
        // Without TLS, a machine without root certificates will do.
        "http" => builder.tls_certs_only([]),
        _ => builder,
    };
    let builder = match is_this_machine(url) {
        // A connection that a restarted server forgot must not cost an answer.
        true => builder.no_proxy().pool_max_idle_per_host(0),
        false => builder,
    };
    builder.build()
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What came of the body within bounds.
pub(crate) async fn error_body(response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    let mut pieces = response.bytes_stream();
    let reading = async {
        while let Some(Ok(piece)) = pieces.next().await {
            let room = ERROR_BODY_LIMIT - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
            if body.len() == ERROR_BODY_LIMIT {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(ERROR_BODY_TIME, reading).await;
    body
}

/// reqwest's own message is "error sending request for url"; what happened is at the bottom.
pub(crate) fn deepest(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// The address as it may be shown: it may carry a password.
pub(crate) fn redacted(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for an address that cannot have them.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.set_query(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_all_its_names() {
        for (url, expected) in [
            ("http://127.0.0.1:1/v1", true),
            ("http://127.9.9.9/v1", true),
            ("http://[::1]:1/v1", true),
            ("http://localhost:1/v1", true),
            ("http://ollama.localhost/v1", true),
            ("http://192.168.1.2/v1", false),
            ("https://api.openai.com/v1", false),
            ("http://localhost.evil.example/v1", false),
        ] {
            let url = Url::parse(url).expect("a URL");

            assert_eq!(is_this_machine(&url), expected, "{url}");
        }
    }
}
