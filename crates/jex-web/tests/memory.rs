//! What is remembered, read and deleted through the real binary, with a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "this is test code")]

#[path = "../../jex-store/tests/support/mod.rs"]
mod postgresql;
mod support;

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use jex_store::*;
use postgresql::Postgres;
use serde_json::{Value, json};
use support::Web;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// jex-web beside a database in which things are written.
struct Room {
    web: Web,
    store: Store,
    /// Of the database.
    name: String,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        Self::on(postgresql::shared())
    }

    fn on(postgres: &Postgres) -> Self {
        let address = postgres.database();
        let (before, _) = address.split_once('?').unwrap();
        let name = before.rsplit_once('/').unwrap().1.to_owned();
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let head = folder.path().join("head.json");
        let store = runtime.block_on(async { Store::open(&address, None, head).unwrap() });
        runtime.block_on(store.migrate()).unwrap();
        Self {
            web: Web::start_with_database(&address),
            store,
            name,
            runtime,
            _folder: folder,
        }
    }

    fn write(&self, at: Moment, record: Record) -> Uuid {
        let entry = Entry::new(at, record);
        self.runtime
            .block_on(self.store.write(std::slice::from_ref(&entry)))
            .unwrap();
        entry.id
    }

    fn say(&self, conversation: Uuid, speaker: Speaker, said: &str, at: Moment) -> Uuid {
        self.write(at, Record::Turn(turn(conversation, speaker, said)))
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.web.get(path, &[]);
        assert_eq!(answer.status, 200, "{path}: {answer:?} {}", self.web.log());
        answer.json()
    }

    fn delete(&self, path: &str) -> u16 {
        self.web.request("DELETE", path, &[], None).status
    }

    /// `title`s of what is listed.
    fn titles(&self, query: &str) -> Vec<String> {
        let listed = self.get(&format!("/api/history{query}"));
        let listed = listed["conversations"].as_array().unwrap().iter();
        listed
            .map(|one| one["title"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn turn(conversation: Uuid, speaker: Speaker, said: &str) -> Turn {
    Turn {
        conversation,
        speaker,
        participant: "caller-1".into(),
        said: said.into(),
        heard: None,
        typed: false,
        interrupted: false,
        providers: Providers::default(),
        left_for: None,
    }
}

fn ago(seconds: u64) -> Moment {
    Moment::now().before(Duration::from_secs(seconds))
}

fn code(answer: &support::Answer) -> String {
    answer.json()["error"]["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_conversation_is_listed_and_shown_as_it_was() {
    let room = Room::new();
    let id = Uuid::new_v4();
    let began = Began {
        conversation: id,
        room: "talk-1".into(),
        language: "en".into(),
    };
    room.write(ago(30), Record::Began(began));
    room.say(id, Speaker::Caller, "Add  milk,\nplease", ago(20));
    let mut answer = turn(id, Speaker::Assistant, "Milk is on the list.");
    answer.heard = Some("Milk is".into());
    answer.interrupted = true;
    answer.providers.llm = Some("large".into());
    answer.left_for = Some("api.example.com".into());
    room.write(ago(5), Record::Turn(answer));
    let intent = Call {
        conversation: id,
        turn: None,
        tool: "add_to_list".into(),
        source: "n8n".into(),
        decision: Decision::Confirmed,
        arguments: r#"{"item":"milk"}"#.into(),
        salt: Uuid::new_v4(),
    };
    let call = room.write(ago(10), Record::Intent(intent));
    let outcome = Outcome {
        call,
        ending: Ending::Done,
        result: "\"Added.\"".into(),
    };
    room.write(ago(9), Record::Outcome(outcome));

    let listed = room.get("/api/history");
    let shown = room.get(&format!("/api/history/{id}"));

    let one = &listed["conversations"][0];
    assert_eq!((&one["id"], &one["turns"]), (&json!(id), &json!(2)));
    assert_eq!(
        (&one["title"], &one["ended"]),
        (&json!("Add milk, please"), &json!(null))
    );
    assert_eq!(listed["next"], json!(null));
    assert_eq!(shown["title"], "Add milk, please");
    assert_eq!(shown["turns"][0]["speaker"], "caller");
    assert_eq!(shown["turns"][0]["text"], "Add  milk,\nplease");
    let answer = &shown["turns"][1];
    assert_eq!(
        (&answer["text"], &answer["interrupted"]),
        (&json!("Milk is"), &json!(true))
    );
    assert_eq!(
        answer["providers"],
        json!({"stt": null, "llm": "large", "tts": null})
    );
    assert_eq!(answer["left_for"], "api.example.com");
    let call = &shown["calls"][0];
    assert_eq!(
        (&call["decision"], &call["outcome"]),
        (&json!("confirmed"), &json!("done"))
    );
    assert_eq!(
        (&call["arguments"], &call["result"]),
        (&json!(r#"{"item":"milk"}"#), &json!("\"Added.\""))
    );
}

#[test]
fn older_ones_follow_the_newest() {
    let room = Room::new();
    for n in 0..5 {
        room.say(
            Uuid::new_v4(),
            Speaker::Caller,
            &format!("Number {n}"),
            ago(100 - n),
        );
    }

    let first = room.get("/api/history?limit=3");
    let next = first["next"].as_str().unwrap();
    let second = room.get(&format!("/api/history?limit=3&before={next}"));

    let titles = |listed: &Value| {
        let listed = listed["conversations"].as_array().unwrap().clone();
        listed
            .iter()
            .map(|one| one["title"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(titles(&first), ["Number 4", "Number 3", "Number 2"]);
    assert_eq!(titles(&second), ["Number 1", "Number 0"]);
    assert_eq!(second["next"], json!(null));
}

#[test]
fn a_search_finds_conversations_by_what_was_said_in_them() {
    let room = Room::new();
    let (shopping, weather) = (Uuid::new_v4(), Uuid::new_v4());
    room.say(shopping, Speaker::Caller, "What is on my list?", ago(50));
    for n in 0..4 {
        room.say(
            shopping,
            Speaker::Assistant,
            &format!("Milk and {n}"),
            ago(40 - n),
        );
    }
    room.say(weather, Speaker::Caller, "Will it rain?", ago(20));

    let found = room.get("/api/history?query=MILK");
    let paged = room.get("/api/history?query=milk&limit=2");

    assert_eq!(found["conversations"].as_array().unwrap().len(), 1);
    let one = &found["conversations"][0];
    assert_eq!(
        (&one["title"], &one["turns"]),
        (&json!("What is on my list?"), &json!(5))
    );
    assert_eq!(
        one["matches"],
        json!(["Milk and 3", "Milk and 2", "Milk and 1"])
    );
    assert_eq!(
        paged["conversations"][0]["matches"],
        json!(["Milk and 3", "Milk and 2"])
    );
    let next = paged["next"].as_str().unwrap();
    let rest = room.get(&format!("/api/history?query=milk&limit=2&before={next}"));
    assert_eq!(
        rest["conversations"][0]["matches"],
        json!(["Milk and 1", "Milk and 0"])
    );
    assert_eq!(room.titles("?query=umbrella"), [""; 0]);
    assert_eq!(room.titles("?query=rain"), ["Will it rain?"]);
}

#[test]
fn whatever_is_searched_for_is_words_and_nothing_else() {
    let room = Room::new();
    room.say(Uuid::new_v4(), Speaker::Caller, "Hello", ago(9));

    for query in [
        "%27%3B%20drop%20table%20turns%3B--",
        "%00hello",
        "%25",
        "(((",
        "%22",
        "a%20or",
        "%F0%9F%A5%9B",
    ] {
        assert_eq!(
            room.web
                .get(&format!("/api/history?query={query}"), &[])
                .status,
            200,
            "{query}"
        );
    }

    assert_eq!(room.titles("?query=%00hello"), ["Hello"]);
    for asked in [
        format!("?query={}", "a".repeat(201)),
        "?before=yesterday".into(),
        "?limit=-1".into(),
    ] {
        let answer = room.web.get(&format!("/api/history{asked}"), &[]);
        assert_eq!(
            (answer.status, code(&answer)),
            (400, "malformed".into()),
            "{asked}"
        );
    }
}

#[test]
fn one_conversation_is_deleted_and_the_others_stay() {
    let room = Room::new();
    let (gone, kept) = (Uuid::new_v4(), Uuid::new_v4());
    room.say(gone, Speaker::Caller, "Xylophone", ago(20));
    room.say(kept, Speaker::Caller, "Piano", ago(10));

    assert_eq!(room.delete(&format!("/api/history/{gone}")), 204);

    assert_eq!(room.titles(""), ["Piano"]);
    assert_eq!(room.titles("?query=xylophone"), [""; 0]);
    for method in ["GET", "DELETE"] {
        let answer = room
            .web
            .request(method, &format!("/api/history/{gone}"), &[], None);
        assert_eq!(
            (answer.status, code(&answer)),
            (404, "not_kept".into()),
            "{method}"
        );
    }
    // The words leave the files as well, and that is written down.
    let due = "select count(*) from erasure where due_since is not null";
    let began = std::time::Instant::now();
    while postgresql::shared().sql(&room.name, due).trim() != "0" {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{}",
            room.web.log()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let audit = postgresql::shared().sql(&room.name, "select kind, decision from audit");
    assert!(audit.contains("deletion|conversation"), "{audit}");
}

#[test]
fn what_was_said_lately_is_deleted_or_everything_but_never_by_mistake() {
    let room = Room::new();
    room.say(Uuid::new_v4(), Speaker::Caller, "Long ago", ago(7200));
    room.say(Uuid::new_v4(), Speaker::Caller, "Just now", ago(60));

    for asked in [
        "",
        "?all=false",
        "?last_seconds=",
        "?all=true&last_seconds=60",
        "?all=yes",
        "?al=true&all=true",
        "?last_seconds=-1",
    ] {
        assert_eq!(room.delete(&format!("/api/history{asked}")), 400, "{asked}");
    }
    assert_eq!(room.titles(""), ["Just now", "Long ago"]);
    assert_eq!(room.delete("/api/history?last_seconds=3600"), 204);
    assert_eq!(room.titles(""), ["Long ago"]);
    assert_eq!(room.delete("/api/history?all=true"), 204);
    assert_eq!(room.titles(""), [""; 0]);
}

#[test]
fn facts_are_told_and_forgotten_and_reminders_told() {
    let room = Room::new();
    let fact = |text: &str| {
        Record::Fact(Fact {
            conversation: None,
            text: text.into(),
        })
    };
    let bin = room.write(ago(20), fact("The bin goes out on Tuesday"));
    room.write(ago(10), fact("The key is under the pot"));
    let water = room.write(
        ago(5),
        Record::Announcement {
            text: "Drink water".into(),
        },
    );
    let conversation = Uuid::new_v4();
    room.write(
        ago(4),
        Record::Spoken {
            announcement: water,
            conversation,
        },
    );
    room.write(
        ago(3),
        Record::Announcement {
            text: "Tea is ready".into(),
        },
    );

    assert_eq!(room.delete(&format!("/api/facts/{bin}")), 204);

    let facts = room.get("/api/facts");
    assert_eq!(facts["facts"].as_array().unwrap().len(), 1);
    assert_eq!(facts["facts"][0]["text"], "The key is under the pot");
    assert_eq!(room.delete(&format!("/api/facts/{bin}")), 404);
    assert_eq!(room.delete("/api/facts/none"), 404);
    let reminders = room.get("/api/reminders");
    let told: Vec<_> = { reminders["reminders"].as_array().unwrap().iter() }
        .map(|one| {
            (
                one["text"].as_str().unwrap(),
                one["spoken"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("Tea is ready", false), ("Drink water", true)]);
}

#[test]
fn tools_are_as_the_agent_tells_with_their_last_calls() {
    let room = Room::new();
    assert_eq!(code(&room.web.get("/api/tools", &[])), "agent_unreachable");
    let told = json!({
        "tools": [
            {"name": "clock", "description": "Tells the time.", "source": "jex", "effect": "reads", "policy": "allow", "problem": null},
            {"name": "broken", "source": "n8n", "effect": null, "policy": null, "problem": "has no description"},
        ],
        "sources": [{"name": "n8n", "state": "away", "message": "n8n does not answer."}],
    });
    let address = (std::net::Ipv4Addr::LOCALHOST, room.web.agent_port);
    room.runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let router = Router::new().route("/tools", get(move || async move { axum::Json(told) }));
        tokio::spawn(async move { axum::serve(listener, router).await });
    });
    for n in 0..7 {
        let call = Call {
            conversation: Uuid::new_v4(),
            turn: None,
            tool: if n == 0 { "gone" } else { "clock" }.into(),
            source: "jex".into(),
            decision: Decision::Never,
            arguments: "{}".into(),
            salt: Uuid::new_v4(),
        };
        room.write(ago(20 - n), Record::Refusal(call));
    }

    let tools = room.get("/api/tools");

    assert_eq!(tools["tools"][0]["policy"], "allow");
    let last = tools["tools"][0]["last"].as_array().unwrap();
    assert_eq!(last.len(), 5);
    assert_eq!(
        (&last[0]["decision"], &last[0]["outcome"]),
        (&json!("never"), &json!(null))
    );
    assert!(last[0]["at"].as_str() > last[4]["at"].as_str());
    assert_eq!(tools["tools"][1]["problem"], "has no description");
    assert_eq!(tools["tools"][1]["last"], json!([]));
    assert_eq!(tools["sources"][0]["message"], "n8n does not answer.");
}

#[test]
fn while_postgresql_is_away_that_is_said_and_the_rest_goes_on() {
    let mut postgres = Postgres::start();
    let mut room = Room::on(&postgres);
    room.say(Uuid::new_v4(), Speaker::Caller, "Hello", ago(9));
    assert_eq!(room.titles(""), ["Hello"]);
    postgres.kill();

    for path in ["/api/history", "/api/facts", "/api/reminders"] {
        let answer = room.web.get(path, &[]);
        assert_eq!(
            (answer.status, code(&answer)),
            (503, "database_away".into()),
            "{path}"
        );
    }
    assert_eq!(room.delete("/api/history?all=true"), 503);
    assert_eq!(room.web.get("/api/info", &[]).status, 200);
    room.web.assert_well();

    postgres.run();

    assert_eq!(room.titles(""), ["Hello"]);
}

#[test]
fn before_the_schema_is_made_the_history_is_not_there_yet() {
    let web = Web::start_with_database(&postgresql::shared().database());

    let answer = web.get("/api/history", &[]);

    assert_eq!(
        (answer.status, code(&answer)),
        (503, "database_away".into())
    );
}
