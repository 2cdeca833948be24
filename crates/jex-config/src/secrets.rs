//! Secrets: from systemd credentials, from files the owner names, or made on first start.

mod n8n;

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand::distr::{Alphanumeric, SampleString};
use secrecy::SecretString;

pub use n8n::{
    announce_token, database_password, keep_n8n_api_key, n8n_api_key, n8n_encryption_key,
    n8n_owner_password, n8n_owner_password_file, n8n_webhook_token,
};

use crate::paths::create_private_dir;
use crate::{ConfigError, Paths, Settings};

const API_KEY: &str = "livekit-api-key";
const API_SECRET: &str = "livekit-api-secret";
const REDIS_PASSWORD: &str = "redis-password";
const LLM_API_KEY: &str = "llm-api-key";
/// 256 bits, which is what LiveKit asks of a secret that signs with HMAC-SHA256.
const SECRET_LENGTH: usize = 43;

/// What LiveKit's tokens are signed with.
#[derive(Debug, Clone)]
pub struct LivekitCredentials {
    pub api_key: String,
    pub api_secret: SecretString,
}

/// Reads LiveKit's key and secret.
pub fn livekit_credentials(
    settings: &Settings,
    paths: &Paths,
) -> Result<LivekitCredentials, ConfigError> {
    let livekit = &settings.livekit;
    foreign_needs_credentials(settings, "settings")?;
    Ok(LivekitCredentials {
        api_key: read(&place(API_KEY, livekit.api_key_file.as_deref(), paths))?,
        api_secret: read(&place(
            API_SECRET,
            livekit.api_secret_file.as_deref(),
            paths,
        ))?
        .into(),
    })
}

/// Reads the password of JEX's own Redis.
pub fn redis_password(paths: &Paths) -> Result<SecretString, ConfigError> {
    Ok(read(&place(REDIS_PASSWORD, None, paths))?.into())
}

/// Reads the API key of the language model's provider, if one is named.
pub fn llm_api_key(settings: &Settings) -> Result<Option<SecretString>, ConfigError> {
    let credential = credential(LLM_API_KEY);
    let file = credential
        .as_deref()
        .or(settings.llm.api_key_file.as_deref());
    Ok(file.map(read).transpose()?.map(Into::into))
}

/// Reads a secret that the owner put into a file of its own.
pub fn in_file(file: &Path) -> Result<SecretString, ConfigError> {
    Ok(read(file)?.into())
}

/// Makes what is missing, for the owner's eyes alone; what is there stays.
pub fn ensure_secrets(settings: &Settings, paths: &Paths) -> Result<(), ConfigError> {
    let livekit = &settings.livekit;
    foreign_needs_credentials(settings, "settings")?;
    if livekit.api_key_file.is_none() {
        ensure(API_KEY, paths, || format!("JEX{}", random(12)))?;
    }
    if livekit.api_secret_file.is_none() {
        ensure(API_SECRET, paths, || random(SECRET_LENGTH))?;
    }
    ensure(REDIS_PASSWORD, paths, || random(SECRET_LENGTH))?;
    n8n::ensure_all(paths)
}

/// A LiveKit that JEX does not run knows nothing of keys that JEX makes. `origin` is where its
/// address stands.
pub(crate) fn foreign_needs_credentials(
    settings: &Settings,
    origin: &str,
) -> Result<(), ConfigError> {
    let livekit = &settings.livekit;
    let missing = [
        ("livekit.api_key_file", &livekit.api_key_file, API_KEY),
        (
            "livekit.api_secret_file",
            &livekit.api_secret_file,
            API_SECRET,
        ),
    ]
    .into_iter()
    .find(|(_, file, name)| file.is_none() && credential(name).is_none());
    match missing {
        Some((key, ..)) if livekit.url.is_some() => Err(ConfigError::WrongValue {
            origin: origin.into(),
            key: key.into(),
            reason: "is missing, and `livekit.url` names a server that JEX does not run".into(),
            remedy: "Put that server's key and secret into two files that only you can read, and \
                     name them by `livekit.api_key_file` and `livekit.api_secret_file`."
                .into(),
        }),
        _ => Ok(()),
    }
}

fn credential(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(Path::new(&folder).join(name)).filter(|path| path.exists())
}

fn place(name: &str, named: Option<&Path>, paths: &Paths) -> PathBuf {
    credential(name)
        .or_else(|| named.map(Path::to_owned))
        .unwrap_or_else(|| paths.secrets().join(name))
}

fn ensure(name: &str, paths: &Paths, make: impl FnOnce() -> String) -> Result<(), ConfigError> {
    let file = paths.secrets().join(name);
    if credential(name).is_some() || file.exists() {
        return Ok(());
    }
    let failed = |error: std::io::Error| ConfigError::File {
        deed: "write",
        path: file.clone(),
        reason: error.to_string(),
        remedy: "Make its folder writable for you.".into(),
    };
    create_private_dir(&paths.secrets()).map_err(failed)?;
    // NamedTempFile is made with mode 0600.
    let mut scratch = tempfile::NamedTempFile::new_in(paths.secrets()).map_err(failed)?;
    writeln!(scratch, "{}", make()).map_err(failed)?;
    scratch.as_file().sync_all().map_err(failed)?;
    match scratch.persist_noclobber(&file) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(failed(error.error));
        }
        _ => {}
    }
    // The name, too, must survive a power cut.
    let folder = std::fs::File::open(paths.secrets()).map_err(failed)?;
    folder.sync_all().map_err(failed)
}

fn read(file: &Path) -> Result<String, ConfigError> {
    let failed = |reason: String, remedy: String| ConfigError::File {
        deed: "read",
        path: file.to_owned(),
        reason,
        remedy,
    };
    let metadata = std::fs::metadata(file).map_err(|error| {
        failed(
            error.to_string(),
            "Mend the path; JEX's own secrets are made by the first `jex up`.".into(),
        )
    })?;
    // systemd's credentials are 0440 in a folder that only the unit can enter.
    let ours =
        std::env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|folder| file.starts_with(folder));
    // What another user lets our group read was meant for us.
    // `/proc/self` belongs to whoever asks.
    let is_anothers = std::fs::metadata("/proc/self").is_ok_and(|us| us.uid() != metadata.uid());
    let too_open = if is_anothers { 0o037 } else { 0o077 };
    if !ours && metadata.permissions().mode() & too_open != 0 {
        let remedy = format!("Run `chmod 600 {}`.", file.display());
        return Err(failed("others than you can read it".into(), remedy));
    }
    let text = std::fs::read_to_string(file)
        .map_err(|error| failed(error.to_string(), "Make it readable for you.".into()))?;
    let secret = text.trim();
    if secret.is_empty() {
        let remedy =
            "Write the secret into it; JEX makes its own anew when the file is deleted.".into();
        return Err(failed("it is empty".into(), remedy));
    }
    Ok(secret.to_owned())
}

/// Letters and digits, 5.95 bits each: safe in configuration files, command lines and addresses.
fn random(length: usize) -> String {
    Alphanumeric.sample_string(&mut rand::rng(), length)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn home() -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let paths = Paths::from_lookup(|name| (name == "HOME").then(|| root.clone())).unwrap();
        (folder, paths)
    }

    #[test]
    fn first_start_makes_them_and_the_second_keeps_them() {
        let (_home, paths) = home();
        let settings = Settings::default();

        ensure_secrets(&settings, &paths).unwrap();
        let first = livekit_credentials(&settings, &paths).unwrap();
        ensure_secrets(&settings, &paths).unwrap();
        let second = livekit_credentials(&settings, &paths).unwrap();

        assert_eq!(first.api_key, second.api_key);
        assert!(first.api_secret.expose_secret().len() >= 32);
        let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(paths.secrets()), 0o700);
        assert_eq!(mode(paths.secrets().join(API_SECRET)), 0o600);
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused_with_the_command() {
        let (_home, paths) = home();
        let settings = Settings::default();
        ensure_secrets(&settings, &paths).unwrap();
        let file = paths.secrets().join(API_SECRET);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();

        let error = livekit_credentials(&settings, &paths)
            .unwrap_err()
            .to_string();

        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_server_of_someone_else_needs_its_own_key() {
        let (_home, paths) = home();
        let mut settings = Settings::default();
        settings.livekit.url = Some("wss://example.livekit.cloud".parse().unwrap());

        let error = ensure_secrets(&settings, &paths).unwrap_err().to_string();

        assert!(error.contains("`livekit.api_key_file`"), "{error}");
        assert!(!paths.secrets().exists());
    }

    #[test]
    fn every_installation_has_its_own() {
        let (_first, first) = home();
        let (_second, second) = home();
        let settings = Settings::default();
        ensure_secrets(&settings, &first).unwrap();
        ensure_secrets(&settings, &second).unwrap();

        let secret = |paths: &Paths| {
            let credentials = livekit_credentials(&settings, paths).unwrap();
            assert!(credentials.api_key.starts_with("JEX"));
            credentials.api_secret.expose_secret().to_owned()
        };

        assert_ne!(secret(&first), secret(&second));
    }

    #[test]
    fn an_empty_file_is_no_secret() {
        let (_home, paths) = home();
        let settings = Settings::default();
        ensure_secrets(&settings, &paths).unwrap();
        std::fs::write(paths.secrets().join(API_SECRET), "\n").unwrap();

        let error = livekit_credentials(&settings, &paths).unwrap_err();

        assert!(error.to_string().contains("it is empty"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let (_home, paths) = home();
        let mut settings = Settings::default();
        settings.livekit.api_key_file = Some("/nowhere/key".into());
        settings.livekit.api_secret_file = Some("/nowhere/secret".into());

        let error = livekit_credentials(&settings, &paths)
            .unwrap_err()
            .to_string();

        assert!(error.contains("/nowhere/key"), "{error}");
    }

    #[test]
    fn a_systemd_credential_wins_and_is_for_its_unit_alone() {
        const FOLDER: &str = "CREDENTIALS_DIRECTORY";
        if std::env::var_os(FOLDER).is_none() {
            // Again, as systemd would start it.
            let folder = tempfile::tempdir().unwrap();
            let own = [API_KEY, API_SECRET, REDIS_PASSWORD, LLM_API_KEY];
            for name in own.into_iter().chain(n8n::MADE) {
                let file = folder.path().join(name);
                std::fs::write(&file, format!("{name} of the unit")).unwrap();
                let mode = std::fs::Permissions::from_mode(0o440);
                std::fs::set_permissions(&file, mode).unwrap();
            }
            let name = "secrets::tests::a_systemd_credential_wins_and_is_for_its_unit_alone";
            let again = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", name])
                .env(FOLDER, folder.path())
                .status();
            assert!(again.unwrap().success());
            return;
        }
        let (_home, paths) = home();
        let mut settings = Settings::default();
        settings.llm.api_key_file = Some("/nowhere".into());

        ensure_secrets(&settings, &paths).unwrap();

        let livekit = livekit_credentials(&settings, &paths).unwrap();
        assert_eq!(livekit.api_key, "livekit-api-key of the unit");
        let llm = llm_api_key(&settings).unwrap().unwrap();
        assert_eq!(llm.expose_secret(), "llm-api-key of the unit");
        assert!(!paths.secrets().exists(), "nothing is made");
    }
}
