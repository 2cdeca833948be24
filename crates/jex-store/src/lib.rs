//! What JEX remembers, in PostgreSQL.
//!
//! * [`store`]: the way to the database and its schema (`migrations/`); [`places`]: what lies outside of it
//! * [`record`]: what is written down; [`apply`], [`write`]: how that becomes rows; [`recorder`]: the front that never
//!   waits; [`journal`]: where it waits while PostgreSQL is away
//! * [`history`], [`memory`], [`export`]: reading it back
//! * [`delete`], [`erase`], [`retention`]: how it goes
//! * [`audit`]: who decided what, append-only
//!
//! Words are in ordinary rows, which deletion removes; the audit has none.

mod apply;
mod error;
mod file;
mod headings;
mod moment;
mod write;

pub mod audit;
pub mod delete;
pub mod erase;
pub mod export;
pub mod history;
pub mod journal;
pub mod memory;
pub mod places;
pub mod record;
pub mod recorder;
pub mod retention;
pub mod store;

pub use audit::{Fault, Verified};
pub use delete::{Deleted, Deletion, ExecutionDue, Scope};
pub use erase::Erased;
pub use error::StoreError;
pub use history::Page;
pub use journal::Journal;
pub use moment::Moment;
pub use record::{
    Began, Call, Decision, Ending, Entry, Fact, Outcome, Providers, Record, Speaker, Summary, Turn,
};
pub use recorder::{NotKept, Place, Recorder, Recording, Writing};
pub use retention::Retention;
pub use store::{Step, Store};
