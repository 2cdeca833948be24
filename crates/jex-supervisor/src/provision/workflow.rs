//! A workflow as it comes with JEX, and by what one sees whether n8n's is the same.

use std::path::Path;

use jex_config::Settings;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::credentials::Ids;
use crate::SupervisorError;

/// Where the files say that JEX listens for what is to be announced; the port is the one by default.
const JEX_BY_DEFAULT: &str = "http://127.0.0.1:7890/";
/// Name of the node that tells JEX about the workflow.
const NOTE: &str = "jex";
/// One file of `workflows/`: what n8n's public API takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    /// Name of the file, without `.json`.
    pub file: String,
    /// Name in n8n.
    pub name: String,
    /// Published once it is there.
    pub enabled: bool,
    /// It has a note for JEX.
    pub is_tool: bool,
    nodes: Value,
    connections: Value,
    settings: Value,
}

impl Workflow {
    /// Those of a folder, by the alphabet.
    pub fn all_in(folder: &Path) -> Result<Vec<Self>, SupervisorError> {
        let entries =
            std::fs::read_dir(folder).map_err(SupervisorError::file("cannot read", folder))?;
        let mut files: Vec<_> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .collect();
        files.sort();
        files.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Result<Self, SupervisorError> {
        let text =
            std::fs::read_to_string(path).map_err(SupervisorError::file("cannot read", path))?;
        let file = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&file, &text).map_err(|reason| {
            SupervisorError::N8n(format!("{} is no workflow: {reason}", path.display()))
        })
    }

    fn parse(file: &str, text: &str) -> Result<Self, String> {
        let mut all: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut take = |key: &str| all.get_mut(key).map(Value::take).unwrap_or_default();
        let (name, nodes) = (take("name"), take("nodes"));
        let (connections, settings) = (take("connections"), take("settings"));
        let name = name.as_str().ok_or("it has no name")?.to_owned();
        if !nodes.is_array() || !connections.is_object() {
            return Err("it has no nodes or no connections".into());
        }
        Ok(Self {
            file: file.to_owned(),
            name,
            enabled: enabled(&nodes)?,
            is_tool: note(&nodes).is_some(),
            nodes,
            connections,
            settings: if settings.is_object() {
                settings
            } else {
                json!({})
            },
        })
    }

    /// For this JEX: its port, and the identities that its credentials have in n8n.
    pub fn adapted(&self, settings: &Settings, credentials: &Ids) -> Self {
        let here = format!("http://127.0.0.1:{}/", settings.agent.port);
        let mut adapted = self.clone();
        replace(&mut adapted.nodes, JEX_BY_DEFAULT, &here);
        for node in adapted.nodes.as_array_mut().into_iter().flatten() {
            for credential in used_credentials(node) {
                let name = credential["name"].as_str().unwrap_or_default();
                if let Some(id) = credentials.get(name) {
                    credential["id"] = json!(id);
                }
            }
        }
        adapted
    }

    /// What n8n is sent.
    pub fn body(&self) -> Value {
        json!({
            "name": self.name,
            "nodes": self.nodes,
            "connections": self.connections,
            "settings": self.settings,
        })
    }

    /// Of what n8n is sent, to the letter.
    pub fn given(&self) -> String {
        hash(&[&self.body()])
    }

    /// Of what counts: nodes, connections and settings.
    pub fn digest(&self) -> String {
        digest(&self.nodes, &self.connections, &self.settings)
    }
}

/// As [`Workflow::digest`], of the draft that n8n has.
pub fn draft_digest(remote: &Value) -> String {
    digest(
        &remote["nodes"],
        &remote["connections"],
        &remote["settings"],
    )
}

/// As [`Workflow::digest`], of the published version that n8n has. Settings are not of a version.
pub fn published_digest(remote: &Value) -> Option<String> {
    let version = &remote["activeVersion"];
    version["nodes"].is_array().then(|| {
        digest(
            &version["nodes"],
            &version["connections"],
            &remote["settings"],
        )
    })
}

/// In a normal form: which identity a credential has, and what n8n adds, is nothing that anybody has changed.
fn digest(nodes: &Value, connections: &Value, settings: &Value) -> String {
    let mut nodes = nodes.clone();
    for node in nodes.as_array_mut().into_iter().flatten() {
        for credential in used_credentials(node) {
            if let Some(credential) = credential.as_object_mut() {
                credential.remove("id");
            }
        }
    }
    let mut settings = settings.as_object().cloned().unwrap_or_default();
    // What n8n has there when nobody says anything.
    let usual = json!({
        "callerPolicy": "workflowsFromSameOwner",
        "availableInMCP": false,
        "executionOrder": "v1",
        "binaryMode": "separate",
        "redactionPolicy": "none",
    });
    settings.retain(|key, value| !value.is_null() && usual[key] != *value);
    hash(&[&nodes, connections, &Value::Object(settings)])
}

fn used_credentials(node: &mut Value) -> impl Iterator<Item = &mut Value> {
    let all = node.get_mut("credentials").and_then(Value::as_object_mut);
    all.into_iter().flat_map(Map::values_mut)
}

fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text.contains(from) => *text = text.replace(from, to),
        Value::Array(all) => all.iter_mut().for_each(|one| replace(one, from, to)),
        Value::Object(all) => all.values_mut().for_each(|one| replace(one, from, to)),
        _ => {}
    }
}

fn hash(values: &[&Value]) -> String {
    let mut text = String::new();
    for value in values {
        write(value, &mut text);
        text.push('\n');
    }
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON with its keys in order. n8n, whose numbers are all of one kind, writes 1 for 1.0.
fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(all) => {
            text.push('[');
            for one in all {
                write(one, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(all) => {
            let mut keys: Vec<&String> = all.keys().collect();
            keys.sort();
            text.push('{');
            for key in keys {
                text.push_str(&json!(key).to_string());
                text.push(':');
                write(&all[key], text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Number(number) => match number.as_f64() {
            Some(whole) if whole.fract() == 0.0 => text.push_str(&format!("{whole:.0}")),
            _ => text.push_str(&number.to_string()),
        },
        plain => text.push_str(&plain.to_string()),
    }
}

/// What it tells JEX about itself.
fn note(nodes: &Value) -> Option<&str> {
    let mut nodes = nodes.as_array().into_iter().flatten();
    let note = nodes.find(|node| node["name"] == NOTE)?;
    note["parameters"]["content"].as_str()
}

/// Whether it is to be published: unless its note says no. One without a note is no tool, and may be published.
fn enabled(nodes: &Value) -> Result<bool, String> {
    let Some(content) = note(nodes) else {
        return Ok(true);
    };
    let block = content
        .split_once("```")
        .and_then(|(_, rest)| rest.split_once('\n')?.1.split_once("```"))
        .map(|(block, _)| block)
        .ok_or("its note `jex` holds no block of JSON")?;
    let said: Value = serde_json::from_str(block)
        .map_err(|error| format!("the JSON in its note `jex` is broken: {error}"))?;
    Ok(said["enabled"].as_bool().unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn workflow(note: &str) -> Result<Workflow, String> {
        let text = json!({
            "name": "Timer",
            "nodes": [
                { "name": "jex", "type": "n8n-nodes-base.stickyNote", "parameters": { "content": note } },
                {
                    "name": "Announce",
                    "typeVersion": 4,
                    "parameters": { "url": "http://127.0.0.1:7890/announce" },
                    "credentials": { "httpHeaderAuth": { "id": "?", "name": "JEX announce" } },
                },
            ],
            "connections": {},
            "settings": { "timezone": "Europe/Berlin" },
        });
        Workflow::parse("timer", &text.to_string())
    }

    #[test]
    fn the_note_may_keep_it_off() {
        let note = |json: &str| format!("Timer\n```json\n{json}\n```\n");

        assert!(workflow(&note("{}")).unwrap().enabled);
        assert!(!workflow(&note(r#"{"enabled": false}"#)).unwrap().enabled);
        assert!(workflow("no block").is_err());
        assert!(workflow(&note("{")).is_err());
    }

    #[test]
    fn it_is_adapted_to_this_jex() {
        let mut settings = Settings::default();
        settings.agent.port = 7999;
        let ids = Ids::from([("JEX announce", "id-in-n8n".to_owned())]);
        let plain = workflow("```json\n{}\n```").unwrap();

        let adapted = plain.adapted(&settings, &ids);

        let node = &adapted.nodes[1];
        assert_eq!(node["parameters"]["url"], "http://127.0.0.1:7999/announce");
        assert_eq!(node["credentials"]["httpHeaderAuth"]["id"], "id-in-n8n");
        assert_ne!(adapted.digest(), plain.digest(), "the port counts");
    }

    #[test]
    fn what_n8n_adds_is_no_change_and_what_the_owner_does_is() {
        let workflow = workflow("```json\n{}\n```").unwrap();
        let mut remote = workflow.body();
        remote["settings"]["callerPolicy"] = json!("workflowsFromSameOwner");
        remote["settings"]["availableInMCP"] = json!(false);
        remote["nodes"][1]["typeVersion"] = json!(4.0);
        remote["nodes"][1]["credentials"]["httpHeaderAuth"]["id"] = json!("another");
        assert_eq!(draft_digest(&remote), workflow.digest());

        let mut moved = remote.clone();
        moved["nodes"][1]["position"] = json!([0, 0]);
        assert_ne!(draft_digest(&moved), workflow.digest());
        remote["settings"]["availableInMCP"] = json!(true);
        assert_ne!(draft_digest(&remote), workflow.digest());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn two_values_have_one_hash_only_when_they_are_the_same(a in any_json(), b in any_json()) {
            let reread: Value = serde_json::from_str(&a.to_string()).unwrap();

            prop_assert_eq!(hash(&[&a]), hash(&[&reread]));
            prop_assert_eq!(hash(&[&a]) == hash(&[&b]), a == b);
        }
    }
}
