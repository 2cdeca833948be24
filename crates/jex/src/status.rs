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
        Some(patience) => wait(paths, patience),
        None => control::status(paths),
    };
    if args.json {
        let json = match &status {
            Ok(status) => serde_json::to_string_pretty(status)?,
            Err(_) => serde_json::to_string_pretty(&serde_json::json!({
                "components": [], "ready": false, "address": null
            }))?,
        };
        exit::say(&format!("{json}\n"));
    }
    let status = status?;
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

/// Looks until everything is ready, JEX has ended, or the time is up.
fn wait(paths: &Paths, patience: Duration) -> Result<StackStatus, SupervisorError> {
    let began = Instant::now();
    let mut progress = Progress::new();
    let mut seen = false;
    loop {
        let status = control::status(paths);
        let waited = began.elapsed();
        let over = match &status {
            Ok(status) => status.ready,
            Err(SupervisorError::NotRunning) => seen || waited >= SHOWS_ITSELF,
            Err(SupervisorError::StartingOrEnding { .. }) => false,
            Err(_) => true,
        };
        if over || waited >= patience {
            return status;
        }
        seen |= !matches!(status, Err(SupervisorError::NotRunning));
        if let Ok(status) = &status {
            progress.show(status);
        }
        std::thread::sleep(PAUSE.min(patience.saturating_sub(waited)));
    }
}
