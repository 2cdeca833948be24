//! One thing that the assistant says, from its first sentence to the last word that was heard.

mod rounds;

use crate::alignment::Alignment;
use crate::{AnswerId, ToolCall};
use rounds::Rounds;

/// Stands where the caller's attention was taken away from an answer.
const BROKEN_OFF: char = '—';

/// Why the assistant speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To a turn of the caller; the model makes it.
    Reply,
    Greeting,
    /// Of JEX's own accord, such as a reminder.
    Announcement,
    /// About a problem. No part of the history.
    Remark,
    Goodbye,
}

/// What is being said.
#[derive(Debug)]
pub struct Answer {
    pub id: AnswerId,
    pub kind: Kind,
    making: Making,
    failed: bool,
    sentences: Vec<Sentence>,
    rounds: Rounds,
    /// Sentences handed over to be spoken, counted from the first.
    queued: usize,
    /// The first sentence that is not over.
    current: usize,
    /// What was heard, or shown where it could not be spoken.
    shown: String,
    sounded: bool,
    /// The last words that were shown were broken off.
    broken_off: bool,
}

/// Who makes more of it.
#[derive(Debug, PartialEq, Eq)]
enum Making {
    Model,
    /// These are being called.
    Tools(Vec<ToolCall>),
    Nobody,
}

#[derive(Debug)]
struct Sentence {
    written: String,
    spoken: String,
    alignment: Alignment,
    /// Bytes of `written` that were shown.
    shown: usize,
    voice: Voice,
    origin: Origin,
    is_broken_off: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Answer,
    /// About the tools that run: no words of the model's, and no part of the history.
    Aside,
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
            making: Making::Model,
            failed: false,
            sentences: Vec::new(),
            rounds: Rounds::default(),
            queued: 0,
            current: 0,
            shown: String::new(),
            sounded: false,
            broken_off: false,
        }
    }

    /// Something that is known already.
    pub fn of(id: AnswerId, kind: Kind, sentences: &[&str]) -> Self {
        let mut answer = Self {
            kind,
            making: Making::Nobody,
            ..Self::to_generate(id)
        };
        for (n, text) in sentences.iter().enumerate() {
            let last = n + 1 == sentences.len();
            let written = if last {
                (*text).to_owned()
            } else {
                format!("{text} ")
            };
            answer.push(written, (*text).to_owned(), Origin::Answer);
        }
        answer
    }

    /// The model made one more sentence.
    pub fn add(&mut self, written: String, spoken: String) {
        if self.is_generating() {
            self.push(written, spoken, Origin::Answer);
        }
    }

    /// Something about the tools that run. Returns the number of the sentence.
    pub fn add_aside(&mut self, text: &str) -> usize {
        let spoken = text.trim().to_owned();
        self.push(spoken.clone(), spoken, Origin::Aside);
        self.sentences.len() - 1
    }

    /// The model is done, or has `failed`.
    pub fn generated(&mut self, failed: bool) {
        self.making = Making::Nobody;
        self.failed = failed;
    }

    pub fn is_generating(&self) -> bool {
        self.making == Making::Model
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

    /// Whether the voice was given any of the model's own words.
    pub fn was_begun(&self) -> bool {
        let given = &self.sentences[..self.queued];
        given
            .iter()
            .any(|sentence| sentence.origin != Origin::Aside)
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
        self.making == Making::Nobody && self.current == self.sentences.len()
    }

    /// Whether it sounds, or will at once: only what the model makes needs thought.
    pub fn is_speaking(&self) -> bool {
        self.kind != Kind::Reply || self.sounded && !self.is_silent_over_tools()
    }

    /// How a finished answer reached the caller.
    pub fn outcome(&self) -> Outcome {
        let any = |voice| {
            self.sentences
                .iter()
                .any(|sentence| sentence.origin == Origin::Answer && sentence.voice == voice)
        };
        if self.failed {
            Outcome::NotGenerated
        } else if any(Voice::Failed) {
            Outcome::NotSpoken
        } else if any(Voice::Speakable) {
            Outcome::Spoken
        } else if self.is_noticed() {
            Outcome::OnlyShown
        } else {
            Outcome::Empty
        }
    }

    /// What was heard of it.
    pub fn text(&self) -> &str {
        self.shown.trim_end()
    }

    /// Marks what was heard as broken off; returns the mark. What was not heard is not said.
    pub fn break_off(&mut self) -> Option<String> {
        self.current = self.sentences.len();
        self.queued = self.current;
        let last = self.sentences.iter_mut().rfind(|s| s.shown > 0)?;
        if self.shown.trim().is_empty() || last.is_broken_off {
            return None;
        }
        last.is_broken_off = true;
        self.broken_off = true;
        let mark = mark(&self.shown);
        self.shown.push_str(&mark);
        Some(mark)
    }

    fn push(&mut self, written: String, spoken: String, origin: Origin) {
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
            origin,
            is_broken_off: false,
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
        let stands_apart = self.stands_apart(sentence);
        let Sentence { written, shown, .. } = &mut self.sentences[sentence];
        if end <= *shown {
            return;
        }
        let mut more = &written[*shown..end];
        let begins = *shown == 0;
        *shown = end;
        if self.shown.is_empty() {
            more = more.trim_start();
        } else if begins
            && stands_apart
            && !self.shown.ends_with(char::is_whitespace)
            && !more.starts_with(char::is_whitespace)
        {
            self.shown.push(' ');
            delta.push(' ');
        }
        self.broken_off = false;
        self.shown.push_str(more);
        delta.push_str(more);
    }

    /// Whether the model did not write this sentence right behind the one before.
    fn stands_apart(&self, sentence: usize) -> bool {
        let is_aside = |n: usize| self.sentences[n].origin == Origin::Aside;
        self.broken_off
            || self.rounds.begin_at(sentence)
            || is_aside(sentence)
            || sentence.checked_sub(1).is_some_and(is_aside)
    }
}

/// What is put behind words that were broken off.
fn mark(heard: &str) -> String {
    match heard.ends_with(|c: char| c.is_alphanumeric() || c.is_whitespace()) {
        true => BROKEN_OFF.to_string(),
        false => format!(" {BROKEN_OFF}"),
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
