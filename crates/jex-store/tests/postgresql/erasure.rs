use std::path::{Path, PathBuf};
use std::time::Duration;

use jex_store::*;
use uuid::Uuid;

use crate::room::*;
use crate::support::Postgres;

/// Nowhere else in PostgreSQL's files.
const SECRETS: [&str; 3] = ["Xylophonkoffer", "Quittengelee", "zwetschgenknoedel"];

/// Files below `folder` with any of the words.
fn files_with_secrets(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                let holds = |word: &&str| {
                    let lower = word.to_lowercase();
                    // As it was said, and as the index keeps it.
                    [word.as_bytes(), lower.as_bytes()]
                        .iter()
                        .any(|word| bytes.windows(word.len()).any(|at| at == *word))
                };
                if SECRETS.iter().any(|word| holds(&word)) {
                    found.push(path);
                }
            }
        }
    }
    found
}

fn secrets(conversation: Uuid, at: Moment) -> Vec<Entry> {
    let [one, two, three] = SECRETS;
    let call = call(conversation, &format!("{{\"item\":\"{two}\"}}"), at);
    let summary = Summary {
        conversation,
        from: at,
        until: at,
        text: format!("It was about {one}."),
    };
    vec![
        turn(
            conversation,
            Speaker::Caller,
            &format!("Where is the {one}?"),
            at,
        ),
        call.clone(),
        outcome(&call, Ending::Done, three, at),
        Entry::new(at, Record::Summary(summary)),
        fact(
            Some(conversation),
            &format!("The {one} is in the {two}."),
            at,
        ),
    ]
}

/// Its log is not recycled but removed, as in the PostgreSQL that JEX runs.
fn postgres() -> Postgres {
    Postgres::start_with(
        None,
        &[
            "wal_recycle=off",
            "wal_level=minimal",
            "max_wal_senders=0",
            "min_wal_size=32MB",
        ],
    )
}

async fn fill(room: &Room, postgres: &Postgres) {
    room.write(&secrets(Uuid::new_v4(), Moment::now())).await;
    // Statistics, and everything on disk.
    postgres.sql(&room.name, "analyze");
    postgres.sql(&room.name, "checkpoint");
}

#[tokio::test]
async fn after_it_the_words_are_in_no_file_of_the_database() {
    let postgres = postgres();
    let room = Room::on(&postgres).await;
    let kept = Uuid::new_v4();
    room.write(&[turn(kept, Speaker::Caller, "This stays.", minutes_ago(60))])
        .await;
    fill(&room, &postgres).await;
    let before = files_with_secrets(postgres.data());
    let in_tables = before
        .iter()
        .filter(|path| !path.to_string_lossy().contains("pg_wal"))
        .count();
    assert!(
        in_tables >= 4,
        "they were not where they are looked for: {before:?}"
    );

    let scope = Scope::Range {
        from: minutes_ago(10),
        to: Moment::now(),
    };
    room.store.delete(scope, Moment::now()).await.unwrap();
    let erased = room.store.erase().await.unwrap();

    assert_eq!(erased, Some(Erased::Everywhere));
    assert_eq!(files_with_secrets(postgres.data()), Vec::<PathBuf>::new());
    assert_eq!(
        room.store
            .search("stays", Page::first(1))
            .await
            .unwrap()
            .len(),
        1
    );
    // And nothing is done where nothing is due.
    assert_eq!(room.store.erase().await.unwrap(), None);
}

#[tokio::test]
async fn without_the_right_to_a_checkpoint_the_words_stay_in_the_log_and_that_is_said() {
    let postgres = postgres();
    postgres.sql("postgres", "create role plain login");
    postgres.sql("postgres", "create database plain owner plain");
    let folder = tempfile::tempdir().unwrap();
    let address = postgres.address_as("plain", "plain");
    let store = Store::open(&address, None, folder.path().join("head")).unwrap();
    store.migrate().await.unwrap();
    store
        .write(&secrets(Uuid::new_v4(), Moment::now()))
        .await
        .unwrap();
    postgres.sql("plain", "checkpoint");

    store.delete(Scope::All, Moment::now()).await.unwrap();
    let erased = store.erase().await.unwrap();
    postgres.sql("plain", "checkpoint");

    assert_eq!(erased, Some(Erased::NotInLog));
    let left = files_with_secrets(postgres.data());
    assert!(
        left.iter()
            .all(|path| path.to_string_lossy().contains("pg_wal")),
        "{left:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_from_before_is_waited_for() {
    let postgres = postgres();
    let room = Room::on(&postgres).await;
    fill(&room, &postgres).await;
    let reader = Store::open(&room.address, None, room.head()).unwrap();
    // An export that has only just begun.
    let (mut slow, exporting) = slow_output();
    let export = tokio::spawn(async move { reader.export(&mut slow).await });
    exporting.await.unwrap();

    room.store.delete(Scope::All, Moment::now()).await.unwrap();
    room.store.erase().await.unwrap();

    assert!(export.is_finished(), "the erasure did not wait");
    let lines = export.await.unwrap().unwrap();
    assert!(lines >= 4, "it exported what was there when it began");
    assert_eq!(files_with_secrets(postgres.data()), Vec::<PathBuf>::new());
}

/// Takes its time for the first line, after it told that it has it.
fn slow_output() -> (Slow, tokio::sync::oneshot::Receiver<()>) {
    let (tell, told) = tokio::sync::oneshot::channel();
    (Slow(Some(tell)), told)
}

struct Slow(Option<tokio::sync::oneshot::Sender<()>>);

impl std::io::Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(tell) = self.0.take() {
            tell.send(()).unwrap();
            // Longer than the deletion takes, shorter than its patience.
            std::thread::sleep(Duration::from_secs(1));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn one_that_was_cut_off_is_made_up_for() {
    let postgres = postgres();
    let room = Room::on(&postgres).await;
    fill(&room, &postgres).await;
    room.store.delete(Scope::All, Moment::now()).await.unwrap();

    // Another process, after a crash.
    let later = Store::open(&room.address, None, room.head()).unwrap();
    let erased = later.erase().await.unwrap();

    assert_eq!(erased, Some(Erased::Everywhere));
    assert_eq!(files_with_secrets(postgres.data()), Vec::<PathBuf>::new());
}
