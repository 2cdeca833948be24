//! The audit: who decided what, in a table that only grows and that shows when it was changed.
//!
//! * [`chain`]: how rows hang together, and what breaks that; no database
//! * [`head`]: the newest hash, in a file outside the database
//! * [`append`]: one more row; [`verify`]: all of them

pub mod append;
pub mod chain;
mod head;
mod verify;

pub use chain::{Fault, Hash, Link};
pub use head::Head;
pub use verify::Verified;
