//! JEX's supervisor on an appliance, where systemd runs the parts: it asks each whether it answers, gets the
//! model on the first start, warms up what is slow at first, and tells how everything is (`jex status`).

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use jex_config::{Parts, Paths};
use jex_service::{Termination, systemd};
use jex_supervisor::components::{self, Backend, Stack, Units};
use jex_supervisor::control::{self, Access};
use jex_supervisor::units::Appliance;
use url::Url;

/// JEX's supervisor, as a unit of systemd: provisions and reports. Without systemd, `jex up` runs JEX.
#[derive(Debug, Parser)]
#[command(version)]
struct CommandLine {
    #[command(flatten)]
    service: jex_service::Arguments,
    /// What people open in the browser [default: the page on this machine]
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    /// Folder in which Ollama keeps its models; the disk there has to hold what is pulled
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/ollama/models")]
    models: PathBuf,
    /// This machine's memory has to hold the model, no graphics card's
    #[arg(long)]
    in_memory: bool,
    /// Where n8n says how it is, if there is one
    #[arg(long, value_name = "URL")]
    n8n: Option<Url>,
    /// PostgreSQL's socket, if there is one
    #[arg(long, value_name = "SOCKET")]
    postgresql: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = CommandLine::parse();
    jex_service::run(|termination| run(arguments, termination))
}

async fn run(arguments: CommandLine, mut termination: Termination) -> anyhow::Result<()> {
    let folder = std::env::var_os("RUNTIME_DIRECTORY").context(
        "RUNTIME_DIRECTORY is not set: jex-supervisor is made to be a unit of systemd, which sets \
         it by `RuntimeDirectory=`. On other machines `jex up` runs JEX",
    )?;
    let paths = Paths::from_env()?;
    let settings = jex_config::load(&arguments.service.into())?.settings;
    let address = arguments
        .address
        .unwrap_or_else(|| components::address(&settings));
    let stack = Stack {
        parts: Parts::load(&paths)?,
        settings,
        paths,
        backend: Backend::Units(Units {
            n8n: arguments.n8n,
            postgresql: arguments.postgresql,
            models: arguments.models,
            in_memory: arguments.in_memory,
        }),
    };
    let socket = PathBuf::from(folder).join("control.sock");
    let requests = control::listen(&socket, Access::Group)?;
    let appliance = Appliance::watch(stack, address);
    systemd::ready();
    tokio::select! {
        () = appliance.answer(requests) => {}
        () = appliance.report(systemd::status) => {}
        () = termination.requested() => {}
    }
    systemd::stopping();
    Ok(())
}
