//! The owner's command.
//!
//! * [`cli`]: the command line; [`exit`]: statuses and messages
//! * [`status`], [`logs`], [`model`], [`config`], [`n8n`], [`pair`]: one file per command; [`progress`]: slow starts
//! * [`history`], [`audit`], [`db`]: what JEX remembers
//! * [`ask`]: a caller in a terminal
//!
//! `main` is plain: each command builds the runtime that it needs.

mod ask;
mod audit;
mod cli;
mod config;
mod db;
mod exit;
mod history;
mod logs;
mod model;
mod n8n;
mod pair;
mod progress;
mod status;

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use jex_config::{LoadOptions, Paths};
use jex_supervisor::{SupervisorError, UpOptions, control};
use tracing_subscriber::EnvFilter;

use cli::{Cli, Command};

/// Everything is stopped within 10 s; a little more for a machine that is busy.
const STOPS_WITHIN: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    match run(cli) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            exit::complain(&format!("{error:#}"));
            match error.downcast_ref::<SupervisorError>() {
                Some(SupervisorError::NotRunning | SupervisorError::SupervisorDown) => {
                    ExitCode::from(exit::NOT_RUNNING)
                }
                _ => ExitCode::from(exit::FAILURE),
            }
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<u8> {
    let options = LoadOptions {
        file: cli.settings.config,
        overrides: cli.settings.overrides,
    };
    match cli.command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "jex", &mut script);
            exit::say(&String::from_utf8_lossy(&script));
            Ok(exit::SUCCESS)
        }
        Command::Config(command) => config::run(&command, &options),
        Command::Status(args) => status::run(&args, &Paths::from_env()?),
        Command::Logs(args) => logs::run(&args, &Paths::from_env()?),
        Command::Pair(args) => pair::run(&args, &options, &Paths::from_env()?),
        Command::Stop => stop(&Paths::from_env()?),
        Command::Up(args) => {
            jex_supervisor::up(&UpOptions {
                load: options,
                paths: Paths::from_env()?,
                background: args.background,
                only: None,
            })?;
            Ok(exit::SUCCESS)
        }
        Command::Model(command) => {
            let loaded = jex_config::load(&options)?;
            model::run(&command, &loaded, &Paths::from_env()?)
        }
        Command::History(command) => history::run(&command, &options, &Paths::from_env()?),
        Command::Audit(command) => audit::run(&command, &options, &Paths::from_env()?),
        Command::Db(command) => db::run(&command, &options, &Paths::from_env()?),
        Command::N8n(command) => {
            let settings = jex_config::load(&options)?.settings;
            n8n::run(&command, &settings, &Paths::from_env()?)
        }
        Command::Ask(args) => {
            let settings = jex_config::load(&options)?.settings;
            ask::run(&args, &settings)
        }
    }
}

fn stop(paths: &Paths) -> anyhow::Result<u8> {
    control::stop(paths)?;
    if control::wait_until_stopped(paths, STOPS_WITHIN) {
        exit::say("JEX has ended.\n");
        return Ok(exit::SUCCESS);
    }
    let seconds = STOPS_WITHIN.as_secs();
    exit::complain(&format!(
        "JEX has not ended within {seconds} s. `jex status` shows what is still there."
    ));
    Ok(exit::FAILURE)
}

/// What JEX's crates log goes to stderr; `JEX_LOG` is the filter, as in `JEX_LOG=debug`.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("JEX_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would say on stderr that stderr is closed, and panic.
        .log_internal_errors(false)
        .with_target(false)
        .init();
}
