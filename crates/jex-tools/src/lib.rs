//! Tools that JEX may use, and the policy that decides.
//!
//! A model proposes calls; nothing it says, and nothing that a tool says, is more than a proposal:
//!
//! 1. [`Toolbox`]: what there is, found anew by itself in each [`Source`]: [`n8n`] workflows and [`mcp`] servers;
//! 2. [`policy`]: a state machine without I/O that turns proposals into [`policy::Permit`]s, questions to the caller
//!    or refusals. Only it can make a permit;
//! 3. [`Runner`]: takes a permit, has the [`Ledger`] write the intent, calls the source, has the outcome written;
//! 4. [`results`]: how a model is shown what came back, as data;
//! 5. [`constrained`]: the same for models that know no tool calls.

mod call;
pub mod constrained;
mod error;
mod from_settings;
mod ledger;
pub mod mcp;
pub mod n8n;
pub mod policy;
pub mod results;
mod runner;
mod source;
mod text;
mod tool;
mod toolbox;

pub use call::{CallContext, Outcome, Refusal, ToolCall};
pub use error::ToolError;
pub use from_settings::{FromSettingsError, toolbox};
pub use ledger::{Intent, Ledger, NotRecorded};
pub use runner::{CallEvent, Runner, Running, Unresolved};
pub use source::{Handling, Listing, LookUp, Rejected, SentCall, Source};
pub use tool::{Draft, Effect, Says, Tool, ToolName};
pub use toolbox::{Catalogue, Toolbox, Trouble};
