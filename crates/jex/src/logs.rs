//! `jex logs`: what the parts have said, and what they go on to say.

mod journal;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anstyle::AnsiColor;
use anyhow::Context;
use jex_config::Paths;
use jex_supervisor::control;

use crate::cli::LogsArgs;
use crate::exit;

const LINES_OF_ONE: usize = 200;
const LINES_OF_EACH: usize = 20;
/// Between two looks at the files.
const PAUSE: Duration = Duration::from_millis(250);
/// Read from the end in pieces of this size, in bytes.
const PIECE: u64 = 64 * 1024;

/// Prints logs. Returns the exit status.
pub fn run(args: &LogsArgs, paths: &Paths) -> anyhow::Result<u8> {
    if control::systemd_runs_it(paths) {
        return journal::run(args);
    }
    let mut found = files(&paths.logs())?;
    if let Some(wanted) = &args.component {
        let names: Vec<_> = found.keys().cloned().collect();
        found.retain(|name, _| name == wanted);
        if found.is_empty() {
            let known = match names.is_empty() {
                true => "Nothing was logged yet: `jex up` starts JEX.".into(),
                false => format!("There are: {}.", names.join(", ")),
            };
            exit::complain(&format!("there is no log of `{wanted}`. {known}"));
            return Ok(exit::FAILURE);
        }
    }
    if found.is_empty() && !args.follow {
        exit::complain("nothing was logged yet: `jex up` starts JEX.");
        return Ok(exit::FAILURE);
    }
    let each = if args.component.is_some() {
        LINES_OF_ONE
    } else {
        LINES_OF_EACH
    };
    let lines = args.lines.unwrap_or(each);
    let mut out = anstream::stdout();
    let mut logs: BTreeMap<String, Log> = BTreeMap::new();
    for (name, path) in found {
        let (text, log) = Log::open(path, lines)?;
        print(&mut out, args, &name, &text)?;
        logs.insert(name, log);
    }
    if !args.follow {
        return Ok(exit::SUCCESS);
    }
    loop {
        std::thread::sleep(PAUSE);
        if args.component.is_none() {
            for (name, path) in files(&paths.logs())? {
                logs.entry(name).or_insert_with(|| Log::fresh(path));
            }
        }
        for (name, log) in &mut logs {
            let text = log.more()?;
            print(&mut out, args, name, &text)?;
        }
    }
}

/// The logs by the names of their parts.
fn files(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", folder.display()));
        }
    };
    let mut found = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log")
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            found.insert(name.to_owned(), path);
        }
    }
    Ok(found)
}

/// Whole lines, each with its part's name when there are several.
fn print(out: &mut impl Write, args: &LogsArgs, name: &str, text: &[u8]) -> anyhow::Result<()> {
    let style = AnsiColor::Cyan.on_default();
    let printed = text
        .split_inclusive(|byte| *byte == b'\n')
        .try_for_each(|line| {
            if args.component.is_none() {
                write!(out, "{style}{name:<8}{style:#} ")?;
            }
            out.write_all(line)?;
            if line.ends_with(b"\n") {
                Ok(())
            } else {
                out.write_all(b"\n")
            }
        });
    match printed.and_then(|()| out.flush()) {
        // `jex logs | head` has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}

/// A file that is written to, and set aside when it is large.
struct Log {
    path: PathBuf,
    file: Option<File>,
    /// A line whose end has not been written yet.
    partial: Vec<u8>,
}

impl Log {
    /// The last lines, and the log from there on.
    fn open(path: PathBuf, lines: usize) -> anyhow::Result<(Vec<u8>, Self)> {
        let mut log = Self::fresh(path);
        let mut text = Vec::new();
        if let Ok(mut file) = File::open(&log.path) {
            text = last_lines(&mut file, lines)
                .with_context(|| format!("cannot read {}", log.path.display()))?;
            log.file = Some(file);
        }
        Ok((text, log))
    }

    fn fresh(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            partial: Vec::new(),
        }
    }

    /// The lines that were completed since the last look.
    fn more(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut text = std::mem::take(&mut self.partial);
        if let Some(file) = &mut self.file {
            file.read_to_end(&mut text)?;
        }
        if self.is_replaced()? {
            // The old file has been read to its end.
            self.file = File::open(&self.path).ok();
            if let Some(file) = &mut self.file {
                file.read_to_end(&mut text)?;
            }
        }
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        self.partial = text.split_off(whole);
        Ok(text)
    }

    /// Whether there is another file by this name, or the same one was emptied.
    fn is_replaced(&mut self) -> anyhow::Result<bool> {
        let Ok(now) = std::fs::metadata(&self.path) else {
            return Ok(false);
        };
        let Some(file) = &mut self.file else {
            return Ok(true);
        };
        let ours = file.metadata()?;
        let emptied = now.len() < file.stream_position()?;
        Ok((now.dev(), now.ino()) != (ours.dev(), ours.ino()) || emptied)
    }
}

/// The last lines of a file, which is read from its end only as far as needed.
fn last_lines(file: &mut File, lines: usize) -> std::io::Result<Vec<u8>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut from = length;
    let mut tail = Vec::new();
    while from > 0 && count_breaks(&tail) <= lines {
        let size = PIECE.min(from);
        from -= size;
        file.seek(SeekFrom::Start(from))?;
        let mut piece = vec![0; usize::try_from(size).unwrap_or_default()];
        file.read_exact(&mut piece)?;
        piece.extend(tail);
        tail = piece;
    }
    file.seek(SeekFrom::Start(length))?;
    // The end of the line before the first one that is wanted.
    let breaks = tail
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n');
    let unfinished = usize::from(!tail.ends_with(b"\n"));
    let begin = match lines.checked_sub(unfinished) {
        Some(whole) => breaks.map(|(at, _)| at + 1).nth(whole).unwrap_or(0),
        None => tail.len(),
    };
    Ok(tail.split_off(begin))
}

fn count_breaks(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail_of(text: &str, lines: usize) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        std::fs::write(&path, text).unwrap();
        let (tail, _) = Log::open(path, lines).unwrap();
        String::from_utf8(tail).unwrap()
    }

    #[test]
    fn the_last_lines_are_those_at_the_end() {
        assert_eq!(tail_of("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(tail_of("a\nb\nc", 2), "b\nc");
        assert_eq!(tail_of("a\nb\n", 5), "a\nb\n");
        assert_eq!(tail_of("a\nb\n", 0), "");
        assert_eq!(tail_of("", 5), "");
    }

    #[test]
    fn a_file_larger_than_a_piece_is_read_no_further_than_needed() {
        let text: String = (0..50_000).map(|n| format!("line {n}\n")).collect();

        assert_eq!(tail_of(&text, 2), "line 49998\nline 49999\n");
        assert_eq!(tail_of(&text, 40_000).lines().next(), Some("line 10000"));
    }

    #[test]
    fn what_comes_later_is_followed_through_a_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        std::fs::write(&path, "old\n").unwrap();
        let (_, mut log) = Log::open(path.clone(), 10).unwrap();
        let append = |text: &str| {
            let mut file = File::options()
                .append(true)
                .create(true)
                .open(&path)
                .unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };

        append("one\ntw");
        assert_eq!(log.more().unwrap(), b"one\n");
        append("o\nlast of the old\n");
        std::fs::rename(&path, folder.path().join("a.log.1")).unwrap();
        append("first of the new\n");

        assert_eq!(
            log.more().unwrap(),
            b"two\nlast of the old\nfirst of the new\n"
        );
        assert_eq!(log.more().unwrap(), b"");
    }

    #[test]
    fn only_logs_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["ollama.log", "ollama.log.1", "notes.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }

        let names: Vec<_> = files(folder.path()).unwrap().into_keys().collect();

        assert_eq!(names, ["ollama"]);
        assert!(files(&folder.path().join("missing")).unwrap().is_empty());
    }
}
