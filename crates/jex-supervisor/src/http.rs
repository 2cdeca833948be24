//! HTTP to this machine's own services.

use std::time::Duration;

use url::Url;

use crate::ports::is_loopback;

const CONNECT: Duration = Duration::from_secs(3);

/// A client for `url`. A proxy from the environment is never asked for what is on this machine.
pub fn client(url: &Url) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder().connect_timeout(CONNECT);
    if is_local(url) {
        builder.no_proxy().build()
    } else {
        builder.build()
    }
}

/// As [`client`], for `ollama-rs`.
pub fn ollama(url: &Url) -> ollama_rs::Ollama {
    let builder = ollama_reqwest::Client::builder().connect_timeout(CONNECT);
    let builder = if is_local(url) {
        builder.no_proxy()
    } else {
        builder
    };
    ollama_rs::Ollama::builder()
        .url(url.clone())
        .reqwest_client(builder.build().unwrap_or_default())
        .build()
}

/// Whether an address is on this machine.
pub fn is_local(url: &Url) -> bool {
    match url.host() {
        // With a scheme that is not of the web, an address is a name, too.
        Some(url::Host::Domain(name)) => name == "localhost" || name.parse().is_ok_and(is_loopback),
        Some(url::Host::Ipv4(address)) => is_loopback(address.into()),
        Some(url::Host::Ipv6(address)) => is_loopback(address.into()),
        None => false,
    }
}

/// An error with its causes: reqwest's own text leaves out why.
pub fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_any_scheme() {
        let local = |url: &str| is_local(&url.parse().unwrap());

        for url in [
            "http://127.0.0.1:1/x",
            "tcp://127.0.0.1:1",
            "tcp://localhost:1",
            "ws://[::1]:1",
        ] {
            assert!(local(url), "{url}");
        }
        for url in [
            "https://example.com",
            "tcp://192.168.1.20:1",
            "http://10.0.0.1",
        ] {
            assert!(!local(url), "{url}");
        }
    }
}
