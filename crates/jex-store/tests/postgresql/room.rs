//! A database of a test's own, and things said in it.

use std::path::PathBuf;

use jex_store::*;
use uuid::Uuid;

use crate::support::{Postgres, shared};

pub struct Room {
    pub store: Store,
    pub address: String,
    /// Of the database.
    pub name: String,
    pub folder: tempfile::TempDir,
}

impl Room {
    pub async fn new() -> Self {
        Self::on(shared()).await
    }

    pub async fn on(postgres: &Postgres) -> Self {
        let room = Self::empty(postgres);
        room.store.migrate().await.unwrap();
        room
    }

    /// Without a schema.
    pub fn empty(postgres: &Postgres) -> Self {
        let address = postgres.database();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&address, None, folder.path().join("audit/head.json")).unwrap();
        let (before, _) = address.split_once('?').unwrap();
        let name = before.rsplit_once('/').unwrap().1.to_owned();
        Self {
            store,
            address,
            name,
            folder,
        }
    }

    pub fn head(&self) -> PathBuf {
        self.folder.path().join("audit/head.json")
    }

    pub fn journal(&self) -> Journal {
        Journal::at(self.folder.path().join("journal"))
    }

    pub fn sql(&self, sql: &str) -> String {
        shared().sql(&self.name, sql)
    }

    pub async fn write(&self, entries: &[Entry]) {
        self.store.write(entries).await.unwrap();
    }

    /// Somebody says that, now.
    pub async fn say(&self, conversation: Uuid, said: &str) -> Entry {
        let entry = turn(conversation, Speaker::Caller, said, Moment::now());
        self.write(std::slice::from_ref(&entry)).await;
        entry
    }
}

pub fn began(conversation: Uuid, at: Moment) -> Entry {
    let began = Began {
        conversation,
        room: "talk-1".into(),
        language: "en".into(),
    };
    Entry::new(at, Record::Began(began))
}

pub fn turn(conversation: Uuid, speaker: Speaker, said: &str, at: Moment) -> Entry {
    let is_caller = speaker == Speaker::Caller;
    let turn = Turn {
        conversation,
        speaker,
        participant: if is_caller { "owner" } else { "agent" }.into(),
        said: said.into(),
        heard: None,
        typed: false,
        interrupted: false,
        providers: Providers {
            stt: is_caller.then(|| "whisper".into()),
            llm: (!is_caller).then(|| "ollama".into()),
            tts: (!is_caller).then(|| "piper".into()),
        },
        left_for: None,
    };
    Entry::new(at, Record::Turn(turn))
}

pub fn call(conversation: Uuid, arguments: &str, at: Moment) -> Entry {
    let call = Call {
        conversation,
        turn: None,
        tool: "shopping-add".into(),
        source: "n8n".into(),
        decision: Decision::Confirmed,
        arguments: arguments.into(),
        salt: Uuid::new_v4(),
    };
    Entry::new(at, Record::Intent(call))
}

pub fn outcome(call: &Entry, ending: Ending, result: &str, at: Moment) -> Entry {
    let outcome = Outcome {
        call: call.id,
        ending,
        result: result.into(),
    };
    Entry::new(at, Record::Outcome(outcome))
}

pub fn fact(conversation: Option<Uuid>, text: &str, at: Moment) -> Entry {
    let text = text.into();
    Entry::new(at, Record::Fact(Fact { conversation, text }))
}

pub fn announcement(text: &str, at: Moment) -> Entry {
    Entry::new(at, Record::Announcement { text: text.into() })
}

pub fn minutes_ago(minutes: u64) -> Moment {
    Moment::now().before(std::time::Duration::from_secs(60 * minutes))
}

/// Keeps everything.
pub const FOR_EVER: Retention = Retention {
    conversations: None,
    calls: None,
    facts: None,
    announcements: None,
};
