//! Who holds a port that a component needs.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use nix::errno::Errno;
use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::FDTarget;

use crate::component::{Interfaces, Port};

/// A process that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: i32,
    pub name: String,
}

/// Says why the first port that cannot be listened on cannot, and which key moves it.
pub fn conflict(ports: &[Port]) -> Option<String> {
    ports.iter().find_map(|port| {
        let error = bind(*port).err()?;
        let Port { number, key, .. } = port;
        Some(match error.kind() {
            ErrorKind::AddrInUse => in_use(*port, holder(*port).as_ref()),
            ErrorKind::PermissionDenied => format!(
                "port {number} is not for you: those below 1024 are root's. Set `{key}` in jex.toml \
                 to a higher one."
            ),
            _ => format!(
                "port {number} cannot be listened on: {error}. Set `{key}` in jex.toml to another one."
            ),
        })
    })
}

fn in_use(port: Port, holder: Option<&Holder>) -> String {
    let Port { number, key, .. } = port;
    let by = match holder {
        Some(Holder { pid, name }) => format!("{name} (process {pid})"),
        None => "a process of another user".into(),
    };
    format!("port {number} is in use by {by}. End it, or set `{key}` in jex.toml to another port.")
}

/// Listens for a moment.
fn bind(port: Port) -> std::io::Result<()> {
    let (v4, v6) = match port.on {
        // That fails, too, when someone listens on all addresses.
        Interfaces::Loopback => (Ipv4Addr::LOCALHOST, None),
        Interfaces::BothLoopbacks => (Ipv4Addr::LOCALHOST, Some(Ipv6Addr::LOCALHOST)),
        Interfaces::All => (Ipv4Addr::UNSPECIFIED, Some(Ipv6Addr::UNSPECIFIED)),
    };
    TcpListener::bind((v4, port.number))?;
    match v6.map(|v6| TcpListener::bind((v6, port.number))) {
        Some(Err(error)) if has_ipv6(&error) => Err(error),
        _ => Ok(()),
    }
}

fn has_ipv6(error: &std::io::Error) -> bool {
    error.kind() != ErrorKind::AddrNotAvailable
        && error.raw_os_error() != Some(Errno::EAFNOSUPPORT as i32)
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

    fn port_of(listener: &TcpListener, on: Interfaces) -> Port {
        let number = listener.local_addr().unwrap().port();
        let key = "web.port";
        Port { number, key, on }
    }

    #[test]
    fn a_taken_port_names_its_holder_and_the_key() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = port_of(&listener, Interfaces::Loopback);

        let said = conflict(&[port]).unwrap();

        let pid = std::process::id();
        assert!(said.contains(&format!("port {}", port.number)), "{said}");
        assert!(said.contains(&format!("process {pid}")), "{said}");
        assert!(said.contains("`web.port`"), "{said}");
    }

    #[test]
    fn a_port_taken_on_all_addresses_is_taken() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();

        assert!(conflict(&[port_of(&listener, Interfaces::Loopback)]).is_some());
    }

    #[test]
    fn a_port_is_tried_where_it_will_be_listened_on() {
        let elsewhere = TcpListener::bind("127.0.0.2:0").unwrap();

        assert_eq!(conflict(&[port_of(&elsewhere, Interfaces::Loopback)]), None);
        assert!(conflict(&[port_of(&elsewhere, Interfaces::All)]).is_some());
        let Ok(v6) = TcpListener::bind("[::1]:0") else {
            return;
        };
        assert_eq!(conflict(&[port_of(&v6, Interfaces::Loopback)]), None);
        assert!(conflict(&[port_of(&v6, Interfaces::BothLoopbacks)]).is_some());
    }

    #[test]
    fn a_free_port_is_no_conflict() {
        for on in [
            Interfaces::Loopback,
            Interfaces::BothLoopbacks,
            Interfaces::All,
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = port_of(&listener, on);
            drop(listener);

            assert_eq!(conflict(&[port]), None);
        }
    }
}
