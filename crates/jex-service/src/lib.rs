//! What each of JEX's services does around its work.
//!
//! * [`Arguments`]: the command line that all have
//! * [`run`]: logs, the async runtime, the exit status
//! * [`Termination`]: the signals that ask it to end
//! * [`systemd`]: what systemd is told

mod logging;
pub mod systemd;
mod termination;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use jex_config::LoadOptions;
pub use termination::Termination;

/// To be flattened into a service's own command line.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Settings file [default: $JEX_CONFIG, else jex/jex.toml in the user's configuration]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl From<Arguments> for LoadOptions {
    fn from(arguments: Arguments) -> Self {
        Self {
            file: arguments.config,
            ..Self::default()
        }
    }
}

/// Runs a service to its end. An error is logged with its causes.
pub fn run<F>(service: impl FnOnce(Termination) -> F) -> ExitCode
where
    F: Future<Output = anyhow::Result<()>>,
{
    logging::init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let outcome = runtime
        .context("cannot start the async runtime")
        .and_then(|runtime| {
            let outcome = runtime.block_on(async { service(Termination::watch()?).await });
            // A look-up of a host's name, which nothing can break off, would hold up the end.
            runtime.shutdown_background();
            outcome
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
