//! `jex pair` as the owner of a `jex up` runs it, on the files that the page's server writes.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::{Command, Output};

use jex_pairing::{Code, Sessions, address};
use rand::SeedableRng;
use rand::rngs::StdRng;

struct Home(tempfile::TempDir);

impl Home {
    fn new(settings: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let file = home.0.path().join(".config/jex/jex.toml");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, settings).unwrap();
        home
    }

    fn state(&self, file: &str) -> PathBuf {
        self.0.path().join(".local/state/jex").join(file)
    }

    fn pair(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_jex"))
            .arg("pair")
            .args(args)
            .env_clear()
            .env("HOME", self.0.path())
            .output()
            .unwrap()
    }
}

const PUBLIC: &str = "[web]\npublic_urls = [\"https://jex.test\"]\n";

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn in_a_pipe_the_address_stands_alone() {
    let home = Home::new(PUBLIC);
    let code = Code::random(&mut StdRng::seed_from_u64(1));
    let public = "https://jex.test".parse().unwrap();
    address::show(&home.state("run/pairing-address"), &public, &code).unwrap();

    let said = stdout(&home.pair(&[]));

    assert_eq!(said, format!("https://jex.test/pair#{code}\n"));
}

#[test]
fn without_an_address_the_reason_is_told() {
    let closed = Home::new("").pair(&[]);
    assert_eq!(closed.status.code(), Some(1));
    assert!(stderr(&closed).contains("`web.public_urls`"));

    let stopped = Home::new(PUBLIC).pair(&[]);
    assert_eq!(stopped.status.code(), Some(3));
    assert!(stderr(&stopped).contains("`jex up` starts it"));
}

#[test]
fn paired_browsers_are_listed_and_taken_away() {
    let home = Home::new(PUBLIC);
    assert!(stdout(&home.pair(&["--list"])).contains("No browser is paired"));
    let sessions = Sessions::of(home.state("sessions.json"));
    let mut rng = StdRng::seed_from_u64(1);
    let now = jiff::Timestamp::from_second(1_700_000_000).unwrap();
    for browser in ["Firefox on Android", "Safari on macOS"] {
        sessions.add(browser, now, &mut rng).unwrap();
    }

    let listed = stdout(&home.pair(&["--list"]));

    let line = listed
        .lines()
        .find(|line| line.contains("Firefox"))
        .unwrap();
    assert!(line.contains("2023-11-14"), "{line}");
    let id = line.split_whitespace().next().unwrap();
    assert!(stdout(&home.pair(&["--forget", id])).contains("Firefox on Android"));
    let again = home.pair(&["--forget", id]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains(id));
    assert!(stdout(&home.pair(&["--forget", "all"])).contains("Safari on macOS"));
    assert!(sessions.all().unwrap().is_empty());
    assert_eq!(
        home.pair(&["--list", "--forget", "all"]).status.code(),
        Some(2)
    );
}

#[test]
fn a_damaged_file_is_told_with_the_remedy() {
    let home = Home::new(PUBLIC);
    std::fs::create_dir_all(home.state("")).unwrap();
    std::fs::write(home.state("sessions.json"), "{").unwrap();

    for args in [&["--list"][..], &["--forget", "all"]] {
        let output = home.pair(args);

        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("damaged"), "{}", stderr(&output));
        assert!(stderr(&output).contains("delete it"));
    }
}
