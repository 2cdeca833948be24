//! One connection to an MCP server.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use rmcp::handler::client::progress::ProgressDispatcher;
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation, ProgressNotificationParam};
use rmcp::service::{NotificationContext, Peer, RoleClient, RunningService, serve_client};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use secrecy::ExposeSecret;
use tokio::time::timeout;
use url::Url;

use super::launch::{Launch, Launched};
use crate::ToolError;
use crate::error::{Origin, with_causes};
use crate::n8n::Secret;

/// Node and Python load for seconds on a small machine.
const OPENS_WITHIN: Duration = Duration::from_secs(20);
/// One message: a result that is larger is of no use to a model.
const LARGEST_MESSAGE: usize = 1 << 20;

/// How a server is reached.
#[derive(Clone)]
pub enum McpServerOptions {
    /// Started in a sandbox, spoken with by stdin and stdout.
    Program(Launch),
    /// Streamable HTTP.
    Address {
        url: Url,
        /// Header and token: `Authorization` has `Bearer ` before the token.
        token: Option<(HeaderName, Secret)>,
    },
}

/// What JEX is for a server: one that takes progress and gives nothing.
#[derive(Clone)]
struct Client {
    progress: ProgressDispatcher,
}

impl rmcp::ClientHandler for Client {
    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.progress.handle_notification(params).await;
    }

    fn get_info(&self) -> ClientConfig {
        let implementation = Implementation::new("jex", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), implementation)
    }
}

/// Open until it is dropped or the server goes away.
pub struct Connection {
    service: RunningService<RoleClient, Client>,
    progress: ProgressDispatcher,
    /// Ends with the connection.
    _program: Option<Launched>,
}

impl Connection {
    pub async fn open(
        name: &str,
        options: &McpServerOptions,
        origin: &Origin,
    ) -> Result<Self, ToolError> {
        match options {
            McpServerOptions::Program(launch) => Self::with_program(name, launch, origin).await,
            McpServerOptions::Address { url, token } => Self::at(url, token.as_ref(), origin).await,
        }
    }

    pub fn peer(&self) -> &Peer<RoleClient> {
        self.service.peer()
    }

    pub fn progress(&self) -> &ProgressDispatcher {
        &self.progress
    }

    pub fn is_open(&self) -> bool {
        !self.service.is_closed() && !self.service.peer().is_transport_closed()
    }

    async fn with_program(name: &str, launch: &Launch, origin: &Origin) -> Result<Self, ToolError> {
        let (mut program, output, input) = launch.start(name, origin)?;
        let transport =
            AsyncRwTransport::new_client(output, input).with_max_line_length(LARGEST_MESSAGE);
        let progress = ProgressDispatcher::new();
        let client = Client {
            progress: progress.clone(),
        };
        match timeout(OPENS_WITHIN, serve_client(client, transport)).await {
            Ok(Ok(service)) => Ok(Self {
                service,
                progress,
                _program: Some(program),
            }),
            Ok(Err(error)) => Err(program.why_it_ended(origin, error.to_string()).await),
            Err(_) => Err(origin.unreachable(silence())),
        }
    }

    async fn at(
        url: &Url,
        token: Option<&(HeaderName, Secret)>,
        origin: &Origin,
    ) -> Result<Self, ToolError> {
        // No time-out of the whole: an answer may take as long as the tool does.
        let client = crate::n8n::client().map_err(|error| origin.protocol(error))?;
        let mut headers = HashMap::new();
        if let Some((header, token)) = token {
            let token = token().map_err(|reason| origin.unreachable(reason))?;
            let text = match *header == reqwest::header::AUTHORIZATION {
                true => format!("Bearer {}", token.expose_secret()),
                false => token.expose_secret().to_owned(),
            };
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| origin.protocol("its token holds characters that no header can"))?;
            value.set_sensitive(true);
            headers.insert(header.clone(), value);
        }
        let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
            .custom_headers(headers)
            .max_sse_event_size(LARGEST_MESSAGE)
            .max_json_response_size(LARGEST_MESSAGE)
            // n8n forgets its sessions when it starts again, and answers 404.
            .reinit_on_expired_session(true);
        let transport = StreamableHttpClientTransport::with_client(client, config);
        let progress = ProgressDispatcher::new();
        let handler = Client {
            progress: progress.clone(),
        };
        match timeout(OPENS_WITHIN, serve_client(handler, transport)).await {
            Ok(Ok(service)) => Ok(Self {
                service,
                progress,
                _program: None,
            }),
            Ok(Err(error)) => Err(origin.unreachable(with_causes(&error))),
            Err(_) => Err(origin.unreachable(silence())),
        }
    }
}

fn silence() -> String {
    format!("it said nothing for {} s", OPENS_WITHIN.as_secs())
}
