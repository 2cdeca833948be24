//! What is lost is recovered where a copy came along, guessed where not, and silent in the end.

use std::time::Duration;

use super::network::{Dice, FRAME, lag, listen, samples, snr_db, stream};
use crate::audio::FrameKind;

/// A packet in the middle of a syllable: silence is not worth a copy.
const VOICED: usize = 41;

#[test]
fn an_even_stream_comes_out_as_sent_60_ms_later() {
    let (original, packets) = stream(3.0);

    let (frames, receiver) = listen(packets, Duration::from_secs(3));

    let received = frames
        .iter()
        .filter(|f| f.kind == FrameKind::Received)
        .count();
    assert!(received >= 144, "{received} of 150 frames");
    assert_eq!(receiver.stats().concealed_samples, 0);
    let lag_ms = lag(&original, &samples(&frames), 60_000) / 48;
    // 30 ms of network, 60 ms of buffer, one frame of waiting for the clock, 6.5 ms of codec.
    assert!((90..125).contains(&lag_ms), "{lag_ms} ms");
}

#[test]
fn a_lost_packet_is_recovered_from_the_one_after() {
    let (_, mut packets) = stream(2.0);
    packets.remove(VOICED);

    let (frames, receiver) = listen(packets, Duration::from_secs(2));

    assert_eq!(receiver.stats().recovered_samples, 960);
    assert_eq!(receiver.stats().concealed_samples, 0);
    let recovered = frames
        .iter()
        .filter(|f| f.kind == FrameKind::Recovered)
        .count();
    assert_eq!(recovered, 1);
}

#[test]
fn of_two_lost_packets_the_first_is_guessed_and_the_second_recovered() {
    let (_, mut packets) = stream(2.0);
    packets.drain(VOICED..VOICED + 2);

    let (_, receiver) = listen(packets, Duration::from_secs(2));

    assert_eq!(receiver.stats().recovered_samples, 960);
    assert_eq!(receiver.stats().concealed_samples, 960);
}

#[test]
fn after_100_ms_without_a_packet_there_is_silence() {
    let (_, mut packets) = stream(2.0);
    packets.truncate(25);

    let (frames, _) = listen(packets, Duration::from_secs(2));

    let concealed = frames
        .iter()
        .filter(|f| f.kind == FrameKind::Concealed)
        .count();
    assert_eq!(concealed, 5);
    let last = frames
        .last()
        .map(|f| (f.kind, f.samples.iter().all(|&s| s == 0)));
    assert_eq!(last, Some((FrameKind::Silence, true)));
}

#[test]
fn with_a_tenth_lost_it_sounds_better_than_with_holes() {
    let (_, packets) = stream(10.0);
    let mut dice = Dice(7);
    let lost: Vec<bool> = packets.iter().map(|_| dice.roll() < 0.1).collect();
    let survivors = packets.iter().zip(&lost).filter(|(_, lost)| !**lost);
    let survivors = survivors.map(|(packet, _)| packet.clone()).collect();

    let (clean, _) = listen(packets, Duration::from_secs(10));
    let (frames, receiver) = listen(survivors, Duration::from_secs(10));

    let (clean, heard) = (samples(&clean), samples(&frames));
    let delay_frames = clean
        .chunks(960)
        .position(|f| f.iter().any(|&s| s != 0))
        .unwrap_or(0);
    let mut holes = clean.clone();
    for (n, frame) in holes.chunks_mut(960).skip(delay_frames).enumerate() {
        if lost[n] {
            frame.fill(0);
        }
    }
    let (with_holes, concealed) = (snr_db(&clean, &holes), snr_db(&clean, &heard));
    assert!(
        concealed > with_holes + 3.0,
        "{concealed:.1} dB, holes {with_holes:.1} dB"
    );
    assert!(receiver.stats().recovered_samples > 10 * 960);
    assert_eq!(frames.len() as u32, 10_000 / FRAME.as_millis() as u32);
}
