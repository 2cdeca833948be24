//! The hands: what the model wants done in one conversation, from the proposal to the results.
//!
//! The policy's gate decides; what it wants asked goes to the conversation, and what the caller says about it comes
//! back here. Everything in here is quick: calls run elsewhere.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jex_conversation::{AnswerId, Input, QuestionId, ToolResult};
use jex_tools::policy::{self, Decision, Gate, Heard};
use jex_tools::{CallEvent, Outcome, Running, Tool, ToolCall, ToolName, results};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Signal;
use super::report::CalledReport;
use crate::builtin::{self, END_CONVERSATION, FORGET_LAST};
use crate::tools::Tools;
use crate::words::Words;

/// For the model, which wants to say goodbye and has something to tell yet.
const TELL_FIRST: &str =
    "Not yet: tell the caller the other results first, then end the conversation.";

/// The tools of one conversation.
pub struct Hands {
    tools: Tools,
    gate: Gate,
    conversation: Uuid,
    language: String,
    events: mpsc::UnboundedSender<CallEvent>,
    work: Option<Work>,
    last_answer: Option<AnswerId>,
    /// The conversation ends with this round, by this call of the model's.
    ending: Option<String>,
    /// What came of calls, by the answer that they were for, until it is asked for.
    finished: Vec<(AnswerId, CalledReport)>,
    open_question: Option<OpenQuestion>,
}

/// What is to be done for one round of an answer.
struct Work {
    answer: AnswerId,
    /// Calls without a result, by their key.
    open: HashMap<Uuid, Wanted>,
    results: Vec<ToolResult>,
    running: Vec<Running>,
    told_that_it_takes_long: bool,
}

/// A call as the model knows it.
struct Wanted {
    id: String,
    tool: ToolName,
}

/// What waits for a yes, as the attribute `jex.question` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenQuestion {
    pub id: u64,
    pub text: String,
    /// When a yes comes too late; absent while the question is still being spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Hands {
    /// Within tokio.
    pub fn new(
        tools: Tools,
        conversation: Uuid,
        language: &str,
        signals: mpsc::UnboundedSender<Signal>,
    ) -> Self {
        let (events, mut inbox) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(event) = inbox.recv().await {
                if signals.send(Signal::Call(event)).is_err() {
                    return;
                }
            }
        });
        Self {
            gate: Gate::new(tools.policy.clone(), tools.limits.clone()),
            tools,
            conversation,
            language: language.to_owned(),
            events,
            work: None,
            last_answer: None,
            ending: None,
            finished: Vec::new(),
            open_question: None,
        }
    }

    /// What the model is offered: all but what the owner forbids.
    pub fn offered(&self) -> Vec<Tool> {
        let catalogue = self.tools.catalogue();
        let allowed = |tool: &&Tool| self.tools.policy.of(tool) != Decision::Never;
        catalogue.tools().filter(allowed).cloned().collect()
    }

    /// The question that waits for a yes.
    pub fn open_question(&self) -> Option<&OpenQuestion> {
        self.open_question.as_ref()
    }

    /// What came of calls since this was last asked.
    pub fn take_finished(&mut self) -> Vec<(AnswerId, CalledReport)> {
        std::mem::take(&mut self.finished)
    }

    /// Whether a call is still being waited for.
    pub fn waits_for(&self, call: Uuid) -> bool {
        self.work
            .as_ref()
            .is_some_and(|work| work.open.contains_key(&call))
    }

    /// The model's own id of a call that is waited for.
    fn wanted(&self, call: Uuid) -> Option<String> {
        let work = self.work.as_ref()?;
        work.open.get(&call).map(|wanted| wanted.id.clone())
    }

    /// The model wants these. `participant`: whose yes counts.
    pub fn act(
        &mut self,
        answer: AnswerId,
        calls: Vec<jex_conversation::ToolCall>,
        participant: &str,
    ) -> Vec<Input> {
        self.let_go();
        // Another answer is one to other words of the caller's.
        if self.last_answer.replace(answer) != Some(answer) {
            self.gate.new_turn();
        }
        let catalogue = self.tools.catalogue();
        let mut work = Work {
            answer,
            open: HashMap::new(),
            results: Vec::new(),
            running: Vec::new(),
            told_that_it_takes_long: false,
        };
        let mut proposals = Vec::new();
        for call in calls {
            match (
                ToolName::new(&call.name),
                serde_json::from_str(&call.arguments),
            ) {
                (Ok(tool), Ok(arguments)) => {
                    let proposal = ToolCall {
                        id: Uuid::new_v4(),
                        tool: tool.clone(),
                        arguments,
                    };
                    let source = catalogue
                        .tool(tool.as_str())
                        .map(|tool| tool.source.as_str());
                    let source = source.unwrap_or_default();
                    let books = &self.tools.books;
                    books.proposed(proposal.id, self.conversation, source);
                    let id = call.id;
                    work.open.insert(proposal.id, Wanted { id, tool });
                    proposals.push(proposal);
                }
                (Err(reason), _) => work.results.push(ToolResult {
                    call: call.id,
                    text: format!("There is no such tool: it {reason}."),
                }),
                (_, Err(error)) => work.results.push(ToolResult {
                    call: call.id,
                    text: format!("The arguments are no JSON object: {error}."),
                }),
            }
        }
        self.work = Some(work);
        let who = (participant, self.language.as_str());
        self.gate
            .propose(Instant::now(), who, proposals, &catalogue);
        self.follow_the_gate()
    }

    /// The caller wants none of it any more.
    pub fn cancel(&mut self, answer: AnswerId) {
        if self.work.as_ref().is_some_and(|work| work.answer == answer) {
            self.let_go();
        }
    }

    /// The caller is gone: what waits for their yes is not done. What runs goes on.
    pub fn caller_left(&mut self) -> Vec<Input> {
        self.gate.withdraw();
        self.follow_the_gate()
    }

    pub fn question_spoken(&mut self, question: QuestionId) -> Vec<Input> {
        if let Some(open) = self
            .open_question
            .as_mut()
            .filter(|open| open.id == question.0)
        {
            open.until = Timestamp::now()
                .checked_add(self.tools.limits.answer_within)
                .ok();
        }
        let question = policy::QuestionId(question.0);
        self.gate.question_spoken(Instant::now(), question);
        self.follow_the_gate()
    }

    pub fn question_cut(&mut self, question: QuestionId) -> Vec<Input> {
        let question = policy::QuestionId(question.0);
        self.gate.question_cut(Instant::now(), question);
        self.follow_the_gate()
    }

    /// What the caller said or typed while a question was open. Returns what follows, and whether it was a reply and
    /// nothing else.
    pub fn said(&mut self, participant: &str, text: &str) -> (Vec<Input>, bool) {
        let heard = self.gate.said(Instant::now(), participant, text);
        let is_turn = matches!(heard, Heard::Turn | Heard::AnswerAndTurn);
        let mut inputs = self.follow_the_gate();
        // Behind the word that the question is over, so that it is not asked again, and before what follows.
        let closed = |input: &Input| matches!(input, Input::QuestionClosed(_));
        let behind = inputs.iter().position(closed).map_or(0, |at| at + 1);
        inputs.insert(behind, Input::ReplyTaken { is_turn });
        (inputs, !is_turn)
    }

    /// A participant pressed Yes or No on the page.
    pub fn pressed(&mut self, participant: &str, question: u64, yes: bool) -> Vec<Input> {
        let question = policy::QuestionId(question);
        self.gate
            .pressed(Instant::now(), participant, question, yes);
        self.follow_the_gate()
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        self.gate.next_deadline()
    }

    pub fn tick(&mut self) -> Vec<Input> {
        self.gate.tick(Instant::now());
        self.follow_the_gate()
    }

    /// Something happened to a call.
    pub fn call_event(&mut self, event: CallEvent) -> Vec<Input> {
        match event {
            CallEvent::StillWorking { call, .. } => self.still_working(call).into_iter().collect(),
            // For the page, not for the conversation.
            CallEvent::Progress { .. } => Vec::new(),
            CallEvent::Ended { call, outcome, .. } => {
                if let (END_CONVERSATION, Outcome::Done(_)) = (call.tool.as_str(), &outcome) {
                    // One that was let go ends nothing: the caller has gone on.
                    self.ending = self.wanted(call.id).or(self.ending.take());
                }
                let mut inputs = self.ended(call.id, &outcome);
                // First: what is forgotten is not told to the model with the results.
                if let (FORGET_LAST, Outcome::Done(_)) = (call.tool.as_str(), &outcome)
                    && let Some(last) = builtin::span_of(&call)
                {
                    let until = Duration::ZERO;
                    inputs.insert(0, Input::Forget { since: last, until });
                }
                inputs
            }
        }
    }

    fn still_working(&mut self, call: Uuid) -> Option<Input> {
        let work = self.work.as_mut()?;
        if !work.open.contains_key(&call) || work.told_that_it_takes_long {
            return None;
        }
        work.told_that_it_takes_long = true;
        Some(Input::ToolStillRunning {
            answer: work.answer,
            text: Words::of(&self.language).still_working().into(),
        })
    }

    fn ended(&mut self, call: Uuid, outcome: &Outcome) -> Vec<Input> {
        let Some(work) = &mut self.work else {
            return Vec::new();
        };
        if let Some(wanted) = work.open.remove(&call) {
            let report = CalledReport {
                tool: wanted.tool.to_string(),
                outcome: outcome.to_string(),
            };
            self.finished.push((work.answer, report));
            work.results.push(ToolResult {
                call: wanted.id,
                text: results::for_model(&wanted.tool, outcome),
            });
        }
        self.finish().into_iter().collect()
    }

    fn finish(&mut self) -> Option<Input> {
        let work = self.work.take_if(|work| work.open.is_empty())?;
        let (answer, mut results) = (work.answer, work.results);
        if let Some(ending) = self.ending.take() {
            if results.len() == 1 {
                return Some(Input::HangUp { answer });
            }
            // What else was asked for has to be told first.
            let ending = results.iter_mut().find(|result| result.call == ending);
            ending
                .into_iter()
                .for_each(|result| result.text = TELL_FIRST.into());
        }
        Some(Input::ToolsDone { answer, results })
    }

    /// Does what the gate decided.
    fn follow_the_gate(&mut self) -> Vec<Input> {
        let mut inputs = Vec::new();
        while let Some(output) = self.gate.poll() {
            match output {
                policy::Output::Permit(permit) => {
                    let running = self.tools.call(permit, self.events.clone());
                    if let Some(work) = &mut self.work {
                        work.running.push(running);
                    }
                }
                policy::Output::Refused { call, refusal } => {
                    let runner = self.tools.runner.clone();
                    let outcome = Outcome::Refused(refusal.clone());
                    let refused = call.id;
                    tokio::spawn(async move { runner.refused(&call, refusal).await });
                    inputs.extend(self.ended(refused, &outcome));
                }
                policy::Output::Ask(question) => {
                    self.open_question = Some(OpenQuestion {
                        id: question.id.0,
                        text: question.text.clone(),
                        until: None,
                    });
                    inputs.extend(self.work.as_ref().map(|work| Input::Ask {
                        answer: work.answer,
                        question: QuestionId(question.id.0),
                        text: question.text,
                    }));
                }
                policy::Output::Answered(question) => {
                    self.open_question.take_if(|open| open.id == question.0);
                    inputs.push(Input::QuestionClosed(QuestionId(question.0)));
                }
            }
        }
        inputs.extend(self.finish());
        inputs
    }

    /// Stops what runs and forgets what waits; what came of it is written down all the same.
    fn let_go(&mut self) {
        self.ending = None;
        let Some(work) = self.work.take() else {
            return;
        };
        work.running.iter().for_each(Running::cancel);
        self.gate.withdraw();
        self.follow_the_gate();
    }
}

/// What runs goes on: the caller asked for it before they left.
impl Drop for Hands {
    fn drop(&mut self) {
        self.gate.withdraw();
        self.follow_the_gate();
    }
}

#[cfg(test)]
mod tests;
