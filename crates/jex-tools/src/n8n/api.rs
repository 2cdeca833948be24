//! n8n's public API.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

use super::Secret;
use super::workflow::Published;
use crate::ToolError;
use crate::error::{Origin, with_causes};

const CONNECTS_WITHIN: Duration = Duration::from_secs(3);
const ANSWERS_WITHIN: Duration = Duration::from_secs(15);
/// All workflows with the tag, or the data of some runs. In bytes.
const LARGEST: usize = 32 << 20;

/// n8n is our own or the owner's: nothing goes by a proxy, and nowhere else when it says so.
pub fn client() -> reqwest::Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECTS_WITHIN)
        // One that was open for a while may be closed from the other side: nobody could say whether a call got there.
        .pool_max_idle_per_host(0)
        .build()
}

#[derive(Clone)]
pub struct Api {
    client: Client,
    base: Url,
    key: Secret,
    pub origin: Origin,
}

impl Api {
    pub fn new(client: Client, base: &Url, key: Secret, origin: Origin) -> Result<Self, ToolError> {
        Ok(Self {
            client,
            base: below(base, "api/v1/", &origin)?,
            key,
            origin,
        })
    }

    /// What is published and has the tag `jex`.
    pub async fn published(&self) -> Result<Vec<Published>, ToolError> {
        let query = [
            ("active", "true"),
            ("tags", "jex"),
            ("excludePinnedData", "true"),
        ];
        let workflows = self.list("workflows", &query, |_| true).await?;
        workflows
            .into_iter()
            .map(|workflow| {
                serde_json::from_value(workflow).map_err(|error| self.origin.protocol(error))
            })
            .collect()
    }

    /// The members of a list, page by page, for as long as the last of a page wants more.
    pub async fn list(
        &self,
        path: &str,
        query: &[(&str, &str)],
        wants_more: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>, ToolError> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut url = self.url(path)?;
            {
                let mut pairs = url.query_pairs_mut();
                pairs.extend_pairs(query.iter());
                if let Some(cursor) = &cursor {
                    pairs.append_pair("cursor", cursor);
                }
            }
            let mut page = self.json(self.client.get(url)).await?;
            let before = all.len();
            match page.get_mut("data").map(Value::take) {
                Some(Value::Array(members)) => all.extend(members),
                _ => return Err(self.origin.protocol("a list without data")),
            }
            cursor = page
                .get("nextCursor")
                .and_then(Value::as_str)
                .map(str::to_owned);
            let wanted = before < all.len() && all.last().is_some_and(&wants_more);
            if cursor.is_none() || !wanted {
                return Ok(all);
            }
        }
    }

    /// One thing; `None` when it is not there.
    pub async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<Value>, ToolError> {
        let mut url = self.url(path)?;
        url.query_pairs_mut().extend_pairs(query.iter());
        let response = self.send(self.client.get(url)).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.read(response).await.map(Some)
    }

    pub async fn post(&self, path: &str) -> Result<Value, ToolError> {
        let url = self.url(path)?;
        self.json(self.client.request(Method::POST, url)).await
    }

    /// Deletes one thing; that it is gone already is as well.
    pub async fn delete(&self, path: &str) -> Result<(), ToolError> {
        let response = self.send(self.client.delete(self.url(path)?)).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(()),
            _ => self.read(response).await.map(drop),
        }
    }

    fn url(&self, path: &str) -> Result<Url, ToolError> {
        below(&self.base, path, &self.origin)
    }

    async fn json(&self, request: RequestBuilder) -> Result<Value, ToolError> {
        let response = self.send(request).await?;
        self.read(response).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ToolError> {
        let key = (self.key)().map_err(|reason| self.origin.unreachable(reason))?;
        request
            .header("X-N8N-API-KEY", key.expose_secret())
            .timeout(ANSWERS_WITHIN)
            .send()
            .await
            .map_err(|error| self.origin.unreachable(with_causes(&error)))
    }

    async fn read(&self, response: Response) -> Result<Value, ToolError> {
        let status = response.status();
        let body = match body(response, LARGEST).await {
            Ok(body) => body,
            Err(Unread::TooLarge) => return Err(self.origin.protocol("its answer is too large")),
            Err(Unread::Broken(reason)) => return Err(self.origin.unreachable(reason)),
        };
        let read = serde_json::from_slice::<Value>(&body);
        if status.is_success() {
            return read.map_err(|error| self.origin.protocol(error));
        }
        let message = read
            .ok()
            .and_then(|value| Some(value.get("message")?.as_str()?.to_owned()));
        let message = message.unwrap_or_else(|| "no reason given".into());
        let reason = format!("{message} ({status})");
        Err(match status {
            StatusCode::SERVICE_UNAVAILABLE => self.origin.unreachable(reason),
            _ => self.origin.refused(reason),
        })
    }
}

/// `base` is a folder whether it ends with a slash or not.
pub fn below(base: &Url, path: &str, origin: &Origin) -> Result<Url, ToolError> {
    let mut folder = base.clone();
    if !folder.path().ends_with('/') {
        folder.set_path(&format!("{}/", folder.path()));
    }
    folder.join(path).map_err(|error| origin.protocol(error))
}

/// Why a body is not there.
pub enum Unread {
    TooLarge,
    Broken(String),
}

/// The whole body, unless it is larger than `most` bytes.
pub async fn body(response: Response, most: usize) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Unread::Broken(with_causes(&error)))?;
        if body.len() + chunk.len() > most {
            return Err(Unread::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
