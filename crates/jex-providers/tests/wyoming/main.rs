//! The Wyoming providers against servers that behave as a test wants. The real ones are in
//! `real_parts.rs`.

mod hearing;
mod speaking;

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use jex_providers::wyoming::{Event, EventCodec, WyomingEndpoint};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::Framed;
use url::Url;

type Peer = Framed<TcpStream, EventCodec>;

const LIMIT: Duration = Duration::from_millis(500);

/// A server whose only connection is handled by `script`.
async fn server<F>(script: impl FnOnce(Peer) -> F + Send + 'static) -> WyomingEndpoint
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("a caller");
        script(Framed::new(socket, EventCodec::default())).await;
    });
    endpoint(port)
}

fn endpoint(port: u16) -> WyomingEndpoint {
    let url = Url::parse(&format!("tcp://127.0.0.1:{port}")).expect("an address");
    WyomingEndpoint::new(&url, "Piper", "See `jex logs piper`.").expect("a Wyoming address")
}

async fn nobody() -> WyomingEndpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    endpoint(listener.local_addr().expect("an address").port())
}

async fn read_until(peer: &mut Peer, kind: &str) -> Event {
    loop {
        let event = peer
            .next()
            .await
            .expect("more events")
            .expect("valid events");
        if event.kind == kind {
            return event;
        }
    }
}

async fn say(peer: &mut Peer, event: Event) {
    peer.send(event).await.expect("the caller listens");
}
