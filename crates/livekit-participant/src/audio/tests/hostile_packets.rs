//! Bytes from outside may be anything. They cost their own 20 ms and nothing else.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::network::{listen, stream};
use crate::audio::{AudioReceiver, FrameKind, RtpAudio};

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..300),
        1 => prop::collection::vec(any::<u8>(), 1200..1500),
        1 => Just(vec![0xff; 9000]),
        1 => (any::<u8>(), 0..4usize).prop_map(|(toc, length)| vec![toc; length]),
    ]
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0..200u64, Just(u64::MAX), Just(1 << 63)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn nothing_makes_it_panic(packets in prop::collection::vec((number(), number(), payload(), 0..400u64), 0..60)) {
        let epoch = Instant::now();
        let mut receiver = AudioReceiver::new().unwrap();
        let mut now = epoch;

        for (seq, rtp_time, payload, passed_ms) in packets {
            now += Duration::from_millis(passed_ms);
            // Arrival times may be told out of order, too.
            let arrived = now.checked_sub(Duration::from_millis(passed_ms / 3)).unwrap_or(epoch);
            receiver.push(RtpAudio { seq, rtp_time, payload, arrived });

            prop_assert_eq!(receiver.pull(now).samples.len(), 960);
        }
    }

    #[test]
    fn garbage_in_place_of_a_packet_costs_that_packet_only(
        rubbish in prop::collection::vec(any::<u8>(), 0..200),
        place in 20..120usize,
    ) {
        let (_, mut packets) = stream(3.0);
        packets[place].payload = rubbish;

        let (frames, _) = listen(packets, Duration::from_secs(3));

        let real = frames.iter().filter(|f| f.kind == FrameKind::Received).count();
        // A stray table of contents may claim up to 120 ms.
        prop_assert!(real >= 138, "{} of 150", real);
    }

    #[test]
    fn a_stray_packet_changes_nothing(seq in 4000..60_000u64, time in any::<u32>(), place in 20..120usize) {
        let (_, packets) = stream(3.0);
        let mut disturbed = packets.clone();
        let mut stray = packets[place].clone();
        stray.seq = seq;
        stray.rtp_time = u64::from(time);
        disturbed.insert(place, stray);

        let (undisturbed, _) = listen(packets, Duration::from_secs(3));
        let (frames, receiver) = listen(disturbed, Duration::from_secs(3));

        prop_assert_eq!(receiver.stats().stray, 1);
        prop_assert!(undisturbed == frames);
    }
}
