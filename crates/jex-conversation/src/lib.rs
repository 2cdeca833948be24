//! Turn-taking as a sans-IO state machine: who may speak when.
//!
//! [`Conversation::handle`] takes what happened and when, [`Conversation::poll`] says what to do
//! about it, [`Conversation::next_deadline`] when to come back with [`Input::Tick`] if nothing
//! else happens first. Nothing here sleeps, reads a clock or does I/O, so every rule is tested in
//! virtual time.

mod alignment;
mod answer;
mod budget;
mod conversation;
mod history;
mod problems;
mod protocol;
mod stop_words;
mod turn;

pub use budget::estimated_tokens;
pub use conversation::Conversation;
pub use history::{Message, Role, ToolCall, ToolResult};
pub use protocol::{
    AgentState, AnnouncementId, AnswerId, By, Input, Output, Problem, QuestionId, Rules, Stage,
    SummaryId, UtteranceId,
};
