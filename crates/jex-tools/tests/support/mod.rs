//! What the tests of real servers share.

#![allow(dead_code)]

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jex_config::Paths;
use jex_tools::policy::{Gate, Limits, Output, Permit, Policy};
use jex_tools::{
    CallContext, Handling, Intent, Ledger, NotRecorded, Outcome, ToolCall, ToolName, Toolbox,
};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A path in the file of parts, which `./dev test` writes.
pub fn part(key: &str) -> PathBuf {
    let file = Paths::from_env().unwrap().parts_file();
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let table: toml::Table = toml::from_str(&text).unwrap();
    match table.get(key).and_then(toml::Value::as_str) {
        Some(path) => path.into(),
        None => panic!(
            "{} has no `{key}`: run `./dev test`, which gets the parts first",
            file.display()
        ),
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A server and everything that it starts; both end with this.
pub struct Server(Child);

impl Server {
    pub fn start(mut command: Command, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.0.id() as i32), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// Tries until it works.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut attempt: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        if let Some(done) = attempt().await {
            return done;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{what}: not within {limit:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub fn call(tool: &str, arguments: Value) -> ToolCall {
    ToolCall {
        id: Uuid::new_v4(),
        tool: ToolName::new(tool).unwrap(),
        arguments: arguments.as_object().unwrap().clone(),
    }
}

pub fn context() -> CallContext {
    CallContext {
        language: "en".into(),
        timezone: "Europe/Berlin".into(),
        progress: None,
    }
}

pub fn handling() -> (Handling, CancellationToken, mpsc::Receiver<String>) {
    let cancel = CancellationToken::new();
    let (progress, said) = mpsc::channel(16);
    let handling = Handling {
        cancel: cancel.clone(),
        progress,
    };
    (handling, cancel, said)
}

/// A permit as anyone gets one: asked for, and agreed to.
pub fn permit(toolbox: &Toolbox, call: ToolCall) -> Permit {
    let now = std::time::Instant::now();
    let mut gate = Gate::new(Policy::default(), Limits::default());
    gate.propose(now, ("ada", "en"), vec![call], &toolbox.catalogue());
    if let Some(id) = gate.open_question() {
        gate.question_spoken(now, id);
        gate.said(now, "ada", "yes");
    }
    while let Some(output) = gate.poll() {
        match output {
            Output::Permit(permit) => return permit,
            Output::Refused { refusal, .. } => panic!("{refusal}"),
            _ => {}
        }
    }
    panic!("no permit")
}

/// Keeps what it is told, in order; can be told to fail.
#[derive(Default)]
pub struct Notes {
    pub written: Mutex<Vec<String>>,
    pub is_full: std::sync::atomic::AtomicBool,
}

impl Notes {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn all(&self) -> Vec<String> {
        self.written.lock().unwrap().clone()
    }
}

#[async_trait]
impl Ledger for Notes {
    async fn intent(&self, intent: &Intent) -> Result<(), NotRecorded> {
        if self.is_full.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(NotRecorded("the disk is full".into()));
        }
        self.written
            .lock()
            .unwrap()
            .push(format!("intent {}", intent.call.tool));
        Ok(())
    }

    async fn outcome(&self, call: &ToolCall, outcome: &Outcome) {
        self.written
            .lock()
            .unwrap()
            .push(format!("{} {outcome}", call.tool));
    }
}
