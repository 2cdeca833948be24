//! One call of a tool and what became of it.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;

use crate::ToolName;

/// A call as a model proposed it. Its id is the idempotency key.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    pub id: Uuid,
    pub tool: ToolName,
    pub arguments: Map<String, Value>,
}

/// What a tool is told beside its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallContext {
    /// BCP 47.
    pub language: String,
    /// IANA name, such as `Europe/Berlin`.
    pub timezone: String,
    /// Where the tool may `POST {"text": …}` while it runs; on loopback.
    pub progress: Option<Url>,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "outcome", content = "detail")]
pub enum Outcome {
    /// What the tool gave back.
    Done(Value),
    /// It did not work, or not wholly. The reason is a phrase for the owner.
    Failed(String),
    /// It was sent and nobody can say whether it happened. It is never sent again by itself.
    Unknown(String),
    /// It was told to stop, and did.
    Cancelled,
    /// It was not sent.
    Refused(Refusal),
}

/// Why a call was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why", content = "reason")]
pub enum Refusal {
    NoSuchTool,
    /// The owner's policy is `never`.
    Never,
    /// They do not fit the schema.
    Arguments(String),
    TooManyCalls,
    /// The caller said anything but yes.
    Declined,
    /// The caller said nothing within the time.
    NoAnswer,
    /// The question could not be asked to its end.
    NotAsked,
    /// The caller is gone, or told JEX to stop.
    Withdrawn,
    /// It could not be written down, and it is none that may run without.
    NotRecorded(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchTool => f.write_str("there is no such tool"),
            Self::Never => f.write_str("the owner's settings forbid it"),
            Self::Arguments(reason) => write!(f, "its arguments do not fit: {reason}"),
            Self::TooManyCalls => f.write_str("there were too many calls in a short time"),
            Self::Declined => f.write_str("the caller did not agree"),
            Self::NoAnswer => f.write_str("the caller did not answer the question in time"),
            Self::NotAsked => f.write_str("the question could not be asked to its end"),
            Self::Withdrawn => f.write_str("it was withdrawn"),
            Self::NotRecorded(reason) => write!(f, "it could not be written down: {reason}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(_) => f.write_str("done"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
            Self::Unknown(reason) => write!(f, "unknown: {reason}"),
            Self::Cancelled => f.write_str("stopped"),
            Self::Refused(refusal) => write!(f, "not called: {refusal}"),
        }
    }
}
