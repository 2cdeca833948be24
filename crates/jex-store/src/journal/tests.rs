use std::io::Write as _;

use super::*;
use crate::Moment;
use crate::record::Record;

fn entry(text: &str) -> Entry {
    let text = text.to_owned();
    Entry::new(Moment::now(), Record::Announcement { text })
}

fn all(journal: &mut Journal) -> Vec<Entry> {
    let (entries, unknown) = all_and_unknown(journal);
    assert_eq!(unknown, 0);
    entries
}

fn all_and_unknown(journal: &mut Journal) -> (Vec<Entry>, u64) {
    let Some(open) = journal.current().unwrap() else {
        return (Vec::new(), 0);
    };
    let (mut entries, mut position, mut is_last) = (Vec::new(), 0, false);
    let mut unknown = 0;
    while !is_last {
        // Fewer bytes than a frame has: it is read all the same.
        let batch = open.entries(position, 64).unwrap();
        unknown += batch.unknown;
        entries.extend(batch.entries);
        (position, is_last) = (batch.next, batch.is_last);
    }
    (entries, unknown)
}

#[test]
fn what_was_appended_is_there_for_whoever_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    let entries = [entry("one"), entry("two"), entry("three")];
    let mut journal = Journal::at(folder.path().join("journal"));
    assert!(journal.is_empty());

    for entry in &entries {
        journal.append(entry).unwrap();
    }

    assert_eq!(
        all(&mut Journal::at(folder.path().join("journal"))),
        entries
    );
}

#[test]
fn two_that_append_by_turns_keep_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (mut one, mut other) = (Journal::at(folder.path()), Journal::at(folder.path()));
    let entries: Vec<Entry> = (0..10).map(|n| entry(&n.to_string())).collect();

    for pair in entries.chunks(2) {
        one.append(&pair[0]).unwrap();
        other.append(&pair[1]).unwrap();
    }

    assert_eq!(all(&mut one), entries);
}

#[test]
fn after_an_unfinished_frame_the_next_one_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (entry("first"), entry("second"));
    let mut journal = Journal::at(folder.path());
    journal.append(&first).unwrap();
    let mut file = OpenOptions::new()
        .append(true)
        .open(journal.path())
        .unwrap();
    file.write_all(&frame::frame(&entry("torn"))[..20]).unwrap();

    journal.append(&second).unwrap();

    assert_eq!(all(&mut Journal::at(folder.path())), [first, second]);
}

#[test]
fn what_the_disk_has_spoilt_is_counted_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let entries = [entry("one"), entry("two"), entry("three")];
    let mut journal = Journal::at(folder.path());
    for entry in &entries {
        journal.append(entry).unwrap();
    }
    let mut bytes = std::fs::read(journal.path()).unwrap();
    let at = bytes.windows(3).position(|found| found == b"two").unwrap();
    bytes[at] ^= 1;
    std::fs::write(journal.path(), bytes).unwrap();
    let fourth = entry("four");
    Journal::at(folder.path()).append(&fourth).unwrap();

    let (read, unknown) = all_and_unknown(&mut Journal::at(folder.path()));

    let [one, _, three] = entries;
    assert_eq!((read, unknown), (vec![one, three, fourth], 1));
}

#[test]
fn a_full_journal_takes_no_more_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::with_limit(folder.path(), 500);
    let mut kept = Vec::new();
    let refused = loop {
        let entry = entry("some words");
        match journal.append(&entry) {
            Ok(()) => kept.push(entry),
            Err(error) => break error,
        }
    };

    assert!(matches!(refused, StoreError::JournalFull { limit: 500 }));
    assert!(std::fs::metadata(journal.path()).unwrap().len() <= 500);
    assert!(!kept.is_empty());
    assert_eq!(all(&mut journal), kept);
}

#[test]
fn a_file_that_is_no_journal_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::at(folder.path());
    std::fs::write(journal.path(), "something else").unwrap();

    let error = journal.append(&entry("x")).unwrap_err();

    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert_eq!(
        std::fs::read_to_string(journal.path()).unwrap(),
        "something else"
    );
}

#[test]
fn it_is_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::at(folder.path().join("journal"));
    journal.append(&entry("x")).unwrap();

    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&journal.path()), 0o600);
    assert_eq!(mode(&journal.folder), 0o700);
}

/// A process of its own, killed at some moment while it appends.
#[test]
fn what_a_killed_process_was_told_to_be_kept_is_there() {
    const FOLDER: &str = "JEX_TEST_JOURNAL";
    if let Some(folder) = std::env::var_os(FOLDER) {
        let mut journal = Journal::at(folder);
        loop {
            let entry = entry(&"words ".repeat(2000));
            journal.append(&entry).unwrap();
            println!("kept {}", entry.id);
        }
    }
    for round in 1..=5 {
        let folder = tempfile::tempdir().unwrap();
        let name = "journal::tests::what_a_killed_process_was_told_to_be_kept_is_there";
        let mut process = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = io::BufReader::new(process.stdout.take().unwrap());
        let mut told = Vec::new();
        for line in io::BufRead::lines(lines) {
            if let Some(id) = line.unwrap().strip_prefix("kept ") {
                // The last line may be cut off as well.
                told.extend(id.parse::<Uuid>().ok());
            }
            if told.len() == round * 7 {
                process.kill().unwrap();
            }
        }
        process.wait().unwrap();

        let kept: Vec<Uuid> = all(&mut Journal::at(folder.path()))
            .iter()
            .map(|entry| entry.id)
            .collect();

        assert_eq!(kept[..told.len()], told);
        assert!(
            kept.len() <= told.len() + 1,
            "one may be there that was not told any more"
        );
    }
}
