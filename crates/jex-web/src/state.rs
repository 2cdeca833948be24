//! What the handlers share.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use jex_config::Settings;
use jex_config::secrets::LivekitCredentials;
use serde::Serialize;
use url::Url;

use crate::neighbours::Neighbours;
use crate::page::Page;
use crate::pairing::Pairing;
use crate::token::{LivekitAddress, Tokens};

/// Shared by all requests; cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    pub page: Arc<Page>,
    pub tokens: Arc<Tokens>,
    pub neighbours: Neighbours,
    pub info: Arc<Info>,
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
            info: Arc::new(Info {
                assistant_name: settings.assistant.name.clone(),
                language: settings.assistant.language.clone(),
                model: settings.llm.model.clone(),
                model_is_demo: settings.model_is_demo(),
                made_where: settings.made_where(),
                version: env!("CARGO_PKG_VERSION"),
                media_ports: MediaPorts::of(&settings.livekit),
            }),
        })
    }
}
