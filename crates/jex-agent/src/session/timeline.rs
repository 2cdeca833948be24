//! Which sentence sounds at which sample: turns the track's playout position into what was heard.

use std::collections::VecDeque;

use jex_conversation::{AnswerId, Input, Problem};

/// Rate of the track.
pub const TRACK_HZ: u64 = 48_000;
/// Piper and espeak-ng speak about 15 characters a second; used until a sentence's length is known.
const SAMPLES_PER_CHAR: u64 = TRACK_HZ / 15;

#[derive(Debug)]
struct Clip {
    sentence: usize,
    chars: usize,
    /// Where it begins to sound.
    begin: u64,
    /// Where its words begin: behind what is said before them.
    start: u64,
    /// Samples of its words.
    written: u64,
    end: End,
}

/// How a clip ends.
#[derive(Debug)]
enum End {
    /// More may come.
    Open,
    Complete,
    /// The voice failed; what was written is all there is.
    BrokenOff(Problem),
}

impl Clip {
    /// Characters that were heard when so much of the words was.
    fn chars_at(&self, samples: u64) -> usize {
        let length = match self.end {
            End::Complete => self.written,
            End::Open | End::BrokenOff(_) => self.written.max(self.chars as u64 * SAMPLES_PER_CHAR),
        };
        let chars = (self.chars as u64 * samples / length.max(1)) as usize;
        chars.min(self.chars)
    }
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
            begin: self.end,
            start: self.end,
            written: 0,
            end: End::Open,
        });
    }

    /// More audio that sounds before the words of the sentence that was begun last.
    pub fn wrote_prelude(&mut self, samples: usize) {
        self.end += samples as u64;
        if let Some(clip) = self.clips.back_mut() {
            clip.start += samples as u64;
        }
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
        self.end_with(End::Complete);
    }

    /// The rest of the sentence that was begun last, or all of it, could not be spoken.
    pub fn break_off(&mut self, problem: Problem) {
        self.end_with(End::BrokenOff(problem));
    }

    fn end_with(&mut self, end: End) {
        if let Some(clip) = self.clips.back_mut() {
            clip.end = end;
        }
    }

    /// Whether there is audio that the track has not played.
    pub fn is_playing(&self, played: u64) -> bool {
        !self.clips.is_empty() && played < self.end
    }

    /// What was newly heard when the track has played `played` samples.
    pub fn heard(&mut self, played: u64, inputs: &mut Vec<Input>) {
        let heard = played.saturating_sub(self.latency);
        let answer = self.answer;
        while let Some(clip) = self.clips.front() {
            let sentence = clip.sentence;
            // The last frames of an answer count as heard once played: nothing follows that
            // could tell otherwise.
            let played_out = played >= clip.start + clip.written;
            match &clip.end {
                End::Complete if played_out => {
                    inputs.push(Input::SentencePlayed { answer, sentence });
                }
                End::BrokenOff(problem) if played_out => inputs.push(Input::SpeechFailed {
                    answer,
                    sentence,
                    problem: problem.clone(),
                }),
                End::Open | End::Complete | End::BrokenOff(_) => {
                    if heard > clip.begin {
                        inputs.push(Input::Heard {
                            answer,
                            sentence,
                            chars: clip.chars_at(heard.saturating_sub(clip.start)),
                        });
                    }
                    return;
                }
            }
            self.clips.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use jex_conversation::Stage;

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

    #[test]
    fn a_sentence_that_breaks_off_is_not_heard_to_its_end() {
        let mut timeline = Timeline::new(ANSWER, 0, 0);
        let problem = Problem {
            stage: Stage::TextToSpeech,
            message: "the voice died".into(),
            remedy: "wake it".into(),
        };
        timeline.begin(0, &"x".repeat(30));
        timeline.wrote(48_000);
        timeline.break_off(problem.clone());

        let before_the_break = heard(&mut timeline, 47_000);
        let at_the_break = heard(&mut timeline, 48_000);

        let (answer, sentence) = (ANSWER, 0);
        let chars = 14;
        let expected = Input::Heard {
            answer,
            sentence,
            chars,
        };
        assert_eq!(before_the_break, [expected]);
        let expected = Input::SpeechFailed {
            answer,
            sentence,
            problem,
        };
        assert_eq!(at_the_break, [expected]);
    }

    #[test]
    fn what_is_said_before_a_sentence_is_none_of_its_words() {
        let mut timeline = Timeline::new(ANSWER, 0, 0);
        timeline.begin(0, "0123456789");
        timeline.wrote_prelude(48_000);
        timeline.wrote(48_000);
        timeline.complete();

        let before = heard(&mut timeline, 47_000);
        let in_the_middle = heard(&mut timeline, 48_000 + 24_000);

        let (answer, sentence) = (ANSWER, 0);
        let at = |chars| Input::Heard {
            answer,
            sentence,
            chars,
        };
        assert_eq!(before, [at(0)]);
        assert_eq!(in_the_middle, [at(5)]);
    }
}
