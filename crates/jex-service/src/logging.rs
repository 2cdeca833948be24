//! Logs: journald under systemd, readable lines elsewhere.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// str0m and its helpers, which the agent uses, log every packet problem at info.
const DEFAULT_FILTER: &str = "info,str0m=warn,dimpl=warn,is=warn";

/// Installs the process's subscriber. `JEX_LOG` takes tracing's filter syntax.
pub fn init() {
    let filter = EnvFilter::try_from_env("JEX_LOG").unwrap_or_else(|_| DEFAULT_FILTER.into());
    let journald = stderr_is_the_journal()
        .then(tracing_journald::layer)
        .and_then(Result::ok)
        .map(Layer::boxed);
    let layer = journald.unwrap_or_else(|| {
        tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            // It would say on stderr that stderr is closed, and panic.
            .log_internal_errors(false)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .boxed()
    });
    tracing_subscriber::registry()
        .with(layer)
        .with(filter)
        .init();
}

/// As systemd.exec(5) has it: the variable alone is inherited by whatever is started from a
/// service, a terminal among it.
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let stderr = std::io::stderr();
    let Ok(stderr) = stderr.as_fd().try_clone_to_owned() else {
        return false;
    };
    File::from(stderr)
        .metadata()
        .is_ok_and(|file| is_stream(&stream, file.dev(), file.ino()))
}

/// Whether `DEVICE:INODE` names this file.
fn is_stream(stream: &str, device: u64, inode: u64) -> bool {
    stream == format!("{device}:{inode}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stream_that_systemd_made_is_the_journal() {
        assert!(is_stream("8:1234", 8, 1234));
        assert!(!is_stream("8:1234", 8, 1235));
        assert!(!is_stream("8", 8, 1234));
        assert!(!is_stream("", 0, 0));
    }
}
