//! The caller's side: from voice to a turn.

use std::time::{Duration, Instant};

use super::{Conversation, Presence};
use crate::answer::Answer;
use crate::problems::no_transcript;
use crate::turn::{Due, Pause, Shown};
use crate::{Output, Problem, Stage, UtteranceId};

impl Conversation {
    pub(super) fn speech_started(&mut self, now: Instant) {
        if self.presence == Presence::Gone {
            return;
        }
        self.set_hearing(true);
        let next = UtteranceId(self.last_utterance + 1);
        // While tools run in silence there is nothing to disturb, and "yes" is as short as a cough.
        let disturbs = |answer: &Answer| !answer.is_silent_over_tools();
        let is_tentative = self.answer.as_ref().is_some_and(disturbs);
        if self
            .turn
            .speech_started(now, next, is_tentative, &self.rules)
        {
            self.last_utterance = next.0;
            self.outputs.push_back(Output::StartUtterance(next));
        }
    }

    pub(super) fn speech_stopped(&mut self, now: Instant, silence: Duration) {
        self.set_hearing(false);
        let last_voiced = now.checked_sub(silence).unwrap_or(now);
        match self.turn.speech_stopped(last_voiced, &self.rules) {
            Pause::Dismissed(id) => self.outputs.push_back(Output::CancelUtterance(id)),
            Pause::Lasted => self.caller_takes_over(),
            Pause::Nothing | Pause::Speech => {}
        }
    }

    pub(super) fn turn_due(&mut self, due: Due) {
        match due {
            Due::Lasted => self.caller_takes_over(),
            Due::Ended(id) => self.outputs.push_back(Output::EndUtterance(id)),
            Due::Overdue(id) => {
                self.outputs.push_back(Output::CancelUtterance(id));
                self.problem(no_transcript(self.rules.transcript_timeout));
            }
        }
    }

    pub(super) fn transcript(&mut self, utterance: UtteranceId, text: &str, is_final: bool) {
        let Some(shown) = self.turn.transcript(utterance, text, is_final) else {
            return;
        };
        self.works(Stage::SpeechToText);
        self.show(shown);
    }

    pub(super) fn recognition_failed(&mut self, utterance: UtteranceId, problem: Problem) {
        if self.turn.recognition_failed(utterance) {
            self.problem(problem);
        }
    }

    /// Speech over an answer has lasted: the answer ends, and if the caller noticed nothing of it,
    /// what they say now belongs to what they asked before. Tools that run go on.
    fn caller_takes_over(&mut self) {
        if self.is_acting() {
            self.hush();
        } else {
            self.withdraw_answer();
        }
        self.take_for_speech();
    }

    /// Makes an answer of the caller's turn when it is complete and nothing else is being said.
    pub(super) fn take_turn(&mut self) {
        if self.answer.is_some() {
            return;
        }
        self.take_for_speech();
        if self.turn.is_complete() {
            self.close_turn();
        }
        self.take_what_waited(true);
        if self.unanswered && self.turn.is_empty() && self.presence == Presence::Here {
            self.generate();
        }
    }

    fn close_turn(&mut self) {
        self.take_what_waited(true);
        let results_wait = self.unanswered && self.history.ends_with_results();
        let turn = std::mem::take(&mut self.turn);
        let text = turn.text();
        self.history.push_user(&text);
        self.unanswered |= !text.is_empty();
        if turn.has_gap() {
            // Half a question is not answered: the caller is told, and what was understood of it
            // joins what they say next. What tools gave back is told all the same.
            self.unanswered = results_wait;
            self.remarks
                .extend(self.problems.phrase(Stage::SpeechToText));
        }
    }

    /// Drops what was said and not answered yet; its words stay in the history.
    pub(super) fn abandon_turn(&mut self, open_too: bool) {
        let abandoned = self.turn.abandon(open_too);
        let cancel = abandoned.running.into_iter().map(Output::CancelUtterance);
        self.outputs.extend(cancel);
        self.take_what_waited(false);
        self.history.push_user(&abandoned.text);
        self.unanswered = false;
        self.remarks.clear();
    }

    pub(super) fn set_hearing(&mut self, hearing: bool) {
        if std::mem::replace(&mut self.hearing, hearing) != hearing {
            self.outputs.push_back(Output::Hearing(hearing));
        }
    }

    pub(super) fn take_for_speech(&mut self) {
        if let Some(shown) = self.turn.take_for_speech() {
            self.show(Some(shown));
        }
    }

    fn show(&mut self, shown: Option<Shown>) {
        let output = shown.map(|shown| Output::CallerTranscript {
            utterance: shown.utterance,
            text: shown.text,
            is_final: shown.is_final,
        });
        self.outputs.extend(output);
    }
}
