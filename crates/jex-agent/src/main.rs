//! The agent: registers with LiveKit as a worker, takes rooms and holds one conversation in each.
//!
//! * [`office`]: the worker, which rooms are held, callers that wait, draining
//! * [`sweeper`]: callers who wait, and whose they are; [`installation`]: who we are to others
//! * [`register`]: the rules about jobs, without I/O
//! * [`session`]: one conversation: ear, mind, mouth and captions around `jex-conversation`
//! * [`sessions`]: all of them that are held, by room
//! * [`health`]: a loopback endpoint

mod health;
mod installation;
mod office;
mod register;
mod session;
mod sessions;
mod sweeper;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use clap::Parser;
use jex_config::Paths;
use jex_providers::Providers;
use jex_service::{Termination, systemd};
use tokio_util::sync::CancellationToken;

use crate::health::{Health, ProviderNames};
use crate::office::Office;
use crate::sweeper::Clientele;

/// JEX's agent: takes LiveKit rooms and holds one conversation in each.
#[derive(Debug, Parser)]
#[command(version)]
struct AgentArguments {
    #[command(flatten)]
    service: jex_service::Arguments,
}

fn main() -> ExitCode {
    let arguments = AgentArguments::parse();
    jex_service::run(|termination| run(arguments, termination))
}

async fn run(arguments: AgentArguments, mut termination: Termination) -> anyhow::Result<()> {
    let paths = Paths::from_env()?;
    let settings = jex_config::load(&arguments.service.into())?.settings;
    let settings = Arc::new(settings);
    let credentials = jex_config::secrets::livekit_credentials(&settings, &paths)?;
    let parts = jex_config::parts::Parts::load(&paths)?;
    let providers = Arc::new(Providers::from_settings(&settings, &parts)?);
    let health = Arc::new(Mutex::new(Health::new(ProviderNames {
        stt: providers.stt.name(),
        llm: providers.llm.name(),
        tts: providers.tts.name(),
    })));
    let port = settings.agent.port;
    let listener = health::bind(port).await.with_context(|| {
        format!("port {port} on loopback is taken; `agent.port` in jex.toml moves the agent")
    })?;
    let clientele = Clientele {
        installation: installation::id(&paths.state)
            .with_context(|| format!("{} cannot be written to", paths.state.display()))?,
        is_shared: settings.livekit.url.is_some(),
    };
    let serving = tokio::spawn(health::serve(listener, health.clone()));
    systemd::ready();

    let stop = CancellationToken::new();
    let context = session::Context {
        settings,
        providers,
    };
    let office = Office::run(context, credentials, clientele, health, stop.clone());
    let mut office = std::pin::pin!(office);
    tokio::select! {
        () = &mut office => {}
        () = termination.requested() => {}
    }
    systemd::stopping();
    stop.cancel();
    tokio::select! {
        () = office => {}
        () = termination.requested() => {}
    }
    serving.abort();
    Ok(())
}
