//! The server's addresses, as they trickle in.

use std::net::{Ipv4Addr, SocketAddr};

use str0m::{Candidate, CandidateKind};

/// The candidate in a trickle message's JSON (`RTCIceCandidateInit`); `None` for the mark of the
/// end, for one that is not UDP, and for rubbish.
pub(crate) fn parse_candidate(init: &str) -> Option<Candidate> {
    #[derive(serde::Deserialize)]
    struct Init {
        candidate: String,
    }
    let init: Init = serde_json::from_str(init).ok()?;
    let candidate = Candidate::from_sdp_string(init.candidate.trim()).ok()?;
    (candidate.proto() == str0m::net::Protocol::Udp).then_some(candidate)
}

/// The same socket of a server on this machine as loopback leads to it; `None` where it does not.
///
/// LiveKit announces its socket on loopback (`rtc.enable_loopback_candidate`), like every other,
/// under `rtc.node_ip`: which of them it is cannot be seen, only tried.
pub(crate) fn on_loopback(candidate: &Candidate) -> Option<Candidate> {
    let address = candidate.addr();
    if candidate.kind() != CandidateKind::Host || address.is_ipv6() || address.ip().is_loopback() {
        return None;
    }
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
    Candidate::host(here, candidate.proto()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "candidate:1 1 udp 2130706431 10.0.0.1 50000 typ host ufrag abcd";

    fn init(candidate: &str) -> String {
        serde_json::json!({"candidate": candidate, "sdpMid": "0", "sdpMLineIndex": 0}).to_string()
    }

    #[test]
    fn a_host_candidate_is_read() {
        let candidate = parse_candidate(&init(GOOD)).expect("a candidate");

        assert_eq!(
            candidate.addr(),
            "10.0.0.1:50000".parse().expect("an address")
        );
    }

    #[test]
    fn tcp_and_the_end_of_candidates_are_passed_over() {
        let tcp = "candidate:1 1 tcp 2130706431 10.0.0.1 7881 typ host tcptype passive";

        assert!(parse_candidate(&init(tcp)).is_none());
        assert!(parse_candidate(&init("")).is_none());
    }

    #[test]
    fn a_socket_is_tried_on_loopback_unless_it_is_there() {
        let found = |candidate: &str| {
            let candidate = parse_candidate(&init(candidate)).expect("a candidate");
            on_loopback(&candidate).map(|here| here.addr())
        };

        assert_eq!(found(GOOD), "127.0.0.1:50000".parse().ok());
        assert_eq!(found(&GOOD.replace("10.0.0.1", "127.0.0.1")), None);
        assert_eq!(found(&GOOD.replace("10.0.0.1", "fd00::1")), None);
        let relayed = "typ relay raddr 10.0.0.2 rport 9";
        assert_eq!(found(&GOOD.replace("typ host", relayed)), None);
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(text in "\\PC{0,200}") {
            let _ = parse_candidate(&text);
            let _ = parse_candidate(&init(&text));
        }

        #[test]
        fn a_candidate_with_one_odd_word_is_read_or_refused(at in 0_usize..10, word in "\\PC{0,40}") {
            let mut words: Vec<&str> = GOOD.split(' ').collect();
            if let Some(slot) = words.get_mut(at) {
                *slot = &word;
            }

            let _ = parse_candidate(&init(&words.join(" ")));
        }
    }
}
