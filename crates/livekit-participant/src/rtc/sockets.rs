//! One UDP socket for each local address: a candidate has to name the address that packets to it
//! arrive at.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

/// Larger than any datagram that passes an ordinary network.
pub(super) const DATAGRAM_BYTES: usize = 2048;

pub(super) struct Sockets {
    sockets: Vec<(SocketAddr, UdpSocket)>,
    /// The socket that is looked at first, so that a busy one cannot starve the others.
    next: usize,
}

/// A datagram that arrived.
pub(super) struct Received {
    pub length: usize,
    pub source: SocketAddr,
    pub destination: SocketAddr,
}

impl Sockets {
    /// Binds to every address that can be bound to; an error if there is none.
    pub async fn bind(addresses: &[IpAddr]) -> io::Result<Self> {
        let mut sockets = Self {
            sockets: Vec::with_capacity(addresses.len()),
            next: 0,
        };
        let added = sockets.add(addresses).await;
        if added.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                format!("none of {addresses:?} can be used"),
            ));
        }
        Ok(sockets)
    }

    /// Binds to addresses that are not bound yet and returns where.
    pub async fn add(&mut self, addresses: &[IpAddr]) -> Vec<SocketAddr> {
        let mut added = Vec::new();
        for &ip in addresses {
            if self.sockets.iter().any(|(local, _)| local.ip() == ip) {
                continue;
            }
            let bound = UdpSocket::bind((ip, 0)).await;
            match bound.and_then(|socket| Ok((socket.local_addr()?, socket))) {
                Ok((local, socket)) => {
                    added.push(local);
                    self.sockets.push((local, socket));
                }
                // An address may go away, or be one of a kind that cannot be bound to.
                Err(error) => tracing::debug!(%ip, %error, "no media socket"),
            }
        }
        added
    }

    /// Closes sockets whose address is gone and returns where they were.
    pub fn retain(&mut self, addresses: &[IpAddr]) -> Vec<SocketAddr> {
        let is_gone = |local: &SocketAddr| !addresses.contains(&local.ip());
        let gone = self.addresses().filter(is_gone).collect();
        self.sockets.retain(|(local, _)| !is_gone(local));
        gone
    }

    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.sockets.iter().map(|(local, _)| *local)
    }

    /// Sends now or never: media that waits is of no use.
    pub fn send(&self, source: SocketAddr, destination: SocketAddr, datagram: &[u8]) {
        let Some((_, socket)) = self.sockets.iter().find(|(local, _)| *local == source) else {
            return;
        };
        if let Err(error) = socket.try_send_to(datagram, destination) {
            // Candidates that no route leads to are tried all the same.
            tracing::trace!(%source, %destination, %error, "a datagram was not sent");
        }
    }

    /// The next datagram of any socket. Cancel safe.
    pub async fn receive(&mut self, buffer: &mut [u8; DATAGRAM_BYTES]) -> Received {
        std::future::poll_fn(|context| self.poll_receive(context, buffer)).await
    }

    fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8; DATAGRAM_BYTES],
    ) -> Poll<Received> {
        let count = self.sockets.len();
        for offset in 0..count {
            let index = (self.next + offset) % count;
            let (destination, socket) = &self.sockets[index];
            let mut read = ReadBuf::new(buffer);
            loop {
                match socket.poll_recv_from(context, &mut read) {
                    Poll::Ready(Ok(source)) => {
                        self.next = (index + 1) % count;
                        return Poll::Ready(Received {
                            length: read.filled().len(),
                            source,
                            destination: *destination,
                        });
                    }
                    // What an earlier datagram of ours met (port unreachable); each is told once.
                    Poll::Ready(Err(_)) => read.clear(),
                    Poll::Pending => break,
                }
            }
        }
        Poll::Pending
    }
}
