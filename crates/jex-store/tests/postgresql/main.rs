//! The store on a real PostgreSQL.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod audit;
mod deletion;
mod disk_full;
mod erasure;
mod export;
mod history;
mod memory;
mod recording;
mod retention;
mod room;
mod schema;
