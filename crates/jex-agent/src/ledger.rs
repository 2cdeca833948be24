//! The ledger of tools: intents and outcomes, written down where the conversations are.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use jex_store::{Call, Ending, Entry, Moment, Place, Record, Recorder};
use jex_tools::policy::Decision;
use jex_tools::{Intent, Ledger, NotRecorded, Outcome, Refusal, ToolCall};
use uuid::Uuid;

/// Knows which conversation a call belongs to.
pub struct Books {
    recorder: Recorder,
    open: Mutex<HashMap<Uuid, Proposal>>,
}

/// A call that was proposed and whose outcome is not known.
#[derive(Debug, Clone)]
struct Proposal {
    conversation: Uuid,
    source: String,
    is_written: bool,
}

impl Books {
    pub fn new(recorder: Recorder) -> Self {
        Self {
            recorder,
            open: Mutex::default(),
        }
    }

    /// A call was proposed in a conversation. `source`: of its tool; empty where there is no such tool.
    pub fn proposed(&self, call: Uuid, conversation: Uuid, source: &str) {
        let proposal = Proposal {
            conversation,
            source: source.to_owned(),
            is_written: false,
        };
        self.open().insert(call, proposal);
    }

    /// The conversation in which a call was proposed, until its outcome is known.
    pub fn conversation_of(&self, call: Uuid) -> Option<Uuid> {
        self.open().get(&call).map(|proposal| proposal.conversation)
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Proposal>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(call: &ToolCall, proposal: &Proposal, decision: jex_store::Decision) -> Call {
        Call {
            conversation: proposal.conversation,
            turn: None,
            tool: call.tool.to_string(),
            source: proposal.source.clone(),
            decision,
            arguments: serde_json::Value::Object(call.arguments.clone()).to_string(),
            salt: Uuid::new_v4(),
        }
    }
}

#[async_trait]
impl Ledger for Books {
    async fn intent(&self, intent: &Intent) -> Result<(), NotRecorded> {
        let call = &intent.call;
        let Some(proposal) = self.open().get(&call.id).cloned() else {
            return Err(NotRecorded("it belongs to no conversation".into()));
        };
        let decision = match intent.decision {
            Decision::Allow => jex_store::Decision::Allowed,
            Decision::Ask | Decision::Never => jex_store::Decision::Confirmed,
        };
        let record = Record::Intent(Self::entry(call, &proposal, decision));
        let entry = Entry::with_id(call.id, intent.at.into(), record);
        match self.recorder.keep(entry).await {
            Ok(Place::Database | Place::Journal) => {
                if let Some(proposal) = self.open().get_mut(&call.id) {
                    proposal.is_written = true;
                }
                Ok(())
            }
            Ok(Place::Nowhere) => Err(NotRecorded("there is no room for it".into())),
            Err(error) => Err(NotRecorded(error.to_string())),
        }
    }

    async fn outcome(&self, call: &ToolCall, outcome: &Outcome) {
        let proposal = match outcome {
            // It may be known later.
            Outcome::Unknown(_) => self.open().get(&call.id).cloned(),
            _ => self.open().remove(&call.id),
        };
        let now = Moment::now();
        let (ending, result) = match (outcome, &proposal) {
            (Outcome::Refused(refusal), Some(proposal)) if !proposal.is_written => {
                let record = Record::Refusal(Self::entry(call, proposal, decision_of(refusal)));
                self.recorder.record(Entry::with_id(call.id, now, record));
                return;
            }
            (Outcome::Done(value), _) => (Ending::Done, value.to_string()),
            (Outcome::Failed(reason), _) => (Ending::Failed, reason.clone()),
            (Outcome::Unknown(reason), _) => (Ending::Unknown, reason.clone()),
            (Outcome::Cancelled, _) => (Ending::Cancelled, String::new()),
            // Withdrawn between the intent and the call.
            (Outcome::Refused(refusal), _) => (Ending::Cancelled, refusal.to_string()),
        };
        let record = Record::Outcome(jex_store::Outcome {
            call: call.id,
            ending,
            result,
        });
        self.recorder.record(Entry::new(now, record));
    }
}

fn decision_of(refusal: &Refusal) -> jex_store::Decision {
    match refusal {
        Refusal::NoSuchTool => jex_store::Decision::UnknownTool,
        Refusal::Never => jex_store::Decision::Never,
        Refusal::Arguments(_) => jex_store::Decision::BadArguments,
        Refusal::TooManyCalls => jex_store::Decision::TooMany,
        Refusal::NotRecorded(_) => jex_store::Decision::NotRecorded,
        Refusal::Declined | Refusal::NoAnswer | Refusal::NotAsked | Refusal::Withdrawn => {
            jex_store::Decision::NotConfirmed
        }
    }
}
