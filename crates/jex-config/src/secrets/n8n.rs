//! What JEX and n8n, and JEX and its database, know each other by.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::{create_private_dir, ensure, place, random, read};
use crate::{ConfigError, Paths, Settings};

const API_KEY: &str = "n8n-api-key";
const WEBHOOK_TOKEN: &str = "n8n-webhook-token";
const ENCRYPTION_KEY: &str = "n8n-encryption-key";
const OWNER_PASSWORD: &str = "n8n-owner-password";
const ANNOUNCE_TOKEN: &str = "announce-token";
const DATABASE_PASSWORD: &str = "database-password";
/// Those that are made on first start.
pub(super) const MADE: [&str; 4] = [
    WEBHOOK_TOKEN,
    ENCRYPTION_KEY,
    OWNER_PASSWORD,
    ANNOUNCE_TOKEN,
];
const LENGTH: usize = 43;

pub(super) fn ensure_all(paths: &Paths) -> Result<(), ConfigError> {
    MADE.into_iter()
        .try_for_each(|name| ensure(name, paths, || random(LENGTH)))
}

/// n8n's API key; an error while there is none: JEX makes one when it has started its own n8n.
pub fn n8n_api_key(settings: &Settings, paths: &Paths) -> Result<SecretString, ConfigError> {
    Ok(read(&n8n_api_key_file(settings, paths))?.into())
}

fn n8n_api_key_file(settings: &Settings, paths: &Paths) -> PathBuf {
    let n8n = &settings.n8n;
    let shared = n8n.folder.as_ref().map(|folder| folder.join(API_KEY));
    let named = n8n.api_key_file.clone().or(shared);
    place(API_KEY, named.as_deref(), paths)
}

/// What n8n's webhooks want to see in the header `X-Jex-Token`.
pub fn n8n_webhook_token(settings: &Settings, paths: &Paths) -> Result<SecretString, ConfigError> {
    let named = settings.n8n.webhook_token_file.as_deref();
    Ok(read(&place(WEBHOOK_TOKEN, named, paths))?.into())
}

/// What n8n's workflows show to `jex-agent` in the header `X-Jex-Token` when they want something said.
pub fn announce_token(paths: &Paths) -> Result<SecretString, ConfigError> {
    Ok(read(&place(ANNOUNCE_TOKEN, None, paths))?.into())
}

/// What n8n encrypts the credentials with that it keeps: without it they are lost.
pub fn n8n_encryption_key(paths: &Paths) -> Result<SecretString, ConfigError> {
    Ok(read(&place(ENCRYPTION_KEY, None, paths))?.into())
}

/// Password of the owner of JEX's own n8n.
pub fn n8n_owner_password(settings: &Settings, paths: &Paths) -> Result<SecretString, ConfigError> {
    Ok(read(&n8n_owner_password_file(settings, paths))?.into())
}

/// Where that password lies.
pub fn n8n_owner_password_file(settings: &Settings, paths: &Paths) -> PathBuf {
    let named = settings.n8n.owner_password_file.as_deref();
    place(OWNER_PASSWORD, named, paths)
}

/// Password for `database.url`, if one is named.
pub fn database_password(settings: &Settings) -> Result<Option<SecretString>, ConfigError> {
    let credential = super::credential(DATABASE_PASSWORD);
    let file = credential
        .as_deref()
        .or(settings.database.password_file.as_deref());
    Ok(file.map(read).transpose()?.map(Into::into))
}

/// Keeps a new API key in place of the one before, whole or not at all. In the settings' folder its group may read it,
/// since that is where other programs of JEX look for it.
pub fn keep_n8n_api_key(
    settings: &Settings,
    paths: &Paths,
    key: &SecretString,
) -> Result<(), ConfigError> {
    let own = paths.secrets();
    let folder = settings.n8n.folder.as_ref().unwrap_or(&own);
    let file = folder.join(API_KEY);
    let failed = |error: std::io::Error| ConfigError::File {
        deed: "write",
        path: file.clone(),
        reason: error.to_string(),
        remedy: "Make its folder writable for you.".into(),
    };
    if settings.n8n.folder.is_none() {
        create_private_dir(folder).map_err(failed)?;
    }
    let mut scratch = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    if settings.n8n.folder.is_some() {
        let for_group = std::fs::Permissions::from_mode(0o640);
        scratch
            .as_file()
            .set_permissions(for_group)
            .map_err(failed)?;
    }
    writeln!(scratch, "{}", key.expose_secret()).map_err(failed)?;
    scratch.as_file().sync_all().map_err(failed)?;
    scratch
        .persist(&file)
        .map_err(|error| failed(error.error))?;
    let folder = std::fs::File::open(folder).map_err(failed)?;
    folder.sync_all().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::ensure_secrets;

    fn home() -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let paths = Paths::from_lookup(|name| (name == "HOME").then(|| root.clone())).unwrap();
        (folder, paths)
    }

    #[test]
    fn all_but_the_api_key_are_made_on_first_start() {
        let (_home, paths) = home();
        let settings = Settings::default();

        ensure_secrets(&settings, &paths).unwrap();

        for secret in [
            n8n_webhook_token(&settings, &paths),
            announce_token(&paths),
            n8n_encryption_key(&paths),
            n8n_owner_password(&settings, &paths),
        ] {
            assert_eq!(secret.unwrap().expose_secret().len(), LENGTH);
        }
        assert!(n8n_api_key(&settings, &paths).is_err());
    }

    #[test]
    fn another_api_key_takes_the_place_of_the_first_for_the_owner_alone() {
        let (_home, paths) = home();
        let settings = Settings::default();

        for key in ["first", "second"] {
            keep_n8n_api_key(&settings, &paths, &key.into()).unwrap();

            let kept = n8n_api_key(&settings, &paths).unwrap();
            assert_eq!(kept.expose_secret(), key);
        }

        let file = std::fs::metadata(paths.secrets().join(API_KEY)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn in_a_folder_of_its_own_the_key_is_for_a_group() {
        let (home, paths) = home();
        let mut settings = Settings::default();
        settings.n8n.folder = Some(home.path().to_owned());

        keep_n8n_api_key(&settings, &paths, &"key".into()).unwrap();

        let file = std::fs::metadata(home.path().join(API_KEY)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o640);
    }
}
