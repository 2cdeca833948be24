use jex_store::*;
use uuid::Uuid;

use crate::room::*;

/// A conversation with one of everything, all of it so long ago.
fn all_kinds(conversation: Uuid, at: Moment) -> Vec<Entry> {
    let call = call(conversation, "\"secret\"", at);
    let said = announcement("secret", at);
    let summary = Summary {
        conversation,
        from: at,
        until: at,
        text: "secret".into(),
    };
    let spoken = Record::Spoken {
        announcement: said.id,
        conversation,
    };
    vec![
        began(conversation, at),
        turn(conversation, Speaker::Caller, "secret", at),
        turn(conversation, Speaker::Assistant, "secret", at),
        outcome(&call, Ending::Done, "\"secret\"", at),
        call,
        Entry::new(at, Record::Summary(summary)),
        fact(Some(conversation), "secret", at),
        said,
        Entry::new(at, spoken),
        Entry::new(at, Record::Ended { conversation }),
    ]
}

const ALL: Deleted = Deleted {
    conversations: 1,
    turns: 2,
    calls: 1,
    summaries: 1,
    facts: 1,
    announcements: 1,
};

#[tokio::test]
async fn a_conversation_goes_with_all_that_came_of_it_and_the_others_stay() {
    let room = Room::new().await;
    let (gone, kept) = (Uuid::new_v4(), Uuid::new_v4());
    room.write(&all_kinds(gone, minutes_ago(10))).await;
    room.write(&all_kinds(kept, minutes_ago(10))).await;

    let deleted = room
        .store
        .delete(Scope::Conversation(gone), Moment::now())
        .await
        .unwrap();

    assert_eq!(deleted, ALL);
    assert_eq!(room.store.conversation(gone).await.unwrap(), None);
    let kept = room.store.conversation(kept).await.unwrap().unwrap();
    assert_eq!(
        (kept.turns.len(), kept.calls.len(), kept.summaries.len()),
        (2, 1, 1)
    );
    assert_eq!(room.store.facts().await.unwrap().len(), 1);
    assert_eq!(
        room.store
            .announcements(Page::first(9))
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn the_last_hour_goes_and_what_was_before_stays() {
    let room = Room::new().await;
    let (old, new) = (Uuid::new_v4(), Uuid::new_v4());
    room.write(&all_kinds(old, minutes_ago(90))).await;
    room.write(&all_kinds(new, minutes_ago(30))).await;
    room.write(&[turn(old, Speaker::Caller, "secret", minutes_ago(20))])
        .await;

    let scope = Scope::Range {
        from: minutes_ago(60),
        to: Moment::now(),
    };
    let deleted = room.store.delete(scope, Moment::now()).await.unwrap();

    assert_eq!(deleted, Deleted { turns: 3, ..ALL });
    assert_eq!(room.store.conversation(new).await.unwrap(), None);
    assert_eq!(
        room.store
            .conversation(old)
            .await
            .unwrap()
            .unwrap()
            .turns
            .len(),
        2
    );
}

#[tokio::test]
async fn a_summary_of_anything_that_goes_goes_too() {
    let room = Room::new().await;
    let id = Uuid::new_v4();
    let summary = Summary {
        conversation: id,
        from: minutes_ago(50),
        until: minutes_ago(10),
        text: "secret".into(),
    };
    room.write(&[Entry::new(minutes_ago(10), Record::Summary(summary))])
        .await;

    let scope = Scope::Range {
        from: minutes_ago(30),
        to: minutes_ago(20),
    };
    let deleted = room.store.delete(scope, Moment::now()).await.unwrap();

    assert_eq!(deleted.summaries, 1);
}

#[tokio::test]
async fn a_reminder_that_is_still_to_be_spoken_stays() {
    let room = Room::new().await;
    room.write(&[announcement("Drink water.", minutes_ago(1))])
        .await;

    let deleted = room.store.delete(Scope::All, Moment::now()).await.unwrap();

    assert!(deleted.is_nothing());
    assert_eq!(room.store.announcements_due().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_arrives_late_and_was_said_before_is_dropped() {
    let room = Room::new().await;
    let id = Uuid::new_v4();
    let late = all_kinds(id, minutes_ago(5));
    room.store.delete(Scope::All, Moment::now()).await.unwrap();

    room.write(&late).await;
    room.say(id, "And now?").await;

    let shown = room.store.conversation(id).await.unwrap().unwrap();
    assert_eq!(shown.turns.len(), 1);
    assert_eq!((shown.calls.len(), shown.summaries.len()), (0, 0));
    assert!(room.store.facts().await.unwrap().is_empty());
    // What it did in n8n is still to be deleted there.
    assert_eq!(room.store.executions_due().await.unwrap().len(), 1);
}

#[tokio::test]
async fn runs_of_n8n_are_named_until_they_are_deleted_there() {
    let room = Room::new().await;
    let id = Uuid::new_v4();
    let (ended, open) = (
        call(id, "{}", minutes_ago(2)),
        call(id, "{}", minutes_ago(1)),
    );
    let mut elsewhere = call(id, "{}", minutes_ago(1));
    let mut refused = call(id, "{}", minutes_ago(1));
    if let Record::Intent(call) = &mut elsewhere.record {
        call.source = "mcp:files".into();
    }
    if let Record::Intent(call) = &mut refused.record {
        call.decision = Decision::NotConfirmed;
    }
    room.write(&[
        ended.clone(),
        outcome(&ended, Ending::Done, "", Moment::now()),
        open.clone(),
        elsewhere,
        refused,
    ])
    .await;

    room.store
        .delete(Scope::Conversation(id), Moment::now())
        .await
        .unwrap();

    let due = |call: &Entry| ExecutionDue {
        call: call.id,
        tool: "shopping-add".into(),
        at: call.at,
    };
    assert_eq!(
        room.store.executions_due().await.unwrap(),
        [due(&ended), due(&open)]
    );
    room.store
        .executions_deleted(&[ended.id, open.id])
        .await
        .unwrap();
    assert!(room.store.executions_due().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_turn_written_while_another_deletes_is_gone_whichever_was_first() {
    let room = Room::new().await;
    let id = Uuid::new_v4();
    for _ in 0..20 {
        let said = turn(id, Speaker::Caller, "secret", Moment::now());
        let now = Moment::now();

        let other = room.store.clone();
        let writing = tokio::spawn(async move { other.write(&[said]).await });
        let deleting = room.store.delete(Scope::All, now);
        let (deleted, written) = tokio::join!(deleting, writing);

        deleted.unwrap();
        written.unwrap().unwrap();
        assert_eq!(room.sql("select count(*) from turns").trim(), "0");
    }
}
