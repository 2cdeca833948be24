//! What is to be said of JEX's own accord: kept until somebody heard it.
//!
//! A workflow hands it in ([`Announcements::take`]); it is on a disk before that is confirmed. The newest conversation
//! says it; without one it waits for the next.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jex_store::{Entry, Moment, NotKept, Place, Record};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::memory::Memory;

/// Until the database answers after a start.
const LOOKS_AGAIN: Duration = Duration::from_secs(2);

/// One thing to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    pub id: Uuid,
    pub text: String,
}

/// All that is to be said, by all conversations. Cheap to clone.
#[derive(Clone)]
pub struct Announcements {
    memory: Memory,
    board: Arc<Mutex<Board>>,
}

#[derive(Default)]
struct Board {
    /// To be said, and the conversation that has been given it.
    due: Vec<(Announcement, Option<Uuid>)>,
    /// Said, or being written down.
    known: HashSet<Uuid>,
    /// In the order of their numbers, so that the newest is the last.
    rooms: BTreeMap<u64, (Uuid, mpsc::UnboundedSender<Announcement>)>,
    last_room: u64,
}

/// A conversation's place at the board; leaving gives back what was not said.
pub struct Seat {
    board: Arc<Mutex<Board>>,
    memory: Memory,
    conversation: Uuid,
    number: u64,
}

impl Announcements {
    pub fn new(memory: Memory) -> Self {
        Self {
            memory,
            board: Arc::default(),
        }
    }

    /// Finds what was kept by an earlier process, as soon as the database can be asked.
    pub async fn recall(&self) {
        loop {
            // What is only in the journal is not in the answer.
            if !self.memory.is_whole() {
                tokio::time::sleep(LOOKS_AGAIN).await;
                continue;
            }
            match self.memory.store.announcements_due().await {
                Ok(due) => {
                    for kept in due {
                        let announcement = Announcement {
                            id: kept.id,
                            text: kept.text,
                        };
                        lock(&self.board).add(announcement);
                    }
                    return;
                }
                Err(error) => tracing::debug!(%error, "what is to be said is not known yet"),
            }
            tokio::time::sleep(LOOKS_AGAIN).await;
        }
    }

    /// Keeps it; one that is known already is kept once. Returns when it would survive a power cut.
    pub async fn take(&self, announcement: Announcement) -> Result<(), NotKept> {
        if lock(&self.board).known.contains(&announcement.id) {
            return Ok(());
        }
        let record = Record::Announcement {
            text: announcement.text.clone(),
        };
        let entry = Entry::with_id(announcement.id, Moment::now(), record);
        let place = self.memory.recorder.keep(entry).await?;
        // One from before our start may have been said long ago.
        let is_due = match place {
            Place::Database => match self.memory.store.announcements_due().await {
                Ok(due) => due.iter().any(|kept| kept.id == announcement.id),
                Err(_) => true,
            },
            Place::Journal | Place::Nowhere => true,
        };
        let mut board = lock(&self.board);
        if is_due {
            board.add(announcement);
        } else {
            board.known.insert(announcement.id);
        }
        Ok(())
    }

    /// A conversation begins: it is given what waits, and what comes while it is the newest.
    pub fn sit_down(&self, conversation: Uuid) -> (Seat, mpsc::UnboundedReceiver<Announcement>) {
        let (sender, inbox) = mpsc::unbounded_channel();
        let mut board = lock(&self.board);
        board.last_room += 1;
        let number = board.last_room;
        board.rooms.insert(number, (conversation, sender));
        board.hand_out();
        let seat = Seat {
            board: self.board.clone(),
            memory: self.memory.clone(),
            conversation,
            number,
        };
        (seat, inbox)
    }
}

impl Seat {
    /// It was heard.
    pub fn said(&self, id: Uuid) {
        lock(&self.board)
            .due
            .retain(|(waiting, _)| waiting.id != id);
        let record = Record::Spoken {
            announcement: id,
            conversation: self.conversation,
        };
        self.memory
            .recorder
            .record(Entry::new(Moment::now(), record));
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut board = lock(&self.board);
        board.rooms.remove(&self.number);
        for (_, given_to) in &mut board.due {
            given_to.take_if(|conversation| *conversation == self.conversation);
        }
        board.hand_out();
    }
}

impl Board {
    fn add(&mut self, announcement: Announcement) {
        if self.known.insert(announcement.id) {
            self.due.push((announcement, None));
            self.hand_out();
        }
    }

    /// Gives what nobody has to the newest conversation.
    fn hand_out(&mut self) {
        let Some((conversation, room)) = self.rooms.values().next_back() else {
            return;
        };
        for (announcement, given_to) in &mut self.due {
            if given_to.is_none() && room.send(announcement.clone()).is_ok() {
                *given_to = Some(*conversation);
            }
        }
    }
}

fn lock(board: &Mutex<Board>) -> std::sync::MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::testing::memory;

    fn announcement(text: &str) -> Announcement {
        Announcement {
            id: Uuid::new_v4(),
            text: text.into(),
        }
    }

    fn given(inbox: &mut mpsc::UnboundedReceiver<Announcement>) -> Vec<String> {
        std::iter::from_fn(|| inbox.try_recv().ok())
            .map(|announcement| announcement.text)
            .collect()
    }

    #[tokio::test]
    async fn what_comes_to_an_empty_house_is_said_in_the_next_conversation() {
        let folder = tempfile::tempdir().unwrap();
        let announcements = Announcements::new(memory(folder.path()));

        announcements.take(announcement("Drink.")).await.unwrap();
        let (_seat, mut inbox) = announcements.sit_down(Uuid::new_v4());

        assert_eq!(given(&mut inbox), ["Drink."]);
    }

    #[tokio::test]
    async fn the_newest_conversation_says_it_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let announcements = Announcements::new(memory(folder.path()));
        let (_first, mut older) = announcements.sit_down(Uuid::new_v4());
        let (_second, mut newer) = announcements.sit_down(Uuid::new_v4());

        announcements.take(announcement("Drink.")).await.unwrap();

        assert_eq!(given(&mut older), [""; 0]);
        assert_eq!(given(&mut newer), ["Drink."]);
    }

    #[tokio::test]
    async fn what_was_not_said_goes_to_the_next_and_what_was_said_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let announcements = Announcements::new(memory(folder.path()));
        let said = announcement("Drink.");
        let (seat, mut inbox) = announcements.sit_down(Uuid::new_v4());
        announcements.take(said.clone()).await.unwrap();
        announcements.take(announcement("Eat.")).await.unwrap();
        assert_eq!(given(&mut inbox), ["Drink.", "Eat."]);

        seat.said(said.id);
        drop(seat);
        let (_seat, mut inbox) = announcements.sit_down(Uuid::new_v4());

        assert_eq!(given(&mut inbox), ["Eat."]);
    }

    #[tokio::test]
    async fn one_id_is_one_announcement() {
        let folder = tempfile::tempdir().unwrap();
        let announcements = Announcements::new(memory(folder.path()));
        let (seat, mut inbox) = announcements.sit_down(Uuid::new_v4());
        let once = announcement("Drink.");

        announcements.take(once.clone()).await.unwrap();
        announcements.take(once.clone()).await.unwrap();
        seat.said(once.id);
        announcements.take(once).await.unwrap();

        assert_eq!(given(&mut inbox), ["Drink."]);
    }
}
