//! A speaker, a network and a listener, without a clock.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use opus::{Application, Bitrate, Channels, Encoder};

use crate::audio::{AudioFrame, AudioReceiver, RtpAudio};

pub const FRAME: Duration = Duration::from_millis(20);

/// Something with the pitch, harmonics, syllables and rests of speech; mono, 48 kHz.
pub fn speech(seconds: f64) -> Vec<i16> {
    static SPEECH: OnceLock<Vec<i16>> = OnceLock::new();
    let whole = SPEECH.get_or_init(|| make_speech(60.0));
    whole[..(seconds * 48_000.0) as usize].to_vec()
}

fn make_speech(seconds: f64) -> Vec<i16> {
    let (mut phase, mut samples) = (0.0f64, Vec::new());
    for n in 0..(seconds * 48_000.0) as usize {
        let t = n as f64 / 48_000.0;
        let pitch_hz = 130.0 + 30.0 * f64::sin(t * 3.1) + 8.0 * f64::sin(t * 17.0);
        phase += pitch_hz / 48_000.0;
        let vowel_hz = 700.0 + 350.0 * f64::sin(t * 7.3);
        let voice: f64 = (1..=25)
            .map(|k| {
                let distance = (f64::from(k) * pitch_hz - vowel_hz) / 400.0;
                let strength = 1.0 / (1.0 + distance * distance) + 0.3 / f64::from(k);
                strength * f64::sin(std::f64::consts::TAU * phase * f64::from(k))
            })
            .sum();
        let syllable = f64::sin(t * 9.0).max(0.0).sqrt();
        let resting = (t % 3.0) > 2.6;
        samples.push(if resting {
            0
        } else {
            (voice * syllable * 5000.0) as i16
        });
    }
    samples
}

/// Packets of 20 ms, mono, over the ideal network of [`sent`].
pub fn stream(seconds: f64) -> (Vec<i16>, Vec<Sent>) {
    static PAYLOADS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let payloads = PAYLOADS.get_or_init(|| encode(&speech(60.0), 960, Channels::Mono));
    let count = (seconds * 50.0) as usize;
    (speech(seconds), sent(&payloads[..count], 960))
}

/// Opus packets of `frame_samples` each (2.5 to 60 ms), as a browser would send them.
pub fn encode(samples: &[i16], frame_samples: usize, channels: Channels) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(48_000, channels, Application::Voip).unwrap();
    encoder.set_bitrate(Bitrate::Bits(32_000)).unwrap();
    encoder.set_inband_fec(true).unwrap();
    encoder.set_packet_loss_perc(10).unwrap();
    let width = match channels {
        Channels::Mono => 1,
        Channels::Stereo => 2,
    };
    let interleaved: Vec<i16> = samples.iter().flat_map(|&s| vec![s; width]).collect();
    interleaved
        .chunks_exact(frame_samples * width)
        .map(|frame| encoder.encode_vec(frame, 1400).unwrap())
        .collect()
}

/// One packet under way: when it arrives, counted from the first one's sending.
#[derive(Debug, Clone)]
pub struct Sent {
    pub seq: u64,
    pub rtp_time: u64,
    pub payload: Vec<u8>,
    pub arrives: Duration,
}

/// Packets as an ideal network delivers them, 30 ms after they were sent.
pub fn sent(payloads: &[Vec<u8>], frame_samples: usize) -> Vec<Sent> {
    payloads
        .iter()
        .enumerate()
        .map(|(n, payload)| Sent {
            seq: n as u64,
            rtp_time: (n * frame_samples) as u64,
            payload: payload.clone(),
            arrives: Duration::from_millis(30)
                + Duration::from_secs_f64((n * frame_samples) as f64 / 48_000.0),
        })
        .collect()
}

/// What a listener gets who asks every 20 ms until `length` is over.
pub fn listen(mut packets: Vec<Sent>, length: Duration) -> (Vec<AudioFrame>, AudioReceiver) {
    packets.sort_by_key(|packet| packet.arrives);
    let epoch = Instant::now();
    let mut receiver = AudioReceiver::new().unwrap();
    let mut packets = packets.into_iter().peekable();
    let mut frames = Vec::new();
    let mut now = Duration::ZERO;
    while now < length {
        while let Some(packet) = packets.next_if(|packet| packet.arrives <= now) {
            receiver.push(RtpAudio {
                seq: packet.seq,
                rtp_time: packet.rtp_time,
                payload: packet.payload,
                arrived: epoch + packet.arrives,
            });
        }
        frames.push(receiver.pull(epoch + now));
        now += FRAME;
    }
    (frames, receiver)
}

pub fn samples(frames: &[AudioFrame]) -> Vec<i16> {
    frames
        .iter()
        .flat_map(|frame| frame.samples.clone())
        .collect()
}

/// By how many samples `heard` lags behind `original` around the middle of `original`.
pub fn lag(original: &[i16], heard: &[i16], middle: usize) -> usize {
    let window = 48_000.min(original.len() / 2);
    let original = &original[middle - window / 2..][..window];
    let product = |delay: usize| -> f64 {
        let start = middle - window / 2 + delay;
        let Some(heard) = heard.get(start..start + window) else {
            return f64::MIN;
        };
        let pairs = original.iter().zip(heard).step_by(6);
        pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    (0..48_000)
        .step_by(12)
        .max_by(|&a, &b| product(a).total_cmp(&product(b)))
        .unwrap_or(0)
}

/// Signal to error, in dB.
pub fn snr_db(original: &[i16], heard: &[i16]) -> f64 {
    let signal: f64 = original.iter().map(|&s| f64::from(s).powi(2)).sum();
    let error: f64 = original
        .iter()
        .zip(heard)
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
        .sum();
    10.0 * f64::log10(signal / error.max(1.0))
}

/// The same numbers each time: tests must not flicker.
pub struct Dice(pub u64);

impl Dice {
    /// 0 to 1.
    pub fn roll(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1u32 << 31)
    }
}
