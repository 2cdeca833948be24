//! The owner's command on a machine where systemd runs JEX: whom it asks, and what it leaves to others.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jex_config::{Parts, Paths, Settings};
use jex_supervisor::components::{Backend, Stack, Units};
use jex_supervisor::control::{self, Access};
use jex_supervisor::units::Appliance;

/// A machine with a supervisor, of which nothing else runs.
struct Machine {
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let paths = Paths::from_lookup(|name| (name == "HOME").then(|| root.clone())).unwrap();
        let mut settings = Settings::default();
        // Nobody is there.
        for port in [
            &mut settings.livekit.port,
            &mut settings.llm.port,
            &mut settings.stt.port,
            &mut settings.tts.port,
            &mut settings.agent.port,
            &mut settings.web.port,
        ] {
            *port = 1;
        }
        let stack = Stack {
            settings,
            paths,
            parts: Parts::default(),
            backend: Backend::Units(Units::default()),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        let requests = control::listen(&socket(folder.path()), Access::Group).unwrap();
        let appliance = Appliance::watch(stack, "https://jex.local".into());
        runtime.spawn(async move { appliance.answer(requests).await });
        Self {
            folder,
            _runtime: runtime,
        }
    }

    fn jex(&self, args: &[&str]) -> Output {
        let root = self.folder.path();
        Command::new(env!("CARGO_BIN_EXE_jex"))
            .args(args)
            .env_clear()
            .env("PATH", root.join("bin"))
            .env("HOME", root)
            .env("JEX_TEST_MACHINE_SOCKET", socket(root))
            .output()
            .unwrap()
    }

    /// What a command complains of.
    fn refused(&self, args: &[&str]) -> String {
        let output = self.jex(args);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

fn socket(root: &Path) -> PathBuf {
    root.join("run/control.sock")
}

#[test]
fn the_machines_supervisor_tells_how_everything_is() {
    let machine = Machine::new();

    let output = machine.jex(&["status", "--json"]);

    assert_eq!(output.status.code(), Some(1), "nothing runs");
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["address"], "https://jex.local");
    let components = status["components"].as_array().unwrap();
    let names: Vec<_> = components.iter().map(|one| &one["name"]).collect();
    assert_eq!(
        names,
        [
            "redis", "livekit", "ollama", "whisper", "piper", "agent", "web"
        ]
    );
}

#[test]
fn orders_are_systemds() {
    let machine = Machine::new();

    assert!(machine.refused(&["stop"]).contains("systemctl stop"));
    let up = machine.refused(&["up"]);
    assert!(up.contains("systemd runs JEX on this machine"), "{up}");
    let model = machine.refused(&["model", "use", "qwen3:4b"]);
    assert!(
        model.contains("services.jex.llm.model = \"qwen3:4b\""),
        "{model}"
    );
}

#[test]
fn logs_come_out_of_the_journal() {
    let machine = Machine::new();
    let journalctl = machine.folder.path().join("bin/journalctl");
    std::fs::create_dir(journalctl.parent().unwrap()).unwrap();
    // It says what it is asked. A script of our own would be busy while another test starts a process.
    std::os::unix::fs::symlink("/bin/echo", &journalctl).unwrap();

    let output = machine.jex(&["logs", "piper", "--lines", "7"]);

    let shown = String::from_utf8(output.stdout).unwrap();
    let expected = "--no-pager --lines 7 --unit wyoming-piper-jex.service\n";
    assert_eq!(shown, expected);
    assert!(
        machine
            .refused(&["logs", "pipe"])
            .contains("whisper, piper")
    );
}

#[test]
fn a_supervisor_that_is_gone_is_no_stack_to_start() {
    let machine = Machine::new();
    let socket = socket(machine.folder.path());
    std::fs::remove_file(&socket).unwrap();
    // As one leaves it that was killed.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());

    let output = machine.jex(&["status"]);

    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("systemctl status jex-supervisor"), "{said}");
}
