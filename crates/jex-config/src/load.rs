//! Loads the settings from their layers, and knows where each value came from.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::Kind as Mistake;
use figment::providers::Serialized;

use crate::layer::{Layer, Origin, is_setting};
use crate::schema::{self, Field};
use crate::{ConfigError, Paths, Settings, secrets, validate};

#[cfg(test)]
mod tests;

/// Where to look beside the environment.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Another file than the owner's; it must be there.
    pub file: Option<PathBuf>,
    /// `section.key` and value of each `--set` flag; the last one of a key wins.
    pub overrides: Vec<(String, String)>,
}

/// One effective setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    pub key: String,
    /// As it would be written in `jex.toml`; `None` when the setting is absent.
    pub value: Option<String>,
    pub origin: Origin,
}

/// The effective settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    pub settings: Settings,
    /// The file that was looked for, whether it is there or not.
    pub file: PathBuf,
    /// Every setting in the order of the tree.
    pub values: Vec<Value>,
}

impl Loaded {
    /// Where the effective value of a key came from.
    pub fn origin(&self, key: &str) -> Origin {
        let value = self.values.iter().find(|value| value.key == key);
        value.map_or(Origin::Default, |value| value.origin.clone())
    }

    /// The flags as variables (`JEX_SECTION__KEY`), for processes that are to see the same settings.
    pub fn flags_as_variables(&self) -> Vec<(String, String)> {
        self.values
            .iter()
            .filter(|value| value.origin == Origin::Flag)
            .filter_map(|value| {
                let variable = schema::field_of(&value.key)?.variable();
                Some((variable, plain(value.value.as_deref().unwrap_or_default())))
            })
            .collect()
    }
}

/// A value of `jex.toml` as a variable has it: text without quotes and escapes.
fn plain(value: &str) -> String {
    let parsed = toml::from_str::<toml::Table>(&format!("value = {value}"));
    match parsed.ok().and_then(|mut table| table.remove("value")) {
        Some(toml::Value::String(text)) => text,
        _ => value.to_owned(),
    }
}

/// Loads the layers and checks the result.
pub fn load(options: &LoadOptions) -> Result<Loaded, ConfigError> {
    let file = match &options.file {
        Some(file) => file.clone(),
        None => Paths::from_env()?.config_file,
    };
    if options.file.is_some() && !file.exists() {
        return Err(missing(&file));
    }
    load_from(&file, &environment()?, &options.overrides)
}

/// Checks one file alone, as if nothing else were set.
pub fn check_file(file: &Path) -> Result<Loaded, ConfigError> {
    if !file.exists() {
        return Err(missing(file));
    }
    let loaded = load_from(file, &[], &[])?;
    let place = Layer::file(file)?.place("livekit.url");
    secrets::foreign_needs_credentials(&loaded.settings, &place)?;
    Ok(loaded)
}

fn missing(file: &Path) -> ConfigError {
    ConfigError::File {
        deed: "read",
        path: file.to_owned(),
        reason: "there is no such file".into(),
        remedy: "Name another file, or leave the name out for the default one.".into(),
    }
}

/// The variables that are settings, by name so that messages do not depend on their order.
fn environment() -> Result<Vec<(String, String)>, ConfigError> {
    let mut found = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| is_setting(name)) else {
            continue;
        };
        let Some(value) = value.to_str() else {
            return Err(ConfigError::WrongValue {
                origin: Origin::Environment(name.to_owned()).to_string(),
                key: name.to_owned(),
                reason: "is not UTF-8".into(),
                remedy: "Set it again as plain text.".into(),
            });
        };
        found.push((name.to_owned(), value.to_owned()));
    }
    found.sort();
    Ok(found)
}

fn load_from(
    file: &Path,
    environment: &[(String, String)],
    overrides: &[(String, String)],
) -> Result<Loaded, ConfigError> {
    let mut layers = vec![Layer::file(file)?];
    for (name, value) in environment {
        layers.extend(Layer::variable(name, value)?);
    }
    for (key, value) in overrides {
        layers.push(Layer::flag(key, value)?);
    }
    let mut figment = Figment::from(Serialized::defaults(Settings::default()));
    for layer in &layers {
        figment = figment.merge(layer);
        // After each layer, so that the message names the right one.
        figment
            .extract::<Settings>()
            .map_err(|error| wrong_value(layer, error))?;
    }
    let settings: Settings = figment.extract().map_err(|error| ConfigError::WrongValue {
        origin: Origin::Default.to_string(),
        key: error.path.join("."),
        reason: error.kind.to_string(),
        remedy: "This is a fault of JEX.".into(),
    })?;
    validate::validate(&settings).map_err(|fault| {
        // The culprit is what someone set, not the default that it clashes with.
        let set = fault
            .keys
            .iter()
            .find_map(|key| Some((key, decider(&layers, key)?)));
        let origin = match set {
            Some((key, layer)) => layer.place(key),
            None => Origin::Default.to_string(),
        };
        ConfigError::WrongValue {
            origin,
            key: fault.keys.first().copied().unwrap_or_default().into(),
            reason: fault.reason,
            remedy: fault.remedy,
        }
    })?;
    Ok(Loaded {
        values: values(&settings, &layers),
        settings,
        file: file.to_owned(),
    })
}

/// The last layer that sets `key`.
fn decider<'l>(layers: &'l [Layer], key: &str) -> Option<&'l Layer> {
    layers.iter().rev().find(|layer| layer.sets(key))
}

/// Figment's mistake in the owner's words.
fn wrong_value(layer: &Layer, error: figment::Error) -> ConfigError {
    // A member of a list is told by the list's name.
    let is_name = |part: &&String| part.parse::<usize>().is_err();
    let names: Vec<&str> = error
        .path
        .iter()
        .filter(is_name)
        .map(String::as_str)
        .collect();
    let key = names.join(".");
    let field = schema::field_of(&key);
    let must = field.map_or("another kind of value", |field| field.kind.words());
    let (reason, remedy) = match error.kind {
        Mistake::UnknownVariant(actual, known) => {
            (format!("cannot be \"{actual}\""), one_of(&actual, known))
        }
        Mistake::InvalidType(actual, _) | Mistake::InvalidValue(actual, _) => {
            let reason = format!("is {actual}, but must be {must}");
            (reason, field.map_or_else(String::new, usual))
        }
        // What a type's own parser says, such as that of an address.
        other => {
            let reason = format!("must be {must} ({other})");
            (reason, field.map_or_else(String::new, usual))
        }
    };
    ConfigError::WrongValue {
        origin: layer.place(&key),
        key,
        reason,
        remedy,
    }
}

fn one_of(actual: &str, known: &[&str]) -> String {
    let list: Vec<String> = known.iter().map(|word| format!("\"{word}\"")).collect();
    let nearest = known
        .iter()
        .map(|word| (strsim::jaro_winkler(actual, word), word))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .filter(|(likeness, _)| *likeness > 0.75);
    match nearest {
        Some((_, word)) => format!("Did you mean \"{word}\"?"),
        None => format!("It is one of {}.", list.join(", ")),
    }
}

/// What the setting is when nobody sets it.
fn usual(field: &Field) -> String {
    let defaults = table(&Settings::default());
    match (written(&defaults, &field.key), &field.example) {
        (Some(value), _) => format!("By default it is {value}."),
        (None, Some(example)) => format!("Leave it out, or write it like {example}."),
        (None, None) => "Leave it out.".into(),
    }
}

/// Every setting with its value and origin, the later layer winning.
fn values(settings: &Settings, layers: &[Layer]) -> Vec<Value> {
    let effective = table(settings);
    schema::fields()
        .iter()
        .map(|field| Value {
            key: field.key.clone(),
            value: written(&effective, &field.key),
            origin: decider(layers, &field.key)
                .map_or(Origin::Default, |layer| layer.origin.clone()),
        })
        .collect()
}

/// The tree as TOML.
pub(crate) fn table(settings: &Settings) -> toml::Table {
    toml::Table::try_from(settings).expect("the settings always serialise")
}

/// A value as `jex.toml` would have it.
pub(crate) fn written(table: &toml::Table, key: &str) -> Option<String> {
    let (section, name) = key.split_once('.')?;
    match table.get(section)?.get(name)? {
        // An f32 in a TOML float is 0.699999988079071.
        toml::Value::Float(value) => Some(format!("{:?}", *value as f32)),
        value => Some(value.to_string()),
    }
}
