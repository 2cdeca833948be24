//! n8n's published workflows as tools.
//!
//! A tool is a published workflow with the tag `jex`, one Webhook node and a sticky note named `jex` ([`workflow`]).
//! It is called by its webhook ([`webhook`]); what the reply does not say is read from the run ([`executions`]).
//! Tried against n8n 2.27.4.

mod api;
mod executions;
mod shipped;
mod webhook;
mod workflow;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use url::Url;
use uuid::Uuid;

pub(crate) use api::client;
pub use shipped::Shipped;

use crate::error::Origin;
use crate::{
    CallContext, Handling, Listing, LookUp, Outcome, Rejected, SentCall, Source, ToolCall,
    ToolError, ToolName,
};
use api::Api;
use executions::{Execution, Executions};
use webhook::{Reply, Webhook};

/// Name of the source.
pub const NAME: &str = "n8n";
/// A run shows up in n8n's list a moment after its request came in, and a stopped one leaves it a moment later.
const STOPS_WITHIN: Duration = Duration::from_secs(10);
const LOOKS_EVERY: Duration = Duration::from_millis(200);

/// Reads a secret when it is needed: n8n's API key is made after JEX has started.
pub type Secret = Arc<dyn Fn() -> Result<SecretString, String> + Send + Sync>;

/// Where n8n is and how it is used.
#[derive(Clone)]
pub struct N8nOptions {
    /// Such as `http://127.0.0.1:5690/`.
    pub base_url: Url,
    /// For the public API.
    pub api_key: Secret,
    /// What webhooks want to see in the header `X-Jex-Token`.
    pub webhook_token: Secret,
    /// What came with JEX.
    pub shipped: Shipped,
    /// Longest run of a workflow that is called; then it is stopped.
    pub limit: Duration,
    /// Whether runs are recorded where a workflow does not say; only of our own n8n that is known.
    pub keeps_runs: bool,
    /// What to do when n8n cannot be reached; a whole sentence.
    pub remedy: String,
}

/// n8n as a source of tools.
pub struct N8n {
    executions: Executions,
    webhook: Webhook,
    api: Api,
    origin: Origin,
    shipped: Shipped,
    limit: Duration,
    keeps_runs: bool,
    /// The workflow behind each tool, as of the last list.
    workflows: Mutex<BTreeMap<ToolName, Workflow>>,
}

#[derive(Clone)]
struct Workflow {
    id: String,
    keeps_runs: bool,
}

impl N8n {
    pub fn new(options: N8nOptions) -> Result<Self, ToolError> {
        let origin = Origin {
            name: NAME.into(),
            remedy: options.remedy,
        };
        let client = api::client().map_err(|error| origin.protocol(error))?;
        let api = Api::new(
            client.clone(),
            &options.base_url,
            options.api_key,
            origin.clone(),
        )?;
        Ok(Self {
            executions: Executions::new(api.clone()),
            webhook: Webhook::new(client, &options.base_url, options.webhook_token, &origin)?,
            api,
            origin,
            shipped: options.shipped,
            limit: options.limit,
            keeps_runs: options.keeps_runs,
            workflows: Mutex::default(),
        })
    }

    fn workflow_of(&self, tool: &ToolName) -> Option<Workflow> {
        let workflows = self
            .workflows
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        workflows.get(tool).cloned()
    }

    /// What a reply means.
    async fn outcome(&self, call: &ToolCall, reply: Reply, sent: Timestamp) -> Outcome {
        let (reason, is_sure) = match reply {
            Reply::Ended(outcome) => return outcome,
            Reply::NoReason(reason) => (reason, true),
            Reply::Lost(reason) => (reason, false),
        };
        // n8n writes a run down at its end, shortly after the reply.
        let deadline = Instant::now() + Duration::from_secs(2);
        while is_sure && Instant::now() < deadline {
            match self.find(call, sent).await {
                Ok(Some(run)) if !run.is_running() => match run.outcome() {
                    Outcome::Failed(reason) => return Outcome::Failed(reason),
                    // It ran to its end and did not answer, which the format asks for.
                    _ => return Outcome::Failed(reason),
                },
                Ok(_) => sleep(LOOKS_EVERY).await,
                Err(_) => break,
            }
        }
        match is_sure {
            true => Outcome::Failed(reason),
            false => Outcome::Unknown(reason),
        }
    }

    async fn find(&self, call: &ToolCall, sent: Timestamp) -> Result<Option<Execution>, ToolError> {
        let workflow = self.workflow_of(&call.tool);
        let workflow = workflow.as_ref().map(|workflow| workflow.id.as_str());
        self.executions.find(workflow, call.id, sent).await
    }

    /// Stops the run of this call and no other; closing the connection would not.
    async fn stop(
        &self,
        call: &ToolCall,
        sent: Timestamp,
        replying: impl Future<Output = Reply>,
        stopped: Outcome,
    ) -> Outcome {
        let stopping = async {
            loop {
                match self.find(call, sent).await {
                    Ok(Some(run)) if run.is_running() => {
                        // A refusal: it ended by itself just now. The next look tells.
                        if let Err(error) = self.executions.stop(&run).await {
                            tracing::debug!(%error, "a run could not be stopped");
                        }
                    }
                    Ok(Some(run)) if run.was_stopped() => return stopped,
                    Ok(Some(run)) => return run.outcome(),
                    Ok(None) | Err(_) => {}
                }
                sleep(LOOKS_EVERY).await;
            }
        };
        tokio::pin!(replying);
        let stopping = timeout(STOPS_WITHIN, stopping);
        tokio::pin!(stopping);
        let reply = tokio::select! {
            biased;
            ended = &mut stopping => {
                return ended.unwrap_or_else(|_| Outcome::Unknown("it could not be stopped".into()));
            }
            reply = &mut replying => reply,
        };
        match reply {
            // It was quicker.
            Reply::Ended(outcome @ Outcome::Done(_)) => outcome,
            // What a stopped run answers says nothing.
            _ => stopping
                .await
                .unwrap_or_else(|_| Outcome::Unknown("it could not be stopped".into())),
        }
    }
}

#[async_trait]
impl Source for N8n {
    fn name(&self) -> &str {
        NAME
    }

    async fn list(&self) -> Result<Listing, ToolError> {
        let mut listing = Listing::default();
        let mut workflows = BTreeMap::new();
        for found in self.api.published().await? {
            match found.tool(&self.shipped) {
                Ok(tool) => {
                    let (name, source) = (tool.name.to_string(), NAME.to_owned());
                    if workflows.contains_key(&tool.name) {
                        let reason = "has a webhook path that another workflow has already".into();
                        listing.rejected.push(Rejected {
                            name,
                            source,
                            reason,
                        });
                        continue;
                    }
                    let keeps_runs = found.keeps_runs(self.keeps_runs);
                    let id = found.id;
                    workflows.insert(tool.name.clone(), Workflow { id, keeps_runs });
                    listing.tools.push(tool);
                }
                Err(reason) => listing.rejected.push(Rejected {
                    name: found.name,
                    source: NAME.into(),
                    reason,
                }),
            }
        }
        *self
            .workflows
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = workflows;
        Ok(listing)
    }

    async fn call(&self, call: &ToolCall, context: &CallContext, handling: Handling) -> Outcome {
        let mut body = json!({
            "call": call.id.to_string(),
            "arguments": call.arguments,
            "language": context.language,
            "timezone": context.timezone,
        });
        if let (Some(progress), Some(body)) = (&context.progress, body.as_object_mut()) {
            body.insert("progress".into(), json!(progress));
        }
        let sent = Timestamp::now();
        let replying = self.webhook.post(&call.tool, &body);
        tokio::pin!(replying);
        let stopped = tokio::select! {
            biased;
            reply = &mut replying => return self.outcome(call, reply, sent).await,
            () = handling.cancel.cancelled() => Outcome::Cancelled,
            () = sleep(self.limit) => {
                Outcome::Failed(format!("it took longer than {} s and was stopped", self.limit.as_secs()))
            }
        };
        self.stop(call, sent, replying, stopped).await
    }

    async fn look_up(&self, call: &ToolCall, sent: Timestamp) -> Result<LookUp, ToolError> {
        if self.workflow_of(&call.tool).is_none() {
            self.list().await?;
        }
        match self.find(call, sent).await? {
            Some(run) if run.is_running() => Ok(LookUp::StillRunning),
            Some(run) => Ok(LookUp::Ended(run.outcome())),
            // What is gone may have kept no runs either.
            None => Ok(match self.workflow_of(&call.tool) {
                Some(workflow) if workflow.keeps_runs => LookUp::NoTrace,
                _ => LookUp::CannotTell,
            }),
        }
    }

    async fn forget(&self, calls: &[SentCall]) -> Result<Vec<Uuid>, ToolError> {
        self.list().await?;
        let mut by_workflow: BTreeMap<Option<String>, Vec<SentCall>> = BTreeMap::new();
        for call in calls {
            let workflow = self.workflow_of(&call.tool).map(|workflow| workflow.id);
            by_workflow.entry(workflow).or_default().push(call.clone());
        }
        let mut gone = Vec::new();
        for (workflow, calls) in by_workflow {
            gone.extend(self.executions.forget(workflow.as_deref(), &calls).await?);
        }
        Ok(gone)
    }
}

impl std::fmt::Debug for N8n {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("N8n")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}
