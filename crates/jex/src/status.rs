//! `jex status`: how each part is.

pub mod table;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jex_config::Paths;
use jex_supervisor::status::StackStatus;
use jex_supervisor::{SupervisorError, control};

use crate::cli::StatusArgs;
use crate::exit;
use crate::progress::Progress;

/// Between two looks while waiting.
const PAUSE: Duration = Duration::from_millis(250);
/// A JEX that was started just now shows itself within this time.
const SHOWS_ITSELF: Duration = Duration::from_secs(5);

/// Prints the status. Returns the exit status: 0 only when everything is ready.
pub fn run(args: &StatusArgs, paths: &Paths) -> anyhow::Result<u8> {
    let status = match args.wait {
        Some(patience) => wait(paths, patience)?,
        None => look(paths)?,
    };
    if args.json {
        let json = match &status {
            Some(status) => serde_json::to_string_pretty(status)?,
            None => serde_json::to_string_pretty(&serde_json::json!({
                "components": [], "ready": false, "address": null
            }))?,
        };
        exit::say(&format!("{json}\n"));
    }
    let Some(status) = status else {
        exit::complain(&SupervisorError::NotRunning.to_string());
        return Ok(exit::NOT_RUNNING);
    };
    if !args.json {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        exit::say(&table::render(&status, now));
    }
    Ok(if status.ready {
        exit::SUCCESS
    } else {
        exit::FAILURE
    })
}

/// `None` when JEX is not running.
fn look(paths: &Paths) -> anyhow::Result<Option<StackStatus>> {
    match control::status(paths) {
        Ok(status) => Ok(Some(status)),
        Err(SupervisorError::NotRunning) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Looks until everything is ready, JEX has ended, or the time is up.
fn wait(paths: &Paths, patience: Duration) -> anyhow::Result<Option<StackStatus>> {
    let began = Instant::now();
    let mut progress = Progress::new();
    let mut seen = false;
    loop {
        let status = look(paths)?;
        let waited = began.elapsed();
        let gone = status.is_none() && (seen || waited >= SHOWS_ITSELF);
        seen |= status.is_some();
        let ready = status.as_ref().is_some_and(|status| status.ready);
        if ready || gone || waited >= patience {
            return Ok(status);
        }
        if let Some(status) = &status {
            progress.show(status);
        }
        std::thread::sleep(PAUSE.min(patience.saturating_sub(waited)));
    }
}
