use jex_store::*;
use uuid::Uuid;

use crate::room::*;

/// Five rows of the audit: two calls with their outcomes, and a refusal.
async fn some_calls(room: &Room) -> Uuid {
    let id = Uuid::new_v4();
    let mut entries = Vec::new();
    for item in ["milk", "bread"] {
        let call = call(id, &format!(r#"{{"item":"{item}"}}"#), Moment::now());
        entries.push(call.clone());
        entries.push(outcome(
            &call,
            Ending::Done,
            &format!("{item} added"),
            Moment::now(),
        ));
    }
    let refused = Call {
        conversation: id,
        turn: None,
        tool: "open the door".into(),
        source: "n8n".into(),
        decision: Decision::Never,
        arguments: "{}".into(),
        salt: Uuid::new_v4(),
    };
    entries.push(Entry::new(Moment::now(), Record::Refusal(refused)));
    room.write(&entries).await;
    id
}

/// What whoever owns the database may do, were it not for the chain.
fn tamper(room: &Room, sql: &str) {
    room.sql(&format!(
        "alter table audit disable trigger all; {sql}; alter table audit enable trigger all"
    ));
}

async fn fault(room: &Room) -> Fault {
    room.store.verify_audit().await.unwrap().unwrap_err()
}

#[tokio::test]
async fn an_untouched_audit_is_whole() {
    let room = Room::new().await;
    assert_eq!(
        room.store.verify_audit().await.unwrap(),
        Ok(Verified { rows: 0, texts: 0 })
    );

    some_calls(&room).await;

    assert_eq!(
        room.store.verify_audit().await.unwrap(),
        Ok(Verified { rows: 5, texts: 5 })
    );
}

#[tokio::test]
async fn rows_cannot_be_changed_deleted_or_truncated() {
    let room = Room::new().await;
    some_calls(&room).await;
    for sql in [
        "update audit set decision = 'allowed'",
        "delete from audit where seq = 5",
        "truncate audit",
        "truncate audit cascade",
    ] {
        let refused = format!(
            "do $$ begin {sql}; raise 'it was done'; exception when insufficient_privilege then null; end $$"
        );

        room.sql(&refused);
    }

    assert!(room.store.verify_audit().await.unwrap().is_ok());
}

#[tokio::test]
async fn any_change_behind_its_back_is_found() {
    for (sql, expected) in [
        (
            "update audit set decision = 'confirmed' where seq = 5",
            Fault::Changed { seq: 5 },
        ),
        (
            "update audit set at = at + interval '1 second' where seq = 2",
            Fault::Changed { seq: 2 },
        ),
        (
            "update audit set call = null where seq = 1",
            Fault::Changed { seq: 1 },
        ),
        ("delete from audit where seq = 3", Fault::Missing { seq: 3 }),
        ("delete from audit where seq = 1", Fault::Missing { seq: 1 }),
        (
            "delete from audit where seq > 3",
            Fault::CutOff { last: 3, head: 5 },
        ),
        ("delete from audit", Fault::CutOff { last: 0, head: 5 }),
        (
            "update tool_calls set arguments = '{\"item\":\"beer\"}' where arguments like '%milk%'",
            Fault::TextChanged { seq: 1 },
        ),
        (
            "update tool_calls set result = 'beer added' where result like 'bread%'",
            Fault::TextChanged { seq: 4 },
        ),
    ] {
        let room = Room::new().await;
        some_calls(&room).await;

        tamper(&room, sql);

        assert_eq!(fault(&room).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_cut_stays_found_however_much_is_appended_after_it() {
    let room = Room::new().await;
    some_calls(&room).await;
    tamper(&room, "delete from audit where seq > 2");

    some_calls(&room).await;
    some_calls(&room).await;

    assert_eq!(fault(&room).await, Fault::Replaced { seq: 5 });
}

#[tokio::test]
async fn without_the_file_outside_it_is_not_vouched_for() {
    let room = Room::new().await;
    some_calls(&room).await;

    std::fs::remove_file(room.head()).unwrap();

    assert_eq!(fault(&room).await, Fault::NoHead { last: 5 });
}

#[tokio::test]
async fn it_is_whole_after_a_deletion_which_is_itself_in_it() {
    let room = Room::new().await;
    let id = some_calls(&room).await;

    room.store
        .delete(Scope::Conversation(id), Moment::now())
        .await
        .unwrap();

    assert_eq!(
        room.store.verify_audit().await.unwrap(),
        Ok(Verified { rows: 6, texts: 0 })
    );
    let last = room.sql("select kind, decision, outcome from audit order by seq desc limit 1");
    assert!(
        last.starts_with("deletion|conversation|") && last.contains("calls 3"),
        "{last}"
    );
}

#[tokio::test]
async fn it_holds_no_words() {
    let room = Room::new().await;
    some_calls(&room).await;

    let rows = room.sql("select audit::text from audit").to_lowercase();

    for word in ["milk", "bread", "item", "door"] {
        assert!(!rows.contains(word), "{word}: {rows}");
    }
    assert!(rows.contains("shopping-add"));
}

#[tokio::test]
async fn many_that_append_at_once_make_one_chain() {
    let room = Room::new().await;
    let id = Uuid::new_v4();
    let writers = (0..8).map(|_| {
        // Processes of their own: the agent, the page, the owner's command.
        let store = Store::open(&room.address, None, room.head()).unwrap();
        tokio::spawn(async move {
            for n in 0..5 {
                let call = call(id, &n.to_string(), Moment::now());
                store.write(&[call]).await.unwrap();
            }
            store.close().await;
        })
    });

    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }

    assert_eq!(
        room.store.verify_audit().await.unwrap(),
        Ok(Verified {
            rows: 40,
            texts: 40
        })
    );
    let head = std::fs::read_to_string(room.head()).unwrap();
    assert!(head.contains("\"seq\":40"), "{head}");
}
