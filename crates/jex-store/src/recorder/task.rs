//! The task behind the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Order, Place, Recording};
use crate::delete::{Deleted, Scope};
use crate::journal::{Drained, Journal};
use crate::record::{Entry, Record};
use crate::{Moment, Store, StoreError};

/// Longest wait for the database, once; then it is taken to be away.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);
/// Many rows may go.
const DELETES_WITHIN: Duration = Duration::from_secs(60);
/// Between two looks whether the database is back, or the disk has room again.
const PAUSE: Duration = Duration::from_secs(1);
/// Orders taken at once.
const MOST_ORDERS: usize = 64;

/// Why the task goes on.
enum Woken {
    /// So many; none: there will be no more.
    Orders(usize),
    ToDrain,
    DatabaseIsBack,
    ToLookForRoom,
}

pub struct Task {
    store: Store,
    /// `None` only while a thread writes it.
    journal: Option<Journal>,
    overflow: Arc<AtomicU64>,
    tell: watch::Sender<Recording>,
    recording: Recording,
    /// Lost, and not yet said in the audit.
    unsaid: u64,
    is_away: bool,
    /// JEX ends: everything goes to the journal, which takes no time.
    hurry: CancellationToken,
}

impl Task {
    pub fn new(
        store: Store,
        journal: Journal,
        overflow: Arc<AtomicU64>,
        tell: watch::Sender<Recording>,
        hurry: CancellationToken,
    ) -> Self {
        let recording = *tell.borrow();
        Self {
            store,
            journal: Some(journal),
            overflow,
            tell,
            recording,
            unsaid: 0,
            is_away: false,
            hurry,
        }
    }

    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut batch = Vec::new();
        // Lasts over orders, or many of them would put the look off for ever.
        let mut back = std::pin::pin!(comes_back(self.store.clone()));
        loop {
            let woken = tokio::select! {
                biased;
                taken = orders.recv_many(&mut batch, MOST_ORDERS) => Woken::Orders(taken),
                // Between orders, so that none waits for a long journal.
                () = std::future::ready(()), if self.can_drain() => Woken::ToDrain,
                () = &mut back, if self.is_away => Woken::DatabaseIsBack,
                () = sleep(PAUSE), if self.unsaid > 0 => Woken::ToLookForRoom,
            };
            match woken {
                Woken::Orders(0) => break,
                Woken::Orders(_) => self.handle(std::mem::take(&mut batch)).await,
                Woken::DatabaseIsBack => {
                    self.is_away = false;
                    back.set(comes_back(self.store.clone()));
                }
                Woken::ToDrain | Woken::ToLookForRoom => {}
            }
            self.count_overflow();
            if self.can_drain() {
                self.drain_some().await;
            }
            // Not at once: it is small, and would fit where nothing else does.
            let may_have_room = matches!(woken, Woken::ToLookForRoom);
            if self.recording.place != Place::Nowhere || may_have_room {
                self.say_what_was_lost().await;
            }
        }
        // What is left waits in the journal for the next start.
        while self.can_drain() {
            self.drain_some().await;
        }
    }

    async fn handle(&mut self, batch: Vec<Order>) {
        let (mut entries, mut replies) = (Vec::new(), Vec::new());
        for order in batch {
            match order {
                Order::Write(entry, reply) => {
                    entries.push(entry);
                    replies.push(reply);
                }
                Order::Delete(scope, now, reply) => {
                    // What was said before is written before.
                    self.write(&std::mem::take(&mut entries), std::mem::take(&mut replies))
                        .await;
                    let hurry = self.hurry.clone();
                    let deleted = unless(&hurry, self.delete(scope, now)).await;
                    let _ = reply.send(deleted);
                }
            }
        }
        self.write(&entries, replies).await;
    }

    async fn write(&mut self, entries: &[Entry], replies: Vec<Option<super::Reply>>) {
        if entries.is_empty() {
            return;
        }
        // Nothing overtakes what waits in the journal.
        if !self.is_away && self.journal().is_empty() && self.write_to_database(entries).await {
            self.now_at(Place::Database, 0);
            for reply in replies.into_iter().flatten() {
                let _ = reply.send(Ok(Place::Database));
            }
            return;
        }
        for (entry, reply) in entries.iter().zip(replies) {
            let kept = self.append(entry.clone()).await;
            match &kept {
                Ok(()) => self.now_at(Place::Journal, 0),
                Err(error) => {
                    tracing::error!(%error, "something could not be written down");
                    self.now_at(Place::Nowhere, 1);
                }
            }
            if let Some(reply) = reply {
                let _ = reply.send(kept.map(|()| Place::Journal));
            }
        }
    }

    /// Whether they are all there. If one of them will never be, the others go through the journal, which leaves it out.
    async fn write_to_database(&mut self, entries: &[Entry]) -> bool {
        if self.hurry.is_cancelled() {
            return false;
        }
        // What it took all the same it knows when it comes again.
        let written = unless(
            &self.hurry,
            within(ANSWERS_WITHIN, self.store.write(entries)),
        )
        .await;
        match &written {
            Err(StoreError::Refused { .. }) | Ok(()) => {}
            Err(error) => {
                tracing::warn!(%error, "the database is away: the journal takes over");
                self.is_away = true;
            }
        }
        written.is_ok()
    }

    async fn append(&mut self, entry: Entry) -> Result<(), StoreError> {
        let mut journal = self.journal.take().expect("the last thread gave it back");
        let appended = tokio::task::spawn_blocking(move || {
            let appended = journal.append(&entry);
            (journal, appended)
        });
        let (journal, appended) = appended.await.expect("appending does not panic");
        self.journal = Some(journal);
        appended
    }

    fn journal(&self) -> &Journal {
        self.journal.as_ref().expect("no thread has it")
    }

    fn can_drain(&self) -> bool {
        !self.is_away && !self.hurry.is_cancelled() && !self.journal().is_empty()
    }

    async fn drain_some(&mut self) {
        let journal = self.journal.as_mut().expect("no thread has it");
        let mut drained = Drained::default();
        let some = journal.drain_some(&self.store, &mut drained);
        match unless(&self.hurry, within(ANSWERS_WITHIN, some)).await {
            Ok(true) => self.now_at(Place::Database, drained.refused),
            Ok(false) => self.now_at(Place::Journal, drained.refused),
            Err(error) => {
                if !error.is_passing() {
                    tracing::error!(%error, "the journal cannot be written to the database");
                }
                self.is_away = true;
            }
        }
    }

    /// The journal's words are deleted where everything is: in the database.
    async fn delete(&mut self, scope: Scope, now: Moment) -> Result<Deleted, StoreError> {
        let journal = self.journal.as_mut().expect("no thread has it");
        let mut drained = Drained::default();
        while !journal.is_empty() {
            let some = journal.drain_some(&self.store, &mut drained);
            within(ANSWERS_WITHIN, some).await?;
        }
        let deleted = within(DELETES_WITHIN, self.store.delete(scope, now)).await;
        // What is refused counts as lost.
        self.now_at(Place::Database, drained.refused);
        deleted
    }

    fn count_overflow(&mut self) {
        let lost = self.overflow.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::error!(lost, "more was to be written down than the disk takes");
            self.now_at(self.recording.place, lost);
        }
    }

    async fn say_what_was_lost(&mut self) {
        let lost = self.unsaid;
        if lost == 0 {
            return;
        }
        let gap = Entry::new(Moment::now(), Record::Gap { lost });
        if !self.is_away && self.journal().is_empty() {
            if self.write_to_database(std::slice::from_ref(&gap)).await {
                self.unsaid = 0;
                self.now_at(Place::Database, 0);
            }
        } else if self.append(gap).await.is_ok() {
            self.unsaid = 0;
            self.now_at(Place::Journal, 0);
        }
    }

    fn now_at(&mut self, place: Place, lost: u64) {
        self.unsaid += lost;
        self.recording.lost += lost;
        self.recording.place = place;
        let now = self.recording;
        self.tell.send_if_modified(|told| {
            let is_news = *told != now;
            *told = now;
            is_news
        });
    }
}

async fn within<T>(
    time: Duration,
    doing: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(time, doing).await.unwrap_or_else(|_| {
        Err(StoreError::Away {
            reason: format!("it did not answer within {} s", time.as_secs()),
        })
    })
}

async fn unless<T>(
    hurry: &CancellationToken,
    doing: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let ends = || StoreError::Away {
        reason: "JEX ends".into(),
    };
    let done = hurry.run_until_cancelled(doing).await;
    done.unwrap_or_else(|| Err(ends()))
}

/// Looks from time to time, not in the way of the queue.
async fn comes_back(store: Store) {
    loop {
        sleep(PAUSE).await;
        let steps = within(ANSWERS_WITHIN, store.steps()).await;
        if steps.is_ok_and(|steps| steps.iter().all(|step| step.taken.is_some())) {
            return;
        }
    }
}
