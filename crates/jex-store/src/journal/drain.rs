//! From the journal into the database.

use std::fs::File;

use super::{Batch, Journal};
use crate::write::Progress;
use crate::{Store, StoreError, file};

/// Bytes written to the database at once: others that wait for the journal come in between.
const BATCH: usize = 256 * 1024;

/// What was drained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Entries that are in the database now.
    pub written: u64,
    /// Entries that it will never take.
    pub refused: u64,
}

impl Journal {
    /// Writes all that waits to the database, in order and each entry once, whatever crashes meanwhile: how far it
    /// came is written in the same transaction.
    pub async fn drain(&mut self, store: &Store) -> Result<Drained, StoreError> {
        let mut drained = Drained::default();
        while !self.is_empty() {
            let is_over = self.drain_some(store, &mut drained).await?;
            if is_over {
                break;
            }
        }
        Ok(drained)
    }

    /// Some of it. Returns whether nothing is left.
    pub(crate) async fn drain_some(
        &mut self,
        store: &Store,
        drained: &mut Drained,
    ) -> Result<bool, StoreError> {
        let _lock = self.lock().await?;
        let path = self.path();
        let Some(open) = self.current()? else {
            return Ok(true);
        };
        let journal = open.id;
        let position = store.journal_position(journal).await?;
        let batch = open
            .entries(position, BATCH)
            .map_err(|error| StoreError::file("read", &path, &error))?;
        let Batch {
            entries,
            unknown,
            next,
            is_last,
        } = batch;
        if next > position {
            let progress = Progress {
                journal,
                from: position,
                to: next,
            };
            let Some(refused) = store.write_journalled(&entries, progress).await? else {
                return Ok(false);
            };
            drained.written += entries.len() as u64 - refused;
            drained.refused += refused + unknown;
        }
        if is_last {
            self.remove()?;
            store.forget_journal(journal).await?;
        }
        Ok(is_last)
    }

    async fn lock(&self) -> Result<File, StoreError> {
        let folder = self.folder.clone();
        let locked = tokio::task::spawn_blocking(move || file::lock(&folder)).await;
        let locked = locked.unwrap_or_else(|gone| Err(std::io::Error::other(gone)));
        locked.map_err(|error| StoreError::file("write", &self.path(), &error))
    }
}

#[cfg(test)]
mod tests;
