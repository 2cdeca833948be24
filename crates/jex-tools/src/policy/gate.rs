//! From proposals to permits.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::rate::Rate;
use super::{Decision, Policy, answers, question};
use crate::{Catalogue, Refusal, Tool, ToolCall, ToolName};

#[cfg(test)]
mod tests;

/// How long the gate waits and how much it lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// From the end of the question to the yes.
    pub answer_within: Duration,
    /// From the question's first word to its last.
    pub asked_within: Duration,
    /// Calls that one conversation may propose.
    pub calls_per_minute: u32,
    /// Calls in one answer of the model.
    pub most_at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(30),
            asked_within: Duration::from_secs(60),
            calls_per_minute: 20,
            most_at_once: 8,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuestionId(pub u64);

/// What the caller is to be asked, aloud and on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub id: QuestionId,
    pub tool: ToolName,
    pub text: String,
    /// Identity of the participant whose yes counts.
    pub participant: String,
}

/// What the caller's words were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// No question was open for them: they are a turn of the conversation.
    Turn,
    /// An answer and nothing else.
    Answer,
    /// A no, and a turn as well ("no, the other list").
    AnswerAndTurn,
    /// A yes to a question that was not asked to its end; it does not count.
    TooEarly,
}

/// The right to one call. Only the gate makes one, and it is used up by the call.
#[derive(Debug)]
pub struct Permit {
    call: ToolCall,
    tool: Tool,
    decision: Decision,
}

impl Permit {
    pub fn call(&self) -> &ToolCall {
        &self.call
    }

    pub fn tool(&self) -> &Tool {
        &self.tool
    }

    /// `Ask` where a yes was needed and given.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    pub(crate) fn into_parts(self) -> (ToolCall, Tool, Decision) {
        (self.call, self.tool, self.decision)
    }
}

/// What to do, in order.
#[derive(Debug)]
pub enum Output {
    Permit(Permit),
    /// It is not called; to be written down and told to the model.
    Refused {
        call: ToolCall,
        refusal: Refusal,
    },
    /// Say it and show it. Replaces the question before.
    Ask(Question),
    /// The question is over.
    Answered(QuestionId),
}

struct Pending {
    call: ToolCall,
    tool: Tool,
    participant: String,
    language: String,
}

struct Asking {
    id: QuestionId,
    pending: Pending,
    /// When it was said to its end.
    spoken_at: Option<Instant>,
    deadline: Instant,
    /// It was cut off before.
    again: bool,
}

/// The calls of one conversation.
pub struct Gate {
    policy: Policy,
    limits: Limits,
    rate: Rate,
    waiting: VecDeque<Pending>,
    asking: Option<Asking>,
    next_question: u64,
    /// The caller said no and has said nothing else since: a model that insists is not heard.
    refused_lately: bool,
    outputs: VecDeque<Output>,
}

impl Gate {
    pub fn new(policy: Policy, limits: Limits) -> Self {
        Self {
            policy,
            rate: Rate::new(limits.calls_per_minute),
            limits,
            waiting: VecDeque::new(),
            asking: None,
            next_question: 0,
            refused_lately: false,
            outputs: VecDeque::new(),
        }
    }

    /// The model wants these, in a conversation with `participant` in `language`.
    pub fn propose(
        &mut self,
        now: Instant,
        (participant, language): (&str, &str),
        calls: Vec<ToolCall>,
        catalogue: &Catalogue,
    ) {
        self.tick(now);
        for (index, call) in calls.into_iter().enumerate() {
            let (tool, decision) = match self.judge(now, index, &call, catalogue) {
                Ok(judged) => judged,
                Err(refusal) => {
                    self.refuse(call, refusal);
                    continue;
                }
            };
            match decision {
                Decision::Allow => self.outputs.push_back(Output::Permit(Permit {
                    call,
                    tool,
                    decision,
                })),
                _ => self.waiting.push_back(Pending {
                    call,
                    tool,
                    participant: participant.to_owned(),
                    language: language.to_owned(),
                }),
            }
        }
        self.ask_next(now);
    }

    /// The question was heard to its end.
    pub fn question_spoken(&mut self, now: Instant, id: QuestionId) {
        self.tick(now);
        let limit = self.limits.answer_within;
        if let Some(asking) = self.asking.as_mut().filter(|asking| asking.id == id)
            && asking.spoken_at.is_none()
        {
            asking.spoken_at = Some(now);
            asking.deadline = now + limit;
        }
    }

    /// The question was not heard to its end and will not be. It is asked once more.
    pub fn question_cut(&mut self, now: Instant, id: QuestionId) {
        self.tick(now);
        let Some(asking) = self
            .asking
            .take_if(|asking| asking.id == id && asking.spoken_at.is_none())
        else {
            return;
        };
        self.outputs.push_back(Output::Answered(asking.id));
        match asking.again {
            false => self.ask(now, asking.pending, true),
            true => {
                self.refuse(asking.pending.call, Refusal::NotAsked);
                self.ask_next(now);
            }
        }
    }

    /// The caller has said something else: a no of before holds no longer.
    pub fn new_turn(&mut self) {
        if self.asking.is_none() {
            self.refused_lately = false;
        }
    }

    /// A participant said or typed something.
    pub fn said(&mut self, now: Instant, who: &str, text: &str) -> Heard {
        self.tick(now);
        let Some(asking) = self.asking.as_ref().filter(|asking| asking.is_for(who)) else {
            self.new_turn();
            return Heard::Turn;
        };
        let language = asking.pending.language.clone();
        let agrees = answers::is_yes(&language, text);
        if agrees && asking.spoken_at.is_none() {
            return Heard::TooEarly;
        }
        if agrees || answers::is_no(&language, text) {
            self.settle(now, agrees, Refusal::Declined);
            return Heard::Answer;
        }
        // Other words are another wish; what waits behind the question belonged to the one before.
        let waiting = std::mem::take(&mut self.waiting);
        self.settle(now, false, Refusal::Declined);
        for pending in waiting {
            self.refuse(pending.call, Refusal::Withdrawn);
        }
        self.refused_lately = false;
        Heard::AnswerAndTurn
    }

    /// A participant pressed Yes or No below the question, on the page with which they are there. Returns whether it
    /// counted.
    pub fn pressed(&mut self, now: Instant, who: &str, id: QuestionId, yes: bool) -> bool {
        self.tick(now);
        let Some(asking) = self.asking.as_ref() else {
            return false;
        };
        let counts = asking.id == id && asking.is_for(who) && (asking.spoken_at.is_some() || !yes);
        if counts {
            self.settle(now, yes, Refusal::Declined);
        }
        counts
    }

    /// The caller is gone or wants none of it.
    pub fn withdraw(&mut self) {
        let asking = self.asking.take();
        if let Some(asking) = &asking {
            self.outputs.push_back(Output::Answered(asking.id));
        }
        let asked = asking.map(|asking| asking.pending);
        let all: Vec<_> = asked.into_iter().chain(self.waiting.drain(..)).collect();
        for pending in all {
            self.refuse(pending.call, Refusal::Withdrawn);
        }
    }

    /// Time passes.
    pub fn tick(&mut self, now: Instant) {
        while let Some(asking) = self.asking.as_ref().filter(|asking| asking.deadline <= now) {
            let refusal = match asking.spoken_at {
                Some(_) => Refusal::NoAnswer,
                None => Refusal::NotAsked,
            };
            self.settle(now, false, refusal);
        }
    }

    /// When to tick at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.asking.as_ref().map(|asking| asking.deadline)
    }

    /// What the caller is being asked.
    pub fn open_question(&self) -> Option<QuestionId> {
        self.asking.as_ref().map(|asking| asking.id)
    }

    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn judge(
        &mut self,
        now: Instant,
        index: usize,
        call: &ToolCall,
        catalogue: &Catalogue,
    ) -> Result<(Tool, Decision), Refusal> {
        let tool = catalogue
            .tool(call.tool.as_str())
            .ok_or(Refusal::NoSuchTool)?;
        let decision = self.policy.of(tool);
        if decision == Decision::Never {
            return Err(Refusal::Never);
        }
        tool.check_arguments(&call.arguments)
            .map_err(Refusal::Arguments)?;
        if decision == Decision::Ask && !question::says_all(&call.arguments) {
            return Err(Refusal::Arguments(
                "they are too long to be asked for".into(),
            ));
        }
        if decision == Decision::Ask && self.refused_lately {
            return Err(Refusal::Declined);
        }
        if index >= self.limits.most_at_once || !self.rate.take(now) {
            return Err(Refusal::TooManyCalls);
        }
        Ok((tool.clone(), decision))
    }

    fn refuse(&mut self, call: ToolCall, refusal: Refusal) {
        self.outputs.push_back(Output::Refused { call, refusal });
    }

    fn ask_next(&mut self, now: Instant) {
        if self.asking.is_none()
            && let Some(pending) = self.waiting.pop_front()
        {
            self.ask(now, pending, false);
        }
    }

    fn ask(&mut self, now: Instant, pending: Pending, again: bool) {
        let id = QuestionId(self.next_question);
        self.next_question += 1;
        let text = question::question(&pending.tool, &pending.call.arguments, &pending.language);
        self.outputs.push_back(Output::Ask(Question {
            id,
            tool: pending.tool.name.clone(),
            text,
            participant: pending.participant.clone(),
        }));
        self.asking = Some(Asking {
            id,
            pending,
            spoken_at: None,
            deadline: now + self.limits.asked_within,
            again,
        });
    }

    /// Ends the open question, and asks the next.
    fn settle(&mut self, now: Instant, yes: bool, otherwise: Refusal) {
        let Some(asking) = self.asking.take() else {
            return;
        };
        self.outputs.push_back(Output::Answered(asking.id));
        let Pending { call, tool, .. } = asking.pending;
        // Asked for at all only where a yes is needed.
        let decision = Decision::Ask;
        if yes && asking.spoken_at.is_some() {
            self.outputs.push_back(Output::Permit(Permit {
                call,
                tool,
                decision,
            }));
        } else {
            self.refused_lately = true;
            self.refuse(call, otherwise);
        }
        self.ask_next(now);
    }
}

impl Asking {
    fn is_for(&self, who: &str) -> bool {
        self.pending.participant == who
    }
}
