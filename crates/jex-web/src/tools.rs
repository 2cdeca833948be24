//! `GET /api/tools`: what there is to call, as the agent knows it, and when it was called, as is written down.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jex_store::{Decision, Ending, Moment, Page};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::state::App;

/// The newest calls that are looked through.
const LOOKED_THROUGH: u32 = 300;
/// Of one tool.
const MOST_CALLS: usize = 5;

/// What the agent answers, with the calls added.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tools {
    tools: Vec<Tool>,
    sources: Vec<Source>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Tool {
    name: String,
    #[serde(default)]
    description: String,
    source: String,
    /// `reads` or `changes`; absent where that is not known.
    effect: Option<String>,
    /// `allow`, `ask` or `never`.
    policy: Option<String>,
    /// Why it is not offered: ends the sentence that begins with its name.
    problem: Option<String>,
    /// The newest first.
    #[serde(skip_deserializing)]
    last: Vec<LastCall>,
}

#[derive(Debug, Serialize)]
struct LastCall {
    at: Moment,
    decision: Decision,
    outcome: Option<Ending>,
}

/// Where tools come from.
#[derive(Debug, Serialize, Deserialize)]
struct Source {
    name: String,
    /// `ready`, or `away`.
    state: String,
    /// In words, where something is wrong.
    message: Option<String>,
}

pub async fn answer(State(app): State<App>) -> Result<Json<Tools>, Refusal> {
    let told = app.neighbours.tools().await.ok_or_else(no_agent)?;
    let mut tools: Tools = serde_json::from_slice(&told).map_err(|error| {
        tracing::warn!(%error, "the agent's tools are not understood");
        no_agent()
    })?;
    // Without the database there are tools all the same.
    let calls = app.memory.store.calls(Page::first(LOOKED_THROUGH)).await;
    for call in calls.unwrap_or_default() {
        let of = |tool: &&mut Tool| tool.name == call.tool && tool.last.len() < MOST_CALLS;
        if let Some(tool) = tools.tools.iter_mut().find(of) {
            tool.last.push(LastCall {
                at: call.at,
                decision: call.decision,
                outcome: call.outcome,
            });
        }
    }
    Ok(Json(tools))
}

fn no_agent() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "agent_unreachable",
        "The agent, which knows the tools, does not answer.",
        "Wait a moment; `jex status` shows how it is.",
    )
}
