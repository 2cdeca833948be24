//! An appliance on a test's own ports: the supervisor as systemd would start it, and what it watches.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use axum::routing::get;
use axum::{Json, Router};
use jex_config::{Parts, Paths, secrets};
use jex_supervisor::status::{ComponentStatus, StackStatus, State};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use secrecy::ExposeSecret;
use serde_json::json;

use super::Home;

/// The supervisor is to feed the watchdog within this time.
pub const WATCHDOG: Duration = Duration::from_secs(1);

/// `jex-supervisor` under a systemd that is the test; killed when dropped.
pub struct Supervisor {
    child: Child,
    pub socket: PathBuf,
    tells: mpsc::Receiver<String>,
    /// What it has told systemd, as far as it was waited for.
    pub told: Vec<String>,
}

impl Supervisor {
    /// With the settings, variables and secrets of `home`, and arguments of its own; ready as systemd has it.
    pub fn start(home: &Home, arguments: &[&str]) -> Self {
        let root = home.folder.path();
        if !home.paths().config_file.exists() {
            home.write_settings("");
        }
        let (runtime, credentials) = (root.join("runtime"), root.join("credentials"));
        for folder in [&runtime, &credentials] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let settings = jex_config::check_file(&home.paths().config_file).unwrap();
        secrets::ensure_secrets(&settings.settings, &home.paths()).unwrap();
        let password = home.paths().secrets().join("redis-password");
        std::fs::copy(password, credentials.join("redis-password")).unwrap();
        // All that an appliance names: its units have the rest.
        let parts = root.join("appliance.toml");
        let espeak_ng = real_parts().espeak_ng.unwrap();
        std::fs::write(&parts, format!("espeak_ng = {espeak_ng:?}\n")).unwrap();
        let notify_socket = root.join("notify");
        let _ = std::fs::remove_file(&notify_socket);
        let notify = UnixDatagram::bind(&notify_socket).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_jex-supervisor"))
            .args(arguments)
            .env_clear()
            .env("HOME", root)
            .env("JEX_PARTS", parts)
            .env("RUNTIME_DIRECTORY", &runtime)
            .env("CREDENTIALS_DIRECTORY", credentials)
            .env("NOTIFY_SOCKET", notify_socket)
            .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string())
            .envs(home.env.iter().cloned())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut supervisor = Self {
            child,
            tells: lines_of(notify),
            socket: runtime.join("control.sock"),
            told: Vec::new(),
        };
        supervisor.wait_told(Duration::from_secs(5), |line| line == "READY=1");
        supervisor
    }

    /// Waits until systemd is told something that `wanted` accepts.
    pub fn wait_told(&mut self, limit: Duration, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.tells.recv_timeout(left) else {
                panic!("never told: {:#?}", self.told);
            };
            self.told.push(line.clone());
            if wanted(&line) {
                return line;
            }
        }
    }

    /// What it answers to a line on its control socket.
    pub fn ask(&self, command: &str) -> String {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        writeln!(stream, "{{\"command\":\"{command}\"}}").unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        answer
    }

    pub fn status(&self) -> StackStatus {
        serde_json::from_str(&self.ask("status")).unwrap()
    }

    pub fn component(&self, name: &str) -> ComponentStatus {
        let components = self.status().components;
        components.into_iter().find(|one| one.name == name).unwrap()
    }

    /// Waits until a component is as `wanted` says.
    pub fn wait_for(
        &self,
        name: &str,
        limit: Duration,
        wanted: impl Fn(&ComponentStatus) -> bool,
    ) -> ComponentStatus {
        let deadline = Instant::now() + limit;
        loop {
            let component = self.component(name);
            if wanted(&component) {
                return component;
            }
            assert!(Instant::now() < deadline, "not so: {component:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn wait_state(&self, name: &str, state: State, limit: Duration) -> ComponentStatus {
        self.wait_for(name, limit, |component| component.state == state)
    }

    /// Tells it to end; returns how it ended and how long that took.
    pub fn end(mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        let pid = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
        self.wait_told(Duration::from_secs(5), |line| line == "STOPPING=1");
        let status = self.child.wait().unwrap();
        (status, begun.elapsed())
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Read at once, as systemd does: whoever tells something waits for that.
fn lines_of(notify: UnixDatagram) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length) = notify.recv(&mut buffer) {
            let text = std::str::from_utf8(&buffer[..length]).unwrap();
            for line in text.lines() {
                if sender.send(line.to_owned()).is_err() {
                    return;
                }
            }
        }
    });
    receiver
}

fn real_parts() -> Parts {
    Parts::load(&Paths::from_env().unwrap()).unwrap()
}

/// A part that runs by itself, with all that it starts; killed when dropped.
pub struct Unit(Child);

impl Unit {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self(
            command
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()
                .unwrap(),
        )
    }

    /// Ollama, with a folder of models of its own.
    pub fn ollama(home: &Home) -> Self {
        let mut command = Command::new(real_parts().ollama.unwrap());
        command
            .arg("serve")
            .env_clear()
            .env("HOME", home.folder.path())
            .env("OLLAMA_HOST", format!("127.0.0.1:{}", home.ports.ollama))
            .env("OLLAMA_MODELS", home.folder.path().join("ollama"))
            .env("OLLAMA_NO_CLOUD", "1")
            .env("OLLAMA_NOPRUNE", "1");
        Self::start(command)
    }

    /// LiveKit's Redis, with the password that the home has.
    pub fn redis(home: &Home) -> Self {
        let password = secrets::redis_password(&home.paths()).unwrap();
        let mut command = Command::new(real_parts().redis_server.unwrap());
        command
            .args([
                "--bind",
                "127.0.0.1",
                "--port",
                &home.ports.redis.to_string(),
            ])
            .args(["--save", "", "--requirepass", password.expose_secret()]);
        Self::start(command)
    }

    /// The end that nobody is asked about.
    pub fn kill(self) {}
}

impl Drop for Unit {
    fn drop(&mut self) {
        let group = Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// A program of JEX's own, or n8n, by what it says of itself: `GET /health` and `GET /healthz`.
pub fn healthy(port: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let body = || async { Json(json!({ "state": "ready", "version": "0.1.0" })) };
    let app = Router::new()
        .route("/health", get(body))
        .route("/healthz", get(body));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
}
