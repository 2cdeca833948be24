//! Jitter, reordering, doubles, bursts and clocks that differ: the voice goes on, and not late.

use std::time::Duration;

use opus::{Application, Bandwidth, Channels, Encoder};
use proptest::prelude::*;

use super::network::{Dice, Sent, encode, lag, listen, samples, sent, speech, stream};
use crate::audio::{AudioFrame, FrameKind};

const MS: Duration = Duration::from_millis(1);

fn count(frames: &[AudioFrame], kind: FrameKind) -> usize {
    frames.iter().filter(|frame| frame.kind == kind).count()
}

/// Lag behind the speaker in ms, `second` seconds into the stream.
fn lag_ms(original: &[i16], frames: &[AudioFrame], second: f64) -> usize {
    lag(original, &samples(frames), (second * 48_000.0) as usize) / 48
}

#[test]
fn packets_out_of_order_sound_like_packets_in_order() {
    let (_, packets) = stream(3.0);
    let mut swapped = packets.clone();
    for pair in swapped.chunks_exact_mut(2) {
        // Each second packet overtakes the one before it.
        pair[0].arrives = pair[1].arrives + MS;
    }

    let (in_order, _) = listen(packets, Duration::from_secs(3));
    let (frames, receiver) = listen(swapped, Duration::from_secs(3));

    assert_eq!(receiver.stats().concealed_samples, 0);
    let begin = |frames: &[AudioFrame]| frames.iter().position(|f| f.kind == FrameKind::Received);
    let (a, b) = (begin(&in_order).unwrap(), begin(&frames).unwrap());
    let both = (frames.len() - b).min(in_order.len() - a);
    assert!(in_order[a..a + both] == frames[b..b + both]);
}

#[test]
fn doubles_change_nothing() {
    let (_, packets) = stream(3.0);
    let mut doubled = packets.clone();
    for packet in &packets {
        let mut again = packet.clone();
        again.arrives += 25 * MS;
        doubled.push(again);
    }

    let (once, _) = listen(packets, Duration::from_secs(3));
    let (twice, receiver) = listen(doubled, Duration::from_secs(3));

    assert!(once == twice);
    assert!(receiver.stats().duplicate >= 140);
}

#[test]
fn numbers_wrap_around_unnoticed() {
    let (_, packets) = stream(3.0);
    let shift = |packet: &Sent, seq: u64, time: u64| Sent {
        seq: packet.seq + seq,
        rtp_time: packet.rtp_time + time,
        ..packet.clone()
    };
    let (seq, time) = (u64::from(u16::MAX) - 50, u64::from(u32::MAX) - 50 * 960);
    let extended: Vec<Sent> = packets.iter().map(|p| shift(p, seq, time)).collect();
    let mut wrapped = extended.clone();
    for packet in &mut wrapped {
        packet.seq &= 0xffff;
        packet.rtp_time &= 0xffff_ffff;
    }

    let (plain, _) = listen(packets, Duration::from_secs(3));

    assert!(plain == listen(extended, Duration::from_secs(3)).0);
    assert!(plain == listen(wrapped, Duration::from_secs(3)).0);
}

#[test]
fn the_delay_learns_the_jitter() {
    let (original, mut packets) = stream(12.0);
    let mut dice = Dice(3);
    for packet in &mut packets {
        packet.arrives += MS * (dice.roll() * 100.0) as u32;
    }

    let (frames, receiver) = listen(packets, Duration::from_secs(12));

    let (learning, learnt) = frames.split_at(200);
    assert!(count(learnt, FrameKind::Concealed) <= learnt.len() / 50);
    assert_eq!(count(&learning[20..], FrameKind::Silence), 0);
    assert!(receiver.stats().target_delay_samples > 80 * 48);
    let lag_ms = lag_ms(&original, &frames, 10.0);
    assert!((110..260).contains(&lag_ms), "{lag_ms} ms");
}

#[test]
fn calm_brings_the_delay_down_again() {
    let (original, mut packets) = stream(40.0);
    let mut dice = Dice(5);
    for packet in &mut packets[..500] {
        packet.arrives += MS * (dice.roll() * 180.0) as u32;
    }

    let (frames, receiver) = listen(packets, Duration::from_secs(40));

    let before = lag_ms(&original, &frames, 9.0);
    let after = lag_ms(&original, &frames, 38.0);
    assert!(before > 180, "{before} ms");
    assert!(after < 135, "{after} ms");
    assert_eq!(receiver.stats().target_delay_samples, 60 * 48);
}

#[test]
fn a_second_without_network_is_caught_up_with() {
    let (original, mut packets) = stream(12.0);
    for packet in &mut packets[100..145] {
        // All that was sent in 0.9 s arrives at its end.
        packet.arrives = Duration::from_millis(30 + 145 * 20);
    }

    let (frames, receiver) = listen(packets, Duration::from_secs(12));

    assert_eq!(receiver.stats().late, 0);
    let right_after = lag_ms(&original, &frames, 3.5);
    let later = lag_ms(&original, &frames, 11.0);
    assert!(later < 260, "{right_after} ms, then {later} ms");
}

#[test]
fn a_sender_with_another_clock_is_followed() {
    for ppm in [-300.0, 300.0] {
        let (original, mut packets) = stream(60.0);
        for packet in &mut packets {
            packet.arrives = packet.arrives.mul_f64(1.0 + ppm / 1e6);
        }

        let (frames, receiver) = listen(packets, Duration::from_secs(60));

        let lag_ms = lag_ms(&original, &frames, 55.0);
        assert!((85..150).contains(&lag_ms), "{lag_ms} ms at {ppm} ppm");
        let concealed_ms = receiver.stats().concealed_samples / 48;
        assert!(
            concealed_ms <= 60,
            "{concealed_ms} ms concealed at {ppm} ppm"
        );
    }
}

#[test]
fn every_packet_length_and_stereo_is_understood() {
    for frame_samples in [120, 240, 480, 960, 1920, 2880] {
        for channels in [Channels::Mono, Channels::Stereo] {
            let original = speech(3.0);
            let packets = sent(&encode(&original, frame_samples, channels), frame_samples);

            let (frames, receiver) = listen(packets, Duration::from_secs(3));

            let lag_ms = lag_ms(&original, &frames, 1.5);
            assert!(
                (85..190).contains(&lag_ms),
                "{lag_ms} ms with {frame_samples}"
            );
            assert_eq!(receiver.stats().concealed_samples, 0, "{frame_samples}");
        }
    }
}

#[test]
fn a_lost_packet_of_60_ms_is_recovered_whole() {
    // Only wide-band packets of this length are of one piece, and have one copy.
    let mut encoder = Encoder::new(48_000, Channels::Mono, Application::Voip).unwrap();
    encoder.set_max_bandwidth(Bandwidth::Wideband).unwrap();
    encoder.set_inband_fec(true).unwrap();
    encoder.set_packet_loss_perc(10).unwrap();
    let frames = speech(2.0);
    let frames = frames.chunks_exact(2880);
    let payloads: Vec<Vec<u8>> = frames
        .map(|f| encoder.encode_vec(f, 1400).unwrap())
        .collect();
    let mut packets = sent(&payloads, 2880);
    packets.remove(14);

    let (_, receiver) = listen(packets, Duration::from_secs(2));

    let stats = receiver.stats();
    assert_eq!(
        (stats.recovered_samples, stats.concealed_samples),
        (2880, 0)
    );
}

/// A network as bad as a bad one is.
#[derive(Debug, Clone)]
struct Weather {
    seed: u64,
    loss: f64,
    jitter_ms: f64,
    doubled: f64,
}

fn weather() -> impl Strategy<Value = Weather> {
    (any::<u64>(), 0.0..0.2, 0.0..150.0, 0.0..0.2).prop_map(|(seed, loss, jitter_ms, doubled)| {
        Weather {
            seed,
            loss,
            jitter_ms,
            doubled,
        }
    })
}

fn through(weather: &Weather, packets: &[Sent]) -> Vec<Sent> {
    let mut dice = Dice(weather.seed);
    let mut arriving = Vec::new();
    for packet in packets {
        let copies = if dice.roll() < weather.doubled { 2 } else { 1 };
        for _ in 0..copies {
            let mut packet = packet.clone();
            packet.arrives += MS * (dice.roll() * weather.jitter_ms) as u32;
            arriving.extend((dice.roll() >= weather.loss).then_some(packet));
        }
    }
    arriving
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_voice_goes_on_and_is_not_late(weather in weather()) {
        let (original, packets) = stream(10.0);

        let (frames, receiver) = listen(through(&weather, &packets), Duration::from_secs(10));

        prop_assert_eq!(frames.len(), 500);
        prop_assert!(frames.iter().all(|frame| frame.samples.len() == 960));
        prop_assert!(receiver.stats().target_delay_samples <= 200 * 48);
        let lag_ms = lag_ms(&original, &frames, 8.5);
        // Network, at most 200 ms of buffer, and what is tolerated before speech is shortened.
        prop_assert!(lag_ms <= 30 + 200 + 60, "{} ms", lag_ms);
        // From the first word on there is a voice, the longest gap being what is concealed.
        let begin = frames.iter().position(|f| f.kind == FrameKind::Received).unwrap_or(500);
        prop_assert!(begin < 20, "begins after {} frames", begin);
        let silent = count(&frames[begin..], FrameKind::Silence);
        prop_assert!(silent <= 5, "{} frames of silence", silent);
        let real = count(&frames, FrameKind::Received) + count(&frames, FrameKind::Recovered);
        let expected = 500.0 * (1.0 - weather.loss) * 0.85 - 20.0;
        prop_assert!(real as f64 >= expected, "{} real frames of {}", real, expected);
    }
}
