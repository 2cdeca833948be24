//! While tools run: the caller is heard, asked and told.

use std::time::Instant;

use super::{Conversation, Presence};
use crate::answer::Answer;
use crate::problems::STOPPED;
use crate::stop_words::is_stop;
use crate::{AnswerId, By, Output, QuestionId, Stage, ToolCall, ToolResult};

/// What there is to say and to hear meanwhile.
#[derive(Debug, Default)]
pub(super) struct Acting {
    question: Option<Question>,
    /// That it takes long; to be said when it is quiet.
    still_running: Option<String>,
    /// What the caller said while a question was open, until it is known what it was.
    reply: Option<String>,
    /// Turns that wait until the tools are done, and when they were said.
    waiting: Vec<(Option<Instant>, String)>,
}

#[derive(Debug)]
struct Question {
    id: QuestionId,
    text: String,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Not said yet.
    Waiting,
    /// At the voice, as this sentence of the answer.
    Asking(usize),
    /// Said to its end.
    Asked,
}

impl Acting {
    /// Whether it is the caller's turn to say yes or no.
    pub fn awaits_a_reply(&self) -> bool {
        let asked = |question: &Question| question.progress == Progress::Asked;
        self.question.as_ref().is_some_and(asked)
    }
}

impl Conversation {
    pub(super) fn is_acting(&self) -> bool {
        self.answer.as_ref().is_some_and(Answer::is_acting)
    }

    pub(super) fn tools_called(&mut self, id: AnswerId, calls: Vec<ToolCall>) {
        let generating = |answer: &&mut Answer| answer.id == id && answer.is_generating();
        let Some(answer) = self.answer.as_mut().filter(generating) else {
            return;
        };
        if calls.is_empty() || !answer.may_act() {
            // It was not offered any; what it said so far is its answer.
            answer.generated(false);
        } else {
            answer.act(calls.clone());
            let running = answer.running();
            self.outputs.push_back(Output::Act { answer: id, calls });
            self.outputs.push_back(Output::Acting(running));
        }
        self.works(Stage::LanguageModel);
    }

    pub(super) fn tools_done(&mut self, id: AnswerId, results: Vec<ToolResult>) {
        let Some(answer) = self.acting(id) else {
            return;
        };
        answer.acted(results);
        self.end_acting();
        let caller_speaks = !self.turn.is_empty() && !self.turn.is_tentative();
        let is_gone = self.presence != Presence::Here;
        if caller_speaks || is_gone || !self.acting.waiting.is_empty() {
            // The results and what the caller says meanwhile are answered together.
            if let Some(answer) = &mut self.answer {
                answer.generated(false);
            }
            self.stop_answer();
            self.unanswered = true;
        } else {
            self.ask_the_model();
        }
    }

    /// No tool runs any more.
    pub(super) fn end_acting(&mut self) {
        self.acting.still_running = None;
        if let Some(question) = self.acting.question.take()
            && matches!(question.progress, Progress::Asking(_))
        {
            self.hush();
        }
        self.outputs.push_back(Output::Acting(Vec::new()));
    }

    pub(super) fn tool_still_running(&mut self, id: AnswerId, text: String) {
        if self.acting(id).is_some() && !text.trim().is_empty() {
            self.acting.still_running = Some(text);
        }
    }

    pub(super) fn ask(&mut self, id: AnswerId, question: QuestionId, text: String) {
        if self.acting(id).is_none() || text.trim().is_empty() {
            self.outputs.push_back(Output::QuestionCut(question));
            return;
        }
        if let Some(before) = &self.acting.question {
            self.question_closed(before.id);
        }
        self.acting.question = Some(Question {
            id: question,
            text,
            progress: Progress::Waiting,
        });
    }

    pub(super) fn question_closed(&mut self, id: QuestionId) {
        let open = self.acting.question.take_if(|question| question.id == id);
        if open.is_some_and(|question| matches!(question.progress, Progress::Asking(_))) {
            self.hush();
        }
    }

    /// What the caller replied was judged; as a turn it waits like any other.
    pub(super) fn reply_taken(&mut self, is_turn: bool) {
        let reply = self.acting.reply.take();
        if let Some(reply) = reply.filter(|_| is_turn) {
            self.let_wait(reply);
        }
    }

    /// A sentence of the current answer was played to its end.
    pub(super) fn question_played(&mut self, sentence: usize) {
        if let Some(question) = &mut self.acting.question
            && question.progress == Progress::Asking(sentence)
        {
            question.progress = Progress::Asked;
            self.outputs.push_back(Output::QuestionSpoken(question.id));
        }
    }

    /// A question that is only shown is not asked: who does not look at the page knows nothing.
    pub(super) fn question_not_played(&mut self, sentence: usize) {
        let this = |question: &mut Question| question.progress == Progress::Asking(sentence);
        if let Some(question) = self.acting.question.take_if(this) {
            self.outputs.push_back(Output::QuestionCut(question.id));
        }
    }

    /// Takes what the caller said while tools run.
    pub(super) fn listen_while_acting(&mut self) {
        let Some(answer) = self.answer.as_ref().filter(|answer| answer.is_acting()) else {
            return;
        };
        if !answer.is_at_the_voice() {
            self.take_for_speech();
        }
        if self.acting.reply.is_some() || self.turn.is_tentative() || !self.turn.is_complete() {
            return;
        }
        let turn = std::mem::take(&mut self.turn);
        if turn.has_gap() {
            // What was understood of it may be half a yes.
            self.let_wait(turn.text());
            let remark = self.problems.phrase(Stage::SpeechToText);
            self.remarks.extend(remark);
        } else {
            self.words_while_acting(turn.text(), By::Voice);
        }
    }

    pub(super) fn words_while_acting(&mut self, text: String, by: By) {
        if text.is_empty() {
            return;
        }
        if is_stop(&text) {
            self.stop_answer();
            self.abandon_turn(false);
            self.remarks.push(STOPPED);
            return;
        }
        match &self.acting.question {
            Some(question) if self.acting.reply.is_none() => {
                let question = question.id;
                self.acting.reply = Some(text.clone());
                let reply = Output::Reply { question, text, by };
                self.outputs.push_back(reply);
            }
            _ => self.let_wait(text),
        }
    }

    /// Says what is to be said about the tools, unless the caller speaks.
    pub(super) fn say_asides(&mut self) {
        let quiet = self.turn.is_empty() && self.acting.reply.is_none();
        if !quiet || self.presence != Presence::Here {
            return;
        }
        let Some(answer) = self.answer.as_mut().filter(|answer| answer.is_acting()) else {
            return;
        };
        let question = self.acting.question.as_mut();
        match question {
            Some(question) if question.progress == Progress::Waiting => {
                question.progress = Progress::Asking(answer.add_aside(&question.text));
            }
            None if !answer.is_at_the_voice() => {
                if let Some(text) = self.acting.still_running.take() {
                    answer.add_aside(&text);
                }
            }
            _ => {}
        }
    }

    /// Silence, while the tools go on.
    pub(super) fn hush(&mut self) {
        let Some(answer) = &mut self.answer else {
            return;
        };
        let id = answer.id;
        if answer.is_at_the_voice() {
            self.outputs.push_back(Output::StopSpeaking(id));
        }
        if let Some(delta) = answer.break_off() {
            self.outputs
                .push_back(Output::AnswerText { answer: id, delta });
        }
        let asking = |question: &mut Question| matches!(question.progress, Progress::Asking(_));
        if let Some(question) = self.acting.question.take_if(asking) {
            self.outputs.push_back(Output::QuestionCut(question.id));
        }
    }

    /// The caller is gone: what they said meanwhile is answered when they are back.
    pub(super) fn keep_for_later(&mut self) {
        let abandoned = self.turn.abandon(true);
        let cancel = abandoned.running.into_iter().map(Output::CancelUtterance);
        self.outputs.extend(cancel);
        self.let_wait(abandoned.text);
    }

    fn let_wait(&mut self, text: String) {
        if !text.is_empty() {
            self.acting.waiting.push((self.now, text));
        }
    }

    /// Puts the turns that waited into the history, to be answered or not.
    pub(super) fn take_what_waited(&mut self, to_be_answered: bool) {
        for (at, text) in std::mem::take(&mut self.acting.waiting) {
            self.history.push_user_at(at, &text);
            self.unanswered |= to_be_answered;
        }
    }

    pub(super) fn acting(&mut self, id: AnswerId) -> Option<&mut Answer> {
        let answer = self.answer.as_mut()?;
        (answer.id == id && answer.is_acting()).then_some(answer)
    }
}
