//! The credentials that JEX keeps in n8n: two headers with a token, and a key by which a workflow sees which others
//! there are.

use std::collections::BTreeMap;

use jex_config::{Paths, Settings, secrets};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::client::{Api, ApiError};
use super::owner;
use super::state::{Credential, State};
use crate::SupervisorError;

pub const HEADER: &str = "X-Jex-Token";
/// What a webhook wants to see before it does something for JEX.
pub const WEBHOOK: &str = "JEX webhook";
/// What a workflow shows when it wants JEX to say something.
pub const ANNOUNCE: &str = "JEX announce";
/// By which a workflow asks n8n what it can do.
pub const READER: &str = "JEX n8n";
const HEADER_KIND: &str = "httpHeaderAuth";
const READER_KIND: &str = "n8nApi";

/// Identities in n8n, by name.
pub type Ids = BTreeMap<&'static str, String>;

/// Sees that all are there with what JEX has.
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
        let there = existing(api, name, HEADER_KIND).await?;
        let digest = digest(token.expose_secret());
        let id = match there {
            Some(id) if state.has_credential(name, &id, &digest) => id,
            there => {
                let data = json!({ "name": HEADER, "value": token.expose_secret() });
                give(api, (name, HEADER_KIND), data, digest, there, state).await?
            }
        };
        ids.insert(name, id);
    }
    ids.insert(READER, reader(api, settings, paths, state).await?);
    Ok(ids)
}

/// Its key is kept in n8n alone, so it is known by the address that goes with it.
async fn reader(
    api: &Api,
    settings: &Settings,
    paths: &Paths,
    state: &mut State,
) -> Result<String, SupervisorError> {
    let there = existing(api, READER, READER_KIND).await?;
    let base = format!("http://127.0.0.1:{}/api/v1", settings.n8n.port);
    let digest = digest(&base);
    match there {
        Some(id) if state.has_credential(READER, &id, &digest) => Ok(id),
        there => {
            let key = owner::readers_key(settings, paths).await?;
            let data = json!({ "apiKey": key.expose_secret(), "baseUrl": base });
            give(api, (READER, READER_KIND), data, digest, there, state).await
        }
    }
}

/// The one of that name. n8n allows several; the one that was made first counts.
async fn existing(api: &Api, name: &str, kind: &str) -> Result<Option<String>, ApiError> {
    let all = api.list("credentials").await?;
    let mut ours = all
        .iter()
        .filter(|one| one["name"] == name && one["type"] == kind);
    Ok(ours
        .next_back()
        .and_then(|one| one["id"].as_str())
        .map(str::to_owned))
}

/// Writes `data` into the one that is `there`, or into a new one.
async fn give(
    api: &Api,
    (name, kind): (&'static str, &str),
    data: Value,
    digest: String,
    there: Option<String>,
    state: &mut State,
) -> Result<String, SupervisorError> {
    let body = json!({ "name": name, "type": kind, "data": data });
    let id = match there {
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
    let id_of_it = id.clone();
    state.keep_credential(name, Credential { id, token: digest })?;
    Ok(id_of_it)
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

/// By which one sees that n8n has this: it does not show it.
fn digest(data: &str) -> String {
    let digest = Sha256::digest(data);
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
