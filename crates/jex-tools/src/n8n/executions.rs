//! n8n's runs: which one is a call's, what became of it, and how it is stopped.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::Api;
use crate::{Outcome, SentCall, ToolError};

/// A page of the list without data: n8n's largest.
const PAGE: &str = "250";
/// A run begins a moment after its call was sent, by n8n's clock; one that waited begins anew later.
const BEGINS_WITHIN: SignedDuration = SignedDuration::from_secs(300);

/// One run of a workflow.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// A number or a text of digits, by n8n's version.
    id: Value,
    #[serde(default)]
    status: String,
    started_at: Option<Timestamp>,
    #[serde(default)]
    data: Value,
}

impl Execution {
    fn id(&self) -> String {
        match &self.id {
            Value::String(id) => id.clone(),
            id => id.to_string(),
        }
    }

    pub fn is_running(&self) -> bool {
        matches!(self.status.as_str(), "new" | "running" | "waiting")
    }

    pub fn was_stopped(&self) -> bool {
        self.status == "canceled"
    }

    /// Whether it may be that of a call that was sent then.
    fn began_near(&self, sent: Timestamp) -> bool {
        self.started_at
            .is_none_or(|started| started.duration_since(sent).abs() <= BEGINS_WITHIN)
    }

    /// Whether it was begun by this call: by the data that it saved, or by what its webhook was sent. A run that
    /// was cut off has saved nothing.
    fn is_of(&self, call: Uuid) -> bool {
        let call = call.to_string();
        let saved = self.data.pointer("/resultData/metadata/jex_call");
        if saved.and_then(Value::as_str) == Some(&call) {
            return true;
        }
        let sent = "/data/main/0/0/json/body/call";
        let runs = self.data.pointer("/resultData/runData");
        let runs = runs.and_then(Value::as_object).into_iter().flatten();
        let ran = runs.filter_map(|(_, runs)| runs.get(0)?.pointer(sent));
        let stack = self.data.pointer("/executionData/nodeExecutionStack");
        let stack = stack.and_then(Value::as_array).into_iter().flatten();
        let begun = stack.filter_map(|item| item.pointer(sent));
        ran.chain(begun).any(|sent| sent.as_str() == Some(&call))
    }

    /// What became of it.
    pub fn outcome(&self) -> Outcome {
        let message = self
            .data
            .pointer("/resultData/error/message")
            .and_then(Value::as_str)
            .map(crate::text::reason)
            .filter(|reason| !reason.is_empty());
        match self.status.as_str() {
            "success" => self.result(),
            "canceled" => Outcome::Cancelled,
            "crashed" => Outcome::Failed(
                "n8n went down in the middle of it: part of it may have been done".into(),
            ),
            _ => Outcome::Failed(message.unwrap_or_else(|| "n8n gives no reason".into())),
        }
    }

    /// From the last node that ran: its output, or what went in by an error branch.
    fn result(&self) -> Outcome {
        let last = self
            .data
            .pointer("/resultData/lastNodeExecuted")
            .and_then(Value::as_str);
        let output = last.and_then(|last| {
            let runs = self.data.pointer("/resultData/runData")?.get(last)?;
            runs.as_array()?.last()?.pointer("/data/main/0/0/json")
        });
        let Some(output) = output else {
            return Outcome::Done(json!({"note": "it ran to its end"}));
        };
        let error = output.get("error");
        let error =
            error.and_then(|error| error.as_str().or_else(|| error.get("message")?.as_str()));
        match (error, output.get("result")) {
            (Some(error), _) => Outcome::Failed(crate::text::reason(error)),
            (None, Some(result)) => Outcome::Done(result.clone()),
            (None, None) => Outcome::Done(output.clone()),
        }
    }
}

#[derive(Clone)]
pub struct Executions {
    api: Api,
}

impl Executions {
    pub fn new(api: Api) -> Self {
        Self { api }
    }

    /// The run of a call that was sent then.
    pub async fn find(
        &self,
        workflow: Option<&str>,
        call: Uuid,
        sent: Timestamp,
    ) -> Result<Option<Execution>, ToolError> {
        // Newest first.
        let earliest = sent.saturating_sub(BEGINS_WITHIN).unwrap_or(sent);
        for listed in self.list(workflow, Some(earliest)).await? {
            if listed.started_at.is_some_and(|started| started < earliest) {
                continue;
            }
            let path = format!("executions/{}", listed.id());
            let Some(whole) = self.api.get(&path, &[("includeData", "true")]).await? else {
                continue;
            };
            let whole = self.read(whole)?;
            if whole.is_of(call) {
                return Ok(Some(whole));
            }
        }
        Ok(None)
    }

    /// Deletes the runs of these calls of one workflow, or of any where it is not known. Returns the calls of which
    /// nothing is left; one that still runs is not among them.
    pub async fn forget(
        &self,
        workflow: Option<&str>,
        calls: &[SentCall],
    ) -> Result<Vec<Uuid>, ToolError> {
        let mut left: Vec<&SentCall> = calls.iter().collect();
        let mut gone = Vec::new();
        let mut running = Vec::new();
        for listed in self.list(workflow, None).await? {
            let near = |call: &&&SentCall| listed.began_near(call.at);
            if !left.iter().any(|call| near(&call)) {
                continue;
            }
            let path = format!("executions/{}", listed.id());
            let Some(whole) = self.api.get(&path, &[("includeData", "true")]).await? else {
                continue;
            };
            let whole = self.read(whole)?;
            let Some(at) = left.iter().position(|call| whole.is_of(call.id)) else {
                continue;
            };
            let call = left.swap_remove(at);
            match whole.is_running() {
                true => running.push(call.id),
                false => {
                    self.api.delete(&path).await?;
                    gone.push(call.id);
                }
            }
        }
        // n8n has no record of these, or no more.
        gone.extend(left.iter().map(|call| call.id));
        gone.retain(|id| !running.contains(id));
        Ok(gone)
    }

    /// Those that run, then those that are over, without data: all, or at least those that began at `earliest` or later.
    async fn list(
        &self,
        workflow: Option<&str>,
        earliest: Option<Timestamp>,
    ) -> Result<Vec<Execution>, ToolError> {
        let wants_more = |last: &Value| {
            let Some(earliest) = earliest else {
                return true;
            };
            let began = last.get("startedAt").and_then(Value::as_str);
            let began = began.and_then(|began| began.parse::<Timestamp>().ok());
            began.is_none_or(|began| began >= earliest)
        };
        let mut all = Vec::new();
        // Without a status n8n leaves out those that run.
        for status in [Some("running"), None] {
            let mut query = vec![("limit", PAGE), ("includeData", "false")];
            query.extend(workflow.map(|workflow| ("workflowId", workflow)));
            query.extend(status.map(|status| ("status", status)));
            for listed in self.api.list("executions", &query, wants_more).await? {
                all.push(self.read(listed)?);
            }
        }
        Ok(all)
    }

    /// Stops one that runs.
    pub async fn stop(&self, execution: &Execution) -> Result<(), ToolError> {
        let path = format!("executions/{}/stop", execution.id());
        self.api.post(&path).await.map(drop)
    }

    fn read(&self, value: Value) -> Result<Execution, ToolError> {
        serde_json::from_value(value).map_err(|error| self.api.origin.protocol(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(status: &str, data: Value) -> Execution {
        serde_json::from_value(json!({"id": 7, "status": status, "startedAt": "2026-11-27T23:00:00.000Z", "data": data}))
            .unwrap()
    }

    #[test]
    fn a_run_is_known_by_what_it_saved_or_was_sent() {
        let call = Uuid::new_v4();
        let item =
            json!({"main": [[{"json": {"body": {"call": call.to_string(), "arguments": {}}}}]]});
        let saved =
            json!({"resultData": {"runData": {}, "metadata": {"jex_call": call.to_string()}}});
        let ran = json!({"resultData": {"runData": {"JEX calls": [{"data": item}]}}});
        let begun = json!({"resultData": {"runData": {}}, "executionData": {"nodeExecutionStack": [{"data": item}]}});

        for data in [saved, ran, begun] {
            assert!(run("running", data.clone()).is_of(call));
            assert!(!run("running", data).is_of(Uuid::new_v4()));
        }
        assert!(!run("running", Value::Null).is_of(call));
    }

    #[test]
    fn the_reason_is_the_message_and_never_the_stack() {
        let data = json!({"resultData": {"error": {
            "message": "Column not found\n    at X.run (/n8n/x.js:1)", "stack": "secret path /n8n/x.js",
        }}});

        let outcome = run("error", data).outcome();

        assert_eq!(outcome, Outcome::Failed("Column not found".into()));
    }

    #[test]
    fn a_run_that_went_its_error_branch_failed() {
        let data = |output: Value| {
            json!({"resultData": {
                "lastNodeExecuted": "Say why",
                "runData": {"Say why": [{"data": {"main": [[{"json": output}]]}}]},
            }})
        };

        let failed = run(
            "success",
            data(json!({"error": {"message": "No such list."}})),
        )
        .outcome();
        let done = run("success", data(json!({"result": 3}))).outcome();

        assert_eq!(failed, Outcome::Failed("No such list".into()));
        assert_eq!(done, Outcome::Done(json!(3)));
    }
}
