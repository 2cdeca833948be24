//! A component's log: its output in a file of bounded size, its last lines in memory.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

/// The file is set aside as `<name>.1` when it has grown this large.
const LARGEST_BYTES: u64 = 8 * 1024 * 1024;
const LAST_LINES: usize = 8;
/// Longer lines are cut in the messages, not in the file.
const LINE_CHARS: usize = 300;

/// An open log file.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    written: u64,
}

impl LogFile {
    /// Continues the file, or begins a new one when it has grown large.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)?;
        let mut log = Self {
            path: path.to_owned(),
            written: file.metadata()?.len(),
            file,
        };
        log.set_aside_if_large()?;
        Ok(log)
    }

    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.set_aside_if_large()?;
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn set_aside_if_large(&mut self) -> std::io::Result<()> {
        if self.written < LARGEST_BYTES {
            return Ok(());
        }
        std::fs::rename(&self.path, set_aside(&self.path))?;
        *self = Self::open(&self.path)?;
        Ok(())
    }
}

/// Sets aside what others append to, when it has grown large.
pub fn keep_small(path: &Path) -> std::io::Result<()> {
    if std::fs::metadata(path)?.len() < LARGEST_BYTES {
        return Ok(());
    }
    std::fs::copy(path, set_aside(path))?;
    // They go on in the same file, at its end.
    File::options().write(true).open(path)?.set_len(0)
}

fn set_aside(path: &Path) -> PathBuf {
    let mut old = path.to_owned().into_os_string();
    old.push(".1");
    old.into()
}

/// The last lines that a component wrote in its present life.
#[derive(Debug, Clone, Default)]
pub struct LastLines(Arc<Mutex<Tail>>);

#[derive(Debug, Default)]
struct Tail {
    lines: VecDeque<String>,
    unfinished: Vec<u8>,
}

impl LastLines {
    /// Each on a line of its own.
    pub fn text(&self) -> String {
        let tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unfinished = readable(&tail.unfinished);
        let mut lines: Vec<&str> = tail.lines.iter().map(String::as_str).collect();
        if !unfinished.is_empty() {
            lines.push(&unfinished);
        }
        lines.join("\n")
    }

    fn push(&self, bytes: &[u8]) {
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            if *byte != b'\n' {
                // A program that never ends its line must not fill the memory.
                if tail.unfinished.len() < 4 * LINE_CHARS {
                    tail.unfinished.push(*byte);
                }
                continue;
            }
            let line = readable(&std::mem::take(&mut tail.unfinished));
            if line.is_empty() {
                continue;
            }
            if tail.lines.len() == LAST_LINES {
                tail.lines.pop_front();
            }
            tail.lines.push_back(line);
        }
    }
}

/// Without terminal colours and other control characters.
fn readable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            // An escape sequence ends with a letter.
            for skipped in chars.by_ref() {
                if skipped.is_ascii_alphabetic() {
                    break;
                }
            }
        } else if !char.is_control() || char == '\t' {
            plain.push(char);
        }
    }
    plain.trim_end().chars().take(LINE_CHARS).collect()
}

/// Copies a pipe into the log until its last writer is gone.
pub async fn capture(pipe: OwnedFd, mut log: LogFile, last: LastLines) {
    let mut pipe = match Receiver::from_owned_fd(pipe) {
        Ok(pipe) => pipe,
        Err(error) => {
            tracing::error!(%error, log = %log.path.display(), "cannot read a component's output");
            return;
        }
    };
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match pipe.read(&mut buffer).await {
            Ok(0) => return,
            Ok(read) => {
                last.push(&buffer[..read]);
                // A full disk must not stop the component: it goes on unlogged.
                if let Err(error) = log.write(&buffer[..read]) {
                    tracing::warn!(%error, log = %log.path.display(), "cannot write a log");
                }
            }
            Err(error) => {
                tracing::warn!(%error, log = %log.path.display(), "a component's output broke off");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_large_log_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/ollama.log");
        let mut log = LogFile::open(&path).unwrap();
        let chunk = vec![b'x'; 1024 * 1024];

        for _ in 0..20 {
            log.write(&chunk).unwrap();
        }

        let size = |path: &Path| std::fs::metadata(path).unwrap().len();
        assert!(size(&path) <= LARGEST_BYTES);
        assert!(size(&folder.path().join("deep/ollama.log.1")) <= LARGEST_BYTES + 1024 * 1024);
    }

    #[test]
    fn a_large_log_of_others_is_set_aside_and_they_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jex.log");
        let mut others = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap();
        others.write_all(b"small").unwrap();

        keep_small(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"small");

        others.write_all(&vec![b'x'; 8 * 1024 * 1024]).unwrap();
        keep_small(&path).unwrap();
        others.write_all(b"more").unwrap();

        assert_eq!(std::fs::read(&path).unwrap(), b"more");
        let old = std::fs::metadata(set_aside(&path)).unwrap();
        assert_eq!(old.len(), 8 * 1024 * 1024 + 5);
    }

    #[test]
    fn the_last_lines_are_kept_without_colours() {
        let last = LastLines::default();

        for line in 0..20 {
            last.push(format!("\u{1b}[31mline {line}\u{1b}[0m\n").as_bytes());
        }
        last.push(b"cut o");

        let text = last.text();
        assert!(text.starts_with("line 12\n"), "{text}");
        assert!(text.ends_with("line 19\ncut o"), "{text}");
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_are_shown(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..30)) {
            let last = LastLines::default();

            for piece in &pieces {
                last.push(piece);
            }

            let text = last.text();
            prop_assert!(text.lines().count() <= LAST_LINES + 1);
            prop_assert!(text.chars().all(|char| char == '\n' || char == '\t' || !char.is_control()));
        }
    }
}
