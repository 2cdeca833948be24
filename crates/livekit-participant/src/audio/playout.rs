//! Decoded samples that wait for their turn, each with where it came from.

use std::collections::VecDeque;

use super::FrameKind;
use super::time_scale::fade_in;

/// 5 ms.
const FADE_SAMPLES: usize = 240;

/// A queue of samples in runs of one kind.
#[derive(Debug, Default)]
pub struct Playout {
    samples: VecDeque<i16>,
    runs: VecDeque<(FrameKind, usize)>,
}

impl Playout {
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Appends samples; after silence they fade in, so that the edge does not click.
    pub fn push(&mut self, kind: FrameKind, samples: &mut [i16]) {
        let after_silence = self
            .runs
            .back()
            .is_some_and(|(last, _)| *last == FrameKind::Silence);
        if after_silence && kind != FrameKind::Silence {
            let edge = FADE_SAMPLES.min(samples.len());
            fade_in(&mut samples[..edge]);
        }
        self.samples.extend(samples.iter());
        match self.runs.back_mut() {
            Some((last, length)) if *last == kind => *length += samples.len(),
            _ => self.runs.push_back((kind, samples.len())),
        }
    }

    /// The next `count` samples and what most of them are; fewer if there are not so many.
    pub fn take(&mut self, count: usize) -> (Vec<i16>, FrameKind) {
        let count = count.min(self.samples.len());
        let kind = self.kind_of(count);
        self.drop_from_runs(count);
        (self.samples.drain(..count).collect(), kind)
    }

    /// The samples at the front if all of them are the speaker's own.
    pub fn received(&mut self, count: usize) -> Option<&mut [i16]> {
        let &(kind, length) = self.runs.front()?;
        (kind == FrameKind::Received && length >= count)
            .then(|| &mut self.samples.make_contiguous()[..count])
    }

    /// Drops samples from the front.
    pub fn skip(&mut self, count: usize) {
        let count = count.min(self.samples.len());
        self.drop_from_runs(count);
        self.samples.drain(..count);
    }

    fn kind_of(&self, mut count: usize) -> FrameKind {
        let mut longest = (FrameKind::Silence, 0);
        for &(kind, length) in &self.runs {
            let inside = length.min(count);
            if inside > longest.1 {
                longest = (kind, inside);
            }
            count -= inside;
        }
        longest.0
    }

    fn drop_from_runs(&mut self, mut count: usize) {
        while let Some((_, length)) = self.runs.front_mut() {
            let inside = count.min(*length);
            *length -= inside;
            count -= inside;
            // The last run stays, empty: it tells what the next sample follows.
            if *length > 0 || self.runs.len() == 1 {
                return;
            }
            self.runs.pop_front();
        }
    }
}
