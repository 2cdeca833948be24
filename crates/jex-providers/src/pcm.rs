//! Little-endian 16-bit PCM that arrives in pieces of any size.

/// Turns bytes into mono samples; keeps the part of a frame that has not arrived whole.
#[derive(Debug)]
pub(crate) struct PcmDecoder {
    channels: usize,
    partial: Vec<u8>,
}

impl Default for PcmDecoder {
    fn default() -> Self {
        Self::new(1)
    }
}

impl PcmDecoder {
    /// `channels` is at least 1; several are averaged.
    pub fn new(channels: usize) -> Self {
        Self {
            channels: channels.max(1),
            partial: Vec::new(),
        }
    }

    /// The samples that are complete with these bytes.
    pub fn decode(&mut self, bytes: &[u8]) -> Vec<i16> {
        self.partial.extend_from_slice(bytes);
        let frame = 2 * self.channels;
        let whole = self.partial.len() / frame * frame;
        let samples = self.partial[..whole]
            .chunks_exact(frame)
            .map(|frame| {
                let sum: i32 = frame
                    .chunks_exact(2)
                    .map(|sample| i32::from(i16::from_le_bytes([sample[0], sample[1]])))
                    .sum();
                // An average of 16-bit values is one.
                (sum / self.channels as i32) as i16
            })
            .collect();
        self.partial.drain(..whole);
        samples
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn samples_do_not_depend_on_how_the_bytes_were_cut(
            samples in prop::collection::vec(any::<i16>(), 0..100), step in 1usize..9,
        ) {
            let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
            let mut decoder = PcmDecoder::new(1);

            let decoded: Vec<i16> = bytes.chunks(step).flat_map(|b| decoder.decode(b)).collect();

            prop_assert_eq!(decoded, samples);
        }
    }

    #[test]
    fn two_channels_become_their_average() {
        let bytes: Vec<u8> = [100i16, 300, i16::MIN, i16::MIN]
            .iter()
            .flat_map(|s| s.to_le_bytes())
            .collect();

        assert_eq!(PcmDecoder::new(2).decode(&bytes), [200, i16::MIN]);
    }
}
