//! `jex config`: what is in force, whether a file is sound, where it is.

use std::fmt::Write as _;
use std::path::Path;

use anstyle::AnsiColor;
use jex_config::{LoadOptions, Loaded, Origin, Paths};

use crate::cli::ConfigCommand;
use crate::exit;

/// Runs one of the subcommands. Returns the exit status.
pub fn run(command: &ConfigCommand, options: &LoadOptions) -> anyhow::Result<u8> {
    match command {
        ConfigCommand::Show { json } => {
            let loaded = jex_config::load(options)?;
            let text = if *json {
                as_json(&loaded)
            } else {
                as_toml(&loaded)
            };
            exit::say(&text);
        }
        ConfigCommand::Check { file } => check(file.as_deref(), options)?,
        ConfigCommand::Path => {
            let file = match &options.file {
                Some(file) => std::path::absolute(file)?,
                None => Paths::from_env()?.config_file,
            };
            exit::say(&format!("{}\n", file.display()));
        }
    }
    Ok(exit::SUCCESS)
}

fn check(file: Option<&Path>, options: &LoadOptions) -> anyhow::Result<()> {
    let file = match file.or(options.file.as_deref()) {
        Some(file) => file.to_owned(),
        None => Paths::from_env()?.config_file,
    };
    let loaded = jex_config::check_file(&file)?;
    let set = loaded
        .values
        .iter()
        .filter(|value| value.origin != Origin::Default);
    let text = match set.count() {
        0 => "every setting has its default".into(),
        1 => "1 setting is set".into(),
        count => format!("{count} settings are set"),
    };
    exit::say(&format!("{} is sound: {text}.\n", file.display()));
    Ok(())
}

/// As a `jex.toml` that would have the same effect, with the origin of each value beside it.
fn as_toml(loaded: &Loaded) -> String {
    let dim = AnsiColor::BrightBlack.on_default();
    let set = AnsiColor::Green.on_default();
    let there = if loaded.file.exists() {
        ""
    } else {
        " (not there: `jex up` writes it)"
    };
    let mut text = format!("{dim}# {}{there}{dim:#}\n", loaded.file.display());
    let mut section = "";
    for value in &loaded.values {
        let (of, name) = value.key.split_once('.').unwrap_or(("", &value.key));
        if of != section {
            section = of;
            let _ = writeln!(text, "\n[{section}]");
        }
        let line = match &value.value {
            Some(value) => format!("{name} = {value}"),
            None => format!("# {name} is not set"),
        };
        let style = if value.origin == Origin::Default {
            dim
        } else {
            set
        };
        let origin = &value.origin;
        let _ = match line.contains('\n') {
            // A comment behind the text would become part of it.
            true => writeln!(text, "{style}# {origin}:{style:#}\n{line}"),
            false => writeln!(text, "{line:<40}  {style}# {origin}{style:#}"),
        };
    }
    text
}

/// `{"file": …, "settings": {"section.key": {"value": …, "source": …}}}`.
fn as_json(loaded: &Loaded) -> String {
    let tree = serde_json::to_value(&loaded.settings).expect("the settings always serialise");
    let settings: serde_json::Map<String, serde_json::Value> = loaded
        .values
        .iter()
        .map(|value| {
            let path = format!("/{}", value.key.replace('.', "/"));
            let entry = serde_json::json!({
                "value": tree.pointer(&path),
                "source": value.origin.to_string(),
            });
            (value.key.clone(), entry)
        })
        .collect();
    let json = serde_json::json!({ "file": loaded.file, "settings": settings });
    format!("{json:#}\n")
}
