//! The course of one question, without network or clock: what the room tells goes in, what to do
//! next comes out.
//!
//! ```text
//! no agent ──▶ agent greets ──▶ listening ──▶ question goes out ──▶ answered and listening again
//! ```

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use super::turn::{Answer, Problem, TurnReport};

/// A cut greeting still sounds for this long, in buffers on the way to us.
const SETTLE: Duration = Duration::from_millis(300);
/// A greeting that goes on in spite of the interruption is interrupted again.
const INTERRUPT_AGAIN: Duration = Duration::from_secs(3);
/// Between the end of a recording and the agent that hears it lie buffers, and between the end of
/// speech and recognition lies endpointing, which comes on top.
const QUIET: Duration = Duration::from_secs(3);

/// How long each step may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until an agent has come and is ready to listen.
    pub agent: Duration,
    /// Without anything new of the answer: a long one takes as long as it is spoken.
    pub answer: Duration,
    /// Silence that ends the caller's turn, as the agent has it; `None` for a typed question, which
    /// has no pauses and cannot go unheard.
    pub endpointing: Option<Duration>,
}

/// What the room told, or what was done.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Nothing but time passing.
    Tick,
    AgentCame,
    AgentLeft,
    /// `lk.agent.state`.
    State(String),
    /// `jex.hearing`.
    Hearing(bool),
    /// `jex.problem`.
    Problem(Option<Problem>),
    /// A piece of what the agent says, of one of its text streams.
    Spoken {
        stream: String,
        delta: String,
    },
    /// What the agent understood, finally.
    Heard(String),
    Turn(Box<TurnReport>),
    /// The whole question has gone out.
    Asked,
    /// The room is gone.
    Lost(String),
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Stop the greeting.
    Interrupt,
    /// Send the question.
    Ask,
    ShowHeard(String),
    /// Words of the answer as they are spoken.
    ShowSpoken(String),
    End(Result<Box<Answer>, Failure>),
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("no agent came into the room within {} s.", .0.as_secs())]
    NoAgent(Duration),
    #[error("the agent did not come to listen within {} s: it is {state}.", after.as_secs())]
    NotListening { after: Duration, state: String },
    #[error("the agent left before it had answered.")]
    AgentLeft,
    #[error("no speech was heard in the recording.")]
    NoSpeech,
    #[error("no words were understood in the recording.")]
    NoWords,
    #[error("{}", .0.message)]
    Problem(Problem),
    #[error("nothing more of an answer came for {} s.", .0.as_secs())]
    NoAnswer(Duration),
    #[error("the answer was empty.")]
    EmptyAnswer,
    #[error("the room was lost: {0}.")]
    Lost(String),
}

impl Failure {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::NoAgent(_) | Self::AgentLeft => {
                "`jex status` shows whether it runs, `jex logs agent` what it says.".into()
            }
            Self::NotListening { .. } => "`jex logs agent` shows what it waits for.".into(),
            Self::NoSpeech => "Check that the file holds a voice, loud enough to be heard.".into(),
            Self::NoWords => "Speak more clearly, or try a larger model: `stt.model`.".into(),
            Self::Problem(problem) => problem.remedy.clone(),
            Self::NoAnswer(_) => {
                "Wait longer with --timeout, or look at `jex logs ollama` for what it does.".into()
            }
            Self::EmptyAnswer => {
                "Ask in another way, or use a larger model: `jex model use`.".into()
            }
            Self::Lost(_) => "`jex status` shows which part is not well; then ask again.".into(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Until the agent listens.
    Before,
    Settling {
        until: Instant,
    },
    Asking,
    /// The question is out.
    Waiting {
        since: Instant,
    },
    Over,
}

/// One question from joining to the answer.
#[derive(Debug)]
pub struct Dialogue {
    patience: Patience,
    began: Instant,
    phase: Phase,
    agent_is_there: bool,
    state: String,
    hearing: bool,
    /// The agent has heard a voice since the question began.
    voice_heard: bool,
    /// Listening and hearing nothing since then.
    quiet_since: Option<Instant>,
    /// Something of the answer came then.
    progress_at: Option<Instant>,
    interrupted_at: Option<Instant>,
    problem: Option<Problem>,
    /// Text streams of what was said before the question.
    earlier: HashSet<String>,
    turns: Vec<TurnReport>,
    outputs: VecDeque<Output>,
}

impl Dialogue {
    pub fn new(now: Instant, patience: Patience) -> Self {
        Self {
            patience,
            began: now,
            phase: Phase::Before,
            agent_is_there: false,
            state: String::new(),
            hearing: false,
            voice_heard: false,
            quiet_since: None,
            progress_at: None,
            interrupted_at: None,
            problem: None,
            earlier: HashSet::new(),
            turns: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes what happened at `now`.
    pub fn handle(&mut self, now: Instant, input: Input) {
        if self.phase == Phase::Over {
            return;
        }
        if !matches!(input, Input::Tick | Input::Problem(_)) {
            self.progress_at = Some(now);
        }
        match input {
            Input::Tick => {}
            Input::AgentCame => self.agent_is_there = true,
            Input::AgentLeft if self.is_before() => {
                // Another one will come.
                self.agent_is_there = false;
                self.state.clear();
                self.phase = Phase::Before;
            }
            Input::AgentLeft => return self.end(Err(Failure::AgentLeft)),
            Input::State(state) => self.state = state,
            Input::Hearing(hearing) => self.hearing = hearing,
            Input::Problem(problem) => self.problem = problem,
            Input::Spoken { stream, delta } => self.spoken(stream, delta),
            Input::Heard(text) if !self.is_before() => {
                self.outputs.push_back(Output::ShowHeard(text));
            }
            Input::Heard(_) => {}
            Input::Turn(turn) if turn.turn_id.is_some() && !self.is_before() => {
                self.keep(*turn);
            }
            Input::Turn(_) => {}
            Input::Asked => self.phase = Phase::Waiting { since: now },
            Input::Lost(reason) => return self.end(Err(Failure::Lost(reason))),
        }
        self.voice_heard |= self.hearing && !self.is_before();
        let quiet = self.state == "listening" && !self.hearing;
        self.quiet_since = quiet.then(|| self.quiet_since.unwrap_or(now));
        self.proceed(now);
    }

    /// The next thing to do, if any.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call `handle` with [`Input::Tick`] at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Before => {
                let again = self.interrupted_at.map(|at| at + INTERRUPT_AGAIN);
                let speaking = self.state == "speaking";
                let last = self.began + self.patience.agent;
                Some(
                    again
                        .filter(|_| speaking)
                        .map_or(last, |again| again.min(last)),
                )
            }
            Phase::Settling { until } => Some(until),
            Phase::Waiting { since } => {
                let last = self.patience_ends(since);
                let quiet = self.quiet_enough_at(since);
                Some(quiet.map_or(last, |quiet| quiet.min(last)))
            }
            Phase::Asking | Phase::Over => None,
        }
    }

    fn is_before(&self) -> bool {
        matches!(self.phase, Phase::Before | Phase::Settling { .. })
    }

    fn spoken(&mut self, stream: String, delta: String) {
        if self.is_before() {
            self.earlier.insert(stream);
        } else if !self.earlier.contains(&stream) {
            self.outputs.push_back(Output::ShowSpoken(delta));
        }
    }

    /// When silence will have lasted long enough to be sure that nothing more comes.
    fn quiet_enough_at(&self, asked: Instant) -> Option<Instant> {
        let from = self.quiet_since?.max(asked);
        match (self.turns.last(), self.patience.endpointing) {
            // A pause of the recording may still become a turn.
            (Some(turn), Some(endpointing)) if turn.interrupted => {
                Some(from + endpointing + QUIET / 3)
            }
            (Some(_), _) => Some(from),
            (None, endpointing) => Some(from + endpointing? + QUIET),
        }
    }

    fn patience_ends(&self, asked: Instant) -> Instant {
        self.progress_at.map_or(asked, |at| at.max(asked)) + self.patience.answer
    }

    fn proceed(&mut self, now: Instant) {
        match self.phase {
            Phase::Before => self.proceed_to_listening(now),
            Phase::Settling { .. } if self.state != "listening" => {
                self.phase = Phase::Before;
                self.proceed_to_listening(now);
            }
            Phase::Settling { until } if now >= until => self.ask(),
            Phase::Waiting { since } => self.proceed_to_end(now, since),
            Phase::Settling { .. } | Phase::Asking | Phase::Over => {}
        }
    }

    fn proceed_to_listening(&mut self, now: Instant) {
        match self.state.as_str() {
            "listening" if self.interrupted_at.is_none() => self.ask(),
            "listening" => {
                self.phase = Phase::Settling {
                    until: now + SETTLE,
                }
            }
            "speaking"
                if self
                    .interrupted_at
                    .is_none_or(|at| now >= at + INTERRUPT_AGAIN) =>
            {
                self.interrupted_at = Some(now);
                self.outputs.push_back(Output::Interrupt);
            }
            _ => {}
        }
        let after = self.patience.agent;
        if self.phase != Phase::Before || now < self.began + after {
            return;
        }
        let failure = match (self.problem.take(), self.agent_is_there) {
            (Some(problem), _) => Failure::Problem(problem),
            (None, false) => Failure::NoAgent(after),
            (None, true) => {
                let state = match self.state.as_str() {
                    "" => "initializing".into(),
                    state => state.to_owned(),
                };
                Failure::NotListening { after, state }
            }
        };
        self.end(Err(failure));
    }

    fn ask(&mut self) {
        self.phase = Phase::Asking;
        self.quiet_since = None;
        self.outputs.push_back(Output::Ask);
    }

    fn proceed_to_end(&mut self, now: Instant, since: Instant) {
        let quiet = self.quiet_enough_at(since).is_some_and(|at| now >= at);
        if quiet || now >= self.patience_ends(since) {
            let outcome = self.outcome(quiet);
            self.end(outcome.map(Box::new));
        }
    }

    /// A report comes again where LiveKit restarted while it was on its way.
    fn keep(&mut self, turn: TurnReport) {
        let known = |kept: &TurnReport| kept.answer_id == turn.answer_id;
        if !self.turns.iter().any(known) {
            self.turns.push(turn);
        }
    }

    fn outcome(&mut self, quiet: bool) -> Result<Answer, Failure> {
        let turns = std::mem::take(&mut self.turns);
        let Some(answer) = Answer::of(turns) else {
            return Err(match (self.problem.take(), quiet) {
                (Some(problem), _) => Failure::Problem(problem),
                (None, true) if self.voice_heard => Failure::NoWords,
                (None, true) => Failure::NoSpeech,
                (None, false) => Failure::NoAnswer(self.patience.answer),
            });
        };
        match &answer.last.problem {
            Some(problem) if !problem.leaves_an_answer() => Err(Failure::Problem(problem.clone())),
            _ if answer.last.answer.trim().is_empty() => Err(Failure::EmptyAnswer),
            _ => Ok(answer),
        }
    }

    fn end(&mut self, outcome: Result<Box<Answer>, Failure>) {
        self.phase = Phase::Over;
        self.outputs.push_back(Output::End(outcome));
    }
}

#[cfg(test)]
mod tests;
