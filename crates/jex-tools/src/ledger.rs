//! Everything that is done is written down, before and after.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::policy::Decision;
use crate::{Effect, Outcome, ToolCall};

/// What is about to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    pub call: ToolCall,
    /// Name of the source.
    pub source: String,
    pub effect: Effect,
    pub decision: Decision,
    pub at: Timestamp,
}

/// Why an intent is not on a disk. A phrase for the owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotRecorded(pub String);

/// Where intents and outcomes go.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Returns when the intent would survive a power cut.
    async fn intent(&self, intent: &Intent) -> Result<(), NotRecorded>;
    /// What became of it. Also called for calls that were refused, which have no intent.
    async fn outcome(&self, call: &ToolCall, outcome: &Outcome);
}
