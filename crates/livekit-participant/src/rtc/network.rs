//! The addresses of this machine.

use std::io;
use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// More candidates than this only slow down the search for a pair.
const MAX_ADDRESSES: usize = 16;

/// The addresses of all interfaces that are up, loopback included, without those that need a
/// scope (IPv6 link-local).
pub(crate) fn local_addresses() -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for interface in getifaddrs()? {
        let running = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
        let Some(address) = interface
            .address
            .filter(|_| interface.flags.contains(running))
        else {
            continue;
        };
        let ip = if let Some(v4) = address.as_sockaddr_in() {
            IpAddr::V4(v4.ip())
        } else if let Some(v6) = address.as_sockaddr_in6() {
            IpAddr::V6(v6.ip())
        } else {
            continue;
        };
        if is_usable(ip) && !addresses.contains(&ip) {
            addresses.push(ip);
        }
    }
    addresses.truncate(MAX_ADDRESSES);
    Ok(addresses)
}

/// For a server on another machine: loopback does not lead there.
pub(crate) fn without_loopback(addresses: &[IpAddr]) -> Vec<IpAddr> {
    addresses
        .iter()
        .copied()
        .filter(|ip| !ip.is_loopback())
        .collect()
}

fn is_usable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_found_and_can_be_left_out() {
        let addresses = local_addresses().expect("this machine's addresses");

        assert!(
            addresses.contains(&IpAddr::from([127, 0, 0, 1])),
            "{addresses:?}"
        );
        assert!(
            without_loopback(&addresses)
                .iter()
                .all(|ip| !ip.is_loopback())
        );
    }
}
