//! Who holds a port that a component needs.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::FDTarget;

use crate::component::Port;

/// A process that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: i32,
    pub name: String,
}

/// Says who holds the first port that is not free, and which key moves it.
pub fn conflict(ports: &[Port]) -> Option<String> {
    let taken = ports.iter().find(|port| !is_free(**port))?;
    Some(in_use(*taken, holder(*taken).as_ref()))
}

fn in_use(port: Port, holder: Option<&Holder>) -> String {
    let Port { number, key, .. } = port;
    let by = match holder {
        Some(Holder { pid, name }) => format!("{name} (process {pid})"),
        None => "a process of another user".into(),
    };
    format!("port {number} is in use by {by}. End it, or set `{key}` in jex.toml to another port.")
}

fn is_free(port: Port) -> bool {
    // On loopback: that fails, too, when someone listens on all addresses.
    TcpListener::bind((Ipv4Addr::LOCALHOST, port.number)).is_ok()
}

/// The process that listens on a port, if it can be seen.
pub fn holder(port: Port) -> Option<Holder> {
    let inode = listeners()
        .into_iter()
        .find(|entry| entry.local_address.port() == port.number)?
        .inode;
    procfs::process::all_processes()
        .ok()?
        .flatten()
        .find(|process| {
            process.fd().is_ok_and(|mut files| {
                files.any(|file| {
                    file.is_ok_and(
                        |file| matches!(file.target, FDTarget::Socket(found) if found == inode),
                    )
                })
            })
        })
        .map(|process| Holder {
            pid: process.pid,
            name: process
                .stat()
                .map_or_else(|_| "unknown".into(), |stat| stat.comm),
        })
}

fn listeners() -> Vec<TcpNetEntry> {
    procfs::net::tcp()
        .into_iter()
        .chain(procfs::net::tcp6())
        .flatten()
        .filter(|entry| entry.state == TcpState::Listen)
        .collect()
}

/// Whether an address can only be reached from this machine.
pub fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback()
                || address
                    .to_ipv4_mapped()
                    .is_some_and(|address| address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_names_its_holder_and_the_key() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let number = listener.local_addr().unwrap().port();
        let port = Port {
            number,
            key: "web.port",
        };

        let said = conflict(&[port]).unwrap();

        let pid = std::process::id();
        assert!(said.contains(&format!("port {number}")), "{said}");
        assert!(said.contains(&format!("process {pid}")), "{said}");
        assert!(said.contains("`web.port`"), "{said}");
    }

    #[test]
    fn a_port_taken_on_all_addresses_is_taken() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let number = listener.local_addr().unwrap().port();
        let port = Port {
            number,
            key: "redis.port",
        };

        assert!(conflict(&[port]).is_some());
    }

    #[test]
    fn a_free_port_is_no_conflict() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let number = listener.local_addr().unwrap().port();
        drop(listener);
        let port = Port {
            number,
            key: "web.port",
        };

        assert_eq!(conflict(&[port]), None);
    }
}
