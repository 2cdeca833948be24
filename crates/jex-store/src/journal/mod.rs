//! The journal: what could not be written to the database yet, in a file of its own.
//!
//! * [`frame`]: the file's layout
//! * [`drain`]: from the journal into the database, each entry once
//!
//! The file is there only while something waits. Appending, draining and clearing lock its folder, so that the agent
//! and the owner's command do not get in one another's way.

mod drain;
mod frame;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::record::Entry;
use crate::{StoreError, file};

pub use drain::Drained;

/// Largest file, in bytes.
pub const LIMIT: u64 = 64 * 1024 * 1024;
const FILE: &str = "journal";

/// The journal in one folder.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    limit: u64,
    open: Option<Open>,
}

/// The file as this process left it.
#[derive(Debug)]
struct Open {
    file: File,
    inode: u64,
    id: Uuid,
    /// Of the last whole frame, in bytes.
    end: u64,
}

impl Journal {
    /// In `folder`, which is made when it is needed.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self::with_limit(folder, LIMIT)
    }

    /// As [`Self::at`], with a file of no more than `limit` bytes.
    pub fn with_limit(folder: impl Into<PathBuf>, limit: u64) -> Self {
        Self {
            folder: folder.into(),
            limit,
            open: None,
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        !self.path().exists()
    }

    /// On the disk when it returns. [`StoreError::JournalFull`] when there is no room; then, and on any other error,
    /// nothing of it is there.
    pub fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let path = self.path();
        let failed = |error: io::Error| StoreError::file("write", &path, &error);
        let frame = frame::frame(entry);
        let _lock = file::lock(&self.folder).map_err(failed)?;
        let limit = self.limit;
        let open = match self.current()? {
            Some(_) => self.open.as_mut().expect("the current file is open"),
            None => self.create()?,
        };
        if open.end + frame.len() as u64 > limit {
            return Err(StoreError::JournalFull { limit });
        }
        let written = open
            .file
            .write_all_at(&frame, open.end)
            .and_then(|()| open.file.sync_data());
        if let Err(error) = written {
            // What was written of it would be in the way of the next one.
            let _ = open.file.set_len(open.end);
            self.open = None;
            return Err(failed(error));
        }
        open.end += frame.len() as u64;
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// The file that is there now, with what a crash left unfinished cut off. Under the lock.
    fn current(&mut self) -> Result<Option<&Open>, StoreError> {
        let path = self.path();
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.open = None;
                return Ok(None);
            }
            Err(error) => return Err(StoreError::file("read", &path, &error)),
        };
        let is_known = |open: &Open| open.inode == metadata.ino() && open.end == metadata.len();
        if !self.open.as_ref().is_some_and(is_known) {
            self.open = Some(Open::read(&path)?);
        }
        Ok(self.open.as_ref())
    }

    /// Under the lock, and only where there is none.
    fn create(&mut self) -> Result<&mut Open, StoreError> {
        let path = self.path();
        let id = Uuid::new_v4();
        file::replace(&path, &frame::header(id))
            .map_err(|error| StoreError::file("write", &path, &error))?;
        Ok(self.open.insert(Open::read(&path)?))
    }

    /// Under the lock: everything in it is in the database.
    fn remove(&mut self) -> Result<(), StoreError> {
        let path = self.path();
        self.open = None;
        std::fs::remove_file(&path)
            .and_then(|()| file::sync_dir(&self.folder))
            .map_err(|error| StoreError::file("write", &path, &error))
    }
}

impl Open {
    fn read(path: &Path) -> Result<Self, StoreError> {
        let failed = |error: io::Error| StoreError::file("read", path, &error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(NO_FOLLOW)
            .open(path)
            .map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let damaged = |reason: &str| StoreError::Damaged {
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        let id =
            frame::id_of(&bytes).ok_or_else(|| damaged("it does not begin as a journal does"))?;
        let mut whole = frame::HEADER + frame::whole(&bytes[frame::HEADER..]);
        // What comes after a spoilt frame is read all the same.
        while let Some(spoilt) = frame::next(&bytes[whole..]) {
            whole += spoilt;
            whole += frame::whole(&bytes[whole..]);
        }
        if whole < bytes.len() {
            tracing::warn!(
                bytes = bytes.len() - whole,
                "the end of the journal was never written whole"
            );
            file.set_len(whole as u64).map_err(failed)?;
            file.sync_all().map_err(failed)?;
        }
        Ok(Self {
            inode: file.metadata().map_err(failed)?.ino(),
            file,
            id,
            end: whole as u64,
        })
    }

    /// Entries from `position` on, about `most` bytes of them, and where the next one begins. What this JEX does not
    /// understand, or the disk has spoilt, is left out and counted.
    fn entries(&self, position: u64, most: usize) -> io::Result<Batch> {
        let begin = position.clamp(frame::HEADER as u64, self.end);
        let mut batch = Batch {
            entries: Vec::new(),
            unknown: 0,
            next: begin,
            is_last: false,
        };
        let bytes = self.whole_frames(begin, most)?;
        let mut rest = &bytes[..];
        while let Some((payload, length)) = frame::first(rest) {
            match serde_json::from_slice(payload) {
                Ok(entry) => batch.entries.push(entry),
                Err(error) => {
                    tracing::error!(%error, "an entry of the journal is from another JEX");
                    batch.unknown += 1;
                }
            }
            batch.next += length as u64;
            rest = &rest[length..];
        }
        if batch.next == begin && begin < self.end {
            let left = usize::try_from(self.end - begin).unwrap_or(usize::MAX);
            let spoilt = frame::next(&bytes).unwrap_or(left);
            tracing::error!(bytes = spoilt, "a part of the journal is spoilt");
            batch.unknown += 1;
            batch.next += spoilt as u64;
        }
        batch.is_last = batch.next == self.end;
        Ok(batch)
    }

    /// Bytes from `begin` on: at least one whole frame of them, if one is there.
    fn whole_frames(&self, begin: u64, most: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.end - begin).unwrap_or(usize::MAX);
        let mut size = most.min(left);
        loop {
            let mut bytes = vec![0; size];
            self.file.read_exact_at(&mut bytes, begin)?;
            if size == left || frame::first(&bytes).is_some() {
                return Ok(bytes);
            }
            size = (2 * size).min(left);
        }
    }
}

/// Some entries of the file.
struct Batch {
    entries: Vec<Entry>,
    unknown: u64,
    /// In bytes.
    next: u64,
    is_last: bool,
}

/// `O_NOFOLLOW` of Linux: the journal's folder is ours, a link in it is not.
const NO_FOLLOW: i32 = 0o400_000;

#[cfg(test)]
mod tests;
