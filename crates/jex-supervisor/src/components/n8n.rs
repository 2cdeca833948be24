//! The owner's workflows: JEX's own n8n, or one that runs already.

use std::time::Duration;

use jex_config::secrets;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use url::Url;

use super::{Backend, Stack};
use crate::SupervisorError;
use crate::component::{
    Component, ConfigFile, Origin, Preparation, Probe, Process, StopPolicy, WarmUp,
};
use crate::provision::{EMAIL, Provision};
use crate::units;

const NAME: &str = "n8n";
/// What n8n would call outside for by itself, what only an installation of many people needs, and what another n8n
/// of this machine was told.
const REMOVED: &[&str] = &[
    "N8N_",
    "DB_",
    "EXECUTIONS_",
    "QUEUE_",
    "WEBHOOK_URL",
    "GENERIC_",
    "NODE_OPTIONS",
    "NODES_",
    "EXTERNAL_",
    "CREDENTIALS_OVERWRITE_",
    "CODE_ENABLE_",
];
/// Each was seen to keep a call off, or is n8n's own word for doing so.
const SILENT: [(&str, &str); 14] = [
    ("N8N_DIAGNOSTICS_ENABLED", "false"),
    ("N8N_VERSION_NOTIFICATIONS_ENABLED", "false"),
    ("N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED", "false"),
    ("N8N_TEMPLATES_ENABLED", "false"),
    // Nobody listens there: port 9 is for discarding.
    ("N8N_DYNAMIC_TEMPLATES_HOST", "http://127.0.0.1:9"),
    ("N8N_TEMPLATES_HOST", "http://127.0.0.1:9"),
    ("N8N_PERSONALIZATION_ENABLED", "false"),
    ("N8N_DYNAMIC_BANNERS_ENABLED", "false"),
    ("N8N_HIRING_BANNER_ENABLED", "false"),
    ("N8N_LICENSE_AUTO_RENEW_ENABLED", "false"),
    ("N8N_COMMUNITY_PACKAGES_ENABLED", "false"),
    ("N8N_AI_ASSISTANT_BASE_URL", ""),
    // The second could write workflows for whoever speaks MCP; the node for MCP is another thing.
    ("N8N_DISABLED_MODULES", "mcp-registry,mcp"),
    ("N8N_PUBLIC_API_SWAGGERUI_DISABLED", "true"),
];
/// Until it gives up what still runs: JEX ends within 10 s.
const GRACE_SECONDS: &str = "3";

pub fn declare(stack: &Stack) -> Result<Option<Component>, SupervisorError> {
    let provision = || {
        let workflows = stack.settings.n8n.workflows.clone();
        WarmUp::Workflows(Box::new(Provision {
            settings: stack.settings.clone(),
            paths: stack.paths.clone(),
            workflows: workflows.or_else(|| stack.parts.workflows.clone()),
        }))
    };
    let component = |origin, url, warm_up| Component {
        name: NAME,
        depends_on: &["postgresql"],
        uses: &[],
        origin,
        ready: Probe::Http { url },
        warm_up,
    };
    match (&stack.backend, &stack.settings.n8n.url) {
        (Backend::Units(units), _) => Ok(units.n8n.clone().map(|url| {
            let origin = Origin::Unit(units::unit_of(NAME));
            component(origin, url, provision())
        })),
        (Backend::Children(_), Some(address)) => {
            // A key that cannot be read is said now, not in the first conversation.
            secrets::n8n_api_key(&stack.settings, &stack.paths)?;
            let origin = Origin::External {
                address: address.clone(),
                key: "n8n.url",
            };
            let ready = below(address, "healthz");
            Ok(Some(Component {
                depends_on: &[],
                ..component(origin, ready, WarmUp::None)
            }))
        }
        (Backend::Children(_), None) => {
            let own = stack.settings.n8n_url();
            let origin = Origin::Own(Box::new(process(stack)?));
            // Also asks whether its database is there.
            let ready = below(&own, "healthz/readiness");
            Ok(Some(component(origin, ready, provision())))
        }
    }
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

fn process(stack: &Stack) -> Result<Process, SupervisorError> {
    let (settings, paths) = (&stack.settings, &stack.paths);
    if stack.parts.n8n.is_none() {
        let reason = "it is not here yet. `./dev up` gets it beside JEX, which takes about ten minutes the first \
                      time; without that run `./dev parts`.";
        return Err(SupervisorError::CannotStart {
            component: NAME,
            reason: reason.into(),
        });
    }
    let program = stack.part(NAME, &stack.parts.n8n, "n8n")?;
    let folder = paths.data.join(NAME);
    // Read to the last character: not even the end of a line may stand there.
    let secret = |name: &str, contents: SecretString| ConfigFile {
        path: paths.run().join(format!("n8n-{name}")),
        contents,
    };
    let encryption_key = secret("encryption-key", secrets::n8n_encryption_key(paths)?);
    let hash_file = paths.run().join("n8n-owner-password-hash");
    let mut process = Process::new(program.clone())
        .arg("start")
        .env("N8N_USER_FOLDER", folder.as_os_str())
        .env("HOME", folder.as_os_str())
        .env("N8N_LISTEN_ADDRESS", "127.0.0.1")
        .env("N8N_HOST", "127.0.0.1")
        .env("N8N_PORT", settings.n8n.port.to_string())
        .env("WEBHOOK_URL", settings.n8n_url().as_str())
        // By an SSH tunnel it is plain HTTP, on the owner's own machine.
        .env("N8N_SECURE_COOKIE", "false")
        .env("N8N_ENCRYPTION_KEY_FILE", encryption_key.path.as_os_str())
        .env("N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS", "true")
        .env("N8N_INSTANCE_OWNER_MANAGED_BY_ENV", "true")
        .env("N8N_INSTANCE_OWNER_EMAIL", EMAIL)
        .env("N8N_INSTANCE_OWNER_FIRST_NAME", "Owner")
        .env("N8N_INSTANCE_OWNER_LAST_NAME", "of JEX")
        .env(
            "N8N_INSTANCE_OWNER_PASSWORD_HASH_FILE",
            hash_file.as_os_str(),
        )
        .env("N8N_RUNNERS_BROKER_LISTEN_ADDRESS", "127.0.0.1")
        .env(
            "N8N_RUNNERS_BROKER_PORT",
            settings.n8n.broker_port.to_string(),
        )
        .env("N8N_BLOCK_ENV_ACCESS_IN_NODE", "true")
        .env("N8N_BLOCK_FILE_ACCESS_TO_N8N_FILES", "true")
        .env("N8N_GRACEFUL_SHUTDOWN_TIMEOUT", GRACE_SECONDS)
        .env("GENERIC_TIMEZONE", time_zone())
        // Its workflows speak to JEX and to itself, with tokens; a proxy of the owner's is for what is elsewhere.
        .env("NO_PROXY", not_by_proxy())
        .env("no_proxy", not_by_proxy())
        // Measured: 403 MB after load with 320.
        .env("NODE_OPTIONS", "--max-old-space-size=400")
        .port(settings.n8n.port, "n8n.port")
        .port(settings.n8n.broker_port, "n8n.broker_port");
    for (name, value) in SILENT {
        process = process.env(name, value);
    }
    for (name, value) in database(stack) {
        process = process.env(name, value);
    }
    process.env_removed = REMOVED;
    process.files = vec![encryption_key];
    process.preparation = Preparation::OwnersHash {
        password: secrets::n8n_owner_password(settings, paths)?,
        file: hash_file,
    };
    process.folders = vec![folder];
    process.stop = StopPolicy::terminate(Duration::from_millis(3500));
    // The first time it makes its tables.
    process.start_limit = Duration::from_secs(300);
    Ok(process)
}

/// JEX's own PostgreSQL; in someone else's n8n was given nothing, so it keeps a file.
fn database(stack: &Stack) -> Vec<(&'static str, String)> {
    if stack.settings.database.url.is_some() {
        return vec![("DB_TYPE", "sqlite".into())];
    }
    let socket = stack.settings.postgresql_socket_folder(&stack.paths);
    vec![
        ("DB_TYPE", "postgresdb".into()),
        ("DB_POSTGRESDB_HOST", socket.display().to_string()),
        ("DB_POSTGRESDB_PORT", "5432".into()),
        ("DB_POSTGRESDB_USER", NAME.into()),
        ("DB_POSTGRESDB_DATABASE", NAME.into()),
        ("DB_POSTGRESDB_POOL_SIZE", "4".into()),
    ]
}

/// What the owner has there, and this machine.
fn not_by_proxy() -> String {
    let owners = ["NO_PROXY", "no_proxy"].map(|name| std::env::var(name).unwrap_or_default());
    let owners = owners.into_iter().find(|names| !names.is_empty());
    let here = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let names: Vec<String> = owners.into_iter().chain(here).collect();
    names.join(",")
}

/// Of this machine, as IANA names it: when a schedule of a workflow is due.
fn time_zone() -> String {
    let here = TimeZone::system();
    here.iana_name().unwrap_or("UTC").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::tests::{process, stack};

    #[test]
    fn it_is_private_silent_and_in_jexs_own_database() {
        let (_home, mut stack) = stack();
        stack.settings.database.folder = Some("/srv/pg".into());

        let process = process(declare(&stack).unwrap().unwrap());

        assert_eq!(process.env["N8N_LISTEN_ADDRESS"], "127.0.0.1");
        assert_eq!(
            process.env["N8N_RUNNERS_BROKER_LISTEN_ADDRESS"],
            "127.0.0.1"
        );
        assert_eq!(process.env["N8N_DIAGNOSTICS_ENABLED"], "false");
        assert_eq!(process.env["DB_POSTGRESDB_HOST"], "/srv/pg/socket");
        assert!(!process.env.contains_key("DB_POSTGRESDB_PASSWORD"));
        for name in ["NO_PROXY", "no_proxy"] {
            let names = process.env[name].to_str().unwrap();
            assert!(names.ends_with("localhost,127.0.0.1,::1"), "{names}");
        }
        assert_eq!(process.ports.len(), 2);
    }

    #[test]
    fn beside_someone_elses_database_it_keeps_a_file() {
        let (_home, mut stack) = stack();
        stack.settings.database.url = Some("postgres://jex@localhost/jex".parse().unwrap());

        let process = process(declare(&stack).unwrap().unwrap());

        assert_eq!(process.env["DB_TYPE"], "sqlite");
    }

    #[test]
    fn one_that_runs_already_is_used_as_it_is_with_its_key() {
        let (home, mut stack) = stack();
        stack.settings.n8n.url = Some("http://127.0.0.1:5678/base".parse().unwrap());
        stack.parts.n8n = None;
        let file = home.path().join("key");
        stack.settings.n8n.api_key_file = Some(file.clone());
        assert!(declare(&stack).is_err(), "no key");

        std::fs::write(&file, "key").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mode).unwrap();
        let component = declare(&stack).unwrap().unwrap();

        assert!(component.depends_on.is_empty());
        assert!(matches!(component.warm_up, WarmUp::None));
        let Probe::Http { url } = component.ready else {
            panic!("{component:?}");
        };
        assert_eq!(url.path(), "/base/healthz");
    }

    #[test]
    fn without_the_part_the_remedy_is_said() {
        let (_home, mut stack) = stack();
        stack.parts.n8n = None;

        let error = declare(&stack).unwrap_err().to_string();

        assert!(
            error.contains("n8n") && error.contains("./dev parts"),
            "{error}"
        );
    }
}
