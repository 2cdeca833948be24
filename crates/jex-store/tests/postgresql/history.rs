use std::time::Duration;

use jex_store::*;
use uuid::Uuid;

use crate::room::*;

#[tokio::test]
async fn a_conversation_is_shown_as_it_was() {
    let room = Room::new().await;
    let id = Uuid::new_v4();
    let mut answer = turn(
        id,
        Speaker::Assistant,
        "Milk and bread are on it.",
        minutes_ago(1),
    );
    if let Record::Turn(turn) = &mut answer.record {
        turn.heard = Some("Milk and".into());
        turn.interrupted = true;
        turn.left_for = Some("api.example.com".into());
    }
    let call = call(id, r#"{"list":"shopping"}"#, minutes_ago(1));
    let summary = Summary {
        conversation: id,
        from: minutes_ago(3),
        until: minutes_ago(1),
        text: "About the list.".into(),
    };
    room.write(&[
        began(id, minutes_ago(3)),
        turn(id, Speaker::Caller, "What is on my list?", minutes_ago(2)),
        answer.clone(),
        call.clone(),
        outcome(&call, Ending::Done, r#"["milk","bread"]"#, minutes_ago(1)),
        Entry::new(Moment::now(), Record::Summary(summary)),
        Entry::new(Moment::now(), Record::Ended { conversation: id }),
    ])
    .await;

    let shown = room.store.conversation(id).await.unwrap().unwrap();

    assert_eq!(shown.heading.turns, 2);
    assert_eq!(shown.heading.first.as_deref(), Some("What is on my list?"));
    assert!(shown.heading.ended.is_some());
    let said = &shown.turns[1];
    assert_eq!((said.id, said.at), (answer.id, answer.at));
    assert_eq!(said.heard.as_deref(), Some("Milk and"));
    assert_eq!(said.left_for.as_deref(), Some("api.example.com"));
    assert!(said.interrupted && said.speaker == Speaker::Assistant);
    assert_eq!(said.tts.as_deref(), Some("piper"));
    assert_eq!(shown.calls[0].outcome, Some(Ending::Done));
    assert_eq!(
        shown.calls[0].result.as_deref(),
        Some(r#"["milk","bread"]"#)
    );
    assert_eq!(shown.calls[0].decision, Decision::Confirmed);
    assert_eq!(shown.summaries[0].text, "About the list.");
}

#[tokio::test]
async fn an_unknown_conversation_is_none() {
    let room = Room::new().await;

    assert_eq!(room.store.conversation(Uuid::new_v4()).await.unwrap(), None);
}

#[tokio::test]
async fn conversations_are_listed_page_by_page_the_newest_first() {
    let room = Room::new().await;
    let ids: Vec<Uuid> = (0..5).map(|_| Uuid::new_v4()).collect();
    for (n, id) in ids.iter().enumerate() {
        room.write(&[began(*id, minutes_ago(10 - n as u64))]).await;
    }

    let first = room.store.conversations(Page::first(3)).await.unwrap();
    let before = first.last().map(|heading| heading.began);
    let second = room
        .store
        .conversations(Page { limit: 3, before })
        .await
        .unwrap();

    let listed: Vec<Uuid> = first
        .iter()
        .chain(&second)
        .map(|heading| heading.id)
        .collect();
    let newest_first: Vec<Uuid> = ids.into_iter().rev().collect();
    assert_eq!(listed, newest_first);
}

#[tokio::test]
async fn words_are_found_however_they_are_written_and_wherever_they_lie() {
    let room = Room::new().await;
    let id = Uuid::new_v4();
    // So many that what is searched for lies behind those that are looked through.
    let old = turn(
        id,
        Speaker::Caller,
        "Der Zöllner trinkt MILCH.",
        minutes_ago(60),
    );
    room.write(std::slice::from_ref(&old)).await;
    room.sql(&format!(
        "insert into turns (id, conversation, at, speaker, participant, said, typed, interrupted) \
         select gen_random_uuid(), '{id}', now() - n * interval '1 second', 'caller', 'owner', 'nothing to see ' || n, \
             false, false \
         from generate_series(1, 1500) as n"
    ));

    let found = async |words: &str| {
        let found = room.store.search(words, Page::first(10)).await.unwrap();
        found.into_iter().map(|turn| turn.said).collect::<Vec<_>>()
    };

    assert_eq!(found("milch zöllner").await, ["Der Zöllner trinkt MILCH."]);
    assert_eq!(found("\"trinkt milch\"").await.len(), 1);
    assert_eq!(found("\"milch trinkt\"").await.len(), 0);
    assert_eq!(found("milch -zöllner").await.len(), 0);
    assert_eq!(
        found("nothing").await[..2],
        ["nothing to see 1", "nothing to see 2"]
    );
    assert_eq!(
        found("1499 or milch").await,
        ["nothing to see 1499", "Der Zöllner trinkt MILCH."]
    );
    assert_eq!(found("' & | ! ( ) :* \\ %").await.len(), 0);
}

#[tokio::test]
async fn what_is_written_twice_is_there_once() {
    let room = Room::new().await;
    let id = Uuid::new_v4();
    let call = call(id, "{}", Moment::now());
    let entries = [
        began(id, Moment::now()),
        turn(id, Speaker::Caller, "Hello.", Moment::now()),
        call.clone(),
        outcome(&call, Ending::Done, "1", Moment::now()),
    ];

    room.write(&entries).await;
    room.write(&entries).await;

    let shown = room.store.conversation(id).await.unwrap().unwrap();
    assert_eq!((shown.turns.len(), shown.calls.len()), (1, 1));
    assert_eq!(room.sql("select count(*) from audit").trim(), "2");
}

#[tokio::test]
async fn a_call_whose_outcome_is_unknown_is_open_until_it_is_known() {
    let room = Room::new().await;
    let id = Uuid::new_v4();
    let (silent, cut_off) = (
        call(id, "{}", minutes_ago(2)),
        call(id, "{}", minutes_ago(1)),
    );
    room.write(&[
        silent.clone(),
        cut_off.clone(),
        outcome(&cut_off, Ending::Unknown, "n8n ended", Moment::now()),
    ])
    .await;
    let open = async || {
        let open = room.store.open_calls().await.unwrap();
        open.into_iter().map(|call| call.id).collect::<Vec<_>>()
    };
    assert_eq!(open().await, [silent.id, cut_off.id]);

    room.write(&[outcome(&cut_off, Ending::Done, "added", Moment::now())])
        .await;
    room.write(&[outcome(&cut_off, Ending::Failed, "too late", Moment::now())])
        .await;

    assert_eq!(open().await, [silent.id]);
    let calls = room.store.calls(Page::first(1)).await.unwrap();
    assert_eq!(calls[0].outcome, Some(Ending::Done));
    assert_eq!(calls[0].result.as_deref(), Some("added"));
}

#[tokio::test]
async fn a_character_that_postgresql_cannot_keep_costs_no_row() {
    let room = Room::new().await;
    let id = Uuid::new_v4();

    room.say(id, "a\0b").await;

    let shown = room.store.conversation(id).await.unwrap().unwrap();
    assert_eq!(shown.turns[0].said, "ab");
}

#[tokio::test]
async fn moments_come_back_as_they_were_written() {
    let room = Room::new().await;
    let id = Uuid::new_v4();
    let at = Moment::from(
        "1999-12-31T23:59:59.999999Z"
            .parse::<jiff::Timestamp>()
            .unwrap(),
    );

    room.write(&[turn(id, Speaker::Caller, "Happy new year", at)])
        .await;

    let shown = room.store.conversation(id).await.unwrap().unwrap();
    assert_eq!(shown.turns[0].at, at);
    let text = room.sql("select at at time zone 'UTC' from turns");
    assert_eq!(text.trim(), "1999-12-31 23:59:59.999999");
    assert!(at < at.before(Duration::ZERO).max(Moment::now()));
}
