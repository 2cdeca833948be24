//! JEX's own PostgreSQL under `jex up`, from the first start over every kind of end to the next.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use jex_config::own_database;
use jex_supervisor::database;
use jex_supervisor::status::State;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use sqlx::postgres::PgConnection;
use support::{Home, Stack, turn};

const START: Duration = Duration::from_secs(120);

fn run<T>(doing: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.enable_all().build().unwrap().block_on(doing)
}

fn socket_folder(home: &Home) -> std::path::PathBuf {
    home.database.path().join("pg/socket")
}

async fn connect(home: &Home, name: &str) -> sqlx::Result<PgConnection> {
    database::connect(&own_database(name, &socket_folder(home)), None).await
}

async fn execute(connection: &mut PgConnection, statement: &'static str) -> sqlx::Result<()> {
    sqlx::raw_sql(statement).execute(connection).await.map(drop)
}

async fn count(home: &Home) -> i64 {
    let mut connection = connect(home, "jex").await.unwrap();
    let counting = sqlx::query_scalar("SELECT count(*) FROM words");
    counting.fetch_one(&mut connection).await.unwrap()
}

fn stop(stack: Stack) {
    stack.signal(Signal::SIGTERM);
    let (exit, said, _) = stack.wait_end(Duration::from_secs(10));
    assert!(exit.success(), "{said}");
}

fn log(home: &Home) -> String {
    std::fs::read_to_string(home.paths().log("postgresql")).unwrap()
}

#[test]
fn it_is_made_once_for_one_user_and_keeps_what_it_was_told() {
    let _turn = turn();
    let home = Home::new();
    let mut stack = home.up(&["postgresql"]);
    stack.wait_state("postgresql", State::Ready, START);

    let component = stack.component("postgresql").unwrap();
    assert!(component.version.is_some() && !component.essential);
    run(async {
        let mut jex = connect(&home, "jex").await.unwrap();
        execute(&mut jex, "CREATE TABLE words (word text)")
            .await
            .unwrap();
        execute(&mut jex, "INSERT INTO words VALUES ('hello')")
            .await
            .unwrap();
        // A word in a failing statement, which must not be in the log.
        let wrong = execute(&mut jex, "INSERT INTO nowhere VALUES ('rhubarb')").await;
        assert!(wrong.is_err());
        let mut n8n = connect(&home, "n8n").await.unwrap();
        execute(&mut n8n, "CREATE TABLE workflows (id int)")
            .await
            .unwrap();
        assert!(execute(&mut n8n, "CREATE DATABASE more").await.is_err());
        let other = own_database("n8n", &socket_folder(&home));
        let other = other.as_str().replace("/n8n?", "/jex?").parse().unwrap();
        let refused = database::connect(&other, None).await.unwrap_err();
        assert!(
            refused.to_string().contains("permission denied"),
            "{refused}"
        );
    });
    stop(stack);

    let mut again = home.up(&["postgresql"]);
    again.wait_state("postgresql", State::Ready, START);
    assert_eq!(run(count(&home)), 1);
    stop(again);
    let log = log(&home);
    assert!(!log.contains("not properly shut down"), "{log}");
    assert!(!log.contains("rhubarb"), "{log}");
    assert!(!home.paths().data.join("postgresql").exists());
}

#[test]
fn killed_it_comes_back_with_all_that_it_had_confirmed() {
    let _turn = turn();
    let home = Home::new();
    // What a start that was broken off leaves behind.
    let half = home.database.path().join("pg/data.new");
    std::fs::create_dir_all(&half).unwrap();
    std::fs::write(half.join("PG_VERSION"), "15\n").unwrap();
    let mut stack = home.up(&["postgresql"]);
    stack.wait_state("postgresql", State::Ready, START);
    run(async {
        let mut jex = connect(&home, "jex").await.unwrap();
        execute(&mut jex, "CREATE TABLE words (word text)")
            .await
            .unwrap();
        execute(&mut jex, "INSERT INTO words VALUES ('hello')")
            .await
            .unwrap();
    });

    let pid = i32::try_from(stack.component("postgresql").unwrap().pid.unwrap()).unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();

    stack.wait_for(START, |status| {
        let component = &status.components[0];
        component.restarts > 0 && component.state == State::Ready
    });
    assert_eq!(run(count(&home)), 1);
    stop(stack);
}

/// A small disk; gone when dropped.
struct SmallDisk<'d>(&'d Path);

impl<'d> SmallDisk<'d> {
    fn on(folder: &'d Path) -> Option<Self> {
        if !geteuid().is_root() {
            return None;
        }
        let options = Some("size=160m,mode=755");
        let none = None::<&str>;
        mount(none, folder, Some("tmpfs"), MsFlags::empty(), options).ok()?;
        Some(Self(folder))
    }

    fn fill(&self) -> std::path::PathBuf {
        let file = self.0.join("filler");
        let mut free = std::fs::File::create(&file).unwrap();
        let zeros = vec![0; 64 * 1024];
        while std::io::Write::write_all(&mut free, &zeros).is_ok() {}
        file
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = umount2(self.0, MntFlags::MNT_DETACH);
    }
}

#[test]
fn after_its_disk_was_full_it_is_started_again() {
    let _turn = turn();
    let home = Home::new();
    let Some(disk) = SmallDisk::on(home.database.path()) else {
        println!("SKIPPED: only root may mount a small disk here");
        return;
    };
    let mut stack = home.up(&["postgresql"]);
    stack.wait_state("postgresql", State::Ready, START);
    run(async {
        let mut jex = connect(&home, "jex").await.unwrap();
        execute(&mut jex, "CREATE TABLE words (word text)")
            .await
            .unwrap();
        execute(&mut jex, "INSERT INTO words VALUES ('hello')")
            .await
            .unwrap();
    });

    let filler = disk.fill();
    run(async {
        let mut jex = connect(&home, "jex").await.unwrap();
        let more =
            "INSERT INTO words SELECT repeat(md5(n::text), 30) FROM generate_series(1, 40000) n";
        let mut tries = 0;
        while execute(&mut jex, more).await.is_ok() {
            tries += 1;
            assert!(tries < 20, "the disk is never full");
        }
    });
    // It may go on until its log of changes has no room either: what counts is the end.
    let pid = stack.component("postgresql").unwrap().pid;
    if let Some(pid) = pid {
        let _ = kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL);
    }
    let failed = stack.wait_for(START, |status| {
        let component = &status.components[0];
        let error = component.last_error.as_deref().unwrap_or_default();
        component.state != State::Ready && error.contains("No space left")
    });
    println!("{:?}", failed.components[0].last_error);

    std::fs::remove_file(filler).unwrap();

    let freed = Instant::now();
    stack.wait_state("postgresql", State::Ready, START);
    println!("ready {:?} after there was room", freed.elapsed());
    assert_eq!(run(count(&home)), 1);
    stop(stack);
}
