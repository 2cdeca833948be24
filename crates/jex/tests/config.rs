//! `jex config` and its neighbours, as the owner runs them: the built program in a home of its own.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join(".config/jex/jex.toml")
    }

    fn write(&self, text: &str) {
        std::fs::create_dir_all(self.file().parent().unwrap()).unwrap();
        std::fs::write(self.file(), text).unwrap();
    }

    fn jex(&self, args: &[&str]) -> Output {
        self.jex_with(args, &[])
    }

    fn jex_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_jex"))
            .args(args)
            .env_clear()
            .env("HOME", self.0.path())
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn show_names_the_origin_of_each_value_and_can_be_read_back() {
    let home = Home::new();
    home.write("[llm]\nport = 1111\n");

    let shown = home.jex_with(
        &["config", "show", "--set", "web.port=3001"],
        &[("JEX_LLM__MODEL", "mine")],
    );

    let text = stdout(&shown);
    let line = |start: &str| {
        let mut lines = text.lines();
        lines
            .find(|line| line.starts_with(start))
            .unwrap()
            .to_owned()
    };
    assert!(
        line("model = \"mine\"").ends_with("# $JEX_LLM__MODEL"),
        "{text}"
    );
    assert!(line("port = 1111").ends_with(&format!("# {}", home.file().display())));
    assert!(line("port = 3001").ends_with("# --set"));
    assert!(line("temperature = 0.0").ends_with("# default"));
    assert!(!text.contains('\u{1b}'), "no colours in a pipe");
    home.write(&text);
    assert_eq!(
        stdout(&home.jex(&["config", "path"])).trim(),
        home.file().display().to_string()
    );
    let again = stdout(&home.jex(&["config", "show", "--json"]));
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["settings"]["llm.model"]["value"], "mine");
    assert_eq!(again["settings"]["web.port"]["value"], 3001);
    assert_eq!(
        again["settings"]["llm.seed"]["value"],
        serde_json::Value::Null
    );
}

#[test]
fn show_works_before_the_first_start() {
    let home = Home::new();

    let text = stdout(&home.jex(&["config", "show"]));

    assert!(text.contains("not there"), "{text}");
    assert!(!home.file().exists(), "only `jex up` writes it");
}

#[test]
fn check_tells_file_line_key_and_remedy() {
    let home = Home::new();
    home.write("[llm]\n\nmodle = \"x\"\n");
    let file = home.file().display().to_string();

    let checked = home.jex(&["config", "check", &file]);

    assert_eq!(checked.status.code(), Some(1));
    let text = stderr(&checked);
    assert!(text.contains(&format!("{file}, line 3")), "{text}");
    assert!(text.contains("Did you mean `llm.model`?"), "{text}");
}

#[test]
fn check_looks_at_the_file_alone() {
    let home = Home::new();
    home.write("[web]\nport = 3001\n");

    let checked = home.jex_with(&["config", "check"], &[("JEX_WEB__PORT", "nonsense")]);

    assert!(stdout(&checked).contains("is sound: 1 setting is set"));
}

#[test]
fn a_wrong_variable_and_a_wrong_flag_are_named() {
    let home = Home::new();

    let variable = home.jex_with(&["config", "show"], &[("JEX_WEB__PORT", "many")]);
    let flag = home.jex(&["config", "show", "--set", "web.prot=1"]);
    let shape = home.jex(&["config", "show", "--set", "web"]);

    assert_eq!(variable.status.code(), Some(1));
    assert!(
        stderr(&variable).contains("$JEX_WEB__PORT"),
        "{}",
        stderr(&variable)
    );
    assert!(stderr(&flag).contains("`web.port`"), "{}", stderr(&flag));
    assert_eq!(shape.status.code(), Some(2));
    assert!(
        stderr(&shape).contains("section.key=value"),
        "{}",
        stderr(&shape)
    );
}

#[test]
fn someone_elses_livekit_without_its_keys_is_refused() {
    let home = Home::new();
    home.write("[livekit]\nurl = \"wss://example.livekit.cloud\"\n");
    let file = home.file().display().to_string();
    let credentials = home.0.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    let credentials = credentials.to_str().unwrap();
    let check = || {
        let variables = [("CREDENTIALS_DIRECTORY", credentials)];
        home.jex_with(&["config", "check"], &variables)
    };

    let nothing = check();
    std::fs::write(format!("{credentials}/livekit-api-key"), "key").unwrap();
    let key_alone = check();
    std::fs::write(format!("{credentials}/livekit-api-secret"), "secret").unwrap();
    let both = check();

    let text = stderr(&nothing);
    assert!(text.contains(&format!("{file}, line 2")), "{text}");
    assert!(text.contains("`livekit.api_key_file` is missing"), "{text}");
    let text = stderr(&key_alone);
    assert!(
        text.contains("`livekit.api_secret_file` is missing"),
        "{text}"
    );
    assert!(both.status.success(), "{}", stderr(&both));
}

#[test]
fn a_pasted_secret_is_refused_and_not_repeated() {
    let home = Home::new();
    home.write("[livekit]\napi_secret = \"hush\"\n");

    let shown = home.jex(&["config", "show"]);

    let text = stderr(&shown);
    assert!(
        text.contains("line 2") && text.contains("`livekit.api_secret_file`"),
        "{text}"
    );
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn without_a_home_the_variable_is_named() {
    let path = Command::new(env!("CARGO_BIN_EXE_jex"))
        .args(["config", "path"])
        .env_clear()
        .output()
        .unwrap();

    assert_eq!(path.status.code(), Some(1));
    assert!(stderr(&path).contains("HOME"), "{}", stderr(&path));
}

#[test]
fn what_is_not_running_is_told_by_status_stop_and_ask() {
    let home = Home::new();
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port().to_string()
    };
    let port = ("JEX_WEB__PORT", port.as_str());

    for args in [
        &["status"][..],
        &["stop"],
        &["ask", "Hello?"],
        &["status", "--wait", "0"],
    ] {
        let output = home.jex_with(args, &[port]);

        assert_eq!(
            output.status.code(),
            Some(3),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains("jex up"),
            "{args:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn json_is_one_object_even_without_an_answer() {
    let home = Home::new();

    let status = home.jex(&["status", "--json"]);
    let ask = home.jex(&["ask", "--json", "--audio", "/nowhere/question.wav"]);

    let object = |output: &Output| {
        let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        object
    };
    assert_eq!(object(&status)["ready"], false);
    let message = object(&ask)["error"]["message"].to_string();
    assert!(message.contains("/nowhere/question.wav"), "{message}");
    assert!(stderr(&ask).contains("/nowhere/question.wav"));
    assert_eq!(ask.status.code(), Some(1));
}

#[test]
fn logs_name_what_there_is() {
    let home = Home::new();
    let logs = home.0.path().join(".local/state/jex/logs");
    std::fs::create_dir_all(&logs).unwrap();
    std::fs::write(logs.join("ollama.log"), "one\ntwo\n").unwrap();
    std::fs::write(logs.join("web.log"), "three\n").unwrap();

    assert_eq!(stdout(&home.jex(&["logs", "ollama", "-n", "1"])), "two\n");
    assert_eq!(
        stdout(&home.jex(&["logs"])),
        "ollama   one\nollama   two\nweb      three\n"
    );
    let unknown = home.jex(&["logs", "piper"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        stderr(&unknown).contains("ollama, web"),
        "{}",
        stderr(&unknown)
    );
}

#[test]
fn logs_are_followed() {
    let home = Home::new();
    let logs = home.0.path().join(".local/state/jex/logs");
    std::fs::create_dir_all(&logs).unwrap();
    std::fs::write(logs.join("ollama.log"), "one\n").unwrap();
    let mut following = Command::new(env!("CARGO_BIN_EXE_jex"))
        .args(["logs", "ollama", "--follow"])
        .env_clear()
        .env("HOME", home.0.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();

    assert_eq!(line(), "one");
    std::fs::write(logs.join("ollama.log"), "one\ntwo\n").unwrap();
    assert_eq!(line(), "two");

    following.kill().unwrap();
    following.wait().unwrap();
}

#[test]
fn completions_know_the_commands() {
    let home = Home::new();

    for shell in ["bash", "zsh", "fish"] {
        assert!(
            stdout(&home.jex(&["completions", shell])).contains("background"),
            "{shell}"
        );
    }
}
