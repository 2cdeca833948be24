//! The rounds of one answer: the model asks for tools, they are called, it goes on.

use super::{Answer, Making, Sentence, mark};
use crate::history::Message;
use crate::{ToolCall, ToolResult};

/// So often the model may ask for tools before it has to answer.
const MOST_ROUNDS: usize = 8;
/// For the model, where no result came: it was stopped, or lost.
const NO_RESULT: &str =
    "Stopped by the caller before its result was known. It may have taken effect.";

/// What was done, and where the sentences after it begin.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    done: Vec<Round>,
    /// The first sentence that belongs to no round that is done.
    began: usize,
}

#[derive(Debug)]
struct Round {
    /// The first sentence after it.
    end: usize,
    calls: Vec<ToolCall>,
    results: Vec<ToolResult>,
}

impl Rounds {
    /// Whether this sentence is the first after a round.
    pub fn begin_at(&self, sentence: usize) -> bool {
        self.done.iter().any(|round| round.end == sentence)
    }
}

impl Answer {
    /// Whether the model may ask for tools (again).
    pub fn may_act(&self) -> bool {
        self.rounds.done.len() < MOST_ROUNDS
    }

    /// The model wants these called.
    pub fn act(&mut self, calls: Vec<ToolCall>) {
        self.making = Making::Tools(calls);
    }

    pub fn is_acting(&self) -> bool {
        matches!(self.making, Making::Tools(_))
    }

    /// Whether tools run and nothing is being said meanwhile.
    pub fn is_silent_over_tools(&self) -> bool {
        self.is_acting() && !self.is_at_the_voice()
    }

    /// Names of what runs, for the page.
    pub fn running(&self) -> Vec<String> {
        match &self.making {
            Making::Tools(calls) => calls.iter().map(|call| call.name.clone()).collect(),
            Making::Model | Making::Nobody => Vec::new(),
        }
    }

    /// The tools are done, or stopped; it is the model's turn. Each call has one result afterwards.
    pub fn acted(&mut self, mut results: Vec<ToolResult>) {
        let making = std::mem::replace(&mut self.making, Making::Model);
        let Making::Tools(calls) = making else {
            self.making = making;
            return;
        };
        let result = |call: &ToolCall| {
            let found = results.iter().position(|result| result.call == call.id);
            found.map_or_else(
                || ToolResult {
                    call: call.id.clone(),
                    text: NO_RESULT.into(),
                },
                |at| results.swap_remove(at),
            )
        };
        let results = calls.iter().map(result).collect();
        let end = self.sentences.len();
        self.rounds.done.push(Round {
            end,
            calls,
            results,
        });
        self.rounds.began = end;
        // What was said before is over; thinking begins anew.
        self.sounded &= self.is_at_the_voice();
    }

    /// Whether the caller noticed any of what the model made since the last results.
    pub fn is_noticed(&self) -> bool {
        !heard(&self.sentences[self.rounds.began..])
            .trim()
            .is_empty()
    }

    /// The rounds that are done, for the history: with what was heard.
    pub fn rounds_heard(&self) -> Vec<Message> {
        self.rounds_with(heard)
    }

    /// The same for the model that goes on: with what it made, heard already or not.
    pub fn rounds_so_far(&self) -> Vec<Message> {
        self.rounds_with(made)
    }

    /// What was heard after the last round.
    pub fn heard_last(&self) -> String {
        heard(&self.sentences[self.rounds.began..])
    }

    fn rounds_with(&self, text: fn(&[Sentence]) -> String) -> Vec<Message> {
        let mut begin = 0;
        let mut messages = Vec::new();
        for round in &self.rounds.done {
            let said = text(&self.sentences[begin..round.end]);
            begin = round.end;
            let (calls, results) = (round.calls.clone(), round.results.clone());
            messages.extend(Message::exchange(&said, calls, results));
        }
        messages
    }
}

/// The model's own words as they were heard.
fn heard(sentences: &[Sentence]) -> String {
    let mut text = String::new();
    for sentence in own(sentences) {
        text.push_str(&sentence.written[..sentence.shown]);
        if sentence.is_broken_off {
            let mark = mark(&text);
            text.push_str(&mark);
        }
    }
    text
}

/// The model's own words up to where they were broken off.
fn made(sentences: &[Sentence]) -> String {
    if own(sentences).any(|sentence| sentence.is_broken_off) {
        return heard(sentences);
    }
    own(sentences)
        .map(|sentence| sentence.written.as_str())
        .collect()
}

fn own(sentences: &[Sentence]) -> impl Iterator<Item = &Sentence> {
    sentences
        .iter()
        .filter(|sentence| sentence.origin == super::Origin::Answer)
}
