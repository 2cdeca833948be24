//! The worker protocol in virtual time. The real server has its turn in `tests/worker.rs`.

mod hostile;
mod scene;
mod story;
