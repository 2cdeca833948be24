//! Starting and ending the real servers.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jex_config::parts::Parts;
use jex_config::{Paths, Settings};
use jex_providers::Providers;
use jex_providers::wyoming::{WyomingEndpoint, describe};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use url::Url;

use crate::wait;

/// Python loads a model in about three seconds; a busy machine needs longer.
const START_LIMIT: Duration = Duration::from_secs(90);
pub const MODEL: &str = "jex-demo";

/// A server and everything it starts; both end with it.
pub struct Server {
    child: Child,
}

impl Server {
    fn spawn(mut command: Command, log: &Path) -> Result<Self, String> {
        let log_file = File::create(log).map_err(|error| error.to_string())?;
        let errors = log_file.try_clone().map_err(|error| error.to_string())?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log_file)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{command:?}: {error}"))?;
        Ok(Self { child })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        let group = Pid::from_raw(self.child.id() as i32);
        killpg(group, signal).expect("the server's process group is there");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = killpg(Pid::from_raw(self.child.id() as i32), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

pub struct Servers {
    pub settings: Settings,
    pub parts: Parts,
    pub piper: Server,
    pub whisper: Server,
    pub ollama: Server,
    _folder: TempDir,
}

impl Servers {
    pub fn start() -> Result<Self, String> {
        let paths = Paths::from_env().map_err(|error| error.to_string())?;
        let parts = Parts::load(&paths).map_err(|error| error.to_string())?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut settings = Settings::default();
        settings.tts.port = free_port();
        settings.stt.port = free_port();
        settings.llm.port = free_port();
        settings.llm.seed = Some(1);
        let servers = Self {
            piper: piper(&settings, &parts, folder.path())?,
            whisper: whisper(&settings, &parts, folder.path())?,
            ollama: ollama(&settings, &parts, folder.path())?,
            settings,
            parts,
            _folder: folder,
        };
        servers.wait_until_ready()?;
        wait(servers.import_model())?;
        Ok(servers)
    }

    pub fn providers(&self) -> Providers {
        self.providers_with(|_| {})
    }

    pub fn providers_with(&self, change: impl FnOnce(&mut Settings)) -> Providers {
        let mut settings = self.settings.clone();
        change(&mut settings);
        Providers::from_settings(&settings, &self.parts).expect("usable settings")
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        let deadline = Instant::now() + START_LIMIT;
        for (name, url) in [
            ("piper", self.settings.tts_url()),
            ("whisper", self.settings.stt_url()),
        ] {
            let endpoint = WyomingEndpoint::new(&url, name, "").map_err(|e| e.to_string())?;
            let ask = || wait(describe(&endpoint, Duration::from_secs(2))).map(|_| ());
            poll(name, deadline, ask)?;
        }
        let version = self.ollama_api("api/version");
        let ask = || wait(async { reqwest::get(version.clone()).await.map(|_| ()) });
        poll("ollama", deadline, ask)
    }

    /// Puts the packaged model into Ollama, over its API as `jex up` does.
    async fn import_model(&self) -> Result<(), String> {
        let gguf = part(&self.parts.model_gguf, "the packaged model")?;
        let bytes = std::fs::read(gguf).map_err(|error| error.to_string())?;
        let digest: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let digest = format!("sha256:{digest}");
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let blob = self.ollama_api(&format!("api/blobs/{digest}"));
        let upload = http.post(blob).body(bytes).send().await;
        let create = http
            .post(self.ollama_api("api/create"))
            .json(&json!({"model": MODEL, "files": {"model.gguf": digest}, "stream": false}))
            .send();
        for reply in [upload, create.await] {
            let reply = reply.map_err(|error| error.to_string())?;
            if !reply.status().is_success() {
                return Err(format!("Ollama: {:?}", reply.text().await));
            }
        }
        Ok(())
    }

    fn ollama_api(&self, path: &str) -> Url {
        self.settings.ollama_url().join(path).expect("an address")
    }
}

fn piper(settings: &Settings, parts: &Parts, folder: &Path) -> Result<Server, String> {
    let mut command = Command::new(part(&parts.piper, "wyoming-piper")?);
    command
        .args([
            "--uri",
            settings.tts_url().as_str(),
            "--voice",
            "en_US-joe-medium",
            "--data-dir",
        ])
        .arg(part(&parts.piper_voices, "the packaged voice")?)
        .arg("--local-files-only");
    Server::spawn(command, &folder.join("piper.log"))
}

fn whisper(settings: &Settings, parts: &Parts, folder: &Path) -> Result<Server, String> {
    let mut command = Command::new(part(&parts.whisper, "wyoming-faster-whisper")?);
    command
        .args(["--uri", settings.stt_url().as_str(), "--model"])
        .arg(part(&parts.whisper_model, "the packaged Whisper model")?)
        .arg("--data-dir")
        .arg(folder)
        .args([
            "--language",
            "en",
            "--compute-type",
            "int8",
            "--cpu-threads",
            "2",
        ])
        .args([
            "--beam-size",
            "1",
            "--stt-library",
            "faster-whisper",
            "--local-files-only",
        ]);
    Server::spawn(command, &folder.join("whisper.log"))
}

fn ollama(settings: &Settings, parts: &Parts, folder: &Path) -> Result<Server, String> {
    let mut command = Command::new(part(&parts.ollama, "ollama")?);
    command
        .arg("serve")
        .env("OLLAMA_HOST", format!("127.0.0.1:{}", settings.llm.port))
        .env("OLLAMA_MODELS", folder.join("models"))
        .env("OLLAMA_CONTEXT_LENGTH", "2048")
        .env("OLLAMA_KEEP_ALIVE", "-1")
        .env("OLLAMA_NO_CLOUD", "1")
        .env("HOME", folder);
    Server::spawn(command, &folder.join("ollama.log"))
}

fn part<'p>(part: &'p Option<std::path::PathBuf>, name: &str) -> Result<&'p Path, String> {
    let place = part.as_deref().filter(|place| place.exists());
    place.ok_or_else(|| format!("{name} is missing. Run `./dev parts`."))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Asks until the answer is yes.
fn poll<E: std::fmt::Display>(
    name: &str,
    deadline: Instant,
    mut ask: impl FnMut() -> Result<(), E>,
) -> Result<(), String> {
    loop {
        match ask() {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => {
                return Err(format!("{name} did not become ready: {error}"));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}
