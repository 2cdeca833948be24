//! The assistant's side: from a prompt to what was heard.

use super::Conversation;
use crate::answer::{Answer, Kind, Outcome};
use crate::problems::{NO_ANSWER, ONLY_SHOWN};
use crate::{AnswerId, Input, Output, Problem, Stage};

impl Conversation {
    /// Asks the model for an answer to what the history ends with.
    pub(super) fn generate(&mut self) {
        self.unanswered = false;
        // What was to be said about earlier turns is out of date.
        self.remarks.clear();
        let answer = self.next_answer();
        self.answer = Some(Answer::to_generate(answer));
        self.ask_the_model();
    }

    /// Has the model make the answer, or go on with it after tools.
    pub(super) fn ask_the_model(&mut self) {
        self.stop_summing();
        let Some(answer) = &self.answer else { return };
        let so_far = answer.rounds_so_far();
        self.outputs.push_back(Output::Generate {
            answer: answer.id,
            messages: self.history.prompt(&self.rules, self.tool_tokens, so_far),
            max_tokens: self.rules.max_answer_tokens,
            tools: answer.may_act(),
        });
    }

    pub(super) fn sentence(&mut self, answer: AnswerId, written: String, spoken: String) {
        if let Some(answer) = self.generating(answer) {
            answer.add(written, spoken);
            self.works(Stage::LanguageModel);
        }
    }

    pub(super) fn generation_done(&mut self, answer: AnswerId) {
        if let Some(answer) = self.generating(answer) {
            answer.generated(false);
            self.works(Stage::LanguageModel);
        }
    }

    pub(super) fn generation_failed(&mut self, answer: AnswerId, problem: Problem) {
        if let Some(answer) = self.generating(answer) {
            answer.generated(true);
            self.problem(problem);
        }
    }

    /// What became of sentences that were spoken.
    pub(super) fn playout(&mut self, input: Input) {
        let mut delta = String::new();
        match input {
            Input::Heard {
                answer,
                sentence,
                chars,
            } => {
                let answer = self.answer.as_mut().filter(|current| current.id == answer);
                if answer.is_some_and(|a| a.heard(sentence, chars, &mut delta)) && chars > 0 {
                    self.works(Stage::TextToSpeech);
                }
            }
            Input::SentencePlayed { answer, sentence } => {
                let answer = self.answer.as_mut().filter(|current| current.id == answer);
                if answer.is_some_and(|a| a.played(sentence, &mut delta)) {
                    self.works(Stage::TextToSpeech);
                    self.question_played(sentence);
                }
            }
            Input::SpeechFailed {
                answer,
                sentence,
                problem,
            } => {
                let answer = self.answer.as_mut().filter(|current| current.id == answer);
                if answer.is_some_and(|a| a.not_spoken(sentence, &mut delta)) {
                    self.problem(problem);
                    self.question_not_played(sentence);
                }
            }
            _ => {}
        }
        self.show_answer(delta);
    }

    /// The voice does not reach the caller: the answer ends where it was heard last. One of which
    /// they noticed nothing is made again.
    pub(super) fn speech_lost(&mut self, answer: AnswerId) {
        let lost = |current: &Answer| current.id == answer && current.is_at_the_voice();
        if self.answer.as_ref().is_some_and(lost) {
            match self.is_acting() {
                true => self.hush(),
                false => self.withdraw_answer(),
            }
        }
    }

    /// Stops the answer. If the caller noticed nothing of it, their question is still open.
    pub(super) fn withdraw_answer(&mut self) {
        let unnoticed = |answer: &Answer| answer.kind == Kind::Reply && !answer.is_noticed();
        self.unanswered |= self.answer.as_ref().is_some_and(unnoticed);
        self.stop_answer();
    }

    /// Says something that needs no model.
    pub(super) fn say(&mut self, kind: Kind, sentences: &[&str]) {
        let id = self.next_answer();
        self.answer = Some(Answer::of(id, kind, sentences));
        self.speak_what_is_ready();
    }

    pub(super) fn speak_what_is_ready(&mut self) {
        let Some(answer) = &mut self.answer else {
            return;
        };
        // The caller may be about to go on: better a moment later than over their words.
        if !answer.was_queued() && self.turn.is_tentative() {
            return;
        }
        let id = answer.id;
        while let Some((sentence, text)) = answer.next_to_speak() {
            self.outputs.push_back(Output::Speak {
                answer: id,
                sentence,
                text,
            });
        }
        let mut delta = String::new();
        answer.show_silent(&mut delta);
        self.show_answer(delta);
    }

    pub(super) fn finish_answer(&mut self) {
        if let Some(answer) = self.answer.take_if(|answer| answer.is_over()) {
            let remark = self.remark(&answer);
            self.remarks.extend(remark);
            self.close_answer(&answer, false);
        }
    }

    /// Silence at once, and tools that run are stopped. What was heard stays in the history.
    pub(super) fn stop_answer(&mut self) {
        let Some(mut answer) = self.answer.take() else {
            return;
        };
        if answer.is_at_the_voice() {
            self.outputs.push_back(Output::StopSpeaking(answer.id));
        }
        if answer.is_generating() {
            self.outputs.push_back(Output::CancelGeneration(answer.id));
        }
        if answer.is_acting() {
            self.outputs.push_back(Output::CancelTools(answer.id));
            answer.acted(Vec::new());
            self.end_acting();
        }
        if let Some(delta) = answer.break_off() {
            let answer = answer.id;
            self.outputs.push_back(Output::AnswerText { answer, delta });
        }
        self.close_answer(&answer, true);
    }

    fn close_answer(&mut self, answer: &Answer, interrupted: bool) {
        if !matches!(answer.kind, Kind::Remark | Kind::Goodbye) {
            self.history.push_exchange(answer.rounds_heard());
            self.history.push_assistant(&answer.heard_last());
        }
        self.outputs.push_back(Output::AnswerEnded {
            answer: answer.id,
            text: answer.text().to_owned(),
            interrupted,
        });
        if answer.kind == Kind::Announcement {
            let was_said = !interrupted && answer.outcome() == Outcome::Spoken;
            let was_noticed = interrupted && answer.is_noticed();
            let announced = self.announcements.ended(was_said, was_noticed);
            self.outputs.extend(announced.map(Output::Announced));
        }
    }

    /// What the caller must be told because the answer itself did not reach their ear.
    fn remark(&mut self, answer: &Answer) -> Option<&'static str> {
        if !matches!(answer.kind, Kind::Reply | Kind::Greeting) {
            return None;
        }
        match answer.outcome() {
            Outcome::Spoken => None,
            Outcome::NotGenerated => self.problems.phrase(Stage::LanguageModel),
            Outcome::NotSpoken => self.problems.phrase(Stage::TextToSpeech),
            Outcome::OnlyShown => Some(ONLY_SHOWN),
            Outcome::Empty => Some(NO_ANSWER),
        }
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        if self.problems.failed(problem) {
            self.publish_problem();
        }
    }

    pub(super) fn works(&mut self, stage: Stage) {
        if self.problems.works(stage) {
            self.publish_problem();
        }
    }

    fn publish_problem(&mut self) {
        let problem = self.problems.newest().cloned();
        self.outputs.push_back(Output::Problem(problem));
    }

    fn show_answer(&mut self, delta: String) {
        if let Some(answer) = &self.answer
            && !delta.is_empty()
        {
            let answer = answer.id;
            self.outputs.push_back(Output::AnswerText { answer, delta });
        }
    }

    fn generating(&mut self, id: AnswerId) -> Option<&mut Answer> {
        let current = self.answer.as_mut()?;
        (current.id == id && current.is_generating()).then_some(current)
    }

    fn next_answer(&mut self) -> AnswerId {
        self.last_answer += 1;
        AnswerId(self.last_answer)
    }
}
