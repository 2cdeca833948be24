//! What was done in n8n, kept from one start to the next.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use jex_config::{Paths, Settings};
use serde::{Deserialize, Serialize};

use super::workflow::Workflow;
use crate::SupervisorError;

/// How a workflow was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "because")]
pub enum Outcome {
    /// It was not there before.
    Imported,
    /// A newer one came with JEX.
    Updated,
    /// As JEX left it.
    Unchanged,
    /// It is there, and off until the owner publishes it.
    Off,
    /// The owner has changed it: it stays as it is, also when a newer one comes with JEX.
    Yours,
    /// As [`Self::Yours`], and a newer one has come.
    YoursAndOlder,
    /// The owner has switched it off.
    SwitchedOff,
    /// The owner has deleted it.
    Deleted,
    /// n8n did not take it, for this reason.
    Failed(String),
}

impl Outcome {
    /// In words for the owner.
    pub fn words(&self) -> String {
        match self {
            Self::Imported => "imported".into(),
            Self::Updated => "updated".into(),
            Self::Unchanged => "as it came".into(),
            Self::Off => "off until you publish it in n8n".into(),
            Self::Yours => "yours: you have changed it, so it stays as it is".into(),
            Self::YoursAndOlder => {
                "yours: you have changed it, so it stays as it is; a newer one came with JEX".into()
            }
            Self::SwitchedOff => "switched off by you".into(),
            Self::Deleted => "deleted by you".into(),
            Self::Failed(reason) => format!("n8n does not take it: {reason}"),
        }
    }
}

/// One workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Name of its file, without `.json`.
    pub file: String,
    /// Name in n8n.
    pub name: String,
    /// In n8n; `None` before n8n was asked to take it.
    pub id: Option<String>,
    /// Of what n8n has, if nobody changed it (see [`Workflow::digest`]). Empty for one that was there before.
    pub digest: String,
    /// Of what n8n was being given when this was written: by it one sees, after a sudden end, whether it took it.
    pub pending: Option<String>,
    /// Of what it was last given, to the letter.
    pub given: String,
    pub tagged: bool,
    pub published: bool,
    pub outcome: Outcome,
    /// It did not come with JEX at the last start; what the owner did with it holds when it comes again.
    #[serde(default)]
    pub absent: bool,
}

/// A credential that JEX keeps in n8n.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    pub id: String,
    /// Digest of its token.
    pub token: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// n8n's owner: another one means another database.
    owner: String,
    credentials: BTreeMap<String, Credential>,
    workflows: BTreeMap<String, Record>,
}

/// All of it, and the file that it is kept in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    file: PathBuf,
    kept: Kept,
}

impl State {
    pub fn load(settings: &Settings, paths: &Paths) -> Result<Self, SupervisorError> {
        let folder = settings.n8n.folder.as_ref().unwrap_or(&paths.state);
        let file = folder.join("n8n-workflows.json");
        let kept = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                SupervisorError::N8n(format!(
                    "{} cannot be read: {error}. Delete it: JEX then looks anew at what n8n has, and takes \
                     whatever differs for yours.",
                    file.display()
                ))
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(SupervisorError::file("cannot read", file)(error)),
        };
        Ok(Self { file, kept })
    }

    /// Whole or not at all.
    pub fn save(&self) -> Result<(), SupervisorError> {
        let failed = |error| SupervisorError::file("cannot write", &self.file)(error);
        let folder = self.file.parent().unwrap_or_else(|| "/".as_ref());
        let saving = || {
            std::fs::create_dir_all(folder)?;
            let mut scratch = tempfile::NamedTempFile::new_in(folder)?;
            // No secret is in it; in a folder that is shared, others of JEX's read it.
            let for_group = std::fs::Permissions::from_mode(0o640);
            scratch.as_file().set_permissions(for_group)?;
            serde_json::to_writer_pretty(&mut scratch, &self.kept)?;
            scratch.as_file().sync_all()?;
            scratch.persist(&self.file).map_err(|error| error.error)?;
            std::fs::File::open(folder)?.sync_all()
        };
        saving().map_err(failed)
    }

    /// Forgets everything when n8n's owner is another than before.
    pub fn is_for(&mut self, owner: &str) -> Result<(), SupervisorError> {
        if self.kept.owner == owner {
            return Ok(());
        }
        self.kept = Kept {
            owner: owner.to_owned(),
            ..Kept::default()
        };
        self.save()
    }

    pub fn has_credential(&self, name: &str, id: &str, token: &str) -> bool {
        let kept = self.kept.credentials.get(name);
        kept.is_some_and(|kept| kept.id == id && kept.token == token)
    }

    pub fn keep_credential(
        &mut self,
        name: &str,
        credential: Credential,
    ) -> Result<(), SupervisorError> {
        self.kept.credentials.insert(name.to_owned(), credential);
        self.save()
    }

    pub fn record(&self, file: &str) -> Option<&Record> {
        self.kept.workflows.get(file)
    }

    /// Of those that came with JEX at the last start.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        let all = self.kept.workflows.values();
        all.filter(|record| !record.absent)
    }

    pub fn keep(&mut self, record: Record) -> Result<(), SupervisorError> {
        self.kept.workflows.insert(record.file.clone(), record);
        self.save()
    }

    /// What no longer comes with JEX stays in n8n, and is none of our business.
    pub fn came(&mut self, files: &[Workflow]) {
        for (file, record) in &mut self.kept.workflows {
            record.absent = !files.iter().any(|workflow| workflow.file == *file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(home: &tempfile::TempDir) -> Paths {
        let root = home.path().to_owned();
        Paths::from_lookup(|name| (name == "HOME").then(|| root.clone())).unwrap()
    }

    fn record() -> Record {
        Record {
            file: "timer".into(),
            name: "Timer".into(),
            id: Some("a1".into()),
            digest: "d".into(),
            pending: None,
            given: "g".into(),
            tagged: true,
            published: true,
            outcome: Outcome::Failed("no".into()),
            absent: false,
        }
    }

    #[test]
    fn what_is_kept_is_there_at_the_next_start() {
        let home = tempfile::tempdir().unwrap();
        let mut state = State::load(&Settings::default(), &paths(&home)).unwrap();

        state.is_for("ada").unwrap();
        state.keep(record()).unwrap();

        let again = State::load(&Settings::default(), &paths(&home)).unwrap();
        assert_eq!(again, state);
        assert_eq!(again.record("timer"), Some(&record()));
    }

    #[test]
    fn what_the_owner_did_with_one_that_did_not_come_once_holds_when_it_comes_again() {
        let home = tempfile::tempdir().unwrap();
        let mut state = State::load(&Settings::default(), &paths(&home)).unwrap();
        state.keep(record()).unwrap();

        state.came(&[]);

        assert_eq!(state.records().count(), 0);
        assert_eq!(state.record("timer").unwrap().outcome, record().outcome);
    }

    #[test]
    fn another_database_begins_anew() {
        let home = tempfile::tempdir().unwrap();
        let mut state = State::load(&Settings::default(), &paths(&home)).unwrap();
        state.is_for("ada").unwrap();
        state.keep(record()).unwrap();

        state.is_for("ada").unwrap();
        assert!(state.record("timer").is_some());
        state.is_for("grace").unwrap();

        assert!(state.record("timer").is_none());
    }
}
