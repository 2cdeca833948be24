//! The backend of child processes: one task per component, all on the thread that `jex up` began
//! with.
//!
//! * [`board`]: what state each is in, for everybody to watch
//! * [`face`]: what one component shows of itself there
//! * [`process`]: one child process from start to end
//! * [`runner`]: one component through all its lives
//! * [`supervisor`]: all of them

mod board;
mod face;
mod process;
mod runner;
mod supervisor;

pub use board::Board;
pub use supervisor::{Supervisor, preflight};
