//! A file that is replaced whole or not at all.

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
        // What root changes must stay readable for the service that it belongs to.
        let there = fs::metadata(file).or_else(|_| fs::metadata(folder))?;
        fchown(scratch.as_file(), Some(there.uid()), Some(there.gid()))?;
    }
    scratch.as_file().sync_all()?;
    scratch.persist(file).map_err(|error| error.error)?;
    // The name, too, must survive.
    File::open(folder)?.sync_all()
}

pub fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("/"))
}

/// Creates `folder` and its parents, for the owner alone, where they are missing.
pub fn private_dir(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_for_the_owner_alone_and_leaves_nothing_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("deep/er/file");

        replace(&file, b"first").unwrap();
        replace(&file, b"second").unwrap();

        assert_eq!(fs::read(&file).unwrap(), b"second");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        assert_eq!(mode(folder_of(&file)), 0o700);
        assert_eq!(fs::read_dir(folder_of(&file)).unwrap().count(), 1);
    }

    #[test]
    fn what_root_writes_belongs_to_whom_it_belonged_before() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        replace(&file, b"first").unwrap();
        let nobody = (Some(65_534), Some(65_534));
        if std::os::unix::fs::chown(&file, nobody.0, nobody.1).is_err() {
            // Only root can give a file away: there is nothing to test for anybody else.
            return;
        }

        replace(&file, b"second").unwrap();

        let metadata = fs::metadata(&file).unwrap();
        assert_eq!((Some(metadata.uid()), Some(metadata.gid())), nobody);
    }
}
