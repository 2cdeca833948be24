//! Which workflows came with JEX and are as they came.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::workflow::{Node, Version};

/// The workflows of JEX's folder in normal form.
#[derive(Debug, Clone, Default)]
pub struct Shipped(Vec<Value>);

#[derive(Deserialize)]
struct File {
    nodes: Vec<Node>,
    connections: Value,
}

impl Shipped {
    /// Reads `*.json` in a folder. What cannot be read is none of ours: its tools are asked for, as the owner's are.
    pub fn in_folder(folder: &Path) -> Self {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let files = entries.map(|entry| entry.path()).filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        });
        let read = files.filter_map(|path| {
            let text = std::fs::read_to_string(&path).ok()?;
            let file: File = serde_json::from_str(&text)
                .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "no workflow"))
                .ok()?;
            Some(normal(&file.nodes, &file.connections))
        });
        Self(read.collect())
    }

    /// Whether this is one of them, node by node.
    pub fn has(&self, version: &Version) -> bool {
        !self.0.is_empty()
            && self
                .0
                .contains(&normal(&version.nodes, &version.connections))
    }
}

/// What decides what a workflow does. Left out: ids, places on the canvas, and which credential has the name.
fn normal(nodes: &[Node], connections: &Value) -> Value {
    let mut nodes: Vec<Value> = nodes.iter().map(normal_node).collect();
    nodes.sort_by_key(|node| node["name"].to_string());
    plain(&json!({"nodes": nodes, "connections": connections}))
}

/// n8n, whose numbers are all of one kind, writes 1 for 1.0.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(all) => all.iter().map(plain).collect(),
        Value::Object(all) => {
            let members = all.iter().map(|(key, value)| (key.clone(), plain(value)));
            Value::Object(members.collect())
        }
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

fn normal_node(node: &Node) -> Value {
    let ignored = ["id", "position", "webhookId"];
    let rest: Map<String, Value> = node
        .rest
        .iter()
        .filter(|(name, _)| !ignored.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let credentials: Map<String, Value> = node
        .credentials
        .iter()
        .flatten()
        .map(|(kind, credential)| (kind.clone(), credential["name"].clone()))
        .collect();
    json!({
        "name": node.name,
        "type": node.kind,
        "parameters": node.parameters,
        "disabled": node.disabled,
        "credentials": credentials,
        "rest": rest,
    })
}

#[cfg(test)]
mod tests {
    use super::super::workflow::samples::{note_content, published, workflow};
    use super::*;

    fn shipped() -> (tempfile::TempDir, Shipped) {
        let folder = tempfile::tempdir().unwrap();
        let version = workflow()["activeVersion"].take();
        std::fs::write(folder.path().join("add_to_list.json"), version.to_string()).unwrap();
        std::fs::write(folder.path().join("broken.json"), "{").unwrap();
        let shipped = Shipped::in_folder(folder.path());
        (folder, shipped)
    }

    fn is_shipped(workflow: &Value) -> bool {
        published(workflow).tool(&shipped().1).unwrap().shipped
    }

    #[test]
    fn what_n8n_gives_other_ids_is_still_ours() {
        let mut workflow = workflow();
        let nodes = &mut workflow["activeVersion"]["nodes"];
        nodes[0]["id"] = json!("other");
        nodes[0]["position"] = json!([5, 5]);
        nodes[0]["credentials"]["httpHeaderAuth"]["id"] = json!("c2");

        assert!(is_shipped(&workflow));
    }

    #[test]
    fn what_was_changed_is_the_owners() {
        let mut other_node = workflow();
        other_node["activeVersion"]["nodes"][1]["parameters"]["respondWith"] = json!("text");
        let mut other_note = workflow();
        other_note["activeVersion"]["nodes"][2]["parameters"]["content"] =
            json!(note_content("reads"));
        let mut other_way = workflow();
        other_way["activeVersion"]["connections"] = json!({});
        let mut other_credential = workflow();
        other_credential["activeVersion"]["nodes"][0]["credentials"]["httpHeaderAuth"]["name"] =
            json!("x");

        for changed in [other_node, other_note, other_way, other_credential] {
            assert!(!is_shipped(&changed), "{changed}");
        }
    }

    #[test]
    fn without_a_folder_nothing_is_ours() {
        let shipped = Shipped::in_folder(Path::new("/nowhere"));

        assert!(!published(&workflow()).tool(&shipped).unwrap().shipped);
    }
}
