//! A file that is replaced whole or not at all, and folders for the owner alone.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, fchown};
use std::path::Path;

use tempfile::NamedTempFile;

const ROOT: u32 = 0;

/// Writes `content` for the owner's eyes alone, where a power cut cannot leave half of it.
pub fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let folder = folder_of(file);
    private_dir(folder)?;
    // Made with mode 0600.
    let mut scratch = NamedTempFile::new_in(folder)?;
    scratch.write_all(content)?;
    if scratch.as_file().metadata()?.uid() == ROOT {
        // What root changes must stay usable for the service that it belongs to.
        let there = fs::metadata(file).or_else(|_| fs::metadata(folder))?;
        fchown(scratch.as_file(), Some(there.uid()), Some(there.gid()))?;
    }
    scratch.as_file().sync_all()?;
    scratch.persist(file).map_err(|error| error.error)?;
    // The name, too, must survive.
    sync_dir(folder)
}

pub fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("/"))
}

pub fn sync_dir(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Creates `folder` and its parents, for the owner alone, where they are missing.
pub fn private_dir(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Held until it is dropped, against other processes as well. The folder itself is locked: a file for it would have an
/// owner of its own.
pub fn lock(folder: &Path) -> io::Result<File> {
    private_dir(folder)?;
    let folder = File::open(folder)?;
    folder.lock()?;
    Ok(folder)
}
