use std::time::Duration;

use jex_store::*;
use uuid::Uuid;

use crate::room::*;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn each_kind_goes_after_its_own_time() {
    let room = Room::new().await;
    let (old, new) = (Uuid::new_v4(), Uuid::new_v4());
    for (id, at) in [(old, minutes_ago(90)), (new, minutes_ago(30))] {
        let call = call(id, "{}", at);
        room.write(&[
            began(id, at),
            turn(id, Speaker::Caller, "Hello.", at),
            outcome(&call, Ending::Done, "", at),
            call.clone(),
            outcome(&call, Ending::Done, "", at),
            fact(Some(id), "Tuesday", at),
            Entry::new(at, Record::Ended { conversation: id }),
        ])
        .await;
    }
    let only =
        async |retention: Retention| room.store.apply_retention(&retention, Moment::now()).await;

    let nothing = only(FOR_EVER).await.unwrap();
    let calls = only(Retention {
        calls: Some(HOUR),
        ..FOR_EVER
    })
    .await
    .unwrap();
    let said = only(Retention {
        conversations: Some(HOUR),
        ..FOR_EVER
    })
    .await
    .unwrap();
    let facts = only(Retention {
        facts: Some(Duration::ZERO),
        ..FOR_EVER
    })
    .await
    .unwrap();

    assert!(nothing.is_nothing());
    assert_eq!(
        calls,
        Deleted {
            calls: 1,
            ..Deleted::default()
        }
    );
    assert_eq!(
        said,
        Deleted {
            turns: 1,
            conversations: 1,
            ..Deleted::default()
        }
    );
    assert_eq!(
        facts,
        Deleted {
            facts: 2,
            ..Deleted::default()
        }
    );
    assert_eq!(
        room.store
            .conversations(Page::first(9))
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(room.store.executions_due().await.unwrap().len(), 1);
    assert!(room.store.verify_audit().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_call_that_nobody_knows_the_end_of_stays_until_it_is_known() {
    let room = Room::new().await;
    let call = call(Uuid::new_v4(), "{}", minutes_ago(1));
    room.write(std::slice::from_ref(&call)).await;
    let nothing_kept = Retention {
        calls: Some(Duration::ZERO),
        ..FOR_EVER
    };

    let before = room
        .store
        .apply_retention(&nothing_kept, Moment::now())
        .await
        .unwrap();
    room.write(&[outcome(&call, Ending::Done, "", Moment::now())])
        .await;
    let after = room
        .store
        .apply_retention(&nothing_kept, Moment::now())
        .await
        .unwrap();

    assert_eq!((before.calls, after.calls), (0, 1));
}

#[tokio::test]
async fn a_call_whose_end_nobody_will_know_is_given_up_after_a_week() {
    let room = Room::new().await;
    let days_ago = |days: u64| minutes_ago(days * 24 * 60);
    let lately = call(Uuid::new_v4(), "{}", days_ago(6));
    let long_ago = call(Uuid::new_v4(), "{}", days_ago(8));
    let unknown = |call| outcome(call, Ending::Unknown, "it is gone", Moment::now());
    room.write(&[lately.clone(), long_ago.clone()]).await;
    room.write(&[unknown(&lately), unknown(&long_ago)]).await;
    let nothing_kept = Retention {
        calls: Some(Duration::ZERO),
        ..FOR_EVER
    };

    let open = room.store.open_calls().await.unwrap();
    let deleted = { &room.store }
        .apply_retention(&nothing_kept, Moment::now())
        .await
        .unwrap();

    assert_eq!(open.len(), 1);
    assert_eq!(deleted.calls, 1);
}

#[tokio::test]
async fn what_is_kept_for_no_day_is_never_written() {
    let room = Room::new().await;
    let id = Uuid::new_v4();
    let retention = Retention {
        conversations: Some(Duration::ZERO),
        facts: Some(Duration::ZERO),
        ..FOR_EVER
    };
    let (recorder, task) = Recorder::start(room.store.clone(), room.journal(), retention);

    recorder.record(turn(id, Speaker::Caller, "Hello.", Moment::now()));
    recorder.record(fact(None, "Tuesday", Moment::now()));
    recorder.keep(call(id, "{}", Moment::now())).await.unwrap();
    drop(recorder);
    assert!(task.end(Duration::from_secs(60)).await);

    let counts = "select (select count(*) from turns), (select count(*) from facts), (select count(*) from tool_calls)";
    assert_eq!(room.sql(counts).trim(), "0|0|1");
}

#[test]
fn the_settings_say_how_long() {
    let history = jex_config::History {
        conversations_days: 0,
        facts_days: Some(2),
        ..jex_config::History::default()
    };

    let retention = Retention::of(&history);

    assert_eq!(retention.conversations, Some(Duration::ZERO));
    assert_eq!(retention.facts, Some(48 * HOUR));
    assert_eq!(Retention::of(&jex_config::History::default()).facts, None);
}
