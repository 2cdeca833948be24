//! What is written goes out, is counted, and can be taken back.

use opus::{Channels, Decoder};

use super::network::{lag, snr_db, speech};
use crate::audio::opus_packet::OpusPacket;
use crate::audio::{AudioSender, FRAME_SAMPLES};

fn tone(amplitude: f64, samples: usize) -> Vec<i16> {
    let step = std::f64::consts::TAU * 440.0 / 48_000.0;
    (0..samples)
        .map(|n| (f64::sin(n as f64 * step) * amplitude) as i16)
        .collect()
}

#[test]
fn an_empty_queue_sends_silence() {
    let mut sender = AudioSender::new().unwrap();

    let packet = sender.next_packet();

    assert_eq!((packet.level_dbov, packet.voiced), (-127, false));
    assert!(OpusPacket::parse(packet.payload).is_some_and(|opus| opus.samples() == 960));
    assert_eq!(sender.played(), 0);
}

#[test]
fn timestamps_follow_the_clock_whether_there_is_sound_or_not() {
    let mut sender = AudioSender::new().unwrap();

    let mut times = vec![sender.next_packet().rtp_time];
    sender.write(&[1; 960]);
    times.push(sender.next_packet().rtp_time);
    times.push(sender.next_packet().rtp_time);
    sender.skip(10);
    times.push(sender.next_packet().rtp_time);

    assert_eq!(times, [0, 960, 1920, 12 * 960 + 960]);
}

#[test]
fn what_was_sent_is_counted() {
    let mut sender = AudioSender::new().unwrap();
    sender.write(&[1000; 1000]);

    sender.next_packet();
    assert_eq!((sender.played(), sender.queued()), (960, 40));
    sender.next_packet();

    assert_eq!((sender.played(), sender.queued()), (1000, 0));
}

#[test]
fn what_was_cleared_is_silent_and_not_counted() {
    let mut sender = AudioSender::new().unwrap();
    sender.write(&tone(8000.0, 48_000));
    sender.next_packet();

    sender.clear();
    let fading = sender.next_packet();
    let silent = sender.next_packet();

    assert!(fading.level_dbov < -20, "{}", fading.level_dbov);
    assert_eq!(silent.level_dbov, -127);
    assert_eq!((sender.played(), sender.queued()), (960, 0));
}

#[test]
fn after_clearing_it_speaks_again() {
    let mut sender = AudioSender::new().unwrap();
    sender.write(&tone(8000.0, 4800));
    sender.clear();

    sender.write(&tone(8000.0, 960));
    let packet = sender.next_packet();

    assert!(packet.voiced);
    assert_eq!(sender.played(), 960);
}

#[test]
fn levels_are_those_of_rfc_6464() {
    // A full sine is 3 dB below the loudest square wave.
    for (amplitude, level) in [(32_767.0, -3), (3276.7, -23), (327.67, -43), (20.0, -67)] {
        let mut sender = AudioSender::new().unwrap();
        sender.write(&tone(amplitude, FRAME_SAMPLES));

        let packet = sender.next_packet();

        assert!(
            (packet.level_dbov - level).abs() <= 1,
            "{} for {level}",
            packet.level_dbov
        );
        assert_eq!(packet.voiced, level > -60);
    }
}

#[test]
fn speech_arrives_as_speech_with_a_copy_of_itself() {
    let mut sender = AudioSender::new().unwrap();
    let mut decoder = Decoder::new(48_000, Channels::Mono).unwrap();
    let original = speech(2.0);
    sender.write(&original);

    let (mut heard, mut bytes, mut copies) = (Vec::new(), 0, 0);
    for _ in 0..105 {
        let packet = sender.next_packet();
        let mut samples = [0; 960];
        decoder
            .decode(&packet.payload, &mut samples, false)
            .unwrap();
        heard.extend(samples);
        bytes += packet.payload.len();
        let opus = OpusPacket::parse(packet.payload).unwrap();
        copies += u32::from(opus.repeats_previous());
    }

    let lag = lag(&original, &heard, 48_000);
    let snr = snr_db(&original[..90_000], &heard[lag..]);
    assert!(lag < 960 && snr > 6.0, "{snr:.1} dB, {lag} samples late");
    let bits_per_second = bytes as f64 * 8.0 / 2.1;
    assert!(
        (16_000.0..40_000.0).contains(&bits_per_second),
        "{bits_per_second}"
    );
    assert!(copies > 30, "{copies} of 105 packets can be lost");
}
