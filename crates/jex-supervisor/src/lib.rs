//! Declares, starts, probes, restarts and stops JEX's components.
//!
//! What a component *is* stands apart from how it is run, so that two backends share the declarations:
//!
//! * declare: [`component`] is the vocabulary, [`components`] holds one file per component,
//!   [`order`] the order they stop in
//! * probe: [`probe`] asks whether one answers, [`warm_up`] makes its first slow answer happen
//!   before a caller waits for it, [`board`] shows what state each is in
//! * run: [`run`] is the backend of child processes, with [`restart`] deciding when to try again;
//!   [`units`] that of an appliance, where systemd starts them
//!
//! Around them: [`up`](fn@up) is the whole of `jex up`, [`control`] the socket that `jex status` and
//! `jex stop` use, [`models`] the language models, [`database`] PostgreSQL's folder and what is in it,
//! [`provision`] what n8n is given, [`orphans`] sees to it that nothing outlives
//! JEX, and [`ports`], [`memory`], [`address`] find out about this machine.

pub mod address;
pub mod board;
pub mod component;
pub mod components;
pub mod control;
pub mod database;
pub mod memory;
pub mod models;
pub mod order;
pub mod orphans;
pub mod ports;
pub mod probe;
pub mod provision;
pub mod restart;
pub mod run;
pub mod status;
pub mod units;
pub mod warm_up;

mod error;
mod face;
mod http;
mod lock;
mod log_file;
mod progress;
mod speech;
mod up;

pub use error::SupervisorError;
pub use lock::Lock;
pub use up::{UpOptions, up};
