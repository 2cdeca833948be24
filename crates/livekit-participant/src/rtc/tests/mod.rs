//! Peer connections against rubbish: what comes from outside may end a connection, never a
//! process.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use proptest::prelude::*;
use str0m::change::SdpOffer;
use str0m::{Candidate, Rtc};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::driver::{Driver, PeerEvent, Role};
use super::sockets::{DATAGRAM_BYTES, Received, Sockets};
use crate::rtc::parse_candidate;

/// As livekit-server 1.13 makes it.
const OFFER: &str = include_str!("offer.sdp");
const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A connection that is not run: its steps are taken by hand.
async fn driver(role: Role) -> Driver {
    let sockets = Sockets::bind(&[LOCAL]).await.unwrap();
    let (_, commands) = mpsc::unbounded_channel();
    let (events, _) = mpsc::channel(1);
    Driver::new(role, sockets, commands, events)
}

fn offer() -> String {
    OFFER.replace('\n', "\r\n")
}

/// What a server says to our offer.
fn answer(offer: &str) -> String {
    crate::crypto::install();
    let mut server = Rtc::builder().build(Instant::now());
    let local = Candidate::host((LOCAL, 50_000).into(), "udp").unwrap();
    server.add_local_candidate(local);
    let offer = SdpOffer::from_sdp_string(offer).unwrap();
    server
        .sdp_api()
        .accept_offer(offer)
        .unwrap()
        .to_sdp_string()
}

#[derive(Debug, Clone)]
enum Damage {
    Drop(usize),
    Double(usize),
    Swap(usize, usize),
    Replace(usize, String),
    Cut(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let line = 0_usize..60;
    let text = prop_oneof![
        "\\PC{0,60}",
        "[vosctma]=[ -~]{0,60}",
        "a=(mid|ssrc|rtpmap|fmtp|extmap|candidate|group|rid|simulcast|setup|ice-ufrag|sctp-port|max-message-size|msid|ssrc-group|fingerprint):[ -~]{0,60}",
        "a=(mid|ssrc|rtpmap|extmap|sctp-port|max-message-size):[0-9]{0,30}.{0,10}",
        "m=(audio|video|application) [0-9]{1,6} [A-Z/]{0,20} [0-9 ]{0,30}",
    ];
    prop_oneof![
        line.clone().prop_map(Damage::Drop),
        line.clone().prop_map(Damage::Double),
        (line.clone(), line.clone()).prop_map(|(a, b)| Damage::Swap(a, b)),
        (line, text).prop_map(|(at, text)| Damage::Replace(at, text)),
        (0_usize..3000).prop_map(Damage::Cut),
    ]
}

fn damaged(sdp: &str, damages: &[Damage]) -> String {
    let mut lines: Vec<String> = sdp.lines().map(str::to_owned).collect();
    let mut length = usize::MAX;
    for damage in damages {
        let count = lines.len().max(1);
        match damage {
            Damage::Drop(at) if !lines.is_empty() => {
                lines.remove(at % count);
            }
            Damage::Double(at) if !lines.is_empty() => {
                let line = lines[at % count].clone();
                lines.insert(at % count, line);
            }
            Damage::Swap(a, b) if !lines.is_empty() => lines.swap(a % count, b % count),
            Damage::Replace(at, text) if !lines.is_empty() => lines[at % count].clone_from(text),
            Damage::Cut(at) => length = *at,
            _ => {}
        }
    }
    let mut sdp = lines.join("\r\n") + "\r\n";
    sdp.truncate(sdp.floor_char_boundary(length));
    sdp
}

#[test]
fn a_servers_offer_is_answered() {
    runtime().block_on(async {
        let mut subscriber = driver(Role::Subscriber).await;

        subscriber.accept(7, &offer());

        let Some(PeerEvent::Answer {
            id: 7,
            result: Ok(sdp),
        }) = subscriber.news.pop_back()
        else {
            panic!("no answer: {:?}", subscriber.news);
        };
        assert!(
            sdp.contains("m=audio") && sdp.contains("m=application"),
            "{sdp}"
        );
        assert!(sdp.contains("opus/48000") && !sdp.contains("PCMU"), "{sdp}");
    });
}

#[test]
fn an_answer_to_an_offer_that_was_taken_back_changes_nothing() {
    runtime().block_on(async {
        let mut publisher = driver(Role::Publisher).await;
        publisher.offer(1, false);
        let Some(PeerEvent::Offer { id: 1, sdp }) = publisher.news.pop_back() else {
            panic!("no offer: {:?}", publisher.news);
        };
        let late = answer(&sdp);
        publisher.offer(2, true);
        let second = publisher.news.pop_back();

        publisher.answered(1, &late);

        assert!(matches!(second, Some(PeerEvent::Offer { id: 2, .. })));
        assert!(publisher.news.is_empty(), "{:?}", publisher.news);
    });
}

#[test]
fn a_track_that_is_unpublished_while_its_offer_is_out_is_taken_back_by_the_next() {
    runtime().block_on(async {
        let mut publisher = driver(Role::Publisher).await;
        let audio = std::sync::Arc::new(crate::room::LocalAudio::new("voice").unwrap());
        publisher.publisher.publish(audio.clone());
        publisher.offer(1, false);
        let Some(PeerEvent::Offer { id: 1, sdp }) = publisher.news.pop_back() else {
            panic!("no offer: {:?}", publisher.news);
        };

        publisher.publisher.unpublish(&audio.cid);
        publisher.answered(1, &answer(&sdp));
        publisher.offer(2, false);

        let Some(PeerEvent::Offer { id: 2, sdp }) = publisher.news.pop_back() else {
            panic!("no offer: {:?}", publisher.news);
        };
        assert!(sdp.contains("a=inactive"), "{sdp}");
    });
}

proptest! {
    #[test]
    fn any_offer_is_answered_or_refused(
        first in proptest::collection::vec(damage(), 0..3),
        second in proptest::collection::vec(damage(), 0..6),
    ) {
        runtime().block_on(async {
            let mut subscriber = driver(Role::Subscriber).await;
            for (id, damages) in [(1, &first), (2, &second), (3, &vec![])] {
                subscriber.accept(id, &damaged(&offer(), damages));
                let _ = subscriber.drain();
            }
        });
    }

    #[test]
    fn any_answer_is_used_or_refused(damages in proptest::collection::vec(damage(), 0..6)) {
        runtime().block_on(async {
            let mut publisher = driver(Role::Publisher).await;
            let audio = crate::room::LocalAudio::new("voice").unwrap();
            publisher.publisher.publish(std::sync::Arc::new(audio));
            publisher.offer(1, false);
            let Some(PeerEvent::Offer { sdp, .. }) = publisher.news.pop_back() else {
                panic!("no offer");
            };

            publisher.answered(1, &damaged(&answer(&sdp), &damages));

            let _ = publisher.drain();
            let _ = publisher.play_audio(Instant::now());
            // After a refusal the next offer has to work all the same.
            publisher.offer(2, true);
            let _ = publisher.drain();
        });
    }

    #[test]
    fn any_datagram_is_used_or_passed_over(
        datagrams in proptest::collection::vec(
            (prop_oneof![0_u8..4, 20_u8..64, 64_u8..80, 128_u8..192, any::<u8>()],
             proptest::collection::vec(any::<u8>(), 0..1500)),
            0..30,
        ),
    ) {
        runtime().block_on(async {
            let mut subscriber = driver(Role::Subscriber).await;
            subscriber.accept(1, &offer());
            let init = serde_json::json!({
                "candidate": "candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host",
            });
            let server = parse_candidate(&init.to_string()).expect("a candidate");
            let source = server.addr();
            subscriber.rtc.add_remote_candidate(server);
            let destination = subscriber.local_address();
            let mut buffer = [0; DATAGRAM_BYTES];
            for (first, rest) in datagrams {
                buffer[0] = first;
                buffer[1..=rest.len()].copy_from_slice(&rest);
                let received = Received { length: rest.len() + 1, source, destination };
                if subscriber.receive(&received, &buffer).is_err() {
                    break;
                }
                if subscriber.drain().is_err() {
                    break;
                }
            }
        });
    }
}
