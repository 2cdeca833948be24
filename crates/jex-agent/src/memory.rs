//! What the agent writes down and reads back.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use jex_config::{Paths, Settings};
use jex_store::{Journal, Recorder, Retention, Store, Writing, places};

use crate::oblivion::Oblivions;

/// A conversation does not wait longer for what was remembered.
const RECALLS_WITHIN: Duration = Duration::from_millis(500);
/// More would crowd the conversation out of a small model's context.
const MOST_FACTS: usize = 50;

/// The database is away or slow.
#[derive(Debug)]
pub struct NotRecalled;

/// The database and the way to it. Cheap to clone.
#[derive(Clone)]
pub struct Memory {
    pub store: Store,
    pub recorder: Recorder,
    /// Tells what others delete.
    pub oblivions: Oblivions,
    /// Folder of the journal.
    journal: PathBuf,
}

impl Memory {
    /// Within tokio. Contacts nobody: while the database is away, the journal takes over. The task ends, with
    /// everything written, after the last clone is dropped.
    pub fn open(settings: &Settings, paths: &Paths) -> anyhow::Result<(Self, Writing)> {
        let url = settings.database_url(paths);
        let password = jex_config::secrets::database_password(settings)?;
        let head = places::audit_head(settings, paths);
        let store = Store::open(url.as_str(), password.as_ref(), head)
            .context("the address of the database cannot be used")?;
        let journal = places::journal(settings, paths);
        let retention = Retention::of(&settings.history);
        let (recorder, task) =
            Recorder::start(store.clone(), Journal::at(journal.clone()), retention);
        let memory = Self {
            store,
            recorder,
            oblivions: Oblivions::default(),
            journal,
        };
        Ok((memory, task))
    }

    /// Whether the database has all that an earlier process wrote down: nothing waits in the journal.
    pub fn is_whole(&self) -> bool {
        Journal::at(self.journal.clone()).is_empty()
    }

    /// What the owner asked to remember, as a part of the instructions, if it is anything.
    pub async fn recalled(&self) -> Result<Option<String>, NotRecalled> {
        let facts = tokio::time::timeout(RECALLS_WITHIN, self.store.facts()).await;
        let Ok(Ok(facts)) = facts else {
            return Err(NotRecalled);
        };
        let newest = facts.iter().rev().take(MOST_FACTS).rev();
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = newest
            .map(|fact| format!("- {}", one_line(&fact.text)))
            .collect();
        Ok((!lines.is_empty()).then(|| {
            format!(
                "What the caller asked you to remember:\n{}",
                lines.join("\n")
            )
        }))
    }
}

#[cfg(test)]
pub mod testing {
    use super::*;

    /// A memory whose database is away: everything is kept in the journal in `folder`.
    pub fn memory(folder: &std::path::Path) -> Memory {
        let nobody = format!("postgres://jex@localhost/jex?host={}", folder.display());
        let store = Store::open(&nobody, None, folder.join("head.json")).expect("an address");
        let journal = folder.join("journal");
        let retention = Retention::of(&jex_config::History::default());
        let (recorder, _) = Recorder::start(store.clone(), Journal::at(journal.clone()), retention);
        Memory {
            store,
            recorder,
            oblivions: Oblivions::default(),
            journal,
        }
    }
}
