//! The page's server: serves the exported page and hands out room tokens, to this machine's browser and, behind
//! a proxy that ends TLS, to browsers elsewhere that its owner has paired.
//!
//! * [`listen`]: connections; [`inherited`]: the sockets that systemd holds; [`router`]: which address is
//!   answered by what
//! * [`guard`]: under which names, and for which pages; [`door`]: who is let in; [`headers`]: what the browser is
//!   told to forbid
//! * [`page`]: the exported page, in memory
//! * [`token`]: room tokens, [`pairing`]: sessions, [`rate`]: how many; [`body`]: what such a request holds
//! * [`browser`]: which browser it is, in words
//! * [`neighbours`]: whether LiveKit and the agent are there; [`status`]: how far all parts are
//! * [`memory`]: what is remembered, read and deleted; [`tools`]: what can be called
//! * [`refusal`]: how a request is refused

mod body;
mod browser;
mod door;
mod guard;
mod headers;
mod inherited;
mod listen;
mod memory;
mod neighbours;
mod page;
mod pairing;
mod rate;
mod refusal;
mod router;
mod state;
mod status;
mod token;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use jex_config::parts::Parts;
use jex_config::{Paths, Settings, secrets};
use jex_pairing::Places;
use jex_service::{Termination, systemd};
use listenfd::ListenFd;
use tokio_util::sync::CancellationToken;

use crate::guard::Guard;
use crate::page::Page;
use crate::pairing::Pairing;
use crate::state::App;

/// JEX's page: serves it and hands out room tokens.
#[derive(Debug, Parser)]
#[command(version)]
struct CommandLine {
    #[command(flatten)]
    service: jex_service::Arguments,
}

fn main() -> ExitCode {
    let arguments = CommandLine::parse();
    // Before there are threads: it takes what it reads out of the environment.
    let given = ListenFd::from_env();
    jex_service::run(|termination| run(arguments, given, termination))
}

async fn run(
    arguments: CommandLine,
    given: ListenFd,
    mut termination: Termination,
) -> anyhow::Result<()> {
    let paths = Paths::from_env()?;
    let settings = jex_config::load(&arguments.service.into())?.settings;
    let credentials = secrets::livekit_credentials(&settings, &paths)?;
    let folder = page_folder(&settings, &paths)?;
    let page = Page::load(&folder, &settings.livekit_browser_urls())?;
    tracing::info!(folder = %folder.display(), files = page.len(), "read the page");
    let port = settings.web.port;
    let listeners = match inherited::listeners(given, port)? {
        Some(listeners) => listeners,
        None => listen::bind(port).await?,
    };
    let pairing = pairing(&settings, &paths)?;
    let guard = Guard::new(port, &settings.web.public_urls);
    let app = App::new(&settings, &paths, credentials, page, pairing.clone())?;
    let router = router::router(app, guard);
    tracing::info!("serving the page at http://localhost:{port}");

    let stop = CancellationToken::new();
    let serving = tokio::spawn(listen::serve(listeners, router, stop.clone()));
    systemd::ready();
    termination.requested().await;
    systemd::stopping();
    stop.cancel();
    tokio::select! {
        _ = serving => {}
        () = termination.requested() => {}
    }
    if let Some(pairing) = pairing {
        pairing.end();
    }
    tracing::info!("stopped");
    Ok(())
}

/// Shows the first code, where browsers on other machines may be let in.
fn pairing(settings: &Settings, paths: &Paths) -> anyhow::Result<Option<Arc<Pairing>>> {
    let Some(first) = settings.web.public_urls.first() else {
        return Ok(None);
    };
    let places = Places::of_service(paths, |name| std::env::var_os(name));
    let pairing = Pairing::begin(places, first.clone(), Instant::now())?;
    Ok(Some(Arc::new(pairing)))
}

/// The folder that the settings name, else the one that `./dev parts` made.
fn page_folder(settings: &Settings, paths: &Paths) -> anyhow::Result<PathBuf> {
    if let Some(folder) = &settings.web.page {
        return Ok(folder.clone());
    }
    let parts = Parts::load(paths)?;
    parts.page.context(
        "there is no page to serve. Make it with `./dev parts page`, or name the folder of an \
         exported page by `web.page` in jex.toml.",
    )
}
