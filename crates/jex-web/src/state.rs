//! What the handlers share.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use jex_config::secrets::{self, LivekitCredentials};
use jex_config::{Paths, Settings};
use jex_store::{Store, places};
use serde::Serialize;
use url::Url;

use crate::memory::Memory;
use crate::neighbours::Neighbours;
use crate::page::Page;
use crate::pairing::Pairing;
use crate::status::Supervisor;
use crate::token::{LivekitAddress, Tokens};

/// Shared by all requests; cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    pub page: Arc<Page>,
    pub tokens: Arc<Tokens>,
    pub neighbours: Neighbours,
    pub info: Arc<Info>,
    pub memory: Memory,
    pub supervisor: Supervisor,
    /// `None` where no other machine is let in.
    pub pairing: Option<Arc<Pairing>>,
}

/// What the page says of the assistant.
#[derive(Debug, Serialize)]
pub struct Info {
    assistant_name: String,
    language: String,
    model: String,
    model_is_demo: bool,
    made_where: String,
    version: &'static str,
    /// Where sound travels; a LiveKit that JEX does not run has ports of its own.
    media_ports: Option<MediaPorts>,
    /// What is said is written down.
    keeps_history: bool,
}

#[derive(Debug, Serialize)]
struct MediaPorts {
    udp_first: u16,
    udp_last: u16,
    tcp: u16,
}

impl MediaPorts {
    fn of(livekit: &jex_config::Livekit) -> Option<Self> {
        livekit.url.is_none().then_some(Self {
            udp_first: livekit.rtc_udp_port_start,
            udp_last: livekit.rtc_udp_port_end,
            tcp: livekit.rtc_tcp_port,
        })
    }
}

impl App {
    pub fn new(
        settings: &Settings,
        paths: &Paths,
        credentials: LivekitCredentials,
        page: Page,
        pairing: Option<Arc<Pairing>>,
    ) -> anyhow::Result<Self> {
        let livekit = settings.livekit_ws_url();
        let agent = Url::parse(&format!("http://127.0.0.1:{}/health", settings.agent.port))
            .expect("a port makes an address");
        let neighbours =
            Neighbours::new(&livekit, agent).context("cannot set up an HTTP client")?;
        let livekit = match settings.livekit.url {
            None => LivekitAddress::Own(livekit),
            Some(_) => LivekitAddress::Foreign(livekit),
        };
        Ok(Self {
            page: Arc::new(page),
            tokens: Arc::new(Tokens::new(credentials, livekit, Instant::now())),
            pairing,
            neighbours,
            memory: Memory::new(store(settings, paths)?),
            supervisor: Supervisor::new(paths),
            info: Arc::new(Info {
                assistant_name: settings.assistant.name.clone(),
                language: settings.assistant.language.clone(),
                model: settings.llm.model.clone(),
                model_is_demo: settings.model_is_demo(),
                made_where: settings.made_where(),
                version: env!("CARGO_PKG_VERSION"),
                media_ports: MediaPorts::of(&settings.livekit),
                keeps_history: settings.history.conversations_days > 0,
            }),
        })
    }
}

/// Nothing is connected to yet: the page is there before the database is.
fn store(settings: &Settings, paths: &Paths) -> anyhow::Result<Store> {
    let address = settings.database_url(paths);
    let password = secrets::database_password(settings)?;
    let head = places::audit_head(settings, paths);
    Ok(Store::open(address.as_str(), password.as_ref(), head)?)
}
