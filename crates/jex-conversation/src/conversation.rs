//! The state machine: who may speak when.
//!
//! One [`Turn`] of the caller and one [`Answer`] of the assistant exist at a time. Speech over an
//! answer ends it once it has lasted (see [`Rules::barge_in`]); a turn that is complete becomes
//! the next answer as soon as there is none. What happened is taken in
//! [`Conversation::handle`]; what follows from it is settled there in one place, so that no input
//! needs to know about the others.

mod acting;
mod announcing;
mod listening;
mod remembering;
mod speaking;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::answer::{Answer, Kind};
use crate::history::History;
use crate::problems::Problems;
use crate::turn::Turn;
use crate::{AgentState, AnswerId, By, Input, Output, Rules};
use acting::Acting;
use announcing::Announcements;
use remembering::Summing;

/// A goodbye that takes longer is not waited for: a draining process has 5 s in all, and the last
/// captions and leaving the room take up to 2 s of them.
const LONGEST_GOODBYE: Duration = Duration::from_secs(3);

/// One conversation in one room.
#[derive(Debug)]
pub struct Conversation {
    rules: Rules,
    now: Option<Instant>,
    outputs: VecDeque<Output>,
    course: Course,
    presence: Presence,
    greeted: bool,
    state: AgentState,
    hearing: bool,
    turn: Turn,
    answer: Option<Answer>,
    history: History,
    /// The history ends with words of the caller that are to be answered.
    unanswered: bool,
    problems: Problems,
    /// To be said about problems when nobody speaks.
    remarks: Vec<&'static str>,
    announcements: Announcements,
    acting: Acting,
    summing: Summing,
    /// Of these the turn that is being answered is left.
    forgetting: Vec<remembering::Span>,
    /// What the tools take of the model's context.
    tool_tokens: u32,
    last_utterance: u64,
    last_answer: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Open,
    /// What was said so far is let out: the model has said goodbye itself.
    HangingUp,
    Ending {
        leave_by: Instant,
    },
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Awaited,
    Here,
    Gone,
}

impl Conversation {
    pub fn new(rules: Rules) -> Self {
        let state = AgentState::Initializing;
        Self {
            rules,
            now: None,
            outputs: VecDeque::from([Output::State(state)]),
            course: Course::Open,
            presence: Presence::Awaited,
            greeted: false,
            state,
            hearing: false,
            turn: Turn::default(),
            answer: None,
            history: History::default(),
            unanswered: false,
            problems: Problems::default(),
            remarks: Vec::new(),
            announcements: Announcements::default(),
            acting: Acting::default(),
            summing: Summing::default(),
            forgetting: Vec::new(),
            tool_tokens: 0,
            last_utterance: 0,
            last_answer: 0,
        }
    }

    /// Takes what happened at `now`. Time never runs backwards in here: an earlier `now` than the
    /// last one counts as the last one.
    pub fn handle(&mut self, now: Instant, input: Input) {
        let now = self.now.map_or(now, |last| last.max(now));
        self.now = Some(now);
        self.history.now(now);
        match self.course {
            Course::Open => self.take(now, input),
            Course::HangingUp if input == Input::End => self.end(now),
            Course::HangingUp | Course::Ending { .. } => self.take_while_ending(input),
            Course::Over => return,
        }
        // Afterwards, because what happened in time may only be told late.
        self.expire(now);
        self.settle();
        self.publish_state();
    }

    /// The next thing to do, if any.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call `handle` with [`Input::Tick`] at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.course {
            Course::Open => self.turn.next_deadline(),
            Course::Ending { leave_by } => Some(leave_by),
            Course::HangingUp | Course::Over => None,
        }
    }

    fn take(&mut self, now: Instant, input: Input) {
        match input {
            Input::Tick => {}
            Input::CallerJoined => self.caller_joined(),
            Input::CallerLeft => self.caller_left(),
            Input::SpeechStarted => self.speech_started(now),
            Input::SpeechStopped { silence } => self.speech_stopped(now, silence),
            Input::Transcript {
                utterance,
                text,
                is_final,
            } => self.transcript(utterance, &text, is_final),
            Input::RecognitionFailed { utterance, problem } => {
                self.recognition_failed(utterance, problem);
            }
            Input::Typed { text } => self.typed(text.trim()),
            Input::Interrupt => self.interrupt(),
            Input::HangUp { answer } => self.hang_up(now, answer),
            Input::End => self.end(now),
            Input::Sentence {
                answer,
                written,
                spoken,
            } => self.sentence(answer, written, spoken),
            Input::GenerationDone { answer } => self.generation_done(answer),
            Input::GenerationFailed { answer, problem } => self.generation_failed(answer, problem),
            Input::ToolsOffered { tokens } => self.tool_tokens = tokens,
            Input::ToolsCalled { answer, calls } => self.tools_called(answer, calls),
            Input::ToolsDone { answer, results } => self.tools_done(answer, results),
            Input::ToolStillRunning { answer, text } => self.tool_still_running(answer, text),
            Input::Ask {
                answer,
                question,
                text,
            } => self.ask(answer, question, text),
            Input::QuestionClosed(question) => self.question_closed(question),
            Input::ReplyTaken { is_turn } => self.reply_taken(is_turn),
            Input::Announce { id, text } => self.announcements.add(id, text),
            Input::SummedUp { summary, text } => self.summed_up(summary, text.as_deref()),
            Input::Forget { since, until } => self.forget(since, until),
            Input::Instructions(instructions) => self.rules.instructions = instructions,
            Input::Heard { .. } | Input::SentencePlayed { .. } | Input::SpeechFailed { .. } => {
                self.playout(input);
            }
            Input::SpeechLost { answer } => self.speech_lost(answer),
        }
    }

    fn take_while_ending(&mut self, input: Input) {
        match input {
            Input::CallerLeft => self.leave(),
            Input::Interrupt if self.course == Course::HangingUp => self.leave(),
            input => self.playout(input),
        }
    }

    fn caller_joined(&mut self) {
        self.presence = Presence::Here;
        self.announcements.try_all_again();
        let first_time = !std::mem::replace(&mut self.greeted, true);
        // Who speaks first needs no greeting.
        let quiet = self.turn.is_empty() && self.answer.is_none() && !self.unanswered;
        if first_time && quiet && !self.rules.greeting.trim().is_empty() {
            let greeting = self.rules.greeting.clone();
            self.say(Kind::Greeting, &[greeting.trim()]);
        }
    }

    fn caller_left(&mut self) {
        self.presence = Presence::Gone;
        if self.is_acting() {
            // What they asked for is done all the same, and told when they are back.
            self.set_hearing(false);
            self.hush();
            self.keep_for_later();
        } else {
            self.fall_silent();
        }
    }

    /// A typed message is a turn at once, unless tools run: then it waits for them. What the caller
    /// is saying meanwhile comes afterwards.
    ///
    /// It may come before the word that the caller is back, and is then answered after it.
    fn typed(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.is_acting() {
            self.words_while_acting(text.to_owned(), By::Typing);
            return;
        }
        self.stop_answer();
        self.history.push_user(text);
        self.unanswered = true;
        if self.presence == Presence::Here {
            self.generate();
        }
    }

    /// Nothing more is said about what was asked so far; the caller goes on speaking, if they do.
    fn interrupt(&mut self) {
        self.stop_answer();
        self.abandon_turn(false);
    }

    fn hang_up(&mut self, now: Instant, id: AnswerId) {
        let Some(answer) = self.acting(id) else {
            return;
        };
        answer.acted(Vec::new());
        answer.generated(false);
        let was_speaking = answer.was_begun();
        self.end_acting();
        if was_speaking {
            self.set_hearing(false);
            self.abandon_turn(true);
            self.course = Course::HangingUp;
        } else {
            self.end(now);
        }
    }

    fn end(&mut self, now: Instant) {
        self.fall_silent();
        if self.presence == Presence::Here && !self.rules.goodbye.trim().is_empty() {
            let leave_by = now + LONGEST_GOODBYE;
            self.course = Course::Ending { leave_by };
            let goodbye = self.rules.goodbye.clone();
            self.say(Kind::Goodbye, &[goodbye.trim()]);
        } else {
            self.leave();
        }
    }

    fn leave(&mut self) {
        self.stop_answer();
        self.course = Course::Over;
        self.outputs.push_back(Output::Leave);
    }

    fn fall_silent(&mut self) {
        self.set_hearing(false);
        self.stop_answer();
        self.abandon_turn(true);
    }

    /// What time brought about.
    fn expire(&mut self, now: Instant) {
        if let Course::Ending { leave_by } = self.course
            && leave_by <= now
        {
            self.leave();
        }
        while let Some(due) = self.turn.due(now, &self.rules) {
            self.turn_due(due);
        }
    }

    /// What follows from the state, whatever led to it.
    fn settle(&mut self) {
        if self.course == Course::Open {
            self.listen_while_acting();
            self.say_asides();
        }
        self.speak_what_is_ready();
        self.finish_answer();
        match self.course {
            Course::Open => {
                self.take_turn();
                self.remark_or_announce();
                self.forget_the_rest();
                self.sum_up_when_quiet();
            }
            Course::HangingUp | Course::Ending { .. } if self.answer.is_none() => self.leave(),
            Course::HangingUp | Course::Ending { .. } | Course::Over => {}
        }
    }

    fn publish_state(&mut self) {
        if self.course == Course::Over {
            return;
        }
        let state = match (self.presence, &self.answer) {
            (Presence::Awaited, _) => AgentState::Initializing,
            (Presence::Gone, _) => AgentState::Idle,
            (Presence::Here, Some(answer)) if answer.is_speaking() => AgentState::Speaking,
            (Presence::Here, Some(_)) if self.acting.awaits_a_reply() => AgentState::Listening,
            (Presence::Here, Some(_)) => AgentState::Thinking,
            (Presence::Here, None) if self.turn.is_being_recognised() => AgentState::Thinking,
            (Presence::Here, None) => AgentState::Listening,
        };
        if std::mem::replace(&mut self.state, state) != state {
            self.outputs.push_back(Output::State(state));
        }
    }
}
