//! A speaker who sends nothing is silent, not lost.

use std::time::{Duration, Instant};

use opus::{Application, Channels, Encoder};

use super::network::{Sent, lag, listen, samples, sent, speech, stream};
use crate::audio::{AudioReceiver, FrameKind, RtpAudio};

const MS: Duration = Duration::from_millis(1);

/// A second of speech, a second of rest, a second of speech, from an encoder with DTX.
fn with_dtx() -> (Vec<i16>, Vec<Sent>) {
    let mut original = speech(1.0);
    original.extend(vec![0; 48_000]);
    original.extend(speech(1.0));
    let mut encoder = Encoder::new(48_000, Channels::Mono, Application::Voip).unwrap();
    encoder.set_dtx(true).unwrap();
    let payloads: Vec<Vec<u8>> = original
        .chunks_exact(960)
        .map(|frame| encoder.encode_vec(frame, 1400).unwrap())
        .collect();
    let mut packets = sent(&payloads, 960);
    // Only what is worth sending goes out, numbered without gaps; time goes on.
    let mut dtx = 0;
    packets.retain(|packet| {
        dtx = if packet.payload.len() <= 2 {
            dtx + 1
        } else {
            0
        };
        dtx <= 1
    });
    for (n, packet) in packets.iter_mut().enumerate() {
        packet.seq = n as u64;
    }
    (original, packets)
}

#[test]
fn rests_that_are_not_sent_are_silence_in_their_place() {
    let (original, packets) = with_dtx();
    assert!(packets.len() < 130, "the encoder rested: {}", packets.len());

    let (frames, _) = listen(packets, Duration::from_secs(4));

    let meanwhile = &frames[..150];
    assert!(meanwhile.iter().all(|f| f.kind != FrameKind::Concealed));
    let silent = meanwhile
        .iter()
        .filter(|f| f.kind == FrameKind::Silence)
        .count();
    assert!(silent > 25, "{silent}");
    let heard = samples(&frames);
    let (first, second) = (
        lag(&original, &heard, 24_000),
        lag(&original, &heard, 120_000),
    );
    assert!(first.abs_diff(second) < 30 * 48, "{first}, then {second}");
}

#[test]
fn a_microphone_that_was_muted_is_heard_at_once_again() {
    // Its clock may stand still while it is muted, or go on.
    for clock_goes_on in [false, true] {
        let (original, mut packets) = stream(3.0);
        for packet in &mut packets[50..] {
            packet.arrives += 2000 * MS;
            packet.rtp_time += if clock_goes_on { 96_000 } else { 0 };
        }

        let (frames, _) = listen(packets, Duration::from_secs(5));

        let heard = samples(&frames);
        let lag_ms = lag(&original, &heard[96_000..], 96_000) / 48;
        assert!(
            (85..140).contains(&lag_ms),
            "{lag_ms} ms, clock goes on: {clock_goes_on}"
        );
    }
}

#[test]
fn a_mute_of_minutes_is_no_different() {
    for clock_goes_on in [false, true] {
        let (original, mut packets) = stream(3.0);
        for packet in &mut packets[50..] {
            packet.arrives += 120_000 * MS;
            packet.rtp_time += if clock_goes_on { 120 * 48_000 } else { 0 };
        }

        let (frames, _) = listen(packets, Duration::from_secs(123));

        let heard = samples(&frames);
        let lag_ms = lag(&original, &heard[120 * 48_000..], 96_000) / 48;
        assert!(
            (85..140).contains(&lag_ms),
            "{lag_ms} ms, clock goes on: {clock_goes_on}"
        );
    }
}

#[test]
fn another_sender_on_the_same_track_is_followed() {
    let (original, mut packets) = stream(3.0);
    for packet in &mut packets[70..] {
        packet.seq = (packet.seq + 31_000) & 0xffff;
        packet.rtp_time = (packet.rtp_time + 3_000_000_000) & 0xffff_ffff;
    }

    let (frames, _) = listen(packets, Duration::from_secs(3));

    let lag_ms = lag(&original, &samples(&frames), 96_000) / 48;
    assert!((85..140).contains(&lag_ms), "{lag_ms} ms");
    let last = &frames[80..];
    assert!(
        last.iter()
            .filter(|f| f.kind == FrameKind::Received)
            .count()
            >= last.len() - 2
    );
}

#[test]
fn before_the_first_packet_there_is_silence() {
    let (frames, receiver) = listen(Vec::new(), Duration::from_secs(1));

    assert!(
        frames
            .iter()
            .all(|f| f.kind == FrameKind::Silence && f.samples == [0; 960])
    );
    assert_eq!(receiver.stats().concealed_samples, 0);
}

#[test]
fn a_listener_who_was_held_up_misses_nothing() {
    let (_, packets) = stream(3.0);
    let epoch = Instant::now();
    let (in_time, _) = listen(packets.clone(), Duration::from_secs(3));
    let mut receiver = AudioReceiver::new().unwrap();
    let mut packets = packets.into_iter().peekable();

    let mut frames = Vec::new();
    for n in 0..150u32 {
        // Once a second it comes 400 ms late and asks for all that was due meanwhile.
        let due = 20 * MS * n;
        let held_up = (n % 50) >= 30;
        let now = if held_up {
            20 * MS * (n / 50 * 50 + 49)
        } else {
            due
        };
        while let Some(packet) = packets.next_if(|packet| packet.arrives <= now) {
            receiver.push(RtpAudio {
                seq: packet.seq,
                rtp_time: packet.rtp_time,
                payload: packet.payload,
                arrived: epoch + packet.arrives,
            });
        }
        frames.push(receiver.pull(epoch + due));
    }

    assert!(frames == in_time);
}
