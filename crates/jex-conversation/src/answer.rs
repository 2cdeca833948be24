//! One thing that the assistant says, from its first sentence to the last word that was heard.

use crate::AnswerId;
use crate::alignment::Alignment;

/// Stands where the caller's attention was taken away from an answer.
const BROKEN_OFF: char = '—';

/// Why the assistant speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To a turn of the caller; the model makes it.
    Reply,
    Greeting,
    /// About a problem. No part of the history.
    Announcement,
    Goodbye,
}

/// What is being said.
#[derive(Debug)]
pub struct Answer {
    pub id: AnswerId,
    pub kind: Kind,
    generating: bool,
    failed: bool,
    sentences: Vec<Sentence>,
    /// Sentences handed over to be spoken, counted from the first.
    queued: usize,
    /// The first sentence that is not over.
    current: usize,
    /// What was heard, or shown where it could not be spoken.
    shown: String,
    sounded: bool,
}

#[derive(Debug)]
struct Sentence {
    written: String,
    spoken: String,
    alignment: Alignment,
    /// Bytes of `written` that were shown.
    shown: usize,
    voice: Voice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    /// There is nothing to say: an emoji, a code block.
    Silent,
    Speakable,
    Failed,
}

impl Answer {
    /// An answer that the model will make.
    pub fn to_generate(id: AnswerId) -> Self {
        Self {
            id,
            kind: Kind::Reply,
            generating: true,
            failed: false,
            sentences: Vec::new(),
            queued: 0,
            current: 0,
            shown: String::new(),
            sounded: false,
        }
    }

    /// Something that is known already.
    pub fn of(id: AnswerId, kind: Kind, sentences: &[&str]) -> Self {
        let mut answer = Self {
            kind,
            generating: false,
            ..Self::to_generate(id)
        };
        for (n, text) in sentences.iter().enumerate() {
            let last = n + 1 == sentences.len();
            let written = if last {
                (*text).to_owned()
            } else {
                format!("{text} ")
            };
            answer.push(written, (*text).to_owned());
        }
        answer
    }

    /// The model made one more sentence.
    pub fn add(&mut self, written: String, spoken: String) {
        if self.generating {
            self.push(written, spoken);
        }
    }

    /// The model is done, or has `failed`.
    pub fn generated(&mut self, failed: bool) {
        self.generating = false;
        self.failed = failed;
    }

    pub fn is_generating(&self) -> bool {
        self.generating
    }

    /// The next sentence to speak: its number and text. Silent ones are passed over.
    pub fn next_to_speak(&mut self) -> Option<(usize, String)> {
        while let Some(sentence) = self.sentences.get(self.queued) {
            self.queued += 1;
            if sentence.voice == Voice::Speakable {
                return Some((self.queued - 1, sentence.spoken.clone()));
            }
        }
        None
    }

    /// Whether the voice has been given something that it is not done with.
    pub fn is_at_the_voice(&self) -> bool {
        self.sentences[..self.queued]
            .iter()
            .skip(self.current)
            .any(|sentence| sentence.voice == Voice::Speakable)
    }

    /// Whether the voice was given any of it.
    pub fn was_queued(&self) -> bool {
        self.queued > 0
    }

    /// Playout reached `chars` characters of a sentence. Returns whether that is news about a
    /// sentence that is being spoken; what became visible goes to `delta`.
    pub fn heard(&mut self, sentence: usize, chars: usize, delta: &mut String) -> bool {
        if !self.is_being_spoken(sentence) {
            return false;
        }
        self.sounded = true;
        self.show_up_to(sentence, delta);
        let cut = self.sentences[sentence].alignment.written_bytes(chars);
        self.show(sentence, cut, delta);
        true
    }

    /// A sentence was played to its end.
    pub fn played(&mut self, sentence: usize, delta: &mut String) -> bool {
        if !self.is_being_spoken(sentence) {
            return false;
        }
        self.sounded = true;
        self.show_up_to(sentence + 1, delta);
        self.show_silent(delta);
        true
    }

    /// A sentence cannot be spoken: it is shown when its turn comes.
    pub fn not_spoken(&mut self, sentence: usize, delta: &mut String) -> bool {
        if !self.is_being_spoken(sentence) {
            return false;
        }
        self.sentences[sentence].voice = Voice::Failed;
        self.show_silent(delta);
        true
    }

    /// Shows what is next in line and has no sound.
    pub fn show_silent(&mut self, delta: &mut String) {
        while self.current < self.queued && self.sentences[self.current].voice != Voice::Speakable {
            self.show_up_to(self.current + 1, delta);
        }
    }

    /// Whether there is nothing left to make, speak or show.
    pub fn is_over(&self) -> bool {
        !self.generating && self.current == self.sentences.len()
    }

    /// Whether the caller noticed any of it.
    pub fn is_perceived(&self) -> bool {
        !self.shown.trim().is_empty()
    }

    /// Whether it sounds, or will at once: only what the model makes needs thought.
    pub fn is_speaking(&self) -> bool {
        self.sounded || self.kind != Kind::Reply
    }

    /// How a finished answer reached the caller.
    pub fn outcome(&self) -> Outcome {
        let any = |voice| {
            self.sentences
                .iter()
                .any(|sentence| sentence.voice == voice)
        };
        if self.failed {
            Outcome::NotGenerated
        } else if any(Voice::Failed) {
            Outcome::NotSpoken
        } else if any(Voice::Speakable) {
            Outcome::Spoken
        } else if self.is_perceived() {
            Outcome::OnlyShown
        } else {
            Outcome::Empty
        }
    }

    /// What was heard of it.
    pub fn text(&self) -> &str {
        self.shown.trim_end()
    }

    /// Marks what was heard as broken off; returns the mark.
    pub fn break_off(&mut self) -> Option<String> {
        if !self.is_perceived() {
            return None;
        }
        let ends_in_a_word = self
            .shown
            .ends_with(|c: char| c.is_alphanumeric() || c.is_whitespace());
        let mark = if ends_in_a_word {
            String::new()
        } else {
            " ".into()
        } + &BROKEN_OFF.to_string();
        self.shown.push_str(&mark);
        Some(mark)
    }

    fn push(&mut self, written: String, spoken: String) {
        let spoken = spoken.trim().to_owned();
        self.sentences.push(Sentence {
            alignment: Alignment::new(&written, &spoken),
            shown: 0,
            voice: if spoken.is_empty() {
                Voice::Silent
            } else {
                Voice::Speakable
            },
            written,
            spoken,
        });
    }

    fn is_being_spoken(&self, sentence: usize) -> bool {
        (self.current..self.queued).contains(&sentence)
            && self.sentences[sentence].voice == Voice::Speakable
    }

    /// Shows all sentences before `end`: what comes after them is heard, so they were.
    fn show_up_to(&mut self, end: usize, delta: &mut String) {
        while self.current < end {
            let whole = self.sentences[self.current].written.len();
            self.show(self.current, whole, delta);
            self.current += 1;
        }
    }

    /// Shows the first `end` bytes of a sentence.
    fn show(&mut self, sentence: usize, end: usize, delta: &mut String) {
        let Sentence { written, shown, .. } = &mut self.sentences[sentence];
        if end <= *shown {
            return;
        }
        let mut more = &written[*shown..end];
        *shown = end;
        if self.shown.is_empty() {
            more = more.trim_start();
        }
        self.shown.push_str(more);
        delta.push_str(more);
    }
}

/// How an answer reached the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Spoken,
    /// The model failed before or in the middle of it.
    NotGenerated,
    /// The voice failed for some of it; it was shown.
    NotSpoken,
    /// There is nothing in it that can be read aloud.
    OnlyShown,
    /// The model had nothing to say.
    Empty,
}
