//! What is deleted by others while conversations go on: on the page, by the command, in another conversation.
//!
//! One task asks for it; each conversation then forgets it, too.

use std::collections::HashSet;
use std::time::Duration;

use jex_store::{Deletion, Moment, Store, StoreError};
use tokio::sync::broadcast;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often it is asked.
const LOOKS_EVERY: Duration = Duration::from_secs(10);
/// A deletion of many rows is seen so long after the moment that it bears.
const SEEN_WITHIN: Duration = Duration::from_secs(120);
/// Deletions that a conversation may not have taken yet.
const QUEUE: usize = 64;

/// What a conversation is to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Oblivion {
    Said(Deletion),
    /// What the owner wants remembered may be less now.
    Facts,
}

/// Tells all conversations. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Oblivions(broadcast::Sender<Oblivion>);

impl Default for Oblivions {
    fn default() -> Self {
        Self(broadcast::Sender::new(QUEUE))
    }
}

impl Oblivions {
    pub fn subscribe(&self) -> broadcast::Receiver<Oblivion> {
        self.0.subscribe()
    }

    fn tell(&self, what: Oblivion) {
        // Without a conversation nobody listens.
        let _ = self.0.send(what);
    }
}

/// Tells the conversations what was deleted, until cancelled.
pub async fn watch(store: Store, conversations: Oblivions, end: CancellationToken) {
    let mut watch = Watch::begin();
    while end.run_until_cancelled(sleep(LOOKS_EVERY)).await.is_some() {
        // While the database is away nothing is deleted.
        if let Err(error) = watch.look(&store, &conversations).await {
            tracing::debug!(%error, "not known what was deleted");
        }
    }
}

/// What was seen of it.
#[derive(Debug)]
struct Watch {
    since: Moment,
    told: HashSet<Uuid>,
    /// Rows of the audit that were seen.
    audited: i64,
}

impl Watch {
    fn begin() -> Self {
        Self {
            since: Moment::now(),
            told: HashSet::new(),
            audited: 0,
        }
    }

    /// Tells what was deleted since the last look.
    async fn look(&mut self, store: &Store, conversations: &Oblivions) -> Result<(), StoreError> {
        let now = Moment::now();
        let deletions = store.deletions(self.since).await?;
        let seen: HashSet<Uuid> = deletions.iter().map(|deletion| deletion.id).collect();
        for deletion in deletions {
            if !self.told.contains(&deletion.id) {
                conversations.tell(Oblivion::Said(deletion));
            }
        }
        self.told = seen;
        self.since = self.since.max(now.before(SEEN_WITHIN));
        // Facts may have gone with it, or alone.
        let (newest, any) = store.audited_deletions(self.audited).await?;
        if any {
            conversations.tell(Oblivion::Facts);
        }
        self.audited = newest;
        Ok(())
    }
}

/// How long ago a deletion of `conversation`'s words begins and ends; `None`: it is of another.
pub fn ago(deletion: &Deletion, conversation: Uuid, now: Moment) -> Option<(Duration, Duration)> {
    if deletion
        .conversation
        .is_some_and(|other| other != conversation)
    {
        return None;
    }
    let ago = |moment: Moment| {
        let micros = now.micros().saturating_sub(moment.micros());
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    };
    Some((ago(deletion.from), ago(deletion.to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_is_for_its_conversation_or_for_all() {
        let now = Moment::now();
        let (ours, others) = (Uuid::new_v4(), Uuid::new_v4());
        let deletion = |conversation| Deletion {
            id: Uuid::new_v4(),
            conversation,
            from: now.before(Duration::from_secs(60)),
            to: now.before(Duration::from_secs(20)),
        };
        let span = Some((Duration::from_secs(60), Duration::from_secs(20)));

        assert_eq!(ago(&deletion(None), ours, now), span);
        assert_eq!(ago(&deletion(Some(ours)), ours, now), span);
        assert_eq!(ago(&deletion(Some(others)), ours, now), None);
    }
}
