//! `jex history`, `jex audit` and `jex db`, as the owner runs them: the built program and a real PostgreSQL.

#![allow(clippy::unwrap_used)]

#[path = "../../jex-store/tests/support/mod.rs"]
mod support;

use std::process::{Command, Output};

use jex_store::{Began, Call, Decision, Entry, Moment, Providers, Record, Speaker, Store, Turn};
use support::shared;
use uuid::Uuid;

/// A home whose settings name a database of its own.
struct Home {
    folder: tempfile::TempDir,
    address: String,
}

impl Home {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            address: shared().database(),
        }
    }

    fn jex(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_jex"))
            .args(args)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("JEX_DATABASE__URL", &self.address)
            .output()
            .unwrap()
    }

    /// Writes as the agent does.
    fn write(&self, entries: &[Entry]) {
        let head = self.folder.path().join(".local/state/jex/audit/head.json");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let store = Store::open(&self.address, None, head).unwrap();
            store.migrate().await.unwrap();
            store.write(entries).await.unwrap();
            store.close().await;
        });
    }

    fn conversation(&self, words: &str) -> Uuid {
        let conversation = Uuid::new_v4();
        let began = Began {
            conversation,
            room: "talk-1".into(),
            language: "en".into(),
        };
        let turn = Turn {
            conversation,
            speaker: Speaker::Caller,
            participant: "owner".into(),
            said: words.into(),
            heard: None,
            typed: false,
            interrupted: false,
            providers: Providers::default(),
            left_for: Some("api.example.com".into()),
        };
        let call = Call {
            conversation,
            turn: None,
            tool: "shopping-add".into(),
            source: "n8n".into(),
            decision: Decision::Confirmed,
            arguments: r#"{"item":"milk"}"#.into(),
            salt: Uuid::new_v4(),
        };
        let now = Moment::now();
        self.write(&[
            Entry::new(now, Record::Began(began)),
            Entry::new(now, Record::Turn(turn)),
            Entry::new(now, Record::Intent(call)),
        ]);
        conversation
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
fn the_schema_is_missing_then_made_then_there() {
    let home = Home::new();

    let before = home.jex(&["db", "status"]);
    let asked_too_early = home.jex(&["history", "list"]);
    let made = home.jex(&["db", "migrate"]);
    let after = home.jex(&["db", "status", "--json"]);

    assert_eq!(before.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&before.stdout).contains("jex db migrate"));
    assert!(stderr(&asked_too_early).contains("jex db migrate"));
    assert!(stdout(&made).contains("taken"));
    let steps: serde_json::Value = serde_json::from_str(&stdout(&after)).unwrap();
    assert!(
        steps
            .as_array()
            .unwrap()
            .iter()
            .all(|step| step["taken"].is_string())
    );
}

#[test]
fn what_was_said_is_listed_shown_searched_and_exported() {
    let home = Home::new();
    let id = home.conversation("Add milk to my list.").to_string();
    home.conversation("Something else.");
    let file = home.folder.path().join("out.jsonl");

    let listed = stdout(&home.jex(&["history", "list"]));
    let shown = stdout(&home.jex(&["history", "show", &id[..8]]));
    let found = stdout(&home.jex(&["history", "search", "milk", "list"]));
    let exported = stdout(&home.jex(&["history", "export", file.to_str().unwrap()]));
    let again = home.jex(&["history", "export", file.to_str().unwrap()]);
    let unknown = home.jex(&["history", "show", "ffffffff"]);

    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.contains("Something else."));
    assert!(
        shown.contains("You: Add milk to my list. [sent to api.example.com]"),
        "{shown}"
    );
    assert!(shown.contains("shopping-add") && shown.contains("not known yet"));
    assert!(
        found.starts_with(&id[..8]) && found.lines().count() == 1,
        "{found}"
    );
    assert!(exported.starts_with("6 lines"), "{exported}");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 6);
    assert!(
        !again.status.success(),
        "a file that is there is not written over"
    );
    assert!(stderr(&unknown).contains("jex history list"));
}

#[test]
fn what_is_deleted_is_gone_and_the_audit_still_whole() {
    let home = Home::new();
    let id = home.conversation("A secret.").to_string();
    home.conversation("Something else.");

    let unasked = home.jex(&["history", "delete", "--conversation", &id]);
    let deleted = stdout(&home.jex(&["history", "delete", "--conversation", &id[..8], "--yes"]));
    let found = stdout(&home.jex(&["history", "search", "secret"]));
    let audit = stdout(&home.jex(&["audit", "verify"]));
    let rest = stdout(&home.jex(&["history", "delete", "--last", "1h", "--yes"]));

    assert!(stderr(&unasked).contains("--yes"));
    assert!(
        deleted.contains("Deleted: 1 conversation, 1 turn, 1 call."),
        "{deleted}"
    );
    assert!(deleted.contains("n8n still knows"), "{deleted}");
    assert!(found.contains("Nothing"));
    assert!(audit.contains("3 rows"), "{audit}");
    assert!(rest.contains("1 conversation"), "{rest}");
}

#[test]
fn a_changed_audit_is_told_and_fails() {
    let home = Home::new();
    home.conversation("Hello.");
    let (before, _) = home.address.split_once('?').unwrap();
    let name = before.rsplit_once('/').unwrap().1;
    shared().sql(
        name,
        "alter table audit disable trigger all; update audit set decision = 'allowed'; \
         alter table audit enable trigger all",
    );

    let verified = home.jex(&["audit", "verify"]);

    assert_eq!(verified.status.code(), Some(1));
    assert!(
        stderr(&verified).contains("row 1 was changed"),
        "{}",
        stderr(&verified)
    );
}

#[test]
fn without_a_database_the_reason_is_said() {
    let home = Home::new();
    let output = Command::new(env!("CARGO_BIN_EXE_jex"))
        .args(["history", "list"])
        .env_clear()
        .env("HOME", home.folder.path())
        .env(
            "JEX_DATABASE__URL",
            "postgres://jex@localhost/jex?host=/nowhere",
        )
        .output()
        .unwrap();

    assert!(!output.status.success());
    assert!(
        stderr(&output).contains("jex status"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn that_jex_does_not_run_is_said_as_that() {
    let folder = tempfile::tempdir().unwrap();
    for args in [["history", "list"], ["audit", "verify"], ["db", "status"]] {
        let done = Command::new(env!("CARGO_BIN_EXE_jex"))
            .args(args)
            .env_clear()
            .env("HOME", folder.path())
            .output()
            .unwrap();

        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(3), "{said}");
        assert!(said.contains("jex up"), "{said}");
    }
}
