//! Volumes that are full: small ones of the tests' own, which takes root.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jex_store::*;
use tokio::time::timeout;
use uuid::Uuid;

use crate::room::*;
use crate::support::Postgres;

const PATIENCE: Duration = Duration::from_secs(90);

/// A small file system in memory.
struct Volume {
    folder: tempfile::TempDir,
}

impl Volume {
    /// `None`, and a word about it, where none may be mounted.
    fn mounted(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={mib}m,mode=0711"),
                "jex-test",
            ])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self { folder });
        }
        eprintln!("SKIPPED: what a full disk does. Mounting a small one takes root.");
        None
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut file = fs::File::create(self.filler()).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .status();
    }
}

async fn until(recorder: &Recorder, wanted: impl FnMut(&Recording) -> bool) {
    let mut recording = recorder.watch();
    let reached = recording.wait_for(wanted);
    timeout(PATIENCE, reached)
        .await
        .expect("it does not come to that")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_database_volume_loses_nothing() {
    let Some(volume) = Volume::mounted(160) else {
        return;
    };
    let data = volume.path().join("data");
    let mut postgres = Postgres::start_with(Some(&prepared(&data)), &[]);
    let room = Room::on(&postgres).await;
    let id = Uuid::new_v4();
    let (recorder, task) = Recorder::start(room.store.clone(), room.journal(), FOR_EVER);
    let filling = "many words ".repeat(500);
    let mut written = 0;

    volume.fill();
    // PostgreSQL has some room of its own left.
    while recorder.recording().place == Place::Database {
        let entry = turn(
            id,
            Speaker::Caller,
            &format!("{written} {filling}"),
            Moment::now(),
        );
        recorder.keep(entry).await.unwrap();
        written += 1;
        assert!(written < 20_000, "the disk does not become full");
    }
    let intent = call(id, "{}", Moment::now());
    let place = recorder.keep(intent).await.unwrap();
    volume.free();
    if !postgres.runs() {
        // As `jex up` does.
        postgres.stop();
        postgres.run();
    }
    until(&recorder, |recording| recording.place == Place::Database).await;
    drop(recorder);
    assert!(task.end(PATIENCE).await);

    assert_eq!(place, Place::Journal);
    let counts = "select (select count(*) from turns), (select count(*) from tool_calls)";
    assert_eq!(
        postgres.sql(&room.name, counts).trim(),
        format!("{written}|1")
    );
    assert!(room.store.verify_audit().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_full_journal_volume_is_said_and_recording_goes_on_once_there_is_room() {
    let Some(volume) = Volume::mounted(1) else {
        return;
    };
    let mut postgres = Postgres::start();
    let room = Room::on(&postgres).await;
    let id = Uuid::new_v4();
    let journal = Journal::at(volume.path().join("journal"));
    let (recorder, task) = Recorder::start(room.store.clone(), journal, FOR_EVER);
    postgres.stop();
    let say = async |n: u32| {
        let entry = turn(id, Speaker::Caller, &n.to_string(), Moment::now());
        recorder.keep(entry).await
    };

    say(1).await.unwrap();
    volume.fill();
    let mut kept = 1;
    // The page that it has begun still has room.
    while say(kept + 1).await.is_ok() {
        kept += 1;
    }
    let full = recorder.recording();
    volume.free();
    until(&recorder, |recording| recording.place == Place::Journal).await;
    say(0).await.unwrap();
    postgres.run();
    until(&recorder, |recording| recording.place == Place::Database).await;
    drop(recorder);
    assert!(task.end(PATIENCE).await);

    assert_eq!(full.place, Place::Nowhere);
    assert_eq!(full.lost, 1);
    let counts =
        "select (select count(*) from turns), (select outcome from audit where kind = 'gap')";
    assert_eq!(
        postgres.sql(&room.name, counts).trim(),
        format!("{}|1 lost", kept + 1)
    );
}

/// A folder for PostgreSQL's user.
fn prepared(data: &Path) -> PathBuf {
    fs::create_dir(data).unwrap();
    crate::support::give(data);
    data.to_owned()
}
