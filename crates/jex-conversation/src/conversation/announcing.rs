//! What JEX says of its own accord: reminders and the like, and remarks about problems.

use std::collections::VecDeque;

use super::{Conversation, Presence};
use crate::AnnouncementId;
use crate::answer::Kind;

/// So often an announcement is begun while the caller is there. Who talks over it twice has
/// noticed it.
const TRIES: u32 = 2;

/// What is to be said when nobody speaks, until it was heard.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    waiting: VecDeque<Announcement>,
    current: Option<Announcement>,
}

#[derive(Debug)]
struct Announcement {
    id: AnnouncementId,
    text: String,
    tries: u32,
}

impl Announcements {
    /// One that waits already is not said twice.
    pub fn add(&mut self, id: AnnouncementId, text: String) {
        let is_known = self.waiting.iter().chain(&self.current).any(|a| a.id == id);
        let text = text.trim().to_owned();
        if !is_known && !text.is_empty() {
            self.waiting.push_back(Announcement { id, text, tries: 0 });
        }
    }

    /// The caller is there again: so is their attention.
    pub fn try_all_again(&mut self) {
        for waiting in &mut self.waiting {
            waiting.tries = 0;
        }
    }

    /// The next one to say. [`Announcements::ended`] is to follow.
    fn next(&mut self) -> Option<String> {
        let next = self.waiting.iter().position(|a| a.tries < TRIES)?;
        let mut announcement = self.waiting.remove(next)?;
        announcement.tries += 1;
        let text = announcement.text.clone();
        self.current = Some(announcement);
        Some(text)
    }

    /// The one that was being said is over. Returns it when it need not be said again.
    pub fn ended(&mut self, was_said: bool, was_noticed: bool) -> Option<AnnouncementId> {
        let announcement = self.current.take()?;
        if was_said || was_noticed && announcement.tries >= TRIES {
            return Some(announcement.id);
        }
        self.waiting.push_front(announcement);
        None
    }
}

impl Conversation {
    /// Says what there is to say when nobody else speaks.
    pub(super) fn remark_or_announce(&mut self) {
        let quiet = self.answer.is_none() && !self.turn.is_open();
        if !quiet || self.presence != Presence::Here {
            return;
        }
        if !self.remarks.is_empty() {
            let remarks = std::mem::take(&mut self.remarks);
            self.say(Kind::Remark, &remarks);
            return;
        }
        // What the caller waits for comes first.
        if !self.turn.is_empty() || self.unanswered {
            return;
        }
        if let Some(text) = self.announcements.next() {
            self.say(Kind::Announcement, &[&text]);
        }
    }
}
