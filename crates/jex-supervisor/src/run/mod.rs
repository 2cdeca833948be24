//! The backend of child processes: one task per component, all on the thread that `jex up` began
//! with.
//!
//! * [`process`]: one child process from start to end
//! * [`runner`]: one component through all its lives
//! * [`supervisor`]: all of them

mod process;
mod runner;
mod supervisor;

pub use supervisor::{Supervisor, preflight};
