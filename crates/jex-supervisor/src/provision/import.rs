//! Brings one workflow into n8n, step by step, each noted before the next.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::client::{Api, ApiError};
use super::decide::{self, Remote, Step, Wanted};
use super::state::{Outcome, Record, State};
use super::workflow::{Workflow, draft_digest, published_digest};
use crate::SupervisorError;

/// By which JEX finds what it may call.
const TAG: &str = "jex";

/// Identity of the tag, which is made when it is missing.
pub async fn ensure_tag(api: &Api) -> Result<String, ApiError> {
    let tags = api.list("tags").await?;
    let there = tags.iter().find(|tag| tag["name"] == TAG);
    if let Some(id) = there.and_then(|tag| tag["id"].as_str()) {
        return Ok(id.to_owned());
    }
    let made = api
        .ask(Method::POST, "tags", Some(&json!({ "name": TAG })))
        .await?;
    identity(&made, "POST tags")
}

/// Does all that is to be done about one. An error means that n8n is away; what n8n has against one workflow is
/// noted with it.
pub async fn one(
    api: &Api,
    workflow: &Workflow,
    tag: &str,
    state: &mut State,
) -> Result<(), SupervisorError> {
    let mut record = match state.record(&workflow.file) {
        Some(record) => record.clone(),
        None => fresh(workflow),
    };
    let before = record.outcome.clone();
    let mut done = None;
    let outcome = loop {
        match advance(api, workflow, tag, &mut record, state, &mut done).await {
            Ok(Some(outcome)) => break outcome,
            Ok(None) => state.keep(record.clone())?,
            Err(Trouble::Here(error)) => return Err(error),
            Err(Trouble::There(error)) if error.is_general() => return Err(error.into()),
            Err(Trouble::There(error)) => break Outcome::Failed(error.to_string()),
        }
    };
    // What was done in this run is worth more words than that all is well now.
    record.outcome = match outcome {
        Outcome::Unchanged => done.unwrap_or(Outcome::Unchanged),
        other => other,
    };
    if record.outcome != before && record.outcome != Outcome::Unchanged {
        tracing::info!(
            "n8n's workflow \"{}\": {}",
            workflow.name,
            record.outcome.words()
        );
    }
    state.keep(record)
}

enum Trouble {
    /// n8n's.
    There(ApiError),
    /// Ours.
    Here(SupervisorError),
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        Self::There(error)
    }
}

impl From<SupervisorError> for Trouble {
    fn from(error: SupervisorError) -> Self {
        Self::Here(error)
    }
}

fn fresh(workflow: &Workflow) -> Record {
    Record {
        file: workflow.file.clone(),
        name: workflow.name.clone(),
        id: None,
        digest: String::new(),
        pending: None,
        given: String::new(),
        tagged: false,
        published: false,
        outcome: Outcome::Unchanged,
        absent: false,
    }
}

/// One step. Returns how it was left when there is no further one.
async fn advance(
    api: &Api,
    workflow: &Workflow,
    tag: &str,
    record: &mut Record,
    state: &mut State,
    done: &mut Option<Outcome>,
) -> Result<Option<Outcome>, Trouble> {
    let Some(id) = record.id.clone() else {
        match same_name(api, workflow).await? {
            Some(there) => take_over(workflow, record, &there)?,
            None => {
                intend(workflow, record, state)?;
                let made = api
                    .ask(Method::POST, "workflows", Some(&workflow.body()))
                    .await?;
                record.id = Some(identity(&made, "POST workflows")?);
                settle(record, Some(&made));
            }
        }
        *done = Some(Outcome::Imported);
        return Ok(None);
    };
    let wanted = Wanted {
        given: workflow.given(),
        enabled: workflow.enabled,
        is_tool: workflow.is_tool,
    };
    let path = format!("workflows/{id}");
    match decide::next(record, &wanted, &look(api, &path).await?) {
        Step::Leave(outcome) => return Ok(Some(outcome)),
        Step::Settle => settle(record, None),
        Step::Update => {
            intend(workflow, record, state)?;
            let made = api.ask(Method::PUT, &path, Some(&workflow.body())).await?;
            settle(record, Some(&made));
            done.get_or_insert(Outcome::Updated);
        }
        Step::Tag => {
            let tags = json!([{ "id": tag }]);
            api.ask(Method::PUT, &format!("{path}/tags"), Some(&tags))
                .await?;
            record.tagged = true;
        }
        Step::Publish => {
            api.ask(Method::POST, &format!("{path}/activate"), Some(&json!({})))
                .await?;
            record.published = true;
        }
    }
    Ok(None)
}

/// Notes what n8n is about to be given.
fn intend(workflow: &Workflow, record: &mut Record, state: &mut State) -> Result<(), Trouble> {
    record.pending = Some(workflow.digest());
    record.given = workflow.given();
    record.name = workflow.name.clone();
    Ok(state.keep(record.clone())?)
}

/// Notes that n8n took it: as n8n shows it, where it has, since it may have added something.
fn settle(record: &mut Record, shown: Option<&Value>) {
    let Some(pending) = record.pending.take() else {
        return;
    };
    let shown = shown.filter(|shown| shown["nodes"].is_array());
    record.digest = shown.map_or(pending, draft_digest);
}

/// One that is there without our having noted it: ours, where a sudden end came between, or the owner's.
fn take_over(workflow: &Workflow, record: &mut Record, there: &Value) -> Result<(), Trouble> {
    record.id = Some(identity(there, "GET workflows")?);
    record.given = workflow.given();
    // Nothing tells that we made it just now: if it is off, its owner switched it off.
    record.published = record.pending.take().is_none();
    let is_ours = draft_digest(there) == workflow.digest();
    record.digest = if is_ours {
        workflow.digest()
    } else {
        String::new()
    };
    Ok(())
}

/// The first of that name that is not in the archive.
async fn same_name(api: &Api, workflow: &Workflow) -> Result<Option<Value>, ApiError> {
    let all = api.list("workflows").await?;
    Ok(all
        .into_iter()
        .find(|one| one["name"] == workflow.name && one["isArchived"] != true))
}

async fn look(api: &Api, path: &str) -> Result<Remote, ApiError> {
    match api.get(path).await {
        Ok(there) if there["isArchived"] == true => Ok(Remote::Gone),
        Ok(there) => Ok(Remote::There {
            draft: draft_digest(&there),
            published: published_digest(&there),
        }),
        Err(error) if error.is(StatusCode::NOT_FOUND) => Ok(Remote::Gone),
        Err(error) => Err(error),
    }
}

fn identity(made: &Value, what: &str) -> Result<String, ApiError> {
    match made["id"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => Err(ApiError::Strange { what: what.into() }),
    }
}
