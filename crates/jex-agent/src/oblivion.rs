//! What is deleted by others while conversations go on: on the page, by the command, in another conversation.
//!
//! Housekeeping asks for it; each conversation then forgets it, too.

use std::collections::HashSet;
use std::time::Duration;

use jex_store::{Deletion, Moment, StoreError};
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::memory::Memory;

/// A deletion of many rows is seen so long after the moment that it bears.
const SEEN_WITHIN: Duration = Duration::from_secs(120);
/// Deletions that a conversation may not have taken yet.
const QUEUE: usize = 64;

/// What a conversation is to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Oblivion {
    Said(Deletion),
    /// What the owner wants remembered is another now.
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

/// What was seen of it.
#[derive(Debug)]
pub struct Watch {
    since: Moment,
    told: HashSet<Uuid>,
    facts: Option<Vec<String>>,
}

impl Watch {
    pub fn begin() -> Self {
        Self {
            since: Moment::now(),
            told: HashSet::new(),
            facts: None,
        }
    }

    /// Tells what was deleted since the last look.
    pub async fn look(&mut self, memory: &Memory) -> Result<(), StoreError> {
        let now = Moment::now();
        let deletions = memory.store.deletions(self.since).await?;
        let seen: HashSet<Uuid> = deletions.iter().map(|deletion| deletion.id).collect();
        for deletion in deletions {
            if !self.told.contains(&deletion.id) {
                memory.oblivions.tell(Oblivion::Said(deletion));
            }
        }
        self.told = seen;
        self.since = self.since.max(now.before(SEEN_WITHIN));
        let facts = memory.store.facts().await?;
        let facts: Vec<String> = facts.into_iter().map(|fact| fact.text).collect();
        if self.facts.as_ref().is_some_and(|before| *before != facts) {
            memory.oblivions.tell(Oblivion::Facts);
        }
        self.facts = Some(facts);
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
