//! Crashes between any two steps, on a real PostgreSQL.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::journal::frame;
use crate::record::{Entry, Fact, Record};
use crate::{Moment, Scope};

#[path = "../../../tests/support/mod.rs"]
mod support;

#[derive(Debug, Clone)]
enum Step {
    Append,
    /// The process dies after so many bytes of a frame.
    AppendCut(prop::sample::Index),
    Drain,
    /// The process dies while it waits for the database for that time.
    DrainCut(usize),
    /// The process dies when the rows are written and the file is still there.
    DrainCutBeforeRemoval,
    /// The owner deletes what there is.
    Delete,
    /// The process ends and another one begins.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Append),
        2 => any::<prop::sample::Index>().prop_map(Step::AppendCut),
        2 => Just(Step::Drain),
        4 => (0_usize..40).prop_map(Step::DrainCut),
        2 => Just(Step::DrainCutBeforeRemoval),
        1 => Just(Step::Delete),
        1 => Just(Step::Restart),
    ]
}

/// What must be so, beside what is.
struct World {
    store: Store,
    folder: tempfile::TempDir,
    journal: Journal,
    /// Appended, and told to be on the disk.
    promised: BTreeSet<Uuid>,
    /// Deleted while they were in the database.
    deleted: BTreeSet<Uuid>,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = support::shared().database();
        let store = Store::open(&address, None, folder.path().join("head")).unwrap();
        store.migrate().await.unwrap();
        Self {
            store,
            journal: journal_in(folder.path()),
            folder,
            promised: BTreeSet::new(),
            deleted: BTreeSet::new(),
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Append => {
                let entry = entry();
                self.journal.append(&entry).unwrap();
                self.promised.insert(entry.id);
            }
            Step::AppendCut(at) => {
                if !self.journal.is_empty() {
                    let frame = frame::frame(&entry());
                    let file = OpenOptions::new().append(true).open(self.journal.path());
                    file.unwrap()
                        .write_all(&frame[..at.index(frame.len())])
                        .unwrap();
                }
                self.restart();
            }
            Step::Drain => {
                self.journal.drain(&self.store).await.unwrap();
            }
            Step::DrainCut(polls) => {
                cut(self.journal.drain(&self.store), polls).await;
                self.restart();
            }
            Step::DrainCutBeforeRemoval => {
                self.drain_without_removal().await;
                self.restart();
            }
            Step::Delete => {
                for fact in self.store.facts().await.unwrap() {
                    self.store
                        .delete(Scope::Fact(fact.id), Moment::now())
                        .await
                        .unwrap();
                    self.deleted.insert(fact.id);
                }
            }
            Step::Restart => self.restart(),
        }
    }

    fn restart(&mut self) {
        self.journal = journal_in(self.folder.path());
    }

    async fn drain_without_removal(&mut self) {
        let Some(open) = self.journal.current().unwrap() else {
            return;
        };
        let journal = open.id;
        let position = self.store.journal_position(journal).await.unwrap();
        let batch = open.entries(position, BATCH).unwrap();
        let progress = Progress {
            journal,
            from: position,
            to: batch.next,
        };
        self.store
            .write_journalled(&batch.entries, progress)
            .await
            .unwrap();
    }
}

fn journal_in(folder: &Path) -> Journal {
    Journal::at(folder.join("journal"))
}

fn entry() -> Entry {
    let fact = Fact {
        conversation: None,
        text: "words".into(),
    };
    Entry::new(Moment::now(), Record::Fact(fact))
}

/// Goes on with it so many times, and then never again.
async fn cut(doing: impl Future, polls: usize) {
    let mut doing = pin!(doing);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 || doing.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        left -= 1;
        Poll::Pending
    })
    .await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_crashes_each_entry_is_written_once_and_what_is_deleted_stays_so(
        steps in prop::collection::vec(step(), 1..25)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for step in steps {
                world.take(step).await;
            }

            world.journal.drain(&world.store).await.unwrap();

            let facts = world.store.facts().await.unwrap();
            let there: BTreeSet<Uuid> = facts.iter().map(|fact| fact.id).collect();
            let expected: BTreeSet<Uuid> = &world.promised - &world.deleted;
            prop_assert_eq!(there, expected);
            prop_assert!(world.journal.is_empty());
            world.store.close().await;
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_row_that_the_database_never_takes_is_left_out_and_the_others_are_written() {
    let mut world = World::new().await;
    let sql = "alter table facts add constraint plain check (text <> 'poison')";
    sqlx::raw_sql(sql).execute(&world.store.pool).await.unwrap();
    let poison = Fact {
        conversation: None,
        text: "poison".into(),
    };
    world.journal.append(&entry()).unwrap();
    world
        .journal
        .append(&Entry::new(Moment::now(), Record::Fact(poison)))
        .unwrap();
    world.journal.append(&entry()).unwrap();

    let drained = world.journal.drain(&world.store).await.unwrap();

    assert_eq!(
        drained,
        Drained {
            written: 2,
            refused: 1
        }
    );
    assert!(world.journal.is_empty());
}

#[tokio::test]
async fn a_long_journal_is_written_bit_by_bit() {
    let mut world = World::new().await;
    let text = "long ".repeat(20_000);
    for _ in 0..8 {
        let fact = Fact {
            conversation: None,
            text: text.clone(),
        };
        world
            .journal
            .append(&Entry::new(Moment::now(), Record::Fact(fact)))
            .unwrap();
    }

    let mut drained = Drained::default();
    let is_over = world
        .journal
        .drain_some(&world.store, &mut drained)
        .await
        .unwrap();

    assert!(!is_over && (1..8).contains(&drained.written), "{drained:?}");
    assert_eq!(
        world.journal.drain(&world.store).await.unwrap().written,
        8 - drained.written
    );
    assert_eq!(world.store.facts().await.unwrap().len(), 8);
}
