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
        Some(url::Host::Domain(name)) => name == "localhost",
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
