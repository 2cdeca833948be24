//! WAV that arrives in pieces of any size: 16-bit PCM, as Coqui's server and espeak-ng write it.
//!
//! Source of the format: <http://soundfile.sapp.org/doc/WaveFormat/>. A file is `RIFF`, a length, `WAVE`,
//! and chunks of a name, a length and bytes (padded to an even number): `fmt ` before `data`, others
//! anywhere.

use crate::pcm::PcmDecoder;

/// Sample rates that a voice may have, in Hz.
const RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=96_000;
/// Longest way to the first sample, in bytes. Some writers put a title before it.
const LONGEST_HEADER: usize = 64 << 10;
/// From here on, and 0: what a writer into a pipe gives for a length that it does not know.
const UNKNOWN_LENGTH: u32 = 0x7fff_0000;

/// What comes before the first sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WavHeader {
    pub rate_hz: u32,
    /// At least 1.
    pub channels: u16,
    /// Bytes of samples; `None` where the writer did not know.
    pub data_bytes: Option<u32>,
    /// Bytes of the header itself.
    pub header_bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WavError {
    #[error("this is no WAV file")]
    NotWav,
    #[error("a WAV file of another format than 16-bit PCM")]
    NotPcm16,
    #[error("a WAV file with an impossible sample rate, {0} Hz")]
    Rate(u32),
    #[error("a WAV file whose samples do not begin")]
    TooLong,
}

impl WavHeader {
    /// `None` while there is more to come.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, WavError> {
        let begins_like = |name: &[u8], at: usize| {
            let there = bytes.get(at..).unwrap_or_default();
            there.iter().zip(name).all(|(a, b)| a == b)
        };
        if !begins_like(b"RIFF", 0) || !begins_like(b"WAVE", 8) {
            return Err(WavError::NotWav);
        }
        let mut format = None;
        let mut at = 12;
        while let (Some(name), Some(length)) = (bytes.get(at..at + 4), number(bytes, at + 4)) {
            let body = at + 8;
            match name {
                b"fmt " if length < 16 => return Err(WavError::NotPcm16),
                b"fmt " => {
                    let Some(fields) = bytes.get(body..body + 16) else {
                        break;
                    };
                    format = Some(pcm16(fields)?);
                }
                b"data" => {
                    let (rate_hz, channels) = format.ok_or(WavError::NotPcm16)?;
                    return Ok(Some(Self {
                        rate_hz,
                        channels,
                        data_bytes: (1..UNKNOWN_LENGTH).contains(&length).then_some(length),
                        header_bytes: body,
                    }));
                }
                _ => {}
            }
            at = body + length as usize + (length % 2) as usize;
            if at > LONGEST_HEADER {
                return Err(WavError::TooLong);
            }
        }
        Ok(None)
    }
}

/// Sample rate and channels of a `fmt ` chunk.
fn pcm16(fields: &[u8]) -> Result<(u32, u16), WavError> {
    let short = |at| u16::from_le_bytes([fields[at], fields[at + 1]]);
    let (1, channels @ 1..=8, 16) = (short(0), short(2), short(14)) else {
        return Err(WavError::NotPcm16);
    };
    match number(fields, 4) {
        Some(rate_hz) if RATES_HZ.contains(&rate_hz) => Ok((rate_hz, channels)),
        rate_hz => Err(WavError::Rate(rate_hz.unwrap_or_default())),
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let number = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(number))
}

/// Turns the bytes of a file into mono samples, as they come.
#[derive(Debug, Default)]
pub(crate) struct WavDecoder {
    /// Until the header is whole.
    head: Vec<u8>,
    samples: Option<Samples>,
}

#[derive(Debug)]
struct Samples {
    rate_hz: u32,
    pcm: PcmDecoder,
    /// Bytes that the header promises and that are yet to come.
    left: Option<usize>,
}

impl WavDecoder {
    /// The samples that are complete with these bytes. What follows them in the file is left out.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Vec<i16>, WavError> {
        if let Some(samples) = &mut self.samples {
            return Ok(samples.decode(bytes));
        }
        self.head.extend_from_slice(bytes);
        let Some(header) = WavHeader::parse(&self.head)? else {
            return Ok(Vec::new());
        };
        let head = std::mem::take(&mut self.head);
        let samples = self.samples.insert(Samples {
            rate_hz: header.rate_hz,
            pcm: PcmDecoder::new(header.channels.into()),
            left: header.data_bytes.map(|bytes| bytes as usize),
        });
        Ok(samples.decode(&head[header.header_bytes..]))
    }

    /// In Hz; `None` before the header is whole.
    pub fn rate_hz(&self) -> Option<u32> {
        self.samples.as_ref().map(|samples| samples.rate_hz)
    }

    /// Whether everything came that the header promised.
    pub fn is_complete(&self) -> bool {
        let samples = self.samples.as_ref();
        samples.is_some_and(|samples| samples.left.is_none_or(|left| left == 0))
    }
}

impl Samples {
    fn decode(&mut self, bytes: &[u8]) -> Vec<i16> {
        let wanted = self.left.unwrap_or(bytes.len()).min(bytes.len());
        self.left = self.left.map(|left| left - wanted);
        self.pcm.decode(&bytes[..wanted])
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// A file as another writer makes it.
    fn file(samples: &[i16], channels: u16, sample_rate: u32) -> Vec<u8> {
        let spec = hound::WavSpec {
            channels,
            sample_rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut file, spec).expect("a writer");
        for sample in samples {
            writer.write_sample(*sample).expect("memory takes it");
        }
        writer.finalize().expect("whole frames");
        file.into_inner()
    }

    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut chunk = name.to_vec();
        chunk.extend((body.len() as u32).to_le_bytes());
        chunk.extend(body);
        chunk.resize(chunk.len().next_multiple_of(2), 0);
        chunk
    }

    fn decode(file: &[u8]) -> Result<(Vec<i16>, bool), WavError> {
        let mut decoder = WavDecoder::default();
        let samples = decoder.decode(file)?;
        Ok((samples, decoder.is_complete()))
    }

    proptest! {
        #[test]
        fn what_another_wrote_is_read_however_it_is_cut(
            samples in prop::collection::vec(any::<i16>(), 1..100),
            rate_hz in RATES_HZ,
            step in 1usize..60,
        ) {
            let mut decoder = WavDecoder::default();

            let mut decoded = Vec::new();
            for piece in file(&samples, 1, rate_hz).chunks(step) {
                prop_assert!(!decoder.is_complete());
                decoded.extend(decoder.decode(piece).expect("a WAV file"));
            }

            prop_assert_eq!(decoded, samples);
            prop_assert_eq!(decoder.rate_hz(), Some(rate_hz));
            prop_assert!(decoder.is_complete());
        }

        #[test]
        fn no_bytes_panic(
            spoiled in prop::collection::vec((0usize..44, any::<u8>()), 0..12),
            tail in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let mut bytes = file(&[], 1, 22_050);
            for (at, byte) in spoiled {
                bytes[at] = byte;
            }
            bytes.extend(tail);

            let _ = decode(&bytes);
        }

        #[test]
        fn a_header_is_never_longer_than_what_came(
            head in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let bytes = [&file(&[1], 1, 22_050)[..12], &head].concat();

            if let Ok(Some(header)) = WavHeader::parse(&bytes) {
                prop_assert!(header.header_bytes <= bytes.len());
            }
        }
    }

    #[test]
    fn other_chunks_are_passed_over() {
        let plain = file(&[1, 2, 3], 1, 24_000);
        let (head, rest) = plain.split_at(12);
        let mut long = head.to_vec();
        long.extend(chunk(b"LIST", b"odd"));
        long.extend(rest);
        long.extend(chunk(b"id3 ", b"not a sample"));

        assert_eq!(decode(&long), Ok((vec![1, 2, 3], true)));
    }

    #[test]
    fn a_length_that_the_writer_did_not_know_is_all_that_comes() {
        for unknown in [0u32, 0x7fff_f000, u32::MAX] {
            let mut bytes = file(&[1, 2, 3], 1, 22_050);
            bytes[40..44].copy_from_slice(&unknown.to_le_bytes());

            assert_eq!(decode(&bytes), Ok((vec![1, 2, 3], true)), "{unknown:x}");
        }
    }

    #[test]
    fn a_file_that_breaks_off_is_not_complete() {
        let bytes = file(&[1, 2, 3], 1, 22_050);

        assert_eq!(decode(&bytes[..bytes.len() - 2]), Ok((vec![1, 2], false)));
        assert_eq!(decode(&bytes[..20]), Ok((vec![], false)));
    }

    #[test]
    fn two_channels_become_one() {
        assert_eq!(decode(&file(&[100, 300], 2, 22_050)), Ok((vec![200], true)));
    }

    #[test]
    fn what_is_no_pcm_of_16_bits_is_said() {
        let bytes = file(&[1], 1, 22_050);
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            decode(&bytes)
        };

        assert_eq!(decode(b"<!doctype html>"), Err(WavError::NotWav));
        assert_eq!(with(20, 3), Err(WavError::NotPcm16), "floating point");
        assert_eq!(with(34, 24), Err(WavError::NotPcm16), "24 bits");
        assert_eq!(with(22, 0), Err(WavError::NotPcm16), "no channel");
        assert_eq!(with(25, 0), Err(WavError::Rate(0x22)));
        assert_eq!(with(12, b'x'), Err(WavError::NotPcm16), "data before fmt");
    }

    #[test]
    fn a_file_without_samples_is_not_waited_for_for_ever() {
        let mut bytes = file(&[], 1, 22_050)[..36].to_vec();
        bytes.extend(b"junk");
        bytes.extend((1u32 << 20).to_le_bytes());

        assert_eq!(decode(&bytes), Err(WavError::TooLong));
    }
}
