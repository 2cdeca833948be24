//! The tools of this process: what there is, how it is called, and what becomes of calls that are cut off.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jex_config::{Parts, Paths, Settings};
use jex_store::Moment;
use jex_tools::n8n::{N8nOptions, Shipped};
use jex_tools::policy::{Limits, Permit, Policy};
use jex_tools::{
    CallContext, CallEvent, Catalogue, Outcome, Runner, Running, ToolCall, ToolName, Toolbox,
    Unresolved,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use crate::announcements::{Announcement, Announcements};
use crate::ledger::Books;
use crate::memory::Memory;
use crate::words::Words;

/// How often the sources are asked what they have.
const REFRESH: Duration = Duration::from_secs(15);
/// Until the database answers after a start.
const LOOKS_AGAIN: Duration = Duration::from_secs(2);
/// Beside the agent's own program.
const LAUNCHER: &str = "jex-mcp-launcher";

/// Cheap to clone.
#[derive(Clone)]
pub struct Tools {
    pub toolbox: Arc<Toolbox>,
    pub runner: Arc<Runner>,
    pub books: Arc<Books>,
    pub policy: Policy,
    pub limits: Limits,
    announcements: Announcements,
    memory: Memory,
    context: CallContext,
    /// Where a tool tells of its progress; the call's id goes behind it.
    progress: Url,
    words: Words,
    end: CancellationToken,
}

impl Tools {
    /// Contacts nobody.
    pub fn new(
        settings: &Settings,
        toolbox: Toolbox,
        books: Arc<Books>,
        memory: Memory,
        announcements: Announcements,
        end: CancellationToken,
    ) -> anyhow::Result<Self> {
        let toolbox = Arc::new(toolbox);
        let language = settings.assistant.language.clone();
        let timezone = jiff::tz::TimeZone::system();
        let progress = format!("http://127.0.0.1:{}/progress/", settings.agent.port);
        Ok(Self {
            runner: Arc::new(Runner::new(toolbox.clone(), books.clone())),
            toolbox,
            books,
            policy: Policy::from_settings(settings),
            limits: Limits::from_settings(settings),
            announcements,
            memory,
            words: Words::of(&language),
            context: CallContext {
                language,
                timezone: timezone.iana_name().unwrap_or("UTC").to_owned(),
                progress: None,
            },
            progress: Url::parse(&progress)?,
            end,
        })
    }

    /// Keeps the list of tools fresh and finds out about calls that an earlier process left open.
    pub fn start(&self) {
        let (toolbox, end) = (self.toolbox.clone(), self.end.clone());
        tokio::spawn(async move { toolbox.keep_fresh(REFRESH, end).await });
        let tools = self.clone();
        tokio::spawn(async move { tools.settle_what_was_left().await });
    }

    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.toolbox.catalogue()
    }

    /// Calls it. What becomes of one that is cut off is found out and announced, whoever listens then.
    pub fn call(&self, permit: Permit, listener: mpsc::UnboundedSender<CallEvent>) -> Running {
        let id = permit.call().id;
        let context = CallContext {
            progress: self.progress.join(&id.to_string()).ok(),
            ..self.context.clone()
        };
        let (events, mut inbox) = mpsc::unbounded_channel();
        let running = self.runner.start(permit, context, events);
        let tools = self.clone();
        tokio::spawn(async move {
            while let Some(event) = inbox.recv().await {
                if let CallEvent::Ended {
                    call,
                    source,
                    sent,
                    outcome: Outcome::Unknown(_),
                } = &event
                {
                    let lost = Unresolved {
                        call: call.clone(),
                        source: source.clone(),
                        sent: *sent,
                    };
                    let tools = tools.clone();
                    tokio::spawn(async move { tools.settle(lost, false).await });
                }
                let _ = listener.send(event);
            }
        });
        running
    }

    /// `is_told`: an earlier process has told already that nobody knows.
    async fn settle(&self, lost: Unresolved, is_told: bool) {
        let Some(outcome) = self.runner.settle(&lost, self.end.clone()).await else {
            return;
        };
        if is_told && matches!(outcome, Outcome::Unknown(_)) {
            return;
        }
        let announcement = Announcement {
            id: of_outcome(lost.call.id),
            text: self.words.settled(lost.call.tool.as_str(), &outcome),
        };
        if let Err(error) = self.announcements.take(announcement).await {
            tracing::warn!(%error, "the outcome of a lost call is in the history only");
        }
    }

    async fn settle_what_was_left(self) {
        let begun = Moment::now();
        let open = loop {
            match self.memory.store.open_calls().await {
                Ok(open) if self.memory.is_whole() => break open,
                Ok(_) => tracing::debug!("what was left open is still in the journal"),
                Err(error) => tracing::debug!(%error, "what was left open is not known yet"),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOKS_AGAIN) => {}
                () = self.end.cancelled() => return,
            }
        };
        // Those of this process have their own watch.
        for made in open.into_iter().filter(|made| made.at < begun) {
            let (Ok(tool), Ok(arguments)) = (
                ToolName::new(&made.tool),
                serde_json::from_str(&made.arguments),
            ) else {
                continue;
            };
            let lost = Unresolved {
                call: ToolCall {
                    id: made.id,
                    tool,
                    arguments,
                },
                source: made.source,
                sent: made.at.into(),
            };
            let (tools, is_told) = (self.clone(), made.outcome.is_some());
            tokio::spawn(async move { tools.settle(lost, is_told).await });
        }
    }
}

/// Always the same for the same call, so that what became of it is told once.
fn of_outcome(call: Uuid) -> Uuid {
    Uuid::from_u128(call.as_u128() ^ 0x6f75_7463_6f6d_6500_0000_0000_0000_0000)
}

/// How JEX's own n8n, or the one that the settings name, is reached.
pub fn n8n(settings: &Settings, paths: &Paths, parts: &Parts) -> N8nOptions {
    let folder = settings.n8n.workflows.as_ref().or(parts.workflows.as_ref());
    let (with_key, with_token) = (settings.clone(), settings.clone());
    let (for_key, for_token) = (paths.clone(), paths.clone());
    N8nOptions {
        base_url: settings.n8n_url(),
        api_key: Arc::new(move || {
            jex_config::secrets::n8n_api_key(&with_key, &for_key).map_err(|e| e.to_string())
        }),
        webhook_token: Arc::new(move || {
            jex_config::secrets::n8n_webhook_token(&with_token, &for_token)
                .map_err(|e| e.to_string())
        }),
        shipped: folder
            .map(|folder| Shipped::in_folder(folder))
            .unwrap_or_default(),
        limit: Duration::from_secs(settings.tools.timeout_seconds),
        keeps_runs: settings.n8n.url.is_none(),
        remedy: match settings.n8n.url {
            Some(_) => "Check `n8n.url` in jex.toml and that n8n runs there.".into(),
            None => "See `jex status` and `jex logs n8n`.".into(),
        },
    }
}

/// The program that MCP servers are started with.
pub fn launcher() -> std::path::PathBuf {
    let own = std::env::current_exe();
    let folder = own.ok().and_then(|own| own.parent().map(Path::to_owned));
    folder.unwrap_or_default().join(LAUNCHER)
}
