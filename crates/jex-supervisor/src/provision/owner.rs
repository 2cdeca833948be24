//! The owner of JEX's own n8n, and the API key that JEX makes in that name.

use jex_config::{Paths, Settings, secrets};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::client::{Api, ApiError, Editor};
use super::state::State;
use crate::SupervisorError;

/// Who logs in.
pub const EMAIL: &str = "owner@jex.local";
/// What JEX's own key is called in n8n.
const LABEL: &str = "jex";
/// What the key is called by which a workflow sees which others there are, and all that it may do.
const LABEL_OF_READER: &str = "jex: what can you do";
const SCOPES_OF_READER: &[&str] = &["workflow:list"];
/// What it may do: nothing about people, projects or source control.
const SCOPES: [&str; 8] = [
    "workflow",
    "workflowTags",
    "tag",
    "credential",
    "execution",
    "executionTags",
    "dataTable",
    "dataTableRow",
];
/// Rounds of bcrypt, as a power of two: what n8n takes itself.
const COST: u32 = 10;

/// What n8n is told of the password. Always the same for the same one, since n8n ends all logins when it changes.
pub fn password_hash(password: &SecretString) -> String {
    let digest = Sha256::new_with_prefix(b"salt of the owner of JEX's n8n:")
        .chain_update(password.expose_secret())
        .finalize();
    let mut salt = [0; 16];
    salt.copy_from_slice(&digest[..16]);
    bcrypt::hash_with_salt(password.expose_secret(), COST, salt)
        .expect("the cost is within its bounds and the password shorter than 72 bytes")
        .to_string()
}

/// The API with a key that n8n takes: the one that is kept, or a new one.
pub async fn api(
    settings: &Settings,
    paths: &Paths,
    state: &mut State,
) -> Result<Api, SupervisorError> {
    let n8n = settings.n8n_url();
    if let Ok(key) = secrets::n8n_api_key(settings, paths) {
        let api = Api::new(&n8n, key)?;
        match api.get("workflows?limit=1").await {
            Ok(_) => return Ok(api),
            Err(error) if error.is(StatusCode::UNAUTHORIZED) || error.is(StatusCode::FORBIDDEN) => {
                tracing::info!("n8n refuses the API key that was kept; making another");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let editor = login(settings, paths).await?;
    // A new database knows nothing of what was done in another.
    state.is_for(&editor.owner)?;
    let scopes = editor.ask(Method::GET, "api-keys/scopes", None).await?;
    let wanted: Vec<&str> = elements(&scopes)
        .iter()
        .filter_map(Value::as_str)
        .filter(|scope| is_wanted(scope))
        .collect();
    let key = make_key(&editor, LABEL, &wanted).await?;
    secrets::keep_n8n_api_key(settings, paths, &key)?;
    Ok(Api::new(&n8n, key)?)
}

/// A new key that lists workflows and can do nothing else; an older one of the kind ends.
pub async fn readers_key(
    settings: &Settings,
    paths: &Paths,
) -> Result<SecretString, SupervisorError> {
    let editor = login(settings, paths).await?;
    Ok(make_key(&editor, LABEL_OF_READER, SCOPES_OF_READER).await?)
}

async fn login(settings: &Settings, paths: &Paths) -> Result<Editor, SupervisorError> {
    let password = secrets::n8n_owner_password(settings, paths)?;
    Ok(Editor::login(&settings.n8n_url(), EMAIL, &password).await?)
}

async fn make_key(editor: &Editor, label: &str, scopes: &[&str]) -> Result<SecretString, ApiError> {
    // It is shown once: one that was made and not kept is of no use, and keeps its name from the next.
    let keys = editor.ask(Method::GET, "api-keys", None).await?;
    for key in elements(&keys) {
        if let (true, Some(id)) = (key["label"] == label, key["id"].as_str()) {
            editor
                .ask(Method::DELETE, &format!("api-keys/{id}"), None)
                .await?;
        }
    }
    let body = json!({ "label": label, "expiresAt": null, "scopes": scopes });
    let made = editor.ask(Method::POST, "api-keys", Some(&body)).await?;
    match made["rawApiKey"].as_str() {
        Some(key) => Ok(key.into()),
        None => Err(ApiError::Strange {
            what: "POST api-keys".into(),
        }),
    }
}

/// Of a list, or of a page with a list in it.
fn elements(answer: &Value) -> &[Value] {
    let list = answer.as_array().or_else(|| answer["items"].as_array());
    list.map_or(&[], Vec::as_slice)
}

fn is_wanted(scope: &str) -> bool {
    let about = scope.split(':').next().unwrap_or_default();
    SCOPES.contains(&about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_the_password_and_always_the_same() {
        let password = SecretString::from("a password of forty-three letters and digits");

        let hash = password_hash(&password);

        assert_eq!(hash, password_hash(&password));
        assert!(bcrypt::verify(password.expose_secret(), &hash).unwrap());
        assert_ne!(hash, password_hash(&"another".into()));
    }

    #[test]
    fn the_key_may_do_nothing_about_people() {
        assert!(is_wanted("workflow:activate"));
        assert!(is_wanted("credential:list"));
        assert!(!is_wanted("user:delete"));
        assert!(!is_wanted("sourceControl:pull"));
    }
}
