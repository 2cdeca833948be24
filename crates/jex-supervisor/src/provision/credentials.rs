//! The two credentials that JEX keeps in n8n: both are a header with a token.

use std::collections::BTreeMap;

use jex_config::{Paths, Settings, secrets};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::client::{Api, ApiError};
use super::state::{Credential, State};
use crate::SupervisorError;

pub const HEADER: &str = "X-Jex-Token";
/// What a webhook wants to see before it does something for JEX.
pub const WEBHOOK: &str = "JEX webhook";
/// What a workflow shows when it wants JEX to say something.
pub const ANNOUNCE: &str = "JEX announce";
const KIND: &str = "httpHeaderAuth";

/// Identities in n8n, by name.
pub type Ids = BTreeMap<&'static str, String>;

/// Sees that both are there with the tokens that JEX has.
pub async fn ensure(
    api: &Api,
    settings: &Settings,
    paths: &Paths,
    state: &mut State,
) -> Result<Ids, SupervisorError> {
    let mut ids = Ids::new();
    for (name, token) in [
        (WEBHOOK, secrets::n8n_webhook_token(settings, paths)?),
        (ANNOUNCE, secrets::announce_token(paths)?),
    ] {
        let there = existing(api, name).await?;
        let id = one(api, name, &token, there, state).await?;
        ids.insert(name, id);
    }
    Ok(ids)
}

/// The one of that name. n8n allows several; the one that was made first counts.
async fn existing(api: &Api, name: &str) -> Result<Option<String>, ApiError> {
    let all = api.list("credentials").await?;
    let mut ours = all
        .iter()
        .filter(|one| one["name"] == name && one["type"] == KIND);
    Ok(ours
        .next_back()
        .and_then(|one| one["id"].as_str())
        .map(str::to_owned))
}

async fn one(
    api: &Api,
    name: &'static str,
    token: &SecretString,
    there: Option<String>,
    state: &mut State,
) -> Result<String, SupervisorError> {
    let token_digest = digest(token);
    let body = json!({
        "name": name,
        "type": KIND,
        "data": { "name": HEADER, "value": token.expose_secret() },
    });
    let id = match there {
        Some(id) if state.has_credential(name, &id, &token_digest) => return Ok(id),
        Some(id) => {
            let path = format!("credentials/{id}");
            match api.ask(Method::PATCH, &path, Some(&body)).await {
                Ok(_) => id,
                Err(error) if error.is(StatusCode::NOT_FOUND) => make(api, &body).await?,
                Err(error) => return Err(error.into()),
            }
        }
        None => make(api, &body).await?,
    };
    state.keep_credential(
        name,
        Credential {
            id: id.clone(),
            token: token_digest,
        },
    )?;
    Ok(id)
}

async fn make(api: &Api, body: &Value) -> Result<String, ApiError> {
    let made = api.ask(Method::POST, "credentials", Some(body)).await?;
    match made["id"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => Err(ApiError::Strange {
            what: "POST credentials".into(),
        }),
    }
}

/// By which one sees that n8n has this token: it does not show it.
fn digest(token: &SecretString) -> String {
    let digest = Sha256::digest(token.expose_secret());
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
