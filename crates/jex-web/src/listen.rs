//! Loopback sockets, and the connections that come in on them.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the head of a request may take to arrive, and an idle connection may stay.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest head of a request, in bytes; longer ones are answered 431.
const MAX_HEAD: usize = 16 << 10;
const MAX_HEADERS: usize = 64;
/// A browser opens six connections, and there is one owner.
const MAX_CONNECTIONS: usize = 128;
/// How long requests that are being answered may take after the stop.
const GRACE: Duration = Duration::from_millis(500);

/// The port cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error(
        "port {port} of {ip} is in use by another program. Stop it, or move the page with \
         `web.port` in jex.toml."
    )]
    InUse { ip: IpAddr, port: u16 },
    #[error(
        "cannot listen on port {port} of {ip}: {reason}. Move the page with `web.port` in jex.toml."
    )]
    Failed {
        ip: IpAddr,
        port: u16,
        reason: String,
    },
}

/// Listens on both loopback addresses, as `localhost` may mean either; on IPv4 alone where the
/// machine has no IPv6.
pub async fn bind(port: u16) -> Result<Vec<TcpListener>, ListenError> {
    let v4 = IpAddr::from(Ipv4Addr::LOCALHOST);
    let v6 = IpAddr::from(Ipv6Addr::LOCALHOST);
    let failed = |ip, error: io::Error| match error.kind() {
        ErrorKind::AddrInUse => ListenError::InUse { ip, port },
        _ => ListenError::Failed {
            ip,
            port,
            reason: error.to_string(),
        },
    };
    let first = TcpListener::bind(SocketAddr::new(v4, port))
        .await
        .map_err(|error| failed(v4, error))?;
    let mut listeners = vec![first];
    match TcpListener::bind(SocketAddr::new(v6, port)).await {
        Ok(listener) => listeners.push(listener),
        Err(error) if no_ipv6(&error) => tracing::info!("no IPv6 on loopback; IPv4 alone"),
        Err(error) => return Err(failed(v6, error)),
    }
    Ok(listeners)
}

/// No such address, or no such kind of address.
fn no_ipv6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

/// Serves until `stop`, then lets requests that are being answered end.
pub async fn serve(listeners: Vec<TcpListener>, router: Router, stop: CancellationToken) {
    let server = Server {
        router,
        admitted: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        connections: TaskTracker::new(),
        stop,
    };
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| tokio::spawn(server.clone().accept(listener)))
        .collect();
    for task in accepting {
        let _ = task.await;
    }
    server.connections.close();
    let _ = tokio::time::timeout(GRACE, server.connections.wait()).await;
}

#[derive(Clone)]
struct Server {
    router: Router,
    admitted: Arc<Semaphore>,
    connections: TaskTracker,
    stop: CancellationToken,
}

impl Server {
    async fn accept(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                // Out of file descriptors, most likely: some will be free soon.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            // Only now: an idle listener must not hold a permit that another one needs. Whoever was
            // accepted is answered, stop or not.
            let permit = tokio::select! {
                permit = self.admitted.clone().acquire_owned() => permit.ok(),
                () = self.stop.cancelled() => None,
            };
            let connection = self.clone().connection(stream);
            self.connections.spawn(async move {
                // A client that breaks off or talks nonsense is no fault of ours.
                let _ = connection.await;
                drop(permit);
            });
        }
    }

    async fn connection(self, stream: TcpStream) -> hyper::Result<()> {
        let _ = stream.set_nodelay(true);
        // hyper closes a connection that it has read nothing from when it is asked to end: its request
        // may be on the way, and would be lost. `readable` does not do: it may say so of nothing.
        let mut first = [0];
        let arrives = stream.peek(&mut first);
        if tokio::time::timeout(HEAD_TIMEOUT, arrives).await.is_err() {
            return Ok(());
        }
        let service = TowerToHyperService::new(self.router);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            // In this order, so that what has come is read first.
            biased;
            ended = &mut connection => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    }
}
