//! What a component is, as data: how it is started, what it needs, how one sees that it is ready.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use jex_providers::CoquiOptions;
use nix::sys::signal::Signal;
use nix::unistd::User;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::database::Cluster;
use crate::provision::Provision;

/// One part of the stack.
#[derive(Debug, Clone)]
pub struct Component {
    /// Name in commands, files and messages, such as `livekit`.
    pub name: &'static str,
    /// Must be ready before this one starts.
    pub depends_on: &'static [&'static str],
    /// Used while running, not waited for: they stop after this one.
    pub uses: &'static [&'static str],
    pub origin: Origin,
    pub ready: Probe,
    pub warm_up: WarmUp,
}

/// Who runs it.
#[derive(Debug, Clone)]
pub enum Origin {
    /// JEX, as a child process.
    Own(Box<Process>),
    /// systemd, as the unit of this name on this machine.
    Unit(&'static str),
    /// Someone else: its address is configured.
    External { address: Url, key: &'static str },
}

/// A program and what it needs.
#[derive(Debug, Clone)]
pub struct Process {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// Added to the environment of `jex up`.
    pub env: BTreeMap<String, OsString>,
    /// Who it runs as; `None` for whoever runs JEX.
    pub user: Option<User>,
    /// Prefixes of variables that are taken out of the environment first: what the owner has set
    /// for another instance of the same program.
    pub env_removed: &'static [&'static str],
    /// Written before each start.
    pub files: Vec<ConfigFile>,
    /// Folders made before each start, for the owner alone.
    pub folders: Vec<PathBuf>,
    pub preparation: Preparation,
    /// Arguments that make the program print its version, when its probe does not tell.
    pub version_args: Option<&'static [&'static str]>,
    /// What the program itself has to be.
    pub requirement: Option<Requirement>,
    pub ports: Vec<Port>,
    pub stop: StopPolicy,
    /// Longest time from start to the first successful probe.
    pub start_limit: Duration,
}

/// The oldest version that will do.
#[derive(Debug, Clone, Copy)]
pub struct Requirement {
    /// Major and minor.
    pub version: (u32, u32),
    /// Finds the version in what the program prints for `--version`.
    pub read: fn(&str) -> Option<(u32, u32)>,
    pub remedy: &'static str,
}

/// A file of mode 0600.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    pub path: PathBuf,
    pub contents: SecretString,
}

/// What happens between writing the files and starting the program.
#[derive(Debug, Clone)]
pub enum Preparation {
    None,
    /// Empties JEX's own Redis.
    EmptyRedis {
        port: u16,
        password: SecretString,
    },
    /// Makes PostgreSQL's folders and, the first time, what it keeps in them.
    Cluster(Box<Cluster>),
    /// Writes down what n8n is told of its owner's password.
    OwnersHash {
        password: SecretString,
        file: PathBuf,
    },
}

/// A TCP port on which it will listen. UDP ports are not declared: LiveKit takes any that is free
/// in its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    pub number: u16,
    /// The setting that moves it.
    pub key: &'static str,
    pub on: Interfaces,
}

/// Where a port is listened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interfaces {
    /// 127.0.0.1.
    Loopback,
    /// 127.0.0.1 and, where there is IPv6, [::1].
    BothLoopbacks,
    All,
}

/// How one sees that it answers.
#[derive(Debug, Clone)]
pub enum Probe {
    /// `GET` gives a 2xx; `version` is taken from a field of that name if the body is JSON.
    Http { url: Url },
    /// Answers Wyoming's `describe`.
    Wyoming { url: Url },
    /// Answers `PING` and `INFO` with the password.
    Redis { port: u16, password: SecretString },
    /// Answers at all, whatever it says: all one can ask of an API that costs money.
    Connect { url: Url },
    /// Accepts a connection on a unix socket.
    Socket { path: PathBuf },
    /// PostgreSQL lets us in there.
    Database {
        url: Url,
        password: Option<SecretString>,
    },
}

/// The first slow answer, made before it counts as ready.
#[derive(Debug, Clone)]
pub enum WarmUp {
    None,
    /// The model is there (imported or pulled), fits in memory, and gave a token.
    Model(ModelWanted),
    /// A first sentence.
    Synthesis {
        by: Synthesizer,
    },
    /// A first transcript, of what espeak-ng says: no other sound gets as far as the model.
    Transcription {
        url: Url,
        espeak_ng: PathBuf,
    },
    /// Roles and databases of JEX's own PostgreSQL are there.
    Databases {
        socket_folder: PathBuf,
    },
    /// n8n has its key, credentials and workflows.
    Workflows(Box<Provision>),
}

impl WarmUp {
    /// Whether one that answers is of use all the same when this fails: it is not started anew for that.
    pub fn may_come_later(&self) -> bool {
        matches!(
            self,
            Self::Model(_) | Self::Databases { .. } | Self::Workflows(_)
        )
    }
}

/// Who speaks.
#[derive(Debug, Clone)]
pub enum Synthesizer {
    Wyoming { url: Url },
    Coqui(Box<CoquiOptions>),
}

/// Which model Ollama has to have loaded.
#[derive(Debug, Clone)]
pub struct ModelWanted {
    pub ollama: Url,
    pub name: String,
    pub context_tokens: u32,
    /// Whether it may be pulled when it is not there.
    pub download: bool,
    /// File that the packaged model is imported from.
    pub packaged: Option<PathBuf>,
    /// Where Ollama keeps models, when it is JEX's own. Its disk can be looked at, its files perhaps not.
    pub folder: Option<PathBuf>,
    /// It is this machine's memory that has to hold it, not a graphics card's or another machine's.
    pub in_memory: bool,
}

impl ModelWanted {
    /// Whether it is JEX's own Ollama that is to have it. Into someone else's, only the owner has
    /// models pulled.
    pub fn is_jexs_own(&self) -> bool {
        self.folder.is_some()
    }
}

/// How it is asked to end.
#[derive(Debug, Clone)]
pub struct StopPolicy {
    /// Each signal with the time to wait for the end; after the last one everything is killed.
    pub steps: Vec<(Signal, Duration)>,
}

impl StopPolicy {
    /// SIGTERM, then `wait`.
    pub fn terminate(wait: Duration) -> Self {
        Self {
            steps: vec![(Signal::SIGTERM, wait)],
        }
    }
}

impl Process {
    /// A program without arguments, files or ports.
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            args: Vec::new(),
            env: BTreeMap::new(),
            user: None,
            env_removed: &[],
            files: Vec::new(),
            folders: Vec::new(),
            preparation: Preparation::None,
            version_args: None,
            requirement: None,
            ports: Vec::new(),
            stop: StopPolicy::terminate(Duration::from_secs(2)),
            start_limit: Duration::from_secs(30),
        }
    }

    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub fn env(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Whether a process started from one declaration is as good as one started from the other.
    pub fn is_same(&self, other: &Self) -> bool {
        let files = |process: &Self| -> Vec<(PathBuf, String)> {
            let file =
                |file: &ConfigFile| (file.path.clone(), file.contents.expose_secret().to_owned());
            process.files.iter().map(file).collect()
        };
        self.program == other.program
            && self.args == other.args
            && self.env == other.env
            && files(self) == files(other)
    }

    /// A port on 127.0.0.1.
    pub fn port(self, number: u16, key: &'static str) -> Self {
        self.port_on(Interfaces::Loopback, number, key)
    }

    pub fn port_on(mut self, on: Interfaces, number: u16, key: &'static str) -> Self {
        self.ports.push(Port { number, key, on });
        self
    }
}
