//! The components of the stack, one file each: what they are, never how they are run.

mod agent;
mod coqui;
mod livekit;
mod n8n;
mod ollama;
mod piper;
mod postgresql;
mod redis;
mod web;
mod whisper;

use std::net::IpAddr;
use std::path::PathBuf;

use jex_config::{Parts, Paths, Settings};
use url::Url;

use crate::component::{Component, Origin, Process};
use crate::{SupervisorError, units};

/// What the declarations are made from.
#[derive(Debug, Clone)]
pub struct Stack {
    pub settings: Settings,
    pub paths: Paths,
    pub parts: Parts,
    pub backend: Backend,
}

/// Who runs what JEX brings along.
#[derive(Debug, Clone)]
pub enum Backend {
    /// `jex up`, as child processes.
    Children(Children),
    /// systemd, as units of this machine.
    Units(Units),
}

/// What child processes are given.
#[derive(Debug, Clone)]
pub struct Children {
    /// The file that the settings came from.
    pub config_file: PathBuf,
    /// Folder of `jex-agent` and `jex-web`.
    pub binaries: PathBuf,
    /// Address that LiveKit offers media on.
    pub node_ip: IpAddr,
    /// Settings that were given as flags, as variables: JEX's own programs get them, too.
    pub flags: Vec<(String, String)>,
}

/// What the units of this machine were given, as far as the settings do not tell.
#[derive(Debug, Clone, Default)]
pub struct Units {
    /// Where n8n is, if there is one.
    pub n8n: Option<Url>,
    /// PostgreSQL's socket, if there is one.
    pub postgresql: Option<PathBuf>,
    /// Folder in which Ollama keeps its models.
    pub models: PathBuf,
    /// No graphics card holds the model.
    pub in_memory: bool,
}

/// Names of all components, in the order in which they are shown.
pub const NAMES: [&str; 10] = [
    "postgresql",
    "redis",
    "livekit",
    "ollama",
    "whisper",
    "piper",
    "coqui",
    "agent",
    "web",
    "n8n",
];

/// Of a component that no setting moves elsewhere.
const NOWHERE_ELSE: (&Option<Url>, &str) = (&None, "");

/// Declares the component of a name; `None` if these settings do without it.
pub fn declare(stack: &Stack, name: &str) -> Result<Option<Component>, SupervisorError> {
    match name {
        "redis" => redis::declare(stack),
        "livekit" => livekit::declare(stack).map(Some),
        "ollama" => ollama::declare(stack).map(Some),
        "whisper" => whisper::declare(stack).map(Some),
        "piper" => piper::declare(stack),
        "coqui" => coqui::declare(stack),
        "agent" => agent::declare(stack).map(Some),
        "web" => web::declare(stack).map(Some),
        "n8n" => n8n::declare(stack),
        "postgresql" => postgresql::declare(stack),
        _ => Ok(None),
    }
}

/// Whether it is one of JEX's own programs, which read the settings themselves.
pub fn is_jexs_own(name: &str) -> bool {
    matches!(name, "agent" | "web")
}

/// Whether nobody can talk with JEX while it is not ready.
pub fn is_essential(name: &str) -> bool {
    !matches!(name, "postgresql" | "n8n")
}

/// Where the page is.
pub fn address(settings: &Settings) -> String {
    format!("http://localhost:{}", settings.web.port)
}

impl Stack {
    /// Who runs the component: whoever has the address that the settings name by `key`, or else the backend.
    /// A process is declared only where it is to be started.
    fn origin(
        &self,
        name: &str,
        (address, key): (&Option<Url>, &'static str),
        process: impl FnOnce(&Children) -> Result<Process, SupervisorError>,
    ) -> Result<Origin, SupervisorError> {
        match (address, &self.backend) {
            (Some(address), _) => Ok(Origin::External {
                address: address.clone(),
                key,
            }),
            (None, Backend::Units(_)) => Ok(Origin::Unit(units::unit_of(name))),
            (None, Backend::Children(children)) => process(children).map(Box::new).map(Origin::Own),
        }
    }

    /// The part, or what to do about its absence.
    fn part<'p>(
        &self,
        component: &'static str,
        part: &'p Option<PathBuf>,
        name: &str,
    ) -> Result<&'p PathBuf, SupervisorError> {
        match part {
            Some(path) if path.exists() => Ok(path),
            Some(path) => Err(SupervisorError::CannotStart {
                component,
                reason: format!("{} is gone. Run `./dev parts`.", path.display()),
            }),
            None => Err(Parts::require(part, name).map_or_else(Into::into, |_| {
                SupervisorError::CannotStart {
                    component,
                    reason: format!("{name} is missing. Run `./dev parts`."),
                }
            })),
        }
    }
}

impl Children {
    /// One of JEX's own programs, with the settings that this stack has.
    fn own(&self, component: &'static str, name: &str) -> Result<Process, SupervisorError> {
        let program = self.binaries.join(name);
        if program.exists() {
            let mut process = Process::new(program);
            if self.config_file.exists() {
                process = process.arg("--config").arg(self.config_file.as_os_str());
            }
            for (variable, value) in &self.flags {
                process = process.env(variable, value);
            }
            return Ok(process);
        }
        Err(SupervisorError::CannotStart {
            component,
            reason: format!(
                "{} is missing. Run `./dev build`, or set JEX_BIN to the folder it is in.",
                program.display()
            ),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::Ipv4Addr;

    use jex_config::{TtsProvider, secrets};
    use secrecy::ExposeSecret;
    use tempfile::TempDir;

    use super::*;
    use crate::order;

    /// A stack whose parts are empty files.
    pub fn stack() -> (TempDir, Stack) {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().to_owned();
        let paths = Paths::from_lookup(|name| (name == "HOME").then(|| root.clone())).unwrap();
        let file = |name: &str| {
            let path = root.join(name);
            std::fs::write(&path, "").unwrap();
            Some(path)
        };
        let voices = root.join("voices");
        std::fs::create_dir_all(&voices).unwrap();
        std::fs::write(voices.join("en_US-joe-medium.onnx"), "").unwrap();
        let parts = Parts {
            livekit_server: file("livekit-server"),
            redis_server: file("redis-server"),
            ollama: file("ollama"),
            whisper: file("wyoming-faster-whisper"),
            whisper_model: file("whisper-model"),
            piper: file("wyoming-piper"),
            piper_voices: Some(voices),
            espeak_ng: file("espeak-ng"),
            model_gguf: file("model.gguf"),
            page: None,
            postgresql: postgresql(&root),
            n8n: file("n8n"),
            workflows: None,
        };
        for name in ["jex-agent", "jex-web"] {
            file(name);
        }
        let settings = Settings::default();
        secrets::ensure_secrets(&settings, &paths).unwrap();
        let stack = Stack {
            settings,
            backend: Backend::Children(Children {
                config_file: paths.config_file.clone(),
                binaries: root,
                node_ip: Ipv4Addr::new(192, 168, 1, 5).into(),
                flags: Vec::new(),
            }),
            paths,
            parts,
        };
        (home, stack)
    }

    fn postgresql(root: &std::path::Path) -> Option<PathBuf> {
        let folder = root.join("postgresql/15/bin");
        std::fs::create_dir_all(&folder).unwrap();
        for program in ["initdb", "postgres"] {
            std::fs::write(folder.join(program), "").unwrap();
        }
        Some(folder)
    }

    pub fn children(stack: &mut Stack) -> &mut Children {
        match &mut stack.backend {
            Backend::Children(children) => children,
            Backend::Units(units) => panic!("{units:?}"),
        }
    }

    pub fn process(component: Component) -> Process {
        match component.origin {
            Origin::Own(process) => *process,
            other => panic!("{other:?}"),
        }
    }

    fn all(stack: &Stack) -> Vec<Component> {
        NAMES
            .iter()
            .filter_map(|name| declare(stack, name).unwrap())
            .collect()
    }

    /// Nobody waits for one that comes later, so that none wait for each other.
    fn assert_nobody_waits_for_ever(components: &[Component]) {
        let mut there = Vec::new();
        for component in components {
            let mut needed = component.depends_on.iter();
            assert!(needed.all(|name| there.contains(name)), "{component:?}");
            there.push(component.name);
        }
    }

    #[test]
    fn they_can_be_started() {
        let (_home, stack) = stack();

        let components = all(&stack);

        assert_eq!(components.len(), 9);
        assert_nobody_waits_for_ever(&components);
    }

    #[test]
    fn what_the_agent_speaks_with_stops_after_it() {
        let (_home, stack) = stack();
        let components = all(&stack);

        for name in ["livekit", "ollama", "whisper", "piper", "postgresql"] {
            assert!(
                order::stops_after(&components, name).contains(&"agent"),
                "{name}"
            );
        }
        assert_eq!(order::stops_after(&components, "redis"), ["livekit"]);
        assert_eq!(order::stops_after(&components, "agent"), [""; 0]);
    }

    #[test]
    fn no_secret_is_on_a_command_line_or_in_an_environment() {
        let (_home, stack) = stack();
        let livekit = secrets::livekit_credentials(&stack.settings, &stack.paths).unwrap();
        let redis = secrets::redis_password(&stack.paths).unwrap();
        let n8n = [
            secrets::n8n_encryption_key(&stack.paths).unwrap(),
            secrets::n8n_owner_password(&stack.settings, &stack.paths).unwrap(),
        ];

        for component in all(&stack) {
            let process = process(component);
            let visible = format!("{:?} {:?}", process.args, process.env);
            assert!(!visible.contains(livekit.api_secret.expose_secret()));
            assert!(!visible.contains(redis.expose_secret()));
            for secret in &n8n {
                assert!(!visible.contains(secret.expose_secret()));
            }
        }
    }

    #[test]
    fn flags_reach_jexs_own_programs() {
        let (_home, mut stack) = stack();
        children(&mut stack).flags = vec![("JEX_LLM__CONTEXT_TOKENS".into(), "2048".into())];

        let agent = process(declare(&stack, "agent").unwrap().unwrap());

        assert_eq!(agent.env["JEX_LLM__CONTEXT_TOKENS"], "2048");
    }

    #[test]
    fn a_configured_address_is_not_started() {
        let (_home, mut stack) = stack();
        stack.settings.livekit.url = Some("wss://example.livekit.cloud".parse().unwrap());
        stack.settings.llm.url = Some("http://127.0.0.1:11434".parse().unwrap());
        stack.settings.stt.url = Some("tcp://127.0.0.1:1".parse().unwrap());
        stack.settings.tts.url = Some("tcp://127.0.0.1:2".parse().unwrap());
        stack.settings.database.url = Some("postgres://jex@localhost/jex".parse().unwrap());
        stack.parts = Parts {
            n8n: stack.parts.n8n.take(),
            ..Parts::default()
        };

        let components = all(&stack);

        let external: Vec<_> = components
            .iter()
            .filter(|component| matches!(component.origin, Origin::External { .. }))
            .map(|component| component.name)
            .collect();
        let expected = ["postgresql", "livekit", "ollama", "whisper", "piper"];
        assert_eq!(external, expected);
        assert!(components.iter().all(|component| component.name != "redis"));
    }

    /// The same stack, run by systemd: no part is in sight.
    fn as_units(stack: &mut Stack, units: Units) {
        stack.backend = Backend::Units(units);
        stack.parts = Parts::default();
    }

    #[test]
    fn what_systemd_runs_is_declared_without_its_programs() {
        let (_home, mut stack) = stack();
        as_units(
            &mut stack,
            Units {
                n8n: Some("http://127.0.0.1:5678/healthz".parse().unwrap()),
                postgresql: Some("/run/postgresql/.s.PGSQL.5432".into()),
                ..Units::default()
            },
        );

        let components = all(&stack);

        let names: Vec<_> = components.iter().map(|one| one.name).collect();
        let voices = NAMES.into_iter().filter(|name| *name != "coqui");
        assert_eq!(names, voices.collect::<Vec<_>>());
        for component in &components {
            assert!(matches!(component.origin, Origin::Unit(_)), "{component:?}");
        }
    }

    #[test]
    fn a_part_that_an_appliance_does_without_is_not_there() {
        let (_home, mut stack) = stack();
        stack.settings.livekit.url = Some("wss://example.livekit.cloud".parse().unwrap());
        stack.settings.tts.provider = TtsProvider::EspeakNg;
        as_units(&mut stack, Units::default());

        let components = all(&stack);

        let names: Vec<_> = components.iter().map(|one| one.name).collect();
        assert_eq!(names, ["livekit", "ollama", "whisper", "agent", "web"]);
        assert!(matches!(components[0].origin, Origin::External { .. }));
    }

    #[test]
    fn a_missing_part_names_the_remedy() {
        let (_home, mut stack) = stack();
        stack.parts.piper = None;
        stack.parts.ollama = Some("/gone/ollama".into());

        let piper = declare(&stack, "piper").unwrap_err().to_string();
        let ollama = declare(&stack, "ollama").unwrap_err().to_string();

        assert!(
            piper.contains("wyoming-piper") && piper.contains("./dev parts"),
            "{piper}"
        );
        assert!(
            ollama.contains("/gone/ollama") && ollama.contains("./dev parts"),
            "{ollama}"
        );
    }
}
