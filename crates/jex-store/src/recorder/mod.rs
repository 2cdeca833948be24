//! The recorder: what the conversation writes down without ever waiting for a disk.
//!
//! Entries go through a queue to one task ([`task`]). It writes them to the database; while that is away, or the journal
//! still holds earlier ones, to the journal. Only [`Recorder::keep`] waits, until its entry is on a disk.

mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::delete::{Deleted, Scope};
use crate::journal::Journal;
use crate::record::Entry;
use crate::retention::Retention;
use crate::{Moment, Store, StoreError};

/// Entries that may wait for the disk; more are lost.
const QUEUE: usize = 1024;

/// Where what is written goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Database,
    /// On disk, and in the database as soon as that is back.
    Journal,
    /// The journal is full or cannot be written. Only tools that need no question and change nothing may be called.
    Nowhere,
}

/// How recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recording {
    pub place: Place,
    /// Entries that were not kept since the start.
    pub lost: u64,
}

/// Why an entry was not kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    #[error("it could be written down nowhere: {0}")]
    Failed(StoreError),
    #[error("nothing is written down any more: JEX ends")]
    Ended,
}

/// Cheap to clone. The task ends, with everything written, when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Order>,
    /// Since the task last looked.
    overflow: Arc<AtomicU64>,
    recording: watch::Receiver<Recording>,
    retention: Retention,
}

/// The task behind a recorder and its clones.
#[derive(Debug)]
pub struct Writing {
    task: JoinHandle<()>,
    hurry: CancellationToken,
}

impl Writing {
    /// Waits until all is written. What the database has not taken within `patience` goes to the journal, for which there
    /// is as much time again. Returns whether the task came to its end.
    pub async fn end(mut self, patience: Duration) -> bool {
        if let Ok(ended) = timeout(patience, &mut self.task).await {
            return ended.is_ok();
        }
        self.hurry.cancel();
        timeout(patience, self.task)
            .await
            .is_ok_and(|ended| ended.is_ok())
    }
}

type Reply = oneshot::Sender<Result<Place, StoreError>>;

enum Order {
    Write(Entry, Option<Reply>),
    Delete(Scope, Moment, oneshot::Sender<Result<Deleted, StoreError>>),
}

impl Recorder {
    /// Within tokio. What an earlier process left in the journal is written first.
    pub fn start(store: Store, journal: Journal, retention: Retention) -> (Self, Writing) {
        let (queue, orders) = mpsc::channel(QUEUE);
        let (tell, recording) = watch::channel(Recording {
            place: Place::Database,
            lost: 0,
        });
        let overflow = Arc::new(AtomicU64::new(0));
        let hurry = CancellationToken::new();
        let task = task::Task::new(store, journal, overflow.clone(), tell, hurry.clone());
        let recorder = Self {
            queue,
            overflow,
            recording,
            retention,
        };
        let task = tokio::spawn(task.run(orders));
        (recorder, Writing { task, hurry })
    }

    /// Whether the owner's retention has it written down at all.
    pub fn keeps(&self, entry: &Entry) -> bool {
        self.retention.keeps(entry)
    }

    /// Never waits. What is not to be kept by the owner's retention is not written at all.
    pub fn record(&self, entry: Entry) {
        if !self.keeps(&entry) {
            return;
        }
        if self.queue.try_send(Order::Write(entry, None)).is_err() {
            self.overflow.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until the entry is on a disk: the intent of a call before it is sent, an announcement before it is
    /// confirmed. On an error nobody may act as if it were written.
    pub async fn keep(&self, entry: Entry) -> Result<Place, NotKept> {
        let (reply, kept) = oneshot::channel();
        let order = Order::Write(entry, Some(reply));
        self.queue.send(order).await.map_err(|_| NotKept::Ended)?;
        kept.await
            .map_err(|_| NotKept::Ended)?
            .map_err(NotKept::Failed)
    }

    /// After all that was recorded before: deletes from the journal and the database what was said until now. Needs the
    /// database. Then: [`Store::erase`], and [`Store::executions_due`].
    pub async fn delete(&self, scope: Scope) -> Result<Deleted, NotKept> {
        let (reply, deleted) = oneshot::channel();
        let order = Order::Delete(scope, Moment::now(), reply);
        self.queue.send(order).await.map_err(|_| NotKept::Ended)?;
        deleted
            .await
            .map_err(|_| NotKept::Ended)?
            .map_err(NotKept::Failed)
    }

    /// How recording is now.
    pub fn recording(&self) -> Recording {
        *self.recording.borrow()
    }

    /// Changes whenever [`Self::recording`] does.
    pub fn watch(&self) -> watch::Receiver<Recording> {
        self.recording.clone()
    }
}
