//! The chain: each row's hash covers the row and the hash before it.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::Moment;

/// SHA-256.
pub type Hash = [u8; 32];

/// What the first row follows.
pub const NOTHING: Hash = [0; 32];

/// Keeps these hashes apart from any others, and from those of a later layout.
const LAYOUT: &[u8] = b"jex audit 1";

/// A row, without its own hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// From 1, without a gap.
    pub seq: i64,
    /// Of the entry that it stems from.
    pub event: Uuid,
    pub at: Moment,
    pub kind: String,
    pub call: Option<Uuid>,
    pub tool: Option<String>,
    pub decision: Option<String>,
    pub outcome: Option<String>,
    pub digest: Option<Hash>,
    pub previous: Hash,
}

impl Link {
    pub fn hash(&self) -> Hash {
        let mut sum = Sha256::new();
        // Each field with its length, and whether it is there: no two rows are the same bytes.
        let mut field = |bytes: Option<&[u8]>| match bytes {
            None => sum.update([0]),
            Some(bytes) => {
                sum.update([1]);
                sum.update((bytes.len() as u64).to_be_bytes());
                sum.update(bytes);
            }
        };
        let text = |text: &Option<String>| text.as_ref().map(|text| text.as_bytes().to_vec());
        field(Some(LAYOUT));
        field(Some(&self.seq.to_be_bytes()));
        field(Some(self.event.as_bytes()));
        field(Some(&self.at.micros().to_be_bytes()));
        field(Some(self.kind.as_bytes()));
        field(self.call.as_ref().map(|call| &call.as_bytes()[..]));
        field(text(&self.tool).as_deref());
        field(text(&self.decision).as_deref());
        field(text(&self.outcome).as_deref());
        field(self.digest.as_ref().map(|digest| &digest[..]));
        field(Some(&self.previous));
        sum.finalize().into()
    }
}

/// What the audit keeps of a text: nothing that can be guessed while the salt is unknown.
pub fn digest(salt: Uuid, text: &str) -> Hash {
    let mut sum = Sha256::new();
    sum.update(salt.as_bytes());
    sum.update(text.as_bytes());
    sum.finalize().into()
}

/// What was done to the audit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("row {seq} is missing")]
    Missing { seq: i64 },
    #[error("row {seq} was changed")]
    Changed { seq: i64 },
    #[error("row {seq} does not follow the one before it")]
    Unlinked { seq: i64 },
    #[error("rows after {last} were cut off: {head} was the newest once")]
    CutOff { last: i64, head: i64 },
    #[error("the file with the newest hash is missing, so rows may have been cut off after {last}")]
    NoHead { last: i64 },
    #[error("row {seq} is not the one that was the newest once")]
    Replaced { seq: i64 },
    #[error("the text of the call in row {seq} was changed afterwards")]
    TextChanged { seq: i64 },
}

/// Reads the chain from its first row to its last.
#[derive(Debug)]
pub struct Reader {
    last: i64,
    hash: Hash,
    /// What the file outside says was once the newest.
    head: Option<(i64, Hash)>,
}

impl Reader {
    pub fn new(head: Option<(i64, Hash)>) -> Self {
        Self {
            last: 0,
            hash: NOTHING,
            head,
        }
    }

    /// The next row, with the hash that is stored for it.
    pub fn read(&mut self, link: &Link, stored: Hash) -> Result<(), Fault> {
        let seq = self.last + 1;
        if link.seq != seq {
            return Err(Fault::Missing { seq });
        }
        if link.hash() != stored {
            return Err(Fault::Changed { seq });
        }
        if link.previous != self.hash {
            return Err(Fault::Unlinked { seq });
        }
        if self
            .head
            .is_some_and(|(at, hash)| at == seq && hash != stored)
        {
            return Err(Fault::Replaced { seq });
        }
        (self.last, self.hash) = (seq, stored);
        Ok(())
    }

    /// There are no more rows. Returns how many there were.
    pub fn end(self) -> Result<i64, Fault> {
        let last = self.last;
        match self.head {
            Some((head, _)) if head > last => Err(Fault::CutOff { last, head }),
            None if last > 0 => Err(Fault::NoHead { last }),
            _ => Ok(last),
        }
    }
}

#[cfg(test)]
mod tests;
