//! The commented `jex.toml` of a first start, made from what the settings tree says about itself.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use crate::{ConfigError, Settings, load, schema};

const HEAD: &str = "\
# JEX's settings. Lines that begin with `#key` show the defaults: remove the `#` to change one.
# The same settings can be environment variables (JEX_LLM__MODEL=...) and flags (--set llm.model=...),
# which win over this file. `jex config show` prints what is in force and where it came from.
# Secrets never go in here: put each into a file that only you can read and name the file.
";

/// Every setting, commented out, with its default and explanation.
pub fn default_toml() -> String {
    let defaults = load::table(&Settings::default());
    let mut text = HEAD.to_owned();
    let mut section = "";
    for field in schema::fields() {
        if field.section() != section {
            section = field.section();
            let about = schema::section_explanation(section).unwrap_or_default();
            let _ = write!(text, "\n\n# {about}\n[{section}]\n");
        }
        text.push('\n');
        for line in &field.explanation {
            let _ = writeln!(text, "# {line}");
        }
        let name = field.name();
        let _ = match load::written(&defaults, &field.key) {
            Some(value) => writeln!(text, "#{name} = {value}"),
            None => {
                let example = field.example.as_deref().unwrap_or_default();
                writeln!(text, "# Not set by default. Example:\n# {name} = {example}")
            }
        };
    }
    text
}

/// Writes the file unless it is there, whole or not at all. Returns whether it was written.
pub fn write_default_if_missing(file: &Path) -> Result<bool, ConfigError> {
    let failed = |error: std::io::Error| ConfigError::File {
        deed: "write",
        path: file.to_owned(),
        reason: error.to_string(),
        remedy: "Make its folder writable for you, or name another file with --config.".into(),
    };
    if file.exists() {
        return Ok(false);
    }
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut scratch = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    scratch
        .write_all(default_toml().as_bytes())
        .map_err(failed)?;
    scratch.as_file().sync_all().map_err(failed)?;
    match scratch.persist_noclobber(file) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error.error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_parses_to_the_defaults() {
        let parsed: Settings = toml::from_str(&default_toml()).unwrap();

        assert_eq!(parsed, Settings::default());
    }

    /// What the owner gets who removes the `#` before every key.
    fn uncommented() -> String {
        let lines = default_toml();
        let lines = lines.lines().map(|line| match line.strip_prefix('#') {
            Some(key) if !key.starts_with([' ', '#']) => format!("{key}\n"),
            _ => format!("{line}\n"),
        });
        lines.collect()
    }

    #[test]
    fn uncommented_it_still_parses_to_the_defaults() {
        let parsed: Settings = toml::from_str(&uncommented()).unwrap();

        assert_eq!(parsed, Settings::default());
    }

    #[test]
    fn uncommented_it_sets_every_key_that_has_a_default() {
        let parsed: toml::Table = toml::from_str(&uncommented()).unwrap();

        assert_eq!(parsed, load::table(&Settings::default()));
    }

    #[test]
    fn every_key_is_there() {
        let text = default_toml();

        for field in schema::fields() {
            let name = field.name();
            let shown = text.contains(&format!("\n#{name} ="));
            let example = text.contains(&format!("\n# {name} ="));
            assert!(shown || example, "{} is missing", field.key);
        }
    }

    #[test]
    fn a_file_that_is_there_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/jex.toml");

        assert!(write_default_if_missing(&file).unwrap());
        std::fs::write(&file, "[web]\nport = 3001\n").unwrap();
        assert!(!write_default_if_missing(&file).unwrap());
        assert!(std::fs::read_to_string(&file).unwrap().contains("3001"));
    }
}
