use jex_store::*;
use uuid::Uuid;

use crate::room::*;

#[tokio::test]
async fn everything_is_exported_as_json_lines() {
    let room = Room::new().await;
    let id = Uuid::new_v4();
    let call = call(id, r#"{"item":"milk"}"#, Moment::now());
    room.write(&[
        began(id, minutes_ago(1)),
        turn(id, Speaker::Caller, "Line one\nand \"two\"", Moment::now()),
        call,
        fact(None, "Tuesday", Moment::now()),
        announcement("Drink!", Moment::now()),
    ])
    .await;
    // More than is fetched at once.
    room.sql(&format!(
        "insert into turns (id, conversation, at, speaker, participant, said, typed, interrupted) \
         select gen_random_uuid(), '{id}', now(), 'caller', 'owner', 'x', false, false from generate_series(1, 1200)"
    ));

    let mut out = Vec::new();
    let lines = room.store.export(&mut out).await.unwrap();

    let out = String::from_utf8(out).unwrap();
    let parsed: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(parsed.len() as u64, lines);
    let kinds = |kind: &str| parsed.iter().filter(|line| line["kind"] == kind).count();
    assert_eq!(kinds("turn"), 1201);
    for kind in ["conversation", "call", "fact", "announcement"] {
        assert_eq!(kinds(kind), 1, "{kind}");
    }
    assert!(
        parsed
            .iter()
            .any(|line| line["said"] == "Line one\nand \"two\"")
    );
    assert!(!out.contains("salt"));
    // The connection is as good as new.
    assert_eq!(room.store.export(&mut Vec::new()).await.unwrap(), lines);
}
