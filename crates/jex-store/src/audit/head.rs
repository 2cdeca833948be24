//! The newest hash, kept in a file: whoever cuts the table off would have to change that as well.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Hash;
use crate::{StoreError, file};

/// The file. Processes that write it wait for one another.
#[derive(Debug, Clone)]
pub struct Head {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    seq: i64,
    /// Hexadecimal.
    hash: String,
}

impl Head {
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The newest row that was written here, if any was.
    pub fn read(&self) -> Result<Option<(i64, Hash)>, StoreError> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::file("read", &self.path, &error)),
        };
        let damaged = |reason: &str| StoreError::Damaged {
            path: self.path.clone(),
            reason: reason.to_owned(),
        };
        let content: Content =
            serde_json::from_str(&text).map_err(|error| damaged(&error.to_string()))?;
        let hash = from_hex(&content.hash).ok_or_else(|| damaged("the hash is none"))?;
        Ok(Some((content.seq, hash)))
    }

    /// Only under [`Self::lock`].
    pub(super) fn write(&self, seq: i64, hash: &Hash) -> Result<(), StoreError> {
        let hash = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut text = serde_json::to_string(&Content { seq, hash }).expect("it always serialises");
        text.push('\n');
        file::replace(&self.path, text.as_bytes())
            .map_err(|error| StoreError::file("write", &self.path, &error))
    }

    /// Waits for the other processes that write it.
    pub(super) async fn lock(&self) -> Result<File, StoreError> {
        let folder = file::folder_of(&self.path).to_owned();
        let locked = tokio::task::spawn_blocking(move || file::lock(&folder)).await;
        let locked = locked.unwrap_or_else(|gone| Err(std::io::Error::other(gone)));
        locked.map_err(|error| StoreError::file("write", &self.path, &error))
    }
}

fn from_hex(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if text.len() != 2 * hash.len() || !text.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let head = Head::at(folder.path().join("audit/head.json"));
        assert_eq!(head.read().unwrap(), None);

        head.write(7, &[0xa5; 32]).unwrap();

        assert_eq!(head.read().unwrap(), Some((7, [0xa5; 32])));
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let head = Head::at(folder.path().join("head.json"));
        for text in [
            "",
            "{}",
            r#"{"seq":1,"hash":"é"}"#,
            r#"{"seq":1,"hash":"00"}"#,
        ] {
            std::fs::write(head.path(), text).unwrap();

            let error = head.read().unwrap_err();

            assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        }
    }
}
