//! Which of this machine's addresses LiveKit offers media on, and when that has to change.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// Of interfaces that are up, link-local ones left out, IPv4 first.
pub fn current() -> Vec<IpAddr> {
    let Ok(interfaces) = getifaddrs() else {
        return Vec::new();
    };
    let mut addresses: Vec<IpAddr> = interfaces
        .filter(|interface| interface.flags.contains(InterfaceFlags::IFF_UP))
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address
                .as_sockaddr_in()
                .map(|address| IpAddr::V4(address.ip()));
            v4.or_else(|| {
                address
                    .as_sockaddr_in6()
                    .map(|address| IpAddr::V6(address.ip()))
            })
        })
        .filter(|address| match address {
            IpAddr::V4(address) => !address.is_link_local(),
            IpAddr::V6(address) => !address.is_unicast_link_local(),
        })
        .collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses
}

/// The source address of the way out, if there is a way out. Connecting a datagram socket sends
/// nothing.
pub fn way_out() -> Option<IpAddr> {
    // Addresses that are reserved for documentation: nobody has them.
    [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")]
        .into_iter()
        .find_map(|(own, far)| {
            let socket = UdpSocket::bind(own).ok()?;
            socket.connect(far).ok()?;
            Some(socket.local_addr().ok()?.ip())
        })
        .filter(|address| !address.is_loopback())
}

/// The address to offer: the one in use as long as it is there, else the one of the way out,
/// else any, else loopback (no network at all).
pub fn choose(in_use: Option<IpAddr>, way_out: Option<IpAddr>, current: &[IpAddr]) -> IpAddr {
    let outward = |address: &IpAddr| !address.is_loopback();
    in_use
        .filter(|address| outward(address) && current.contains(address))
        .or_else(|| way_out.filter(|address| current.contains(address)))
        .or_else(|| current.iter().copied().find(outward))
        .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn ip(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
    }

    #[test]
    fn without_any_network_it_is_loopback() {
        assert_eq!(choose(Some(ip(1)), None, &[LOOPBACK]), LOOPBACK);
    }

    #[test]
    fn the_one_in_use_stays_while_it_is_there() {
        assert_eq!(
            choose(Some(ip(1)), Some(ip(2)), &[LOOPBACK, ip(1), ip(2)]),
            ip(1)
        );
    }

    #[test]
    fn a_network_that_appears_replaces_loopback() {
        assert_eq!(
            choose(Some(LOOPBACK), Some(ip(2)), &[LOOPBACK, ip(2)]),
            ip(2)
        );
    }

    #[test]
    fn a_vanished_one_is_replaced_by_the_way_out() {
        assert_eq!(choose(Some(ip(1)), Some(ip(3)), &[ip(2), ip(3)]), ip(3));
    }

    #[test]
    fn this_machine_has_loopback() {
        assert!(current().contains(&LOOPBACK));
    }

    proptest! {
        #[test]
        fn the_choice_is_there_and_stable(in_use in prop::option::of(1_u8..6), out in prop::option::of(1_u8..6), there in prop::collection::vec(1_u8..6, 0..5)) {
            let current: Vec<IpAddr> = there.into_iter().map(ip).chain([LOOPBACK]).collect();

            let chosen = choose(in_use.map(ip), out.map(ip), &current);

            prop_assert!(current.contains(&chosen));
            prop_assert_eq!(choose(Some(chosen), out.map(ip), &current), chosen);
            prop_assert_eq!(chosen.is_loopback(), current.len() == 1);
        }
    }
}
