use std::time::{Duration, Instant};

use jex_store::*;
use tokio::time::timeout;
use uuid::Uuid;

use crate::room::*;
use crate::support::Postgres;

/// Longer than anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn start(room: &Room) -> (Recorder, Writing) {
    Recorder::start(room.store.clone(), room.journal(), FOR_EVER)
}

async fn until(recorder: &Recorder, place: Place) {
    let mut recording = recorder.watch();
    let reached = recording.wait_for(|recording| recording.place == place);
    timeout(PATIENCE, reached)
        .await
        .expect("it does not come to that")
        .unwrap();
}

async fn end(recorder: Recorder, task: Writing) {
    drop(recorder);
    assert!(task.end(PATIENCE).await);
}

fn said(postgres: &Postgres, room: &Room) -> Vec<String> {
    let said = postgres.sql(&room.name, "select said from turns order by at");
    said.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn what_is_recorded_is_in_the_database_in_its_order() {
    let room = Room::new().await;
    let (recorder, task) = start(&room);
    let id = Uuid::new_v4();
    let call = call(id, "{}", Moment::now());

    recorder.record(turn(id, Speaker::Caller, "Add milk.", Moment::now()));
    let place = recorder.keep(call.clone()).await.unwrap();
    recorder.record(outcome(&call, Ending::Done, "added", Moment::now()));
    end(recorder, task).await;

    assert_eq!(place, Place::Database);
    let shown = room.store.conversation(id).await.unwrap().unwrap();
    assert_eq!(shown.calls[0].outcome, Some(Ending::Done));
    assert!(room.journal().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_killed_while_a_conversation_goes_on_loses_and_doubles_nothing() {
    const TURNS: usize = 300;
    let mut postgres = Postgres::start();
    let room = Room::on(&postgres).await;
    let (recorder, task) = start(&room);
    let id = Uuid::new_v4();
    let talk = tokio::spawn({
        let recorder = recorder.clone();
        async move {
            let mut slowest = Duration::ZERO;
            for n in 0..TURNS {
                let began = Instant::now();
                recorder.record(turn(
                    id,
                    Speaker::Caller,
                    &format!("turn {n}"),
                    Moment::now(),
                ));
                slowest = slowest.max(began.elapsed());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            slowest
        }
    });

    tokio::time::sleep(Duration::from_millis(500)).await;
    postgres.kill();
    until(&recorder, Place::Journal).await;
    let intent = call(id, "{}", Moment::now());
    let place = recorder.keep(intent.clone()).await.unwrap();
    postgres.run();
    let slowest = talk.await.unwrap();
    until(&recorder, Place::Database).await;
    end(recorder, task).await;

    assert_eq!(place, Place::Journal);
    assert!(
        slowest < Duration::from_millis(500),
        "a turn waited for {slowest:?}"
    );
    let expected: Vec<String> = (0..TURNS).map(|n| format!("turn {n}")).collect();
    assert_eq!(said(&postgres, &room), expected);
    assert_eq!(room.store.open_calls().await.unwrap()[0].id, intent.id);
    assert!(room.journal().is_empty());
    assert!(room.store.verify_audit().await.unwrap().is_ok());
}

#[tokio::test]
async fn what_an_earlier_process_left_in_the_journal_is_written_first() {
    let mut postgres = Postgres::start();
    let room = Room::on(&postgres).await;
    let id = Uuid::new_v4();
    postgres.stop();
    let (recorder, task) = start(&room);
    recorder
        .keep(turn(id, Speaker::Caller, "before", Moment::now()))
        .await
        .unwrap();
    end(recorder, task).await;
    assert!(!room.journal().is_empty());

    postgres.run();
    let (recorder, task) = start(&room);
    recorder
        .keep(turn(id, Speaker::Caller, "after", Moment::now()))
        .await
        .unwrap();
    until(&recorder, Place::Database).await;
    end(recorder, task).await;

    assert_eq!(said(&postgres, &room), ["before", "after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_what_a_database_that_hangs_does_not_take_is_in_the_journal() {
    let postgres = Postgres::start();
    let room = Room::on(&postgres).await;
    let (recorder, task) = start(&room);
    let id = Uuid::new_v4();
    recorder
        .keep(turn(id, Speaker::Caller, "first", Moment::now()))
        .await
        .unwrap();

    postgres.signal("STOP");
    for said in ["last", "very last"] {
        recorder.record(turn(id, Speaker::Caller, said, Moment::now()));
    }
    drop(recorder);
    let began = Instant::now();
    let patience = Duration::from_secs(2);
    let is_whole = task.end(patience).await;
    let took = began.elapsed();
    postgres.signal("CONT");

    assert!(is_whole && took < 2 * patience, "{took:?}");
    room.journal().drain(&room.store).await.unwrap();
    assert_eq!(said(&postgres, &room), ["first", "last", "very last"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_hangs_holds_up_an_intent_for_seconds_only() {
    let postgres = Postgres::start();
    let room = Room::on(&postgres).await;
    let (recorder, task) = start(&room);
    let id = Uuid::new_v4();
    recorder
        .keep(turn(id, Speaker::Caller, "one", Moment::now()))
        .await
        .unwrap();

    postgres.signal("STOP");
    let began = Instant::now();
    let place = recorder.keep(call(id, "{}", Moment::now())).await.unwrap();
    let first = began.elapsed();
    let began = Instant::now();
    recorder.keep(call(id, "{}", Moment::now())).await.unwrap();
    let second = began.elapsed();
    postgres.signal("CONT");
    until(&recorder, Place::Database).await;
    end(recorder, task).await;

    assert_eq!(place, Place::Journal);
    assert!(first < Duration::from_secs(6), "{first:?}");
    // Nobody waits for the database any more.
    assert!(second < Duration::from_secs(2), "{second:?}");
    assert_eq!(
        postgres
            .sql(&room.name, "select count(*) from tool_calls")
            .trim(),
        "2"
    );
}

#[tokio::test]
async fn when_the_journal_is_full_it_is_said_counted_and_later_in_the_audit() {
    let mut postgres = Postgres::start();
    let room = Room::on(&postgres).await;
    let id = Uuid::new_v4();
    postgres.stop();
    let journal = Journal::with_limit(room.folder.path().join("journal"), 2000);
    let (recorder, task) = Recorder::start(room.store.clone(), journal, FOR_EVER);

    let mut kept = 0_u64;
    let refused = loop {
        match recorder
            .keep(turn(id, Speaker::Caller, "hello", Moment::now()))
            .await
        {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    let full = recorder.recording();
    postgres.run();
    until(&recorder, Place::Database).await;
    end(recorder, task).await;

    assert!(refused.to_string().contains("full"), "{refused}");
    assert_eq!(
        full,
        Recording {
            place: Place::Nowhere,
            lost: 1
        }
    );
    assert_eq!(said(&postgres, &room).len() as u64, kept);
    let gap = postgres.sql(&room.name, "select outcome from audit where kind = 'gap'");
    assert_eq!(gap.trim(), "1 lost");
}

#[tokio::test]
async fn what_waits_in_the_journal_is_deleted_as_well() {
    let mut postgres = Postgres::start();
    let room = Room::on(&postgres).await;
    let id = Uuid::new_v4();
    let (recorder, task) = start(&room);
    recorder
        .keep(turn(id, Speaker::Caller, "first secret", Moment::now()))
        .await
        .unwrap();
    postgres.stop();
    recorder
        .keep(turn(id, Speaker::Caller, "second secret", Moment::now()))
        .await
        .unwrap();
    let away = recorder.delete(Scope::All).await.unwrap_err();

    postgres.run();
    let deleted = timeout(PATIENCE, async {
        loop {
            match recorder.delete(Scope::All).await {
                Ok(deleted) => break deleted,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    });
    let deleted = deleted.await.unwrap();
    end(recorder, task).await;

    assert!(
        matches!(away, NotKept::Failed(StoreError::Away { .. })),
        "{away}"
    );
    assert_eq!(deleted.turns, 2);
    assert!(room.journal().is_empty());
    assert!(said(&postgres, &room).is_empty());
}

#[tokio::test]
async fn without_its_tables_the_database_is_waited_for() {
    let postgres = Postgres::start();
    let room = Room::empty(&postgres);
    let id = Uuid::new_v4();
    let (recorder, task) = start(&room);
    let place = recorder
        .keep(turn(id, Speaker::Caller, "early", Moment::now()))
        .await
        .unwrap();

    room.store.migrate().await.unwrap();
    until(&recorder, Place::Database).await;
    end(recorder, task).await;

    assert_eq!(place, Place::Journal);
    assert_eq!(said(&postgres, &room), ["early"]);
}
