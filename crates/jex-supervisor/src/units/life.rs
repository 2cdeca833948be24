//! Tells one life of a server from the next, without asking systemd: a restart that falls between two
//! questions is not missed, and what has to be warmed up is warmed up again.

use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::Process;

/// The socket that listens on a port of this machine, by its inode; another life has another one. `None` when
/// nobody listens, or the kernel does not tell.
pub fn on(port: u16) -> Option<u64> {
    // By way of the process: a unit may be shown nothing else of `/proc`.
    let own = Process::myself().ok()?;
    let sockets = own.tcp().into_iter().chain(own.tcp6()).flatten();
    let listens =
        |entry: &TcpNetEntry| entry.state == TcpState::Listen && entry.local_address.port() == port;
    sockets.filter(listens).map(|entry| entry.inode).min()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn each_listener_is_a_life_of_its_own() {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = first.local_addr().unwrap();

        let life = on(address.port());
        assert!(life.is_some());
        assert_eq!(on(address.port()), life);

        drop(first);
        assert_eq!(on(address.port()), None);

        let _second = TcpListener::bind(address).unwrap();
        assert_ne!(on(address.port()), life);
    }
}
