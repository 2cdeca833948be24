//! Where the real parts' programs, models and voices lie.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{ConfigError, Paths};

/// Where Debian and its kin have PostgreSQL.
const OF_DEBIAN: &str = "/usr/lib/postgresql";

/// Absolute paths, from the file that `./dev parts` writes; programs also from `PATH`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Parts {
    pub livekit_server: Option<PathBuf>,
    pub redis_server: Option<PathBuf>,
    pub ollama: Option<PathBuf>,
    pub whisper: Option<PathBuf>,
    /// Folder of the packaged CTranslate2 model.
    pub whisper_model: Option<PathBuf>,
    pub piper: Option<PathBuf>,
    /// Folder of the packaged voice.
    pub piper_voices: Option<PathBuf>,
    pub espeak_ng: Option<PathBuf>,
    /// The packaged language model.
    pub model_gguf: Option<PathBuf>,
    /// The exported page.
    pub page: Option<PathBuf>,
    /// Folder of PostgreSQL's programs.
    pub postgresql: Option<PathBuf>,
    pub n8n: Option<PathBuf>,
    /// Folder of the workflows that come with JEX.
    pub workflows: Option<PathBuf>,
}

impl Parts {
    /// Reads the file, then fills gaps from `PATH`.
    pub fn load(paths: &Paths) -> Result<Self, ConfigError> {
        let mut parts = Self::from_file(&paths.parts_file())?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        for (part, program) in [
            (&mut parts.livekit_server, "livekit-server"),
            (&mut parts.redis_server, "redis-server"),
            (&mut parts.ollama, "ollama"),
            (&mut parts.whisper, "wyoming-faster-whisper"),
            (&mut parts.piper, "wyoming-piper"),
            (&mut parts.espeak_ng, "espeak-ng"),
        ] {
            // A file that names a program which is gone is as good as no file.
            part.take_if(|place| !place.exists());
            *part = part.take().or_else(|| find(program, &path));
        }
        // From the file alone: n8n is asked for its version where parts are got, since that takes it seconds.
        parts.n8n.take_if(|place| !place.exists());
        parts.postgresql.take_if(|place| !has_postgresql(place));
        parts.postgresql = { parts.postgresql.take() }
            .or_else(|| postgresql_on(&path))
            .or_else(|| newest_postgresql(Path::new(OF_DEBIAN)));
        Ok(parts)
    }

    fn from_file(file: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(file) {
            Ok(text) => toml::from_str(&text).map_err(|error| ConfigError::Syntax {
                file: file.to_owned(),
                reason: error.message().replace('\n', ", "),
                remedy: "Run `./dev parts`: it writes the file anew.",
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(ConfigError::File {
                deed: "read",
                path: file.to_owned(),
                reason: error.to_string(),
                remedy: "Run `./dev parts`.".into(),
            }),
        }
    }

    /// The part, or what to do about its absence.
    pub fn require<'p>(part: &'p Option<PathBuf>, name: &str) -> Result<&'p Path, ConfigError> {
        part.as_deref().ok_or_else(|| ConfigError::PartMissing {
            program: name.to_owned(),
            remedy: "Run `./dev parts`, or install it so that it is on PATH.".into(),
        })
    }
}

/// Whether a folder holds what a database is made and served with.
fn has_postgresql(folder: &Path) -> bool {
    ["initdb", "postgres"]
        .iter()
        .all(|program| folder.join(program).exists())
}

/// Both programs lie in one folder, to which what is on `PATH` may be a link.
fn postgresql_on(path: &std::ffi::OsStr) -> Option<PathBuf> {
    let program = find("postgres", path)?.canonicalize().ok()?;
    let folder = program.parent()?.to_owned();
    has_postgresql(&folder).then_some(folder)
}

/// Debian has a folder per version, and none of them on `PATH`.
fn newest_postgresql(below: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(below).ok()?.flatten();
    let versions = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let folder = entry.path().join("bin");
        has_postgresql(&folder).then_some((version, folder))
    });
    versions.max().map(|(_, folder)| folder)
}

fn find(program: &str, path: &std::ffi::OsStr) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    std::env::split_paths(path)
        .map(|folder| folder.join(program))
        .find(|file| {
            std::fs::metadata(file)
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_part_names_the_remedy() {
        let error = Parts::require(&None, "livekit-server")
            .unwrap_err()
            .to_string();

        assert!(
            error.contains("livekit-server") && error.contains("./dev parts"),
            "{error}"
        );
    }

    #[test]
    fn a_broken_file_is_mended_by_what_writes_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parts.toml");
        std::fs::write(&file, "ollama = \n").unwrap();

        let error = Parts::from_file(&file).unwrap_err();

        assert!(error.to_string().contains("./dev parts"), "{error}");
    }

    #[test]
    fn the_newest_postgresql_that_is_whole_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        for (version, programs) in [
            ("9", &["initdb", "postgres"][..]),
            ("15", &["initdb", "postgres"]),
            ("17", &["psql"]),
        ] {
            let bin = folder.path().join(version).join("bin");
            std::fs::create_dir_all(&bin).unwrap();
            for program in programs {
                std::fs::write(bin.join(program), "").unwrap();
            }
        }

        let found = newest_postgresql(folder.path()).unwrap();

        assert_eq!(found, folder.path().join("15/bin"));
    }

    #[test]
    fn only_executables_are_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ollama"), "").unwrap();

        assert_eq!(find("ollama", folder.path().as_os_str()), None);
    }
}
