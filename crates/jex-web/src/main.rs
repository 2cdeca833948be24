//! The page's server: serves the exported page to this machine's browser and hands out room tokens.
//!
//! Loopback only, until the owner can log in.
//!
//! * [`listen`]: sockets and connections; [`router`]: which address is answered by what
//! * [`guard`]: who may ask; [`headers`]: what the browser is told to forbid
//! * [`page`]: the exported page, in memory
//! * [`token`]: room tokens, [`rate`]: how many
//! * [`neighbours`]: whether LiveKit and the agent are there
//! * [`refusal`]: how a request is refused

mod guard;
mod headers;
mod listen;
mod neighbours;
mod page;
mod rate;
mod refusal;
mod router;
mod state;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use jex_config::parts::Parts;
use jex_config::{Paths, Settings, secrets};
use jex_service::{Termination, systemd};
use tokio_util::sync::CancellationToken;

use crate::page::Page;
use crate::state::App;

/// JEX's page: serves it to this machine's browser and hands out room tokens.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    service: jex_service::Arguments,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    jex_service::run(|termination| run(arguments, termination))
}

async fn run(arguments: Arguments, mut termination: Termination) -> anyhow::Result<()> {
    let paths = Paths::from_env()?;
    let settings = jex_config::load(&arguments.service.into())?.settings;
    let credentials = secrets::livekit_credentials(&settings, &paths)?;
    let folder = page_folder(&settings, &paths)?;
    let page = Page::load(&folder, &settings.livekit_ws_url())?;
    tracing::info!(folder = %folder.display(), files = page.len(), "read the page");
    let port = settings.web.port;
    let router = router::router(App::new(&settings, credentials, page)?, port);
    let listeners = listen::bind(port).await?;
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
    tracing::info!("stopped");
    Ok(())
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
