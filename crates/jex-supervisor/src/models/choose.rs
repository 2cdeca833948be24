//! Changing `llm.model` in `jex.toml`, leaving the rest of the file as the owner wrote it.

use std::io::Write;
use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, value};

use super::failed;
use crate::SupervisorError;

/// Writes the model's name into the file; comments and order stay.
pub fn write_model(file: &Path, model: &str) -> Result<(), SupervisorError> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(SupervisorError::file("cannot read", file)(error)),
    };
    let changed = with_model(&text, model)
        .map_err(|reason| failed(format!("{} cannot be changed: {reason}", file.display())))?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let write = || {
        std::fs::create_dir_all(folder)?;
        let mut scratch = tempfile::NamedTempFile::new_in(folder)?;
        scratch.write_all(changed.as_bytes())?;
        scratch.as_file().sync_all()?;
        // A link to a file elsewhere stays a link.
        let target = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        if target.parent() == Some(folder) || !file.exists() {
            scratch.persist(&target).map_err(|error| error.error)?;
        } else {
            std::fs::write(&target, &changed)?;
        }
        Ok(())
    };
    write().map_err(SupervisorError::file("cannot write", file))
}

fn with_model(text: &str, model: &str) -> Result<String, String> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let section = document
        .entry("llm")
        .or_insert_with(|| Item::Table(Table::new()));
    let Some(section) = section.as_table_like_mut() else {
        return Err("`llm` is no section in it".into());
    };
    match section.get_mut("model") {
        Some(Item::Value(there)) => {
            let decor = there.decor().clone();
            *there = model.into();
            *there.decor_mut() = decor;
        }
        _ => {
            section.insert("model", value(model));
        }
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_neighbours_stay() {
        let text =
            "# mine\n[llm]\n# the model\nmodel = \"old\" # small\nport = 1\n\n[web]\nport = 2\n";

        let changed = with_model(text, "llama3.2:3b").unwrap();

        assert_eq!(changed, text.replace("\"old\"", "\"llama3.2:3b\""));
    }

    #[test]
    fn the_commented_file_of_a_first_start_gets_its_line() {
        let changed = with_model(&jex_config::default_toml(), "qwen3:4b").unwrap();

        let settings: toml_edit::DocumentMut = changed.parse().unwrap();
        assert_eq!(settings["llm"]["model"].as_str(), Some("qwen3:4b"));
        assert!(changed.contains("#model = \"jex-demo\""));
    }

    #[test]
    fn an_empty_file_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/jex.toml");

        write_model(&file, "phi4").unwrap();

        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text, "[llm]\nmodel = \"phi4\"\n");
    }

    #[test]
    fn a_broken_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jex.toml");
        std::fs::write(&file, "[llm\n").unwrap();

        assert!(write_model(&file, "phi4").is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "[llm\n");
    }
}
