//! n8n as its owner and JEX see it, for tests.

use std::path::{Path, PathBuf};

use jex_config::secrets;
use reqwest::{Client, Method, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::Home;

/// What makes n8n's own process call outside, where it is not kept from it.
pub const ASKED_BY_THE_EDITOR: [&str; 7] = [
    "rest/settings",
    "types/nodes.json",
    "rest/community-node-types",
    "rest/dynamic-templates",
    "rest/license",
    "rest/cta/become-creator",
    "rest/projects/my-projects",
];

/// A folder of workflows of a test's own.
pub struct Shipped(PathBuf);

impl Shipped {
    /// Three: one that answers, one that answers too, one that is off.
    pub fn new(home: &Home) -> Self {
        let shipped = Self(home.folder.path().join("workflows"));
        std::fs::create_dir_all(&shipped.0).unwrap();
        shipped.write("echo", "Echo", true, "first");
        shipped.write("shout", "Shout", true, "first");
        shipped.write("weather", "Weather", false, "first");
        shipped
    }

    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Each answers with the words of its version.
    pub fn write(&self, file: &str, name: &str, enabled: bool, version: &str) {
        let note = json!({
            "description": name,
            "parameters": { "type": "object" },
            "effect": "reads",
            "says": "test",
            "enabled": enabled,
        });
        let workflow = json!({
            "name": name,
            "nodes": [
                {
                    "id": format!("{file}-note"),
                    "name": "jex",
                    "type": "n8n-nodes-base.stickyNote",
                    "typeVersion": 1,
                    "position": [0, -200],
                    "parameters": { "content": format!("## {name}\n```json\n{note}\n```\n") },
                },
                {
                    "id": format!("{file}-webhook"),
                    "name": "Webhook",
                    "type": "n8n-nodes-base.webhook",
                    "typeVersion": 2.1,
                    "position": [0, 0],
                    "webhookId": format!("{file}-hook"),
                    "parameters": {
                        "httpMethod": "POST",
                        "path": file,
                        "authentication": "headerAuth",
                        "responseMode": "responseNode",
                        "options": {},
                    },
                    "credentials": { "httpHeaderAuth": { "id": "", "name": "JEX webhook" } },
                },
                {
                    "id": format!("{file}-respond"),
                    "name": "Respond",
                    "type": "n8n-nodes-base.respondToWebhook",
                    "typeVersion": 1.4,
                    "position": [220, 0],
                    "parameters": {
                        "respondWith": "json",
                        "responseBody": format!("{{\"result\": \"{version}\"}}"),
                        "options": {},
                    },
                },
            ],
            "connections": {
                "Webhook": { "main": [[{ "node": "Respond", "type": "main", "index": 0 }]] },
            },
            "settings": { "executionOrder": "v1" },
        });
        let text = serde_json::to_string_pretty(&workflow).unwrap();
        std::fs::write(self.0.join(format!("{file}.json")), text).unwrap();
    }
}

/// The n8n of a home.
pub struct N8n<'h> {
    home: &'h Home,
    client: Client,
}

impl<'h> N8n<'h> {
    pub fn of(home: &'h Home) -> Self {
        let client = Client::builder().no_proxy().build().unwrap();
        Self { home, client }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.home.ports.n8n)
    }

    fn settings(&self) -> jex_config::Settings {
        let file = self.home.paths().config_file;
        jex_config::check_file(&file).unwrap().settings
    }

    /// A webhook, with a token or without.
    pub async fn call(&self, path: &str, with_token: bool) -> Response {
        let mut request = self.client.post(self.url(&format!("webhook/{path}")));
        if with_token {
            let token = secrets::n8n_webhook_token(&self.settings(), &self.home.paths()).unwrap();
            request = request.header("X-Jex-Token", token.expose_secret());
        }
        let body = json!({ "call": "1", "arguments": {} });
        request.json(&body).send().await.unwrap()
    }

    pub async fn result(&self, path: &str) -> String {
        let answer = self.call(path, true).await;
        assert_eq!(answer.status(), 200, "{path}");
        let said: Value = answer.json().await.unwrap();
        said["result"].as_str().unwrap().to_owned()
    }

    /// The public API with the key that JEX keeps.
    pub async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let key = secrets::n8n_api_key(&self.settings(), &self.home.paths()).unwrap();
        let request = self
            .client
            .request(method, self.url(&format!("api/v1/{path}")))
            .header("X-N8N-API-KEY", key.expose_secret());
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// Everything that n8n has, by name.
    pub async fn workflows(&self) -> Vec<Value> {
        let all = self.api(Method::GET, "workflows", None).await;
        let mut all = all["data"].as_array().unwrap().clone();
        all.sort_by_key(|one| one["name"].to_string());
        all
    }

    pub async fn workflow(&self, name: &str) -> Value {
        let all = self.workflows().await;
        let mut named = all.into_iter().filter(|one| one["name"] == name);
        let found = named.next().expect(name);
        assert!(named.next().is_none(), "two are called {name}");
        found
    }

    /// Of the editor, without a login.
    pub async fn editor(&self, method: Method, path: &str, body: Value) -> Response {
        let request = self
            .client
            .request(method, self.url(&format!("rest/{path}")));
        request.json(&body).send().await.unwrap()
    }

    /// The owner's login, as a cookie.
    pub async fn login(&self) -> String {
        let password = secrets::n8n_owner_password(&self.settings(), &self.home.paths()).unwrap();
        let body = json!({
            "emailOrLdapLoginId": jex_supervisor::provision::EMAIL,
            "password": password.expose_secret(),
        });
        let answer = self.editor(Method::POST, "login", body).await;
        assert_eq!(answer.status(), 200);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// Something that the editor asks for after the login.
    pub async fn as_owner(&self, cookie: &str, path: &str) {
        let asking = self.client.get(self.url(path)).header("Cookie", cookie);
        let status = asking.send().await.unwrap().status();
        println!("{path}: {status}");
    }

    /// The owner saves a draft in the editor: another answer of the workflow.
    pub async fn save_draft(&self, cookie: &str, name: &str, answer: &str) {
        let there = self.workflow(name).await;
        let mut nodes = there["nodes"].clone();
        for node in nodes.as_array_mut().unwrap() {
            if node["name"] == "Respond" {
                node["parameters"]["responseBody"] = json!(format!("{{\"result\": \"{answer}\"}}"));
            }
        }
        let path = format!("workflows/{}", there["id"].as_str().unwrap());
        let body = json!({
            "name": name,
            "nodes": nodes,
            "connections": there["connections"],
            "settings": there["settings"],
            "versionId": there["versionId"],
        });
        let saved = self
            .client
            .patch(self.url(&format!("rest/{path}")))
            .header("Cookie", cookie)
            .json(&body)
            .send()
            .await
            .unwrap();
        let status = saved.status();
        assert!(
            status.is_success(),
            "{status}: {}",
            saved.text().await.unwrap()
        );
    }
}
