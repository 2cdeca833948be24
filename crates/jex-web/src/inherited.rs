//! Sockets that systemd listens on and gives to this process, so that nobody who connects while it is restarted
//! is turned away.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};

use listenfd::ListenFd;
use nix::sys::socket::{getsockopt, sockopt::AcceptConn};
use tokio::net::TcpListener;

/// A socket is not one that the page can be served on.
#[derive(Debug, thiserror::Error)]
#[error(
    "socket {number} of those that systemd gave to JEX's page {reason}. Give the socket unit \
     `ListenStream=127.0.0.1:{port}` and `ListenStream=[::1]:{port}`, and nothing else."
)]
pub struct WrongSocket {
    /// From 1 on.
    number: usize,
    reason: String,
    port: u16,
}

/// The sockets that were given, if any. Each listens on `port` of a loopback address: from elsewhere anybody
/// could claim to be on this machine.
pub fn listeners(mut given: ListenFd, port: u16) -> Result<Option<Vec<TcpListener>>, WrongSocket> {
    if given.len() == 0 {
        return Ok(None);
    }
    let mut listeners = Vec::new();
    for index in 0..given.len() {
        let wrong = |reason: String| WrongSocket {
            number: index + 1,
            reason,
            port,
        };
        let taken = given.take_tcp_listener(index);
        // listenfd says no more of why.
        let Ok(Some(socket)) = taken else {
            return Err(wrong("is no TCP socket".into()));
        };
        let address = checked(&socket, port).map_err(wrong)?;
        let listener = adopt(socket).map_err(|error| wrong(format!("cannot be used: {error}")))?;
        tracing::info!(%address, "listening where systemd did before");
        listeners.push(listener);
    }
    Ok(Some(listeners))
}

fn checked(socket: &StdListener, port: u16) -> Result<SocketAddr, String> {
    let listens = getsockopt(socket, AcceptConn).map_err(|error| error.to_string())?;
    if !listens {
        return Err("does not listen".into());
    }
    let address = socket.local_addr().map_err(|error| error.to_string())?;
    if !address.ip().is_loopback() {
        return Err(format!(
            "listens on {}, which is no loopback address",
            address.ip()
        ));
    }
    if address.port() != port {
        return Err(format!(
            "listens on port {}, not on `web.port`",
            address.port()
        ));
    }
    Ok(address)
}

fn adopt(socket: StdListener) -> io::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket)
}
