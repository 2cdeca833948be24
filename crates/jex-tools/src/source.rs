//! Where tools come from.

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{CallContext, Outcome, Tool, ToolCall, ToolError, ToolName};

/// What a source has at the moment.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    pub tools: Vec<Tool>,
    /// What looks like a tool and cannot be offered.
    pub rejected: Vec<Rejected>,
}

/// A would-be tool. `reason` ends the sentence that begins with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    pub name: String,
    pub source: String,
    pub reason: String,
}

/// How a running call is spoken with.
#[derive(Debug, Clone)]
pub struct Handling {
    /// Cancelled: stop the call, and nothing but the call.
    pub cancel: CancellationToken,
    /// What the tool says while it runs, one line each.
    pub progress: mpsc::Sender<String>,
}

/// What is known of a call whose answer was lost.
#[derive(Debug, Clone, PartialEq)]
pub enum LookUp {
    Ended(Outcome),
    StillRunning,
    /// The source keeps records and has none of it: it was not begun.
    NoTrace,
    /// The source keeps no records.
    CannotTell,
}

/// A call that was sent once, for those who only want its traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCall {
    pub id: Uuid,
    pub tool: ToolName,
    pub at: Timestamp,
}

/// n8n, or one MCP server.
#[async_trait]
pub trait Source: Send + Sync {
    /// Short and unique, such as `n8n`.
    fn name(&self) -> &str;
    async fn list(&self) -> Result<Listing, ToolError>;
    /// Calls it once, at most. Returns when it is over, timed out or stopped; dropping the future stops nothing.
    async fn call(&self, call: &ToolCall, context: &CallContext, handling: Handling) -> Outcome;
    /// What became of a call that was sent at `sent`. Fails while the source cannot be reached.
    async fn look_up(&self, call: &ToolCall, sent: Timestamp) -> Result<LookUp, ToolError>;

    /// Deletes what the source has kept of these calls. Returns those of which nothing is left; one that still runs is
    /// not among them.
    async fn forget(&self, calls: &[SentCall]) -> Result<Vec<Uuid>, ToolError> {
        Ok(calls.iter().map(|call| call.id).collect())
    }
}
