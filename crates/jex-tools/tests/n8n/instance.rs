//! A real n8n of our own, with an owner, a key and the credential of the webhooks.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use jex_tools::n8n::{N8n, N8nOptions, Secret, Shipped};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use url::Url;

use crate::support::{Server, free_port, part, until};

const TOKEN: &str = "a token of the tests";
const PASSWORD: &str = "Of-the-tests-7";
/// A machine that is busy with other tests.
const STARTS_WITHIN: Duration = Duration::from_secs(180);
const OFF: [&str; 10] = [
    "N8N_DIAGNOSTICS_ENABLED",
    "N8N_VERSION_NOTIFICATIONS_ENABLED",
    "N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED",
    "N8N_TEMPLATES_ENABLED",
    "N8N_PERSONALIZATION_ENABLED",
    "N8N_DYNAMIC_BANNERS_ENABLED",
    "N8N_LICENSE_AUTO_RENEW_ENABLED",
    "N8N_COMMUNITY_PACKAGES_ENABLED",
    "N8N_SECURE_COOKIE",
    "N8N_HIRING_BANNER_ENABLED",
];

pub struct Instance {
    server: Option<Server>,
    folder: tempfile::TempDir,
    port: u16,
    broker_port: u16,
    client: Client,
    cookie: String,
    key: String,
    tag: String,
}

impl Instance {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut instance = Self {
            server: None,
            folder,
            port: free_port(),
            broker_port: free_port(),
            client: Client::builder().no_proxy().build().unwrap(),
            cookie: String::new(),
            key: String::new(),
            tag: String::new(),
        };
        instance.start_again().await;
        instance.set_up().await;
        instance
    }

    pub fn url(&self) -> Url {
        format!("http://127.0.0.1:{}/", self.port).parse().unwrap()
    }

    pub fn options(&self, limit: Duration) -> N8nOptions {
        let key = self.key.clone();
        N8nOptions {
            base_url: self.url(),
            api_key: Arc::new(move || Ok(key.clone().into())),
            webhook_token: Arc::new(|| Ok(TOKEN.into())) as Secret,
            shipped: Shipped::default(),
            limit,
            keeps_runs: true,
            remedy: "See its log.".into(),
        }
    }

    pub fn source(&self, limit: Duration) -> N8n {
        N8n::new(self.options(limit)).unwrap()
    }

    /// As a power cut would.
    pub fn kill(&mut self) {
        self.server = None;
    }

    pub async fn start_again(&mut self) {
        let mut command = Command::new(part("n8n"));
        command
            .arg("start")
            .env("N8N_USER_FOLDER", self.folder.path())
            .env("N8N_LISTEN_ADDRESS", "127.0.0.1")
            .env("N8N_PORT", self.port.to_string())
            .env("N8N_RUNNERS_BROKER_PORT", self.broker_port.to_string())
            .env("N8N_ENCRYPTION_KEY", "of the tests")
            .env("N8N_DISABLED_MODULES", "mcp-registry")
            .env("GENERIC_TIMEZONE", "Europe/Berlin");
        for variable in OFF {
            command.env(variable, "false");
        }
        self.server = Some(Server::start(command, &self.log()));
        let ready = self.url().join("healthz/readiness").unwrap();
        until(
            &format!("n8n ({})", self.log().display()),
            STARTS_WITHIN,
            async || {
                let response = self.client.get(ready.clone()).send().await.ok()?;
                response.status().is_success().then_some(())
            },
        )
        .await;
        // Its webhooks are there a moment after it says that it is ready.
        let mcp = self.url().join("rest/settings").unwrap();
        until("n8n's editor", STARTS_WITHIN, async || {
            let response = self.client.get(mcp.clone()).send().await.ok()?;
            response.json::<Value>().await.ok().map(drop)
        })
        .await;
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("n8n.log")
    }

    async fn set_up(&mut self) {
        let owner = json!({
            "email": "owner@example.org", "firstName": "A", "lastName": "B", "password": PASSWORD,
        });
        let setup = self
            .client
            .post(self.url().join("rest/owner/setup").unwrap())
            .json(&owner);
        let response = setup.send().await.unwrap();
        let cookie = response
            .headers()
            .get("set-cookie")
            .unwrap()
            .to_str()
            .unwrap();
        self.cookie = cookie.split(';').next().unwrap().to_owned();
        let scopes = self.rest(Method::GET, "rest/api-keys/scopes", None).await["data"].take();
        let wish = json!({"label": "jex", "expiresAt": null, "scopes": scopes});
        let key = self.rest(Method::POST, "rest/api-keys", Some(wish)).await;
        self.key = key["data"]["rawApiKey"].as_str().unwrap().to_owned();
        let credential = json!({
            "name": "JEX webhook", "type": "httpHeaderAuth", "data": {"name": "X-Jex-Token", "value": TOKEN},
        });
        self.api(Method::POST, "credentials", Some(credential))
            .await;
        let tag = self
            .api(Method::POST, "tags", Some(json!({"name": "jex"})))
            .await;
        self.tag = tag["id"].as_str().unwrap().to_owned();
    }

    /// Imports it, with the tag, and publishes it. Returns its id.
    pub async fn publish(&self, workflow: &Value) -> String {
        let id = self.import(workflow).await;
        let tags = json!([{"id": self.tag}]);
        self.api(Method::PUT, &format!("workflows/{id}/tags"), Some(tags))
            .await;
        self.activate(&id).await;
        id
    }

    pub async fn publish_untagged(&self, workflow: &Value) {
        let id = self.import(workflow).await;
        self.activate(&id).await;
    }

    async fn import(&self, workflow: &Value) -> String {
        let made = self
            .api(Method::POST, "workflows", Some(workflow.clone()))
            .await;
        made["id"].as_str().unwrap().to_owned()
    }

    async fn activate(&self, id: &str) {
        self.api(
            Method::POST,
            &format!("workflows/{id}/activate"),
            Some(json!({})),
        )
        .await;
    }

    pub async fn unpublish(&self, id: &str) {
        self.api(
            Method::POST,
            &format!("workflows/{id}/deactivate"),
            Some(json!({})),
        )
        .await;
    }

    /// As the editor does.
    pub async fn save_draft(&self, id: &str, workflow: &Value) {
        let path = format!("rest/workflows/{id}");
        let there = self.rest(Method::GET, &path, None).await;
        let mut draft = workflow.clone();
        draft["versionId"] = there["data"]["versionId"].clone();
        self.rest(Method::PATCH, &path, Some(draft)).await;
    }

    pub async fn running(&self) -> usize {
        let list = self
            .api(Method::GET, "executions?status=running", None)
            .await;
        list["data"].as_array().unwrap().len()
    }

    /// How many runs of a workflow there were that are over.
    pub async fn runs_of(&self, path: &str) -> usize {
        let workflows = self.api(Method::GET, "workflows?tags=jex", None).await;
        let name = format!("Try {path}");
        let workflow = workflows["data"]
            .as_array()
            .unwrap()
            .iter()
            .find(|workflow| workflow["name"] == name);
        let id = workflow.unwrap()["id"].as_str().unwrap();
        let list = self
            .api(
                Method::GET,
                &format!("executions?workflowId={id}&limit=250"),
                None,
            )
            .await;
        list["data"].as_array().unwrap().len()
    }

    async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        self.send(
            method,
            &format!("api/v1/{path}"),
            ("X-N8N-API-KEY", &self.key),
            body,
        )
        .await
    }

    async fn rest(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        self.send(method, path, ("Cookie", &self.cookie), body)
            .await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        header: (&str, &str),
        body: Option<Value>,
    ) -> Value {
        let url = self.url().join(path).unwrap();
        let mut request = self
            .client
            .request(method.clone(), url)
            .header(header.0, header.1);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }
}
