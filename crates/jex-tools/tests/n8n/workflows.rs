//! Workflows to try, as the public API takes them.

use serde_json::{Value, json};

fn note(description: &str) -> Value {
    let note = json!({
        "description": description,
        "parameters": {
            "type": "object",
            "properties": {"words": {"type": "string"}, "seconds": {"type": "number"}},
        },
        "effect": "reads",
    });
    json!({
        "id": "note", "name": "jex", "type": "n8n-nodes-base.stickyNote", "typeVersion": 1, "position": [0, 300],
        "parameters": {"content": format!("```json\n{note}\n```")},
    })
}

fn webhook(path: &str) -> Value {
    json!({
        "id": "webhook", "name": "JEX calls", "type": "n8n-nodes-base.webhook", "typeVersion": 2.1, "position": [0, 0],
        "webhookId": format!("id-of-{path}"),
        "credentials": {"httpHeaderAuth": {"id": "to-be-bound", "name": "JEX webhook"}},
        "parameters": {
            "path": path, "httpMethod": "POST", "authentication": "headerAuth", "responseMode": "responseNode", "options": {},
        },
    })
}

fn node(name: &str, kind: &str, version: f64, parameters: Value) -> Value {
    json!({
        "id": name, "name": name, "type": format!("n8n-nodes-base.{kind}"), "typeVersion": version, "position": [200, 0],
        "parameters": parameters,
    })
}

fn respond(body: &str, status: u16) -> Value {
    let body = format!("={{{{ JSON.stringify({body}) }}}}");
    let options = json!({"responseCode": status});
    let parameters = json!({"respondWith": "json", "responseBody": body, "options": options});
    node("Tell", "respondToWebhook", 1.4, parameters)
}

fn code(script: &str) -> Value {
    node("Work", "code", 2.0, json!({"jsCode": script}))
}

/// The note, then nodes that follow one another.
fn chain(name: &str, nodes: Vec<Value>) -> Value {
    let connections: serde_json::Map<String, Value> = nodes
        .windows(2)
        .map(|pair| {
            let next = json!({"main": [[{"node": pair[1]["name"], "type": "main", "index": 0}]]});
            (pair[0]["name"].as_str().unwrap().to_owned(), next)
        })
        .collect();
    let mut all = vec![note(&format!("Tries {name}."))];
    all.extend(nodes);
    json!({"name": format!("Try {name}"), "nodes": all, "connections": connections, "settings": {"executionOrder": "v1"}})
}

/// n8n's expressions refuse the word `arguments`; code does not.
pub fn echo(path: &str) -> Value {
    let script = "const { arguments: given, language, timezone } = $input.first().json.body;\n\
                  return [{ json: { result: { arguments: given, language, timezone } } }];";
    chain(
        path,
        vec![
            webhook(path),
            code(script),
            respond("{ result: $json.result }", 200),
        ],
    )
}

/// Fails before it can answer.
pub fn failing(path: &str) -> Value {
    let script = "throw new Error('The cellar is flooded');";
    chain(
        path,
        vec![webhook(path), code(script), respond("{ result: 1 }", 200)],
    )
}

/// Answers that it will not.
pub fn refusing(path: &str) -> Value {
    chain(
        path,
        vec![
            webhook(path),
            respond("{ error: 'There is no such list.' }", 500),
        ],
    )
}

pub fn large(path: &str) -> Value {
    let script = "return [{ json: { text: 'x'.repeat(400000) } }];";
    chain(
        path,
        vec![
            webhook(path),
            code(script),
            respond("{ result: $json.text }", 200),
        ],
    )
}

/// Waits for so many seconds. Below 65 n8n keeps that in memory, as any run.
pub fn slow(path: &str) -> Value {
    let script = "const { call, arguments: given } = $input.first().json.body;\n\
                  $execution.customData.set('jex_call', call);\nreturn [{ json: { seconds: given.seconds } }];";
    let wait = json!({"amount": "={{ $json.seconds }}", "unit": "seconds"});
    chain(
        path,
        vec![
            webhook(path),
            code(script),
            node("Wait", "wait", 1.1, wait),
            respond("{ result: 'waited' }", 200),
        ],
    )
}

/// Says how far it is.
pub fn telling(path: &str) -> Value {
    let request = json!({
        "method": "POST", "url": "={{ $json.body.progress }}", "sendBody": true, "specifyBody": "json",
        "jsonBody": "{\"text\": \"half of it\"}", "options": {},
    });
    chain(
        path,
        vec![
            webhook(path),
            node("Say", "httpRequest", 4.2, request),
            respond("{ result: 'told' }", 200),
        ],
    )
}

pub fn mcp_trigger() -> Value {
    json!({
        "name": "Try MCP",
        "nodes": [
            {
                "id": "trigger", "name": "MCP", "type": "@n8n/n8n-nodes-langchain.mcpTrigger", "typeVersion": 2,
                "position": [0, 0], "webhookId": "id-of-jex-mcp",
                "credentials": {"httpHeaderAuth": {"id": "to-be-bound", "name": "JEX webhook"}},
                "parameters": {"authentication": "headerAuth", "path": "jex-mcp"},
            },
            {
                "id": "tool", "name": "Calculator", "type": "@n8n/n8n-nodes-langchain.toolCalculator", "typeVersion": 1,
                "position": [0, 200], "parameters": {},
            },
        ],
        "connections": {"Calculator": {"ai_tool": [[{"node": "MCP", "type": "ai_tool", "index": 0}]]}},
        "settings": {"executionOrder": "v1"},
    })
}
