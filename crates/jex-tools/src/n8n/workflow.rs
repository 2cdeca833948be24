//! From a published workflow to a tool.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{NAME, Shipped};
use crate::tool::Draft;
use crate::{Effect, Says, Tool, ToolName};

/// Name of the sticky note.
const NOTE: &str = "jex";
const WEBHOOK: &str = "n8n-nodes-base.webhook";
const STICKY_NOTE: &str = "n8n-nodes-base.stickyNote";

/// A workflow as the public API lists it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    pub id: String,
    pub name: String,
    /// Of the workflow, whichever version runs; may be null.
    #[serde(default)]
    settings: Value,
    /// What runs. `nodes` beside it would be the draft.
    active_version: Option<Version>,
}

#[derive(Debug, Deserialize)]
pub struct Version {
    pub nodes: Vec<Node>,
    pub connections: Value,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Node {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub parameters: Map<String, Value>,
    #[serde(default)]
    pub credentials: Option<Map<String, Value>>,
    #[serde(default)]
    pub disabled: bool,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The JSON block in the note.
#[derive(Debug, Deserialize)]
struct Note {
    description: String,
    parameters: Value,
    effect: Effect,
    says: Option<Says>,
}

impl Published {
    /// Whether n8n keeps a record of each run, however it ends. `by_default`: where the workflow does not say.
    pub fn keeps_runs(&self, by_default: bool) -> bool {
        let kept = |setting: &str| match self.settings.get(setting).and_then(Value::as_str) {
            Some("all") => true,
            Some("none") => false,
            _ => by_default,
        };
        kept("saveDataSuccessExecution") && kept("saveDataErrorExecution")
    }

    /// The reason is for the owner, as the end of "the tool …".
    pub fn tool(&self, shipped: &Shipped) -> Result<Tool, String> {
        let version = self
            .active_version
            .as_ref()
            .ok_or("tells nothing of its published version: n8n is too old")?;
        let path = path(&version.nodes)?;
        let note = note(&version.nodes)?;
        Draft {
            name: ToolName::new(&path)?,
            description: note.description,
            parameters: note.parameters,
            effect: note.effect,
            says: note.says,
            shipped: shipped.has(version),
            source: NAME.into(),
        }
        .check()
    }
}

/// The path of its one webhook.
fn path(nodes: &[Node]) -> Result<String, String> {
    let mut webhooks = nodes
        .iter()
        .filter(|node| node.kind == WEBHOOK && !node.disabled);
    let (Some(webhook), None) = (webhooks.next(), webhooks.next()) else {
        return Err("has not exactly one Webhook node".into());
    };
    let parameter = |name: &str, unset: &'static str| {
        webhook
            .parameters
            .get(name)
            .map_or(Some(unset), Value::as_str)
    };
    // What is not set is n8n's default, which none of these is.
    if parameter("httpMethod", "GET") != Some("POST") {
        return Err("has a Webhook node whose method is not POST".into());
    }
    let credentials = webhook.credentials.as_ref();
    let credential = credentials.and_then(|credentials| credentials.get("httpHeaderAuth"));
    if parameter("authentication", "none") != Some("headerAuth") || credential.is_none() {
        return Err("has a Webhook node without header authentication: choose the credential \"JEX webhook\"".into());
    }
    if !matches!(
        parameter("responseMode", "onReceived"),
        Some("responseNode" | "lastNode")
    ) {
        return Err("has a Webhook node that answers before the work is done: let it answer by a Respond node".into());
    }
    match parameter("path", "") {
        Some("") | None => Err("has a Webhook node without a path".into()),
        Some(path) => Ok(path.to_owned()),
    }
}

fn note(nodes: &[Node]) -> Result<Note, String> {
    let mut notes = nodes
        .iter()
        .filter(|node| node.kind == STICKY_NOTE && node.name == NOTE);
    let note = match (notes.next(), notes.next()) {
        (Some(note), None) => note,
        (None, _) => return Err(format!("has no sticky note named \"{NOTE}\"")),
        _ => return Err(format!("has two sticky notes named \"{NOTE}\"")),
    };
    let content = note.parameters.get("content").and_then(Value::as_str);
    let block = json_block(content.unwrap_or_default())
        .ok_or("has a note without a JSON block between ```json and ```")?;
    serde_json::from_str(block).map_err(|error| {
        let reason = crate::text::one_line(&error.to_string(), 200);
        format!("has a note whose JSON cannot be used: {reason}")
    })
}

/// What stands between the first fence and the next.
fn json_block(content: &str) -> Option<&str> {
    let (_, after) = content.split_once("```")?;
    let (block, _) = after.split_once("```")?;
    let block = block.trim_start();
    Some(block.strip_prefix("json").unwrap_or(block))
}

#[cfg(test)]
pub mod samples {
    use serde_json::json;

    use super::*;

    pub fn workflow() -> Value {
        json!({
            "id": "abc",
            "name": "Add to a list",
            "nodes": [{"name": "a draft", "type": "n8n-nodes-base.set"}],
            "activeVersion": {
                "connections": {"JEX calls": {"main": [[{"node": "Tell", "type": "main", "index": 0}]]}},
                "nodes": [
                    {
                        "id": "1", "name": "JEX calls", "type": WEBHOOK, "typeVersion": 2.1, "position": [0, 0],
                        "webhookId": "x",
                        "credentials": {"httpHeaderAuth": {"id": "c1", "name": "JEX webhook"}},
                        "parameters": {
                            "path": "add_to_list", "httpMethod": "POST", "authentication": "headerAuth",
                            "responseMode": "responseNode", "options": {},
                        },
                    },
                    {"id": "2", "name": "Tell", "type": "n8n-nodes-base.respondToWebhook", "position": [200, 0],
                        "parameters": {"respondWith": "json"}},
                    {"id": "3", "name": "jex", "type": STICKY_NOTE, "position": [0, 200],
                        "parameters": {"content": note_content("changes")}},
                ],
            },
        })
    }

    pub fn note_content(effect: &str) -> String {
        let note = json!({
            "description": "Adds an item to a list.",
            "parameters": {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]},
            "effect": effect,
            "says": "add {item}",
            "enabled": true,
        });
        format!("# A tool of JEX\n\n```json\n{note}\n```\n")
    }

    pub fn published(workflow: &Value) -> Published {
        serde_json::from_value(workflow.clone()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::samples::{note_content, published, workflow};
    use super::*;

    fn reason(change: impl FnOnce(&mut Value)) -> String {
        let mut workflow = workflow();
        change(&mut workflow["activeVersion"]["nodes"]);
        published(&workflow).tool(&Shipped::default()).unwrap_err()
    }

    #[test]
    fn a_whole_one_is_a_tool_named_by_its_path() {
        let tool = published(&workflow()).tool(&Shipped::default()).unwrap();

        assert_eq!(tool.name.as_str(), "add_to_list");
        assert_eq!(tool.effect, Effect::Changes);
        assert!(!tool.shipped);
    }

    #[test]
    fn what_is_wrong_with_the_webhook_is_told() {
        let parameter = |name: &'static str, value: Value| {
            reason(move |nodes| nodes[0]["parameters"][name] = value)
        };

        assert!(parameter("httpMethod", json!("GET")).contains("POST"));
        assert!(parameter("authentication", json!("none")).contains("header authentication"));
        assert!(parameter("responseMode", json!("onReceived")).contains("Respond node"));
        assert!(parameter("path", json!("")).contains("path"));
        assert!(parameter("path", json!("a/:b")).contains("letters"));
        assert!(reason(|nodes| nodes[0]["disabled"] = json!(true)).contains("exactly one"));
        assert!(reason(|nodes| nodes[1] = nodes[0].clone()).contains("exactly one"));
        assert!(reason(|nodes| nodes[0]["credentials"] = json!(null)).contains("JEX webhook"));
    }

    #[test]
    fn what_is_wrong_with_the_note_is_told() {
        let content = |content: &str| {
            let content = json!(content);
            reason(move |nodes| nodes[2]["parameters"]["content"] = content)
        };

        assert!(content("just words").contains("JSON block"));
        assert!(content("```json\n{\"description\": 3}\n```").contains("cannot be used"));
        assert!(content(&note_content("deletes")).contains("cannot be used"));
        assert!(reason(|nodes| nodes[2]["name"] = json!("other")).contains("no sticky note"));
    }

    #[test]
    fn a_workflow_may_keep_no_record_of_its_runs() {
        let keeps = |settings: Value, by_default| {
            let mut workflow = workflow();
            workflow["settings"] = settings;
            published(&workflow).keeps_runs(by_default)
        };
        let all = json!({"saveDataSuccessExecution": "all", "saveDataErrorExecution": "all"});

        for by_default in [true, false] {
            assert_eq!(keeps(Value::Null, by_default), by_default);
            assert_eq!(
                keeps(json!({"executionOrder": "v1"}), by_default),
                by_default
            );
            assert!(keeps(all.clone(), by_default));
            assert!(!keeps(
                json!({"saveDataSuccessExecution": "none"}),
                by_default
            ));
            assert!(!keeps(
                json!({"saveDataErrorExecution": "none"}),
                by_default
            ));
        }
    }

    #[test]
    fn an_n8n_that_knows_no_published_versions_is_told() {
        let mut workflow = workflow();
        workflow["activeVersion"] = json!(null);

        let reason = published(&workflow).tool(&Shipped::default()).unwrap_err();

        assert!(reason.contains("too old"), "{reason}");
    }
}
