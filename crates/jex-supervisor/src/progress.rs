//! What `jex up` prints while the stack starts.

use std::io::Write;
use std::time::Instant;

use crate::board::Board;
use crate::status::{ComponentStatus, State};

/// Prints every change of state, until dropped.
pub async fn print(board: Board) {
    let start = Instant::now();
    let tasks = board.watch().into_iter().map(|mut slot| async move {
        let mut shown: Option<(State, Option<String>)> = None;
        loop {
            let status = slot.borrow_and_update().clone();
            let now = (status.state, step(status.detail.as_deref()));
            if shown.as_ref() != Some(&now) {
                say(&line(&status, start.elapsed().as_secs_f32()));
                shown = Some(now);
            }
            if slot.changed().await.is_err() {
                return;
            }
        }
    });
    futures::future::join_all(tasks).await;
}

/// What has to change for another line: every tenth percent is enough.
fn step(detail: Option<&str>) -> Option<String> {
    let detail = detail?;
    let percent = detail
        .strip_prefix("pulling ")
        .and_then(|rest| rest.split_once(" %"))
        .and_then(|(percent, _)| percent.parse::<u64>().ok());
    Some(match percent {
        Some(percent) => format!("pulling {}", percent / 10),
        None => detail.to_owned(),
    })
}

fn line(status: &ComponentStatus, seconds: f32) -> String {
    let ComponentStatus {
        name,
        state,
        detail,
        last_error,
        ..
    } = status;
    let detail = detail.as_deref().unwrap_or_default();
    let mut line = format!("{seconds:6.1} s  {name:<8} {state:<10} {detail}");
    line.truncate(line.trim_end().len());
    if matches!(state, State::Failed | State::Restarting)
        && let Some(error) = last_error
    {
        for part in error.lines() {
            line.push_str("\n            ");
            line.push_str(part);
        }
    }
    line
}

/// Standard output may be a pipe that nobody reads any more: that must not end JEX.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_with_its_reason() {
        let mut status = ComponentStatus::new("piper");
        status.state = State::Failed;
        status.last_error =
            Some("piper ended with exit status 1. Its last lines:\nno voice".into());

        let line = line(&status, 3.12);

        assert!(line.starts_with("   3.1 s  piper    failed"), "{line}");
        assert!(line.ends_with("            no voice"), "{line}");
    }

    #[test]
    fn a_pull_is_told_every_tenth_percent() {
        assert_eq!(
            step(Some("pulling 34 % of 2 GB")),
            step(Some("pulling 39 % of 2 GB"))
        );
        assert_ne!(
            step(Some("pulling 39 % of 2 GB")),
            step(Some("pulling 40 % of 2 GB"))
        );
    }
}
