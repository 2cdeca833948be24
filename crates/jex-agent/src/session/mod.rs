//! One conversation in one room: moves bytes between the room, the providers and
//! [`jex_conversation::Conversation`], which alone decides.

mod captions;
mod ear;
mod mind;
mod mouth;
mod recogniser;
mod report;
mod run;
mod timeline;
mod turns;

use std::time::Instant;

use jex_conversation::{AnswerId, Input, Problem, Stage};
use jex_providers::ProviderError;

pub use run::{Context, Control, Phase, SessionError, Ticket, hold};

/// What the parts of a session tell its loop.
pub enum Signal {
    Input(Input),
    Mark(AnswerId, Mark, Instant),
    /// Another voice than the usual one speaks (`Some`), or the usual one again.
    Voice(Option<Problem>),
    /// The track plays nothing any more: nobody would hear us.
    TrackDead,
}

/// A stage of an answer was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    FirstToken,
    FirstAudio,
}

fn problem(stage: Stage, error: &ProviderError) -> Problem {
    Problem {
        stage,
        message: error.what(),
        remedy: error.remedy().to_owned(),
    }
}
