//! The agent: registers with LiveKit as a worker, takes rooms and holds one conversation in each.
//!
//! * [`office`]: the worker, which rooms are held, callers that wait, draining
//! * [`sweeper`]: callers who wait, and whose they are; [`installation`]: who we are to others
//! * [`register`]: the rules about jobs, without I/O
//! * [`session`]: one conversation: ear, mind, mouth and captions around `jex-conversation`
//! * [`sessions`]: all of them that are held, by room
//! * [`tools`], [`builtin`], [`ledger`]: what can be done, and that it is written down
//! * [`memory`]: the history and what the owner wants remembered
//! * [`announcements`]: what is to be said of JEX's own accord; [`words`]: what the agent itself says
//! * [`housekeeping`]: deleted things are deleted everywhere, old ones in time; [`oblivion`]: in conversations that go on
//! * [`loopback`]: a port for the supervisor, the page and workflows; [`health`]: how the agent is

mod announcements;
mod builtin;
mod health;
mod housekeeping;
mod installation;
mod ledger;
mod loopback;
mod memory;
mod oblivion;
mod office;
mod register;
mod session;
mod sessions;
mod sweeper;
mod tools;
mod words;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use jex_config::{Parts, Paths, Settings};
use jex_providers::Providers;
use jex_service::{Termination, systemd};
use tokio_util::sync::CancellationToken;

use crate::announcements::Announcements;
use crate::builtin::Builtin;
use crate::health::{Health, ProviderNames};
use crate::housekeeping::Housekeeping;
use crate::ledger::Books;
use crate::loopback::Desk;
use crate::memory::Memory;
use crate::office::Office;
use crate::session::{Abilities, Means};
use crate::sweeper::Clientele;
use crate::tools::Tools;

/// A process that ends has 5 s in all, the goodbye takes 4: so long for the database, then as long for the journal.
const LAST_ENTRIES: Duration = Duration::from_millis(500);

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
    let parts = Parts::load(&paths)?;
    let providers = Arc::new(Providers::from_settings(&settings, &parts)?);
    let health = Arc::new(Mutex::new(Health::new(ProviderNames {
        stt: providers.stt.name(),
        llm: providers.llm.name(),
        tts: providers.tts.name(),
    })));
    let port = settings.agent.port;
    let listener = loopback::bind(port).await.with_context(|| {
        format!("port {port} on loopback is taken; `agent.port` in jex.toml moves the agent")
    })?;
    let clientele = Clientele {
        installation: installation::id(&paths.state)
            .with_context(|| format!("{} cannot be written to", paths.state.display()))?,
        is_shared: settings.livekit.url.is_some(),
    };
    let stop = CancellationToken::new();
    let (memory, writing) = Memory::open(&settings, &paths)?;
    let means = means(&settings, &paths, &parts, memory.clone(), &stop)?;
    let desk = Desk {
        health: health.clone(),
        announcements: means.announcements.clone(),
        tools: means.tools.clone(),
        memory,
        paths,
    };
    let serving = tokio::spawn(loopback::serve(listener, desk));
    systemd::ready();

    let context = session::Context {
        settings,
        providers,
        means: Some(means),
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
    let _ = serving.await;
    // What was said last is written, or waits in the journal.
    if !writing.end(LAST_ENTRIES).await {
        tracing::warn!("JEX ends before all that was said is written down");
    }
    Ok(())
}

/// Everything beyond talking. Contacts nobody yet.
fn means(
    settings: &Settings,
    paths: &Paths,
    parts: &Parts,
    memory: Memory,
    stop: &CancellationToken,
) -> anyhow::Result<Means> {
    let announcements = Announcements::new(memory.clone());
    let books = Arc::new(Books::new(memory.recorder.clone()));
    let builtin = Arc::new(Builtin::new(memory.clone(), books.clone()));
    let n8n = tools::n8n(settings, paths, parts);
    let launcher = tools::launcher();
    let toolbox = jex_tools::toolbox(settings, paths, vec![builtin], Some(n8n), &launcher)?;
    let tools = Tools::new(
        settings,
        toolbox,
        books,
        memory.clone(),
        announcements.clone(),
        stop.clone(),
    )?;
    tools.start();
    let housekeeping = Housekeeping::new(settings, paths, memory.clone(), tools.toolbox.clone());
    tokio::spawn(housekeeping.run(stop.clone()));
    let (store, conversations) = (memory.store.clone(), memory.oblivions.clone());
    tokio::spawn(oblivion::watch(store, conversations, stop.clone()));
    let recalling = announcements.clone();
    tokio::spawn(async move { recalling.recall().await });
    Ok(Means {
        tools,
        memory,
        announcements,
        abilities: Abilities::default(),
        // The packaged model is there to talk; what it makes of tools is no call.
        offers_tools: !settings.model_is_demo(),
    })
}
