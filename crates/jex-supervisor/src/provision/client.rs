//! Requests to n8n: its public API with a key, and what its editor uses, with a cookie.

use std::time::Duration;

use reqwest::header::{COOKIE, HeaderMap, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use crate::http;

/// Longest wait for one answer: a database that is busy takes its time.
const LIMIT: Duration = Duration::from_secs(60);
const COOKIE_NAME: &str = "n8n-auth=";

/// Why n8n did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    #[error("n8n does not answer: {0}")]
    Silent(String),
    #[error("n8n refuses {what}: {status} {said}")]
    Refused {
        what: String,
        status: u16,
        said: String,
    },
    #[error("n8n answers {what} with something else than expected")]
    Strange { what: String },
}

impl ApiError {
    pub fn is(&self, wanted: StatusCode) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == wanted.as_u16())
    }

    /// Whether it would be the same with any other request: n8n or its database is away.
    pub fn is_general(&self) -> bool {
        match self {
            Self::Silent(_) => true,
            Self::Refused { status, .. } => *status == 401 || *status == 429 || *status >= 500,
            Self::Strange { .. } => false,
        }
    }
}

/// The public API.
#[derive(Debug)]
pub struct Api {
    client: Client,
    base: String,
    key: SecretString,
}

impl Api {
    pub fn new(n8n: &Url, key: SecretString) -> Result<Self, ApiError> {
        Ok(Self {
            client: client(n8n)?,
            base: base(n8n, "api/v1"),
            key,
        })
    }

    /// A path below `/api/v1/`.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let request = self
            .client
            .request(method.clone(), format!("{}/{path}", self.base))
            .header("X-N8N-API-KEY", self.key.expose_secret());
        Ok(answer(request, body, &format!("{method} {path}")).await?.1)
    }

    pub async fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.ask(Method::GET, path, None).await
    }

    /// Every element of a list, page by page.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>, ApiError> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self
                .get(&format!("{path}{separator}limit=100{cursor}"))
                .await?;
            let elements = page["data"].as_array().ok_or_else(|| ApiError::Strange {
                what: format!("GET {path}"),
            })?;
            all.extend(elements.iter().cloned());
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }
}

/// What the editor uses, in the owner's name.
#[derive(Debug)]
pub struct Editor {
    client: Client,
    base: String,
    cookie: String,
    /// The owner's identity: another one means another database.
    pub owner: String,
}

impl Editor {
    /// Five of these in a row and n8n takes no more for a while.
    pub async fn login(n8n: &Url, email: &str, password: &SecretString) -> Result<Self, ApiError> {
        let (client, base) = (client(n8n)?, base(n8n, "rest"));
        let body = json!({ "emailOrLdapLoginId": email, "password": password.expose_secret() });
        let request = client.post(format!("{base}/login"));
        let (headers, said) = answer(request, Some(&body), "the login").await?;
        let strange = || ApiError::Strange {
            what: "the login".into(),
        };
        Ok(Self {
            cookie: cookie(&headers).ok_or_else(strange)?,
            owner: said["data"]["id"].as_str().ok_or_else(strange)?.to_owned(),
            client,
            base,
        })
    }

    /// A path below `/rest/`; returns what is in `data`.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let request = self
            .client
            .request(method.clone(), format!("{}/{path}", self.base))
            // By hand: it is marked as for HTTPS only, and this is not.
            .header(COOKIE, &self.cookie);
        let (_, mut said) = answer(request, body, &format!("{method} {path}")).await?;
        Ok(said["data"].take())
    }
}

fn client(n8n: &Url) -> Result<Client, ApiError> {
    http::client(n8n).map_err(|error| ApiError::Silent(http::reason(&error)))
}

fn base(n8n: &Url, below: &str) -> String {
    format!("{}/{below}", n8n.as_str().trim_end_matches('/'))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let mut set = headers.get_all(SET_COOKIE).iter();
    let ours = set.find_map(|value| {
        let text = value.to_str().ok()?;
        text.starts_with(COOKIE_NAME).then_some(text)
    })?;
    Some(ours.split(';').next().unwrap_or_default().to_owned())
}

async fn answer(
    request: RequestBuilder,
    body: Option<&Value>,
    what: &str,
) -> Result<(HeaderMap, Value), ApiError> {
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let silent = |error: reqwest::Error| ApiError::Silent(http::reason(&error.without_url()));
    let response = request.timeout(LIMIT).send().await.map_err(silent)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.map_err(silent)?;
    let said: Value = serde_json::from_str(&text).unwrap_or_default();
    if status.is_success() {
        return Ok((headers, said));
    }
    Err(ApiError::Refused {
        what: what.to_owned(),
        status: status.as_u16(),
        said: said["message"].as_str().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_kept_without_its_attributes() {
        let mut headers = HeaderMap::new();
        headers.append(SET_COOKIE, "other=1; Path=/".parse().unwrap());
        headers.append(
            SET_COOKIE,
            "n8n-auth=abc.def; Path=/; HttpOnly; Secure"
                .parse()
                .unwrap(),
        );

        assert_eq!(cookie(&headers).as_deref(), Some("n8n-auth=abc.def"));
    }

    #[test]
    fn what_n8n_refuses_of_one_workflow_says_nothing_of_the_next() {
        let refused = |status| ApiError::Refused {
            what: "POST workflows".into(),
            status,
            said: String::new(),
        };

        assert!(!refused(400).is_general());
        assert!(!refused(409).is_general());
        assert!(refused(503).is_general());
        assert!(refused(401).is_general());
    }
}
