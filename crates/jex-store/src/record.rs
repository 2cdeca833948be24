//! What is written down, one entry at a time.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Moment;

/// Something to be written once, wherever it has to wait meanwhile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Of the row that it makes: a turn's, a call's, a fact's. Written twice, it counts once.
    pub id: Uuid,
    pub at: Moment,
    pub record: Record,
}

impl Entry {
    /// With an id of its own.
    pub fn new(at: Moment, record: Record) -> Self {
        Self::with_id(Uuid::new_v4(), at, record)
    }

    pub fn with_id(id: Uuid, at: Moment, record: Record) -> Self {
        Self { id, at, record }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    Began(Began),
    Ended {
        conversation: Uuid,
    },
    Turn(Turn),
    /// A call that will be sent: the entry's id is the call's, its idempotency key.
    Intent(Call),
    /// A call that will not be sent.
    Refusal(Call),
    Outcome(Outcome),
    Summary(Summary),
    Fact(Fact),
    Announcement {
        text: String,
    },
    /// An announcement was spoken, in that conversation.
    Spoken {
        announcement: Uuid,
        conversation: Uuid,
    },
    /// So many entries could not be kept anywhere before this one.
    Gap {
        lost: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Began {
    pub conversation: Uuid,
    /// Name of the room.
    pub room: String,
    /// BCP 47.
    pub language: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    Caller,
    Assistant,
}

/// One thing that one side said. A conversation that is not known yet begins with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    pub conversation: Uuid,
    pub speaker: Speaker,
    /// Identity in the room.
    pub participant: String,
    pub said: String,
    /// How much of it was heard; `None`: all of it.
    pub heard: Option<String>,
    /// Written, not spoken.
    pub typed: bool,
    pub interrupted: bool,
    pub providers: Providers,
    /// The host that the words were sent to; `None`: they stayed on this machine.
    pub left_for: Option<String>,
}

/// Who recognised, thought and spoke, where somebody did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Providers {
    pub stt: Option<String>,
    pub llm: Option<String>,
    pub tts: Option<String>,
}

/// Why a call was sent, or was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The policy lets it.
    Allowed,
    /// The owner said yes.
    Confirmed,
    /// The policy forbids it.
    Never,
    /// The owner was asked and did not say yes.
    NotConfirmed,
    /// Too many in a short time.
    TooMany,
    /// The arguments do not fit the tool's schema.
    BadArguments,
    /// There is no such tool.
    UnknownTool,
    /// It could not be written down first.
    NotRecorded,
}

impl Decision {
    /// Whether such a call is sent.
    pub fn is_sent(self) -> bool {
        matches!(self, Self::Allowed | Self::Confirmed)
    }
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub conversation: Uuid,
    /// The turn that asked for it.
    pub turn: Option<Uuid>,
    pub tool: String,
    /// `n8n`, `jex`, or `mcp:` and the server's name.
    pub source: String,
    pub decision: Decision,
    /// JSON.
    pub arguments: String,
    /// Random: makes the audit's digests tell nothing of short texts.
    pub salt: Uuid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    Done,
    Failed,
    /// Nobody knows whether it was done: it was cut off.
    Unknown,
    Cancelled,
}

/// How a call ended. An unknown one may be known later; anything else stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub call: Uuid,
    pub ending: Ending,
    /// JSON, or the reason of a failure.
    pub result: String,
}

/// What was said between two moments, in fewer words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub conversation: Uuid,
    pub from: Moment,
    pub until: Moment,
    pub text: String,
}

/// What the owner asked to remember.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// In which it was asked.
    pub conversation: Option<Uuid>,
    pub text: String,
}

/// The words by which the database knows an enumeration.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl TryFrom<String> for $type {
            type Error = UnknownWord;

            fn try_from(word: String) -> Result<Self, UnknownWord> {
                match word.as_str() {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord(word)),
                }
            }
        }
    };
}

/// The database has a word that this JEX does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown word {0}")]
pub struct UnknownWord(String);

words!(Speaker {
    Caller = "caller",
    Assistant = "assistant",
});
words!(Decision {
    Allowed = "allowed",
    Confirmed = "confirmed",
    Never = "never",
    NotConfirmed = "not_confirmed",
    TooMany = "too_many",
    BadArguments = "bad_arguments",
    UnknownTool = "unknown_tool",
    NotRecorded = "not_recorded",
});
words!(Ending {
    Done = "done",
    Failed = "failed",
    Unknown = "unknown",
    Cancelled = "cancelled",
});
