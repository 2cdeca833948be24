//! One connection to a Wyoming server: connecting, reading and writing, each with its time-out.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_util::codec::Framed;
use url::{Host, Url};

use super::protocol::{Event, EventCodec, EventError};
use crate::error::{Origin, ProviderError};

/// A TCP handshake takes a round trip; what needs longer is not there.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Where a Wyoming server listens.
#[derive(Debug, Clone)]
pub struct WyomingEndpoint {
    host: String,
    port: u16,
    pub(crate) origin: Origin,
}

impl WyomingEndpoint {
    /// `url` is `tcp://host:port`. `provider` and `remedy` are for errors.
    pub fn new(url: &Url, provider: &str, remedy: &str) -> Result<Self, ProviderError> {
        let origin = Origin {
            provider: provider.into(),
            endpoint: url.as_str().trim_end_matches('/').into(),
            remedy: remedy.into(),
        };
        let host = match url.host() {
            Some(Host::Ipv6(address)) => Some(address.to_string()),
            Some(host) => Some(host.to_string()),
            None => None,
        };
        let (Some(host), Some(port), "tcp") = (host, url.port(), url.scheme()) else {
            return Err(origin.refused_with(
                "this is not the address of a Wyoming server",
                "Write it as tcp://host:port.",
            ));
        };
        // `url` keeps an IPv6 address of an unknown scheme in its brackets.
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self { host, port, origin })
    }

    pub(crate) async fn connect(&self, limit: Duration) -> Result<Connection, ProviderError> {
        let limit = limit.min(CONNECT_LIMIT);
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = match tokio::time::timeout(limit, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.origin.unreachable(error)),
            Err(_) => return Err(self.origin.timed_out(limit)),
        };
        // Events are small and must not wait for one another.
        stream
            .set_nodelay(true)
            .map_err(|error| self.origin.unreachable(error))?;
        Ok(Connection {
            framed: Framed::new(stream, EventCodec::default()),
            origin: self.origin.clone(),
        })
    }
}

/// An open connection; dropping it closes it.
pub(crate) struct Connection {
    framed: Framed<TcpStream, EventCodec>,
    pub origin: Origin,
}

impl Connection {
    /// Sends one event; waits at most `limit` for the server to take it.
    pub async fn send(&mut self, event: Event, limit: Duration) -> Result<(), ProviderError> {
        match tokio::time::timeout(limit, self.framed.send(event)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.failed(error)),
            Err(_) => Err(self.origin.timed_out(limit)),
        }
    }

    /// The next event. An `error` event and a closed connection are errors. Cancel safe.
    pub async fn next(&mut self) -> Result<Event, ProviderError> {
        match self.framed.next().await {
            Some(Ok(event)) if event.kind == "error" => {
                let reason = event.text("text").unwrap_or("an error without a text");
                Err(self.origin.refused(reason))
            }
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.failed(error)),
            None => Err(self
                .origin
                .unreachable("it closed the connection without an answer")),
        }
    }

    /// The next event within `limit`.
    pub async fn next_within(&mut self, limit: Duration) -> Result<Event, ProviderError> {
        match tokio::time::timeout(limit, self.next()).await {
            Ok(event) => event,
            Err(_) => Err(self.origin.timed_out(limit)),
        }
    }

    fn failed(&self, error: EventError) -> ProviderError {
        match error {
            EventError::Io(_) | EventError::Truncated => self.origin.unreachable(error),
            other => self.origin.protocol(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_another_kind_is_refused_with_how_to_write_it() {
        for url in ["http://127.0.0.1:10300", "tcp://127.0.0.1", "tcp:x"] {
            let url = Url::parse(url).expect("a URL");

            let error = WyomingEndpoint::new(&url, "Whisper", "").err();

            let remedy = error.as_ref().map(|error| error.remedy());
            assert_eq!(remedy, Some("Write it as tcp://host:port."), "{url}");
        }
    }

    #[test]
    fn an_ipv6_address_loses_its_brackets() {
        let url = Url::parse("tcp://[::1]:10300").expect("a URL");

        let endpoint = WyomingEndpoint::new(&url, "Whisper", "").expect("an address");

        assert_eq!(endpoint.host, "::1");
    }
}
