//! Tools of MCP servers.
//!
//! A server is a program that JEX starts in a sandbox ([`launch`]) or an address. Whatever it says of its tools is
//! shown to the model and believed in nothing else: its tools are asked for unless the owner declares otherwise.

mod connection;
mod launch;
mod result;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use jiff::Timestamp;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, ServerResult, Tool as McpTool,
};
use rmcp::service::{PeerRequestOptions, ServiceError};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::sleep;

pub use connection::McpServerOptions;
pub use launch::{Launch, LaunchOptions};

use crate::error::Origin;
use crate::tool::Draft;
use crate::{
    CallContext, Effect, Handling, Listing, LookUp, Outcome, Rejected, Source, Tool, ToolCall,
    ToolError, ToolName,
};
use connection::Connection;

/// One MCP server as a source of tools.
pub struct Mcp {
    name: String,
    options: McpServerOptions,
    origin: Origin,
    /// Names of tools that may be used; empty: all.
    allowed: Vec<String>,
    limit: Duration,
    connection: Mutex<Option<Arc<Connection>>>,
    /// What the server calls each tool, as of the last list.
    names: std::sync::Mutex<BTreeMap<ToolName, String>>,
}

impl Mcp {
    /// Contacts nobody. `allowed`: the tools that may be used; empty: all. `limit`: longest run of a call.
    pub fn new(
        name: String,
        options: McpServerOptions,
        allowed: Vec<String>,
        limit: Duration,
    ) -> Self {
        let remedy = match options {
            McpServerOptions::Program(_) => {
                format!(
                    "Check `command` of the server \"{name}\" in jex.toml; what it says is in the log."
                )
            }
            McpServerOptions::Address { .. } => {
                format!("Check `url` of the server \"{name}\" in jex.toml and that it runs there.")
            }
        };
        Self {
            origin: Origin {
                name: format!("The MCP server \"{name}\""),
                remedy,
            },
            name,
            options,
            allowed,
            limit,
            connection: Mutex::default(),
            names: std::sync::Mutex::default(),
        }
    }

    /// The connection there is, or a new one.
    async fn connected(&self) -> Result<Arc<Connection>, ToolError> {
        let mut current = self.connection.lock().await;
        if let Some(connection) = current.as_ref().filter(|connection| connection.is_open()) {
            return Ok(connection.clone());
        }
        *current = None;
        let connection = Arc::new(Connection::open(&self.name, &self.options, &self.origin).await?);
        *current = Some(connection.clone());
        Ok(connection)
    }

    async fn disconnect(&self) {
        *self.connection.lock().await = None;
    }

    /// Its tool as ours.
    fn offered(&self, tool: &McpTool) -> Result<(Tool, String), String> {
        // `files.read` and `files/read` are names in MCP, but not for models.
        let name = tool.name.replace(['.', '/', ' '], "_");
        let name = ToolName::new(&name)?;
        let title = tool.title.as_deref().unwrap_or(&tool.name);
        let description = tool.description.as_deref().unwrap_or(title);
        let tool_of_ours = Draft {
            name,
            description: description.to_owned(),
            parameters: Value::Object(tool.input_schema.as_ref().clone()),
            // What it says of itself is a hint, says the specification.
            effect: Effect::Changes,
            says: None,
            shipped: false,
            source: self.name.clone(),
        }
        .check()?;
        Ok((tool_of_ours, tool.name.to_string()))
    }

    fn is_allowed(&self, tool: &McpTool) -> bool {
        self.allowed.is_empty() || self.allowed.iter().any(|allowed| *allowed == tool.name)
    }

    /// Waits for the answer, the end of patience or the word to stop.
    async fn answer(
        &self,
        connection: &Connection,
        params: CallToolRequestParams,
        handling: Handling,
    ) -> Result<Outcome, ServiceError> {
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let options = PeerRequestOptions::no_options();
        let mut handle = connection
            .peer()
            .send_request_with_option(request, options)
            .await?;
        let mut progress = connection
            .progress()
            .subscribe(handle.progress_token.clone())
            .await;
        let too_long = sleep(self.limit);
        tokio::pin!(too_long);
        let (told, reason) = loop {
            tokio::select! {
                biased;
                answer = &mut handle.rx => {
                    let answer = answer.map_err(|_| ServiceError::TransportClosed)??;
                    return Ok(match answer {
                        ServerResult::CallToolResult(result) => result::outcome(&result),
                        _ => Outcome::Failed("it wants more than its arguments, which JEX does not give".into()),
                    });
                }
                () = handling.cancel.cancelled() => break ("the caller wants it to stop", "it was told to stop".into()),
                () = &mut too_long => {
                    let reason = format!("it took longer than {} s and was told to stop", self.limit.as_secs());
                    break ("it took too long", reason);
                }
                Some(step) = progress.next() => {
                    let words = step.message.unwrap_or_else(|| format!("{}", step.progress));
                    let _ = handling.progress.try_send(words);
                }
            }
        };
        handle.cancel(Some(told.into())).await?;
        // MCP has no way to ask whether it did.
        Ok(Outcome::Unknown(reason))
    }
}

#[async_trait]
impl Source for Mcp {
    fn name(&self) -> &str {
        &self.name
    }

    async fn list(&self) -> Result<Listing, ToolError> {
        let connection = self.connected().await?;
        let tools = match connection.peer().list_all_tools().await {
            Ok(tools) => tools,
            Err(error) => {
                self.disconnect().await;
                return Err(self.origin.unreachable(error));
            }
        };
        let mut listing = Listing::default();
        let mut names = BTreeMap::new();
        for tool in tools.iter().filter(|tool| self.is_allowed(tool)) {
            let rejected = |reason| Rejected {
                name: crate::text::one_line(&tool.name, 64),
                source: self.name.clone(),
                reason,
            };
            match self.offered(tool) {
                Ok((offered, _)) if names.contains_key(&offered.name) => {
                    let reason = "has a name that another tool of this server has already";
                    listing.rejected.push(rejected(reason.into()));
                }
                Ok((offered, theirs)) => {
                    names.insert(offered.name.clone(), theirs);
                    listing.tools.push(offered);
                }
                Err(reason) => listing.rejected.push(rejected(reason)),
            }
        }
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
        Ok(listing)
    }

    async fn call(&self, call: &ToolCall, _: &CallContext, handling: Handling) -> Outcome {
        let names = || self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(name) = names().get(&call.tool).cloned() else {
            return Outcome::Failed("it is no longer there".into());
        };
        // Nothing is sent before it is there.
        let Some(connected) = handling.cancel.run_until_cancelled(self.connected()).await else {
            return Outcome::Cancelled;
        };
        let connection = match connected {
            Ok(connection) => connection,
            Err(error) => return Outcome::Failed(crate::text::reason(&error.to_string())),
        };
        let params = CallToolRequestParams::new(name).with_arguments(call.arguments.clone());
        match self.answer(&connection, params, handling).await {
            Ok(outcome) => outcome,
            Err(error) => {
                if !matches!(error, ServiceError::McpError(_)) {
                    self.disconnect().await;
                }
                result::failure(error)
            }
        }
    }

    async fn look_up(&self, _: &ToolCall, _: Timestamp) -> Result<LookUp, ToolError> {
        Ok(LookUp::CannotTell)
    }
}
