//! Voice activity, measured: speech, noise, tones and silence. The table printed here is the one
//! in `src/voice_activity.rs`.

use std::f64::consts::TAU;

use jex_providers::{VoiceActivity, VoiceEvent};

const RATE_HZ: usize = 16_000;
/// earshot's frame.
const FRAME: usize = 256;

/// `What is the capital of France, and how far is it from Berlin?`, spoken by Piper
/// (en_US-joe-medium), mono, 16 kHz.
fn question() -> Vec<i16> {
    // From the crate's folder, in which cargo runs it: what was built in another checkout runs here as well.
    let file = "tests/audio/question.wav";
    let mut reader = hound::WavReader::open(file).expect(file);
    assert_eq!(reader.spec().sample_rate as usize, RATE_HZ);
    assert_eq!(reader.spec().channels, 1);
    reader
        .samples()
        .map(|sample| sample.expect("a whole file"))
        .collect()
}

/// A noise that is the same in every run (an LCG: Numerical Recipes' constants).
struct Random(u32);

impl Random {
    /// From -1 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0) / f64::from(u32::MAX) * 2.0 - 1.0
    }
}

fn seconds(count: usize, mut sample: impl FnMut(usize) -> f64) -> Vec<i16> {
    (0..count * RATE_HZ)
        .map(|n| (sample(n) * 32_767.0) as i16)
        .collect()
}

/// A level in dB of full scale, as the factor of a signal whose RMS is 1.
fn rms(db: f64) -> f64 {
    10f64.powf(db / 20.0)
}

fn white(db: f64) -> Vec<i16> {
    let mut random = Random(1);
    // Uniform noise from -1 to 1 has an RMS of 1/√3.
    seconds(10, |_| {
        (random.next() * 3f64.sqrt() * rms(db)).clamp(-1.0, 1.0)
    })
}

/// Pink by Voss and McCartney: rows of noise, each renewed half as often as the one before.
fn pink(db: f64) -> Vec<i16> {
    let mut random = Random(2);
    let mut rows = [0.0; 12];
    let raw: Vec<f64> = (0..10 * RATE_HZ)
        .map(|n| {
            let row = (n.trailing_zeros() as usize).min(rows.len() - 1);
            rows[row] = random.next();
            rows.iter().sum::<f64>() + random.next()
        })
        .collect();
    let level = (raw.iter().map(|x| x * x).sum::<f64>() / raw.len() as f64).sqrt();
    raw.iter()
        .map(|x| ((x / level * rms(db)).clamp(-1.0, 1.0) * 32_767.0) as i16)
        .collect()
}

fn tone(hz: f64, db: f64) -> Vec<i16> {
    seconds(10, |n| {
        2f64.sqrt() * rms(db) * (TAU * hz * n as f64 / RATE_HZ as f64).sin()
    })
}

fn silence() -> Vec<i16> {
    vec![0; 10 * RATE_HZ]
}

fn mixed(a: &[i16], b: &[i16]) -> Vec<i16> {
    a.iter().zip(b).map(|(a, b)| a.saturating_add(*b)).collect()
}

/// `before` seconds of silence, the sound, two seconds of silence.
fn between_silence(before: usize, sound: &[i16]) -> Vec<i16> {
    let mut samples = vec![0; before * RATE_HZ];
    samples.extend_from_slice(sound);
    samples.extend(vec![0; 2 * RATE_HZ]);
    samples
}

fn events(samples: &[i16]) -> Vec<VoiceEvent> {
    VoiceActivity::new().push(samples)
}

/// Stretches of voice in seconds.
fn stretches(samples: &[i16]) -> Vec<(f64, f64)> {
    let mut started = None;
    let mut stretches = Vec::new();
    for event in events(samples) {
        match event {
            VoiceEvent::Started { at_sample } => started = Some(at_sample),
            VoiceEvent::Stopped {
                last_voice_at_sample,
            } => {
                let from = started.take().expect("speech that stops has started");
                stretches.push((
                    from as f64 / 16_000.0,
                    last_voice_at_sample as f64 / 16_000.0,
                ));
            }
        }
    }
    stretches.extend(started.map(|from| (from as f64 / 16_000.0, samples.len() as f64 / 16_000.0)));
    stretches
}

/// The network's scores, frame by frame.
fn scores(samples: &[i16]) -> Vec<f32> {
    let mut detector = earshot::Detector::default();
    samples
        .as_chunks::<FRAME>()
        .0
        .iter()
        .map(|frame| detector.predict_i16(frame))
        .collect()
}

/// Everything that is no voice, up to the loudness of a voice.
fn quiet_sounds() -> Vec<(String, Vec<i16>)> {
    let mut noises = vec![("silence".to_owned(), silence())];
    for db in [-60.0, -40.0, -30.0, -20.0] {
        noises.push((format!("white noise, {db} dB"), white(db)));
        noises.push((format!("pink noise, {db} dB"), pink(db)));
    }
    for hz in [50.0, 100.0, 200.0, 440.0, 1000.0, 3000.0] {
        for db in [-40.0, -20.0, -10.0] {
            noises.push((format!("tone of {hz} Hz, {db} dB"), tone(hz, db)));
        }
    }
    noises
}

fn measured_sounds() -> Vec<(String, Vec<i16>)> {
    let speech: Vec<i16> = question().into_iter().cycle().take(10 * RATE_HZ).collect();
    let level = level_db(&speech);
    let quiet = speech.iter().map(|sample| sample / 10).collect();
    let mut sounds = vec![
        (format!("speech at {level:.0} dB"), speech.clone()),
        ("speech 20 dB quieter".to_owned(), quiet),
    ];
    for below in [20.0, 10.0] {
        let name = |noise| format!("speech, {noise} noise {below} dB below");
        sounds.push((name("white"), mixed(&speech, &white(level - below))));
        sounds.push((name("pink"), mixed(&speech, &pink(level - below))));
    }
    sounds.push(("white noise, -10 dB".to_owned(), white(-10.0)));
    sounds.push(("pink noise, -10 dB".to_owned(), pink(-10.0)));
    sounds.extend(quiet_sounds());
    sounds
}

fn level_db(samples: &[i16]) -> f64 {
    let squares = samples.iter().map(|s| (f64::from(*s) / 32_768.0).powi(2));
    10.0 * (squares.sum::<f64>() / samples.len() as f64).log10()
}

/// The share of frames whose score reaches `threshold`, in percent.
fn reaching(scores: &[f32], threshold: f32) -> f32 {
    let reached = scores.iter().filter(|score| **score >= threshold).count();
    100.0 * reached as f32 / scores.len() as f32
}

#[test]
fn the_measured_table_holds() {
    println!(
        "{:36} {:>5} {:>7} {:>7} {:>7}",
        "", "max", ">=0.4", ">=0.5", ">=0.6"
    );
    for (name, samples) in measured_sounds() {
        let scores = scores(&samples);
        let highest = scores.iter().copied().fold(0.0, f32::max);
        let [at_4, at_5, at_6] = [0.4, 0.5, 0.6].map(|threshold| reaching(&scores, threshold));
        println!("{name:36} {highest:5.2} {at_4:6.1}% {at_5:6.1}% {at_6:6.1}%");

        if name.starts_with("speech") {
            assert!(at_6 > 75.0, "{name}: {at_6}");
        } else if name.starts_with("tone") {
            assert!(highest < 0.6, "{name}: {highest}");
        } else if !name.contains("-10") {
            assert!(at_6 < 1.0, "{name}: {at_6}");
        }
    }
}

#[test]
fn no_noise_below_a_shout_and_no_tone_is_voice() {
    for (name, samples) in quiet_sounds() {
        assert_eq!(events(&samples), [], "{name}");
    }
}

#[test]
fn speech_is_heard_from_its_first_word_to_its_last() {
    let question = question();
    let length = question.len() as f64 / RATE_HZ as f64;

    let stretches = stretches(&between_silence(1, &question));

    let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else {
        panic!("nothing was heard");
    };
    assert!((first.0 - 1.0).abs() < 0.15, "{stretches:?}");
    assert!(
        (last.1 - 1.0 - length).abs() < 0.25,
        "{stretches:?} of {length} s"
    );
    let heard: f64 = stretches.iter().map(|(from, to)| to - from).sum();
    assert!(heard > 0.85 * length, "{stretches:?}");
}

#[test]
fn the_start_is_told_within_a_quarter_of_a_second() {
    let samples = between_silence(1, &question());
    let mut activity = VoiceActivity::new();

    let heard_at = samples
        .chunks(320)
        .position(|chunk| !activity.push(chunk).is_empty())
        .map(|chunk| (chunk + 1) as f64 * 0.02 - 1.0);

    println!("speech was noticed after {heard_at:?} s");
    assert!(
        heard_at.is_some_and(|after| (0.0..0.25).contains(&after)),
        "{heard_at:?}"
    );
}

/// Speech is at -22 dB here; with noise of that level the network no longer tells them apart.
#[test]
fn speech_ends_in_a_noisy_room_too() {
    for noise in [
        white(-30.0),
        pink(-30.0),
        white(-27.0),
        pink(-27.0),
        tone(200.0, -20.0),
    ] {
        let mut samples = question();
        let spoken = samples.len() as f64 / RATE_HZ as f64;
        samples.extend(vec![0; 6 * RATE_HZ]);
        let samples = mixed(&samples, &noise);

        let told = events(&samples);
        let stretches = stretches(&samples);

        let ended = matches!(told.last(), Some(VoiceEvent::Stopped { .. }));
        assert!(ended, "{told:?}");
        let last = stretches.last().map_or(0.0, |stretch| stretch.1);
        assert!(last < spoken + 0.3, "{stretches:?} of {spoken} s");
    }
}

#[test]
fn a_click_is_no_speech() {
    let mut samples = silence();
    let mut random = Random(3);
    // 30 ms of full noise: a key, a cup.
    for sample in &mut samples[RATE_HZ..RATE_HZ + 480] {
        *sample = (random.next() * 30_000.0) as i16;
    }

    assert_eq!(events(&samples), []);
}

#[test]
fn events_do_not_depend_on_how_the_audio_was_cut() {
    let samples = between_silence(1, &question());
    let whole = events(&samples);

    for size in [1, 100, 256, 320, 999] {
        let mut activity = VoiceActivity::new();
        let pieces: Vec<VoiceEvent> = samples
            .chunks(size)
            .flat_map(|chunk| activity.push(chunk))
            .collect();

        assert_eq!(pieces, whole, "in pieces of {size}");
    }
}
