//! Logs: journald under systemd, readable lines elsewhere.

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// str0m and its helpers, which the agent uses, log every packet problem at info.
const DEFAULT_FILTER: &str = "info,str0m=warn,dimpl=warn,is=warn";

/// Installs the process's subscriber. `JEX_LOG` takes tracing's filter syntax.
pub fn init() {
    let filter = EnvFilter::try_from_env("JEX_LOG").unwrap_or_else(|_| DEFAULT_FILTER.into());
    let journald = std::env::var_os("JOURNAL_STREAM")
        .and_then(|_| tracing_journald::layer().ok())
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
