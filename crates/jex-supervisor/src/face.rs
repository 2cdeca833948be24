//! What a component shows of itself.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::component::Component;
use crate::log_file::LastLines;
use crate::probe::{self, Silence};
use crate::status::{ComponentStatus, State, unix_now};

/// Between two questions while it starts.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Writes the component's line on the board.
#[derive(Debug, Clone)]
pub struct Face {
    pub name: &'static str,
    pub status: watch::Sender<ComponentStatus>,
}

impl Face {
    pub fn set(&self, state: State, detail: Option<String>) {
        self.status.send_modify(|status| {
            if status.state != state {
                status.since_unix = unix_now();
            }
            status.state = state;
            status.detail = detail;
        });
    }

    /// Into a state before another try.
    pub fn again(&self, state: State, detail: Option<String>, error: Option<String>) {
        self.status.send_modify(|status| {
            status.last_error = error.or(status.last_error.take());
        });
        self.set(state, detail);
    }

    pub fn tell(&self, detail: Option<String>) {
        if self.status.borrow().detail != detail {
            self.status.send_modify(|status| status.detail = detail);
        }
    }

    pub fn learn_version(&self, version: Option<String>) {
        if version.is_some() && self.status.borrow().version != version {
            self.status.send_modify(|status| status.version = version);
        }
    }

    /// Asks until it answers, for at most `limit`.
    pub async fn first_answer(&self, component: &Component, limit: Duration) -> Result<(), String> {
        let deadline = Instant::now() + limit;
        loop {
            match probe::ask(&component.ready).await {
                Ok(answer) => {
                    self.learn_version(answer.version);
                    return Ok(());
                }
                Err(silence) if Instant::now() >= deadline => {
                    let seconds = limit.as_secs();
                    let Silence { reason, .. } = silence;
                    let name = self.name;
                    return Err(format!("{name} was not ready within {seconds} s: {reason}"));
                }
                Err(silence) if silence.alive => self.tell(Some(silence.reason)),
                Err(_) => {}
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Why it ended, in its own words.
    pub fn with_last_lines(&self, reason: &str, last: &LastLines) -> String {
        let name = self.name;
        let lines = last.text();
        if lines.is_empty() {
            return format!(
                "{reason}, and it said nothing. `jex logs {name}` has what came before."
            );
        }
        format!("{reason}. Its last lines:\n{lines}\n`jex logs {name}` has more.")
    }
}
