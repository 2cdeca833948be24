//! `jex up` as the owner runs it, with parts that end at once: what it does then is what counts.

#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PORTS: [&str; 8] = [
    "JEX_LIVEKIT__PORT",
    "JEX_LIVEKIT__RTC_TCP_PORT",
    "JEX_REDIS__PORT",
    "JEX_LLM__PORT",
    "JEX_STT__PORT",
    "JEX_TTS__PORT",
    "JEX_AGENT__PORT",
    "JEX_WEB__PORT",
];

/// A home, in which each part is a script that ends with status 7.
struct Home {
    folder: tempfile::TempDir,
    ports: Vec<u16>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free: Vec<TcpListener> = PORTS
            .iter()
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let home = Self {
            ports: free.iter().map(port).collect(),
            folder,
        };
        let root = home.folder.path();
        std::fs::create_dir(root.join("voices")).unwrap();
        std::fs::write(root.join("voices/someone.onnx"), "").unwrap();
        let mut parts = format!("piper_voices = \"{}\"\n", root.join("voices").display());
        for part in [
            "livekit_server",
            "redis_server",
            "ollama",
            "whisper",
            "whisper_model",
            "piper",
            "espeak_ng",
        ] {
            write_script(&root.join(part));
            parts += &format!("{part} = \"{}\"\n", root.join(part).display());
        }
        std::fs::write(root.join("parts.toml"), parts).unwrap();
        write_script(&root.join("jex-agent"));
        write_script(&root.join("jex-web"));
        home
    }

    fn jex(&self, args: &[&str]) -> Command {
        let root = self.folder.path();
        let ports = self.ports.iter().map(u16::to_string);
        let mut command = Command::new(env!("CARGO_BIN_EXE_jex"));
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", root)
            .env("JEX_PARTS", root.join("parts.toml"))
            .env("JEX_BIN", root)
            .env("JEX_DATABASE__FOLDER", root.join("postgresql"))
            .env("JEX_LOG", "info")
            .envs(PORTS.into_iter().zip(ports))
            .stdout(Stdio::null());
        command
    }

    fn status(&self) -> serde_json::Value {
        let mut command = self.jex(&["status", "--json"]);
        let output = command.stdout(Stdio::piped()).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn write_script(path: &Path) {
    std::fs::write(path, "#!/bin/sh\nexit 7\n").unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Killed when dropped.
struct Up(Child);

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn with_stderr_closed_it_goes_on_and_ends_when_told() {
    let home = Home::new();
    let mut up = Up(home.jex(&["up"]).stderr(Stdio::piped()).spawn().unwrap());
    drop(up.0.stderr.take());

    wait_until("each start was tried again", || {
        let status = home.status();
        let components = status["components"].as_array().unwrap();
        let tried_again = |name: &str| {
            let mut components = components.iter();
            components.any(|one| one["name"] == name && one["restarts"].as_u64() > Some(0))
        };
        tried_again("redis") && tried_again("ollama")
    });
    let stop = home.jex(&["stop"]).status().unwrap();

    assert!(stop.success());
    wait_until("it has ended", || up.0.try_wait().unwrap().is_some());
}
