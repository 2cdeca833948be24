//! Which sentence sounds at which sample: turns the track's playout position into what was heard.

use std::collections::VecDeque;

use jex_conversation::{AnswerId, Input};

/// Rate of the track.
pub const TRACK_HZ: u64 = 48_000;
/// Piper and espeak-ng speak about 15 characters a second; used until a sentence's length is known.
const SAMPLES_PER_CHAR: u64 = TRACK_HZ / 15;

#[derive(Debug)]
struct Clip {
    sentence: usize,
    chars: usize,
    start: u64,
    written: u64,
    complete: bool,
}

/// The sentences of one answer on its track.
#[derive(Debug)]
pub struct Timeline {
    answer: AnswerId,
    /// Samples between the network and the caller's ear: jitter buffers and the sound card.
    latency: u64,
    clips: VecDeque<Clip>,
    end: u64,
}

impl Timeline {
    /// `position` is the track's count of played samples when the answer begins.
    pub fn new(answer: AnswerId, position: u64, latency_samples: u64) -> Self {
        Self {
            answer,
            latency: latency_samples,
            clips: VecDeque::new(),
            end: position,
        }
    }

    pub fn begin(&mut self, sentence: usize, text: &str) {
        self.clips.push_back(Clip {
            sentence,
            chars: text.chars().count(),
            start: self.end,
            written: 0,
            complete: false,
        });
    }

    /// More audio of the sentence that was begun last.
    pub fn wrote(&mut self, samples: usize) {
        self.end += samples as u64;
        if let Some(clip) = self.clips.back_mut() {
            clip.written += samples as u64;
        }
    }

    /// The sentence that was begun last is complete.
    pub fn complete(&mut self) {
        if let Some(clip) = self.clips.back_mut() {
            clip.complete = true;
        }
    }

    /// Forgets the sentence that was begun last: it could not be spoken.
    pub fn give_up(&mut self) {
        self.clips.pop_back();
    }

    /// What was newly heard when the track has played `played` samples.
    pub fn heard(&mut self, played: u64, inputs: &mut Vec<Input>) {
        let heard = played.saturating_sub(self.latency);
        let answer = self.answer;
        while let Some(clip) = self.clips.front() {
            let sentence = clip.sentence;
            // The last frames of an answer count as heard once played: nothing follows that
            // could tell otherwise.
            let done = clip.complete && played >= clip.start + clip.written;
            if done {
                inputs.push(Input::SentencePlayed { answer, sentence });
                self.clips.pop_front();
                continue;
            }
            let into = heard.saturating_sub(clip.start);
            if into > 0 {
                let length = if clip.complete {
                    clip.written
                } else {
                    clip.written.max(clip.chars as u64 * SAMPLES_PER_CHAR)
                };
                let chars = (clip.chars as u64 * into / length.max(1)) as usize;
                inputs.push(Input::Heard {
                    answer,
                    sentence,
                    chars: chars.min(clip.chars),
                });
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: AnswerId = AnswerId(7);

    fn heard(timeline: &mut Timeline, played: u64) -> Vec<Input> {
        let mut inputs = Vec::new();
        timeline.heard(played, &mut inputs);
        inputs
    }

    #[test]
    fn half_the_audio_is_half_the_sentence() {
        let mut timeline = Timeline::new(ANSWER, 1000, 0);
        timeline.begin(0, "0123456789");
        timeline.wrote(48_000);
        timeline.complete();

        let inputs = heard(&mut timeline, 1000 + 24_000);

        let (answer, sentence, chars) = (ANSWER, 0, 5);
        assert_eq!(
            inputs,
            [Input::Heard {
                answer,
                sentence,
                chars
            }]
        );
    }

    #[test]
    fn a_played_sentence_is_done_and_the_next_one_counts_from_there() {
        let mut timeline = Timeline::new(ANSWER, 0, 0);
        for sentence in 0..2 {
            timeline.begin(sentence, "0123456789");
            timeline.wrote(1000);
            timeline.complete();
        }

        let inputs = heard(&mut timeline, 1500);

        let answer = ANSWER;
        let chars = 5;
        let expected = [
            Input::SentencePlayed {
                answer,
                sentence: 0,
            },
            Input::Heard {
                answer,
                sentence: 1,
                chars,
            },
        ];
        assert_eq!(inputs, expected);
    }

    #[test]
    fn what_is_on_its_way_to_the_ear_was_not_heard() {
        let mut timeline = Timeline::new(ANSWER, 0, 4800);
        timeline.begin(0, "0123456789");
        timeline.wrote(48_000);
        timeline.complete();

        assert_eq!(heard(&mut timeline, 4800), []);
    }

    #[test]
    fn an_unfinished_sentence_is_never_done() {
        let mut timeline = Timeline::new(ANSWER, 0, 0);
        timeline.begin(0, "0123456789");
        timeline.wrote(480);

        let inputs = heard(&mut timeline, 480);

        assert!(
            matches!(inputs[..], [Input::Heard { chars: 0, .. }]),
            "{inputs:?}"
        );
    }
}
