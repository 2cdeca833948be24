//! Makes speech shorter without changing its pitch, and takes the click out of edges.

use std::ops::Range;

/// Lags tried, 2.5 to 15 ms: the periods of voices between 67 and 400 Hz.
const LAGS: Range<usize> = 120..720;
/// 5 ms are blended into one another.
const OVERLAP: usize = 240;
/// Every fourth sample is enough to find a period (12 kHz).
const STRIDE: usize = 4;
/// Below this the two parts differ so much that the blend is heard.
const MIN_LIKENESS: f64 = 0.6;
/// About -50 dBov: nobody hears what happens to it.
const QUIET_RMS: f64 = 100.0;

/// What [`shorten`] needs to look at.
pub const SHORTEN_SAMPLES: usize = 960;

/// Blends the front of `samples` into the part one pitch period later, as if the period had not
/// been there. Returns how many samples at the front are to be dropped; `None` where that would
/// be heard (unless `must`).
pub fn shorten(samples: &mut [i16], must: bool) -> Option<usize> {
    if samples.len() < LAGS.end + OVERLAP {
        return None;
    }
    let lag = if rms(samples) < QUIET_RMS {
        LAGS.end - 1
    } else {
        let (likeness, lag) = best_lag(samples);
        if likeness < MIN_LIKENESS && !must {
            return None;
        }
        lag
    };
    for n in 0..OVERLAP {
        let old = i32::from(samples[n]) * (OVERLAP - n) as i32;
        let new = i32::from(samples[lag + n]) * n as i32;
        samples[lag + n] = ((old + new) / OVERLAP as i32) as i16;
    }
    Some(lag)
}

fn best_lag(samples: &[i16]) -> (f64, usize) {
    LAGS.step_by(STRIDE)
        .map(|lag| {
            (
                likeness(&samples[..OVERLAP], &samples[lag..lag + OVERLAP]),
                lag,
            )
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap_or((0.0, LAGS.start))
}

/// Normalised cross-correlation, -1 to 1.
fn likeness(a: &[i16], b: &[i16]) -> f64 {
    let (mut ab, mut aa, mut bb) = (0.0, 1.0, 1.0);
    for (&a, &b) in a.iter().zip(b).step_by(STRIDE) {
        let (a, b) = (f64::from(a), f64::from(b));
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    ab / f64::sqrt(aa * bb)
}

/// Root mean square, 0 to 32768.
pub fn rms(samples: &[i16]) -> f64 {
    let energy: f64 = samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
    f64::sqrt(energy / samples.len().max(1) as f64)
}

pub fn fade_in(samples: &mut [i16]) {
    let length = samples.len() as i32;
    for (n, sample) in samples.iter_mut().enumerate() {
        *sample = (i32::from(*sample) * n as i32 / length) as i16;
    }
}

pub fn fade_out(samples: &mut [i16]) {
    let length = samples.len() as i32;
    for (n, sample) in samples.iter_mut().enumerate() {
        *sample = (i32::from(*sample) * (length - n as i32) / length) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, samples: usize) -> Vec<i16> {
        let step = std::f64::consts::TAU * hz / 48_000.0;
        (0..samples)
            .map(|n| (f64::sin(n as f64 * step) * 8000.0) as i16)
            .collect()
    }

    #[test]
    fn a_tone_loses_whole_periods() {
        let mut samples = tone(200.0, SHORTEN_SAMPLES);

        let dropped = shorten(&mut samples, false).expect("a tone repeats itself");

        // 240 samples are one period of 200 Hz; the lag is found to a step of four samples.
        assert!(dropped % 240 <= 4 || dropped % 240 >= 236, "{dropped}");
        let steepest = samples[dropped..]
            .windows(2)
            .map(|w| (w[0] - w[1]).abs())
            .max();
        assert!(steepest < Some(300), "a jump of {steepest:?}");
    }

    #[test]
    fn noise_is_left_alone_unless_it_must_be_shorter() {
        let mut state = 1u32;
        let mut noise: Vec<i16> = (0..SHORTEN_SAMPLES)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 18) as i16 - 8192
            })
            .collect();

        assert_eq!(shorten(&mut noise, false), None);
        assert!(shorten(&mut noise, true).is_some());
    }

    #[test]
    fn silence_is_shortened_most() {
        assert_eq!(
            shorten(&mut [0; SHORTEN_SAMPLES], false),
            Some(LAGS.end - 1)
        );
    }
}
