//! Questions from WAV files, answers into them.

use std::path::Path;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use jex_providers::Resampler;

/// What rooms carry: mono, 48 kHz.
pub const ROOM_HZ: u32 = 48_000;
/// Rates that a recording can have.
const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=384_000;
const LONGEST_SECONDS: u32 = 300;
/// Quieter samples (of 32767) at the ends of an answer count as silence.
const SILENT: u16 = 100;
/// What is left of the silence at each end: 200 ms.
const MARGIN: usize = ROOM_HZ as usize / 5;

/// What is wrong with a sound file.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    #[error(
        "cannot read {path}: {source}. A WAV file is needed; `ffmpeg -i {path} question.wav` makes one of any other."
    )]
    Read { path: String, source: hound::Error },
    #[error("{path} {reason}")]
    Unfit { path: String, reason: String },
    #[error("cannot write {path}: {source}. Name another file with --out.")]
    Write { path: String, source: hound::Error },
}

/// A recording as mono samples at 48 kHz.
pub fn read(path: &Path) -> Result<Vec<i16>, SoundError> {
    let shown = path.display().to_string();
    let failed = |source| SoundError::Read {
        path: shown.clone(),
        source,
    };
    let unfit = |reason: String| SoundError::Unfit {
        path: shown.clone(),
        reason,
    };
    let mut reader = WavReader::open(path).map_err(failed)?;
    let spec = reader.spec();
    if !RATES_HZ.contains(&spec.sample_rate) || spec.channels == 0 {
        return Err(unfit(format!(
            "has {} channels at {} Hz; at least one at {} to {} Hz is needed.",
            spec.channels,
            spec.sample_rate,
            RATES_HZ.start(),
            RATES_HZ.end()
        )));
    }
    if reader.duration() > spec.sample_rate * LONGEST_SECONDS {
        return Err(unfit(format!(
            "is longer than {LONGEST_SECONDS} s; cut it."
        )));
    }
    let samples = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect::<Result<Vec<_>, _>>(),
        SampleFormat::Int => {
            let full = 2f32.powi(i32::from(spec.bits_per_sample) - 1);
            let samples = reader.samples::<i32>();
            samples
                .map(|sample| sample.map(|sample| sample as f32 / full))
                .collect()
        }
    }
    .map_err(failed)?;
    let mono: Vec<i16> = samples
        .chunks_exact(usize::from(spec.channels))
        .map(|frame| frame.iter().sum::<f32>() / frame.len() as f32)
        .map(|sample| (sample * 32_768.0).round() as i16)
        .collect();
    if mono.is_empty() {
        return Err(unfit("holds no sound.".into()));
    }
    let mut resampler = Resampler::new(spec.sample_rate, ROOM_HZ);
    let mut samples = resampler.process(&mono);
    samples.extend(resampler.finish());
    Ok(samples)
}

/// Writes mono samples at 48 kHz.
pub fn write(path: &Path, samples: &[i16]) -> Result<(), SoundError> {
    let failed = |source| SoundError::Write {
        path: path.display().to_string(),
        source,
    };
    let spec = WavSpec {
        channels: 1,
        sample_rate: ROOM_HZ,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::create(path, spec).map_err(failed)?;
    for sample in samples {
        writer.write_sample(*sample).map_err(failed)?;
    }
    writer.finalize().map_err(failed)
}

/// The part between the silences at both ends, with a little of them.
pub fn trimmed(samples: &[i16]) -> &[i16] {
    let loud = |sample: &i16| sample.unsigned_abs() > SILENT;
    let (Some(first), Some(last)) = (
        samples.iter().position(loud),
        samples.iter().rposition(loud),
    ) else {
        return &[];
    };
    let end = (last + 1 + MARGIN).min(samples.len());
    &samples[first.saturating_sub(MARGIN)..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(channels: u16, sample_rate: u32, format: (u16, SampleFormat)) -> WavSpec {
        WavSpec {
            channels,
            sample_rate,
            bits_per_sample: format.0,
            sample_format: format.1,
        }
    }

    /// A 200 Hz tone of half the full volume, one second.
    fn tone(rate: u32) -> Vec<f32> {
        let step = std::f32::consts::TAU * 200.0 / rate as f32;
        (0..rate).map(|n| 0.5 * (step * n as f32).sin()).collect()
    }

    fn loudness(samples: &[i16]) -> f64 {
        let sum: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
        (sum / samples.len() as f64).sqrt()
    }

    #[test]
    fn every_kind_of_recording_comes_out_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q.wav");
        for (channels, rate, format) in [
            (1, 16_000, (16, SampleFormat::Int)),
            (2, 44_100, (16, SampleFormat::Int)),
            (1, 22_050, (8, SampleFormat::Int)),
            (2, 48_000, (24, SampleFormat::Int)),
            (6, 96_000, (32, SampleFormat::Float)),
        ] {
            let mut writer = WavWriter::create(&path, spec(channels, rate, format)).unwrap();
            for sample in tone(rate) {
                for _ in 0..channels {
                    match format.1 {
                        SampleFormat::Float => writer.write_sample(sample).unwrap(),
                        SampleFormat::Int => {
                            let full = 2f32.powi(i32::from(format.0) - 1);
                            writer.write_sample((sample * full) as i32).unwrap();
                        }
                    }
                }
            }
            writer.finalize().unwrap();

            let samples = read(&path).unwrap();

            assert_eq!(samples.len(), 48_000, "{rate} Hz");
            // Half the full volume of a sine.
            let expected = 0.5 * 32_768.0 / 2f64.sqrt();
            assert!(
                (loudness(&samples) - expected).abs() < expected * 0.03,
                "{rate} Hz"
            );
        }
    }

    #[test]
    fn what_is_no_recording_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.txt");
        std::fs::write(&text, "no sound").unwrap();
        let empty = folder.path().join("empty.wav");
        write(&empty, &[]).unwrap();

        assert!(read(&text).unwrap_err().to_string().contains("notes.txt"));
        assert!(
            read(&empty)
                .unwrap_err()
                .to_string()
                .contains("holds no sound")
        );
        let missing = read(Path::new("/nowhere/q.wav")).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/q.wav"), "{missing}");
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let samples: Vec<i16> = (-500..500).map(|n| n * 60).collect();

        write(&path, &samples).unwrap();

        assert_eq!(read(&path).unwrap(), samples);
    }

    #[test]
    fn silence_is_cut_from_both_ends_but_for_a_margin() {
        let silence = vec![0i16; ROOM_HZ as usize];
        let voice = vec![5000i16; 960];
        let samples = [&silence[..], &voice, &silence, &voice, &silence].concat();

        let kept = trimmed(&samples);

        assert_eq!(kept.len(), 2 * MARGIN + 2 * voice.len() + silence.len());
        assert!(trimmed(&silence).is_empty());
        assert_eq!(trimmed(&voice), voice);
    }
}
