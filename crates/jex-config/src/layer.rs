//! One layer of settings: the file, one variable or one flag.

use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml};
use figment::value::{Dict, Empty, Value};
use figment::{Metadata, Profile, Provider};

use crate::schema::{self, Kind};
use crate::{ConfigError, keys};

const PREFIX: &str = "JEX_";
/// Variables with our prefix that are no settings.
const EXCEPTIONS: [&str; 5] = ["JEX_CONFIG", "JEX_PARTS", "JEX_LOG", "JEX_BIN", "JEX_RUN"];
const EXCEPTION_PREFIX: &str = "JEX_TEST_";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File(PathBuf),
    Environment(String),
    Flag,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "${name}"),
            Self::Flag => f.write_str("--set"),
        }
    }
}

/// Values of one origin, keys checked against the tree.
#[derive(Debug)]
pub struct Layer {
    pub origin: Origin,
    dict: Dict,
    /// The file's text, for line numbers.
    text: String,
}

impl Layer {
    /// The owner's file; one that is absent is empty.
    pub fn file(file: &Path) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(ConfigError::File {
                    deed: "read",
                    path: file.to_owned(),
                    reason: error.to_string(),
                    remedy: "Make it a text file that you can read.".into(),
                });
            }
        };
        let syntax = |reason: String| ConfigError::Syntax {
            file: file.to_owned(),
            reason,
            remedy: "Mend the line or delete the file; JEX writes a fresh one.",
        };
        // Parsed twice: toml's error has the place, figment's has not.
        toml::from_str::<toml::Table>(&text).map_err(|error| {
            let line = error.span().map(|span| keys::line_at(&text, span.start));
            let line = line.map_or_else(String::new, |line| format!("line {line}: "));
            syntax(format!("{line}{}", error.message().replace('\n', ", ")))
        })?;
        let data = Toml::string(&text)
            .data()
            .map_err(|error| syntax(error.to_string()))?;
        let dict = data.into_values().next().unwrap_or_default();
        Self {
            origin: Origin::File(file.to_owned()),
            dict,
            text,
        }
        .with_known_keys()
    }

    /// One variable of the environment; `None` when it is none of ours.
    pub fn variable(name: &str, value: &str) -> Result<Option<Self>, ConfigError> {
        if !is_setting(name) {
            return Ok(None);
        }
        let rest = name.strip_prefix(PREFIX).unwrap_or_default();
        let key = rest.to_lowercase().replacen("__", ".", 1);
        let origin = Origin::Environment(name.to_owned());
        if !key.contains('.') || name != name.to_uppercase() {
            return Err(ConfigError::UnknownKey {
                origin: origin.to_string(),
                remedy: "Settings are named JEX_SECTION__KEY, such as JEX_LLM__MODEL.".into(),
                key,
            });
        }
        Self::single(origin, &key, value).map(Some)
    }

    /// One `--set section.key=value`.
    pub fn flag(key: &str, value: &str) -> Result<Self, ConfigError> {
        Self::single(Origin::Flag, key.trim(), value)
    }

    fn single(origin: Origin, key: &str, value: &str) -> Result<Self, ConfigError> {
        // A section, its key, and in a table the owner's own.
        let mut parts: Vec<&str> = key.splitn(3, '.').collect();
        let innermost = parts.pop().unwrap_or_default();
        let leaf = Dict::from([(innermost.to_owned(), leaf(key, value))]);
        let around = |inner: Dict, name: &str| Dict::from([(name.to_owned(), Value::from(inner))]);
        let dict = parts.into_iter().rfold(leaf, around);
        let text = String::new();
        Self { origin, dict, text }.with_known_keys()
    }

    /// Whether this layer decides `key`.
    pub fn sets(&self, key: &str) -> bool {
        keys::leaves(&self.dict).iter().any(|(set, _)| {
            let within = set.strip_prefix(key);
            within.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// The origin, with the line where there is one.
    pub fn place(&self, key: &str) -> String {
        match keys::line_of(&self.text, key) {
            Some(line) => format!("{}, line {line}", self.origin),
            None => self.origin.to_string(),
        }
    }

    fn with_known_keys(self) -> Result<Self, ConfigError> {
        for (key, value) in keys::leaves(&self.dict) {
            let section = keys::is_section(&key);
            if schema::owner_of(&key).is_some() || section && matches!(value, Value::Dict(..)) {
                continue;
            }
            let origin = self.place(&key);
            return Err(if section {
                ConfigError::WrongValue {
                    origin,
                    reason: "is a section, not a value".into(),
                    remedy: format!("Write `[{key}]` on a line of its own, its keys below it."),
                    key,
                }
            } else if keys::is_secret(&key) {
                ConfigError::SecretInSettings {
                    origin,
                    remedy: secret_remedy(&key),
                    key,
                }
            } else {
                let remedy = keys::remedy(&key);
                ConfigError::UnknownKey {
                    origin,
                    key,
                    remedy,
                }
            });
        }
        Ok(self)
    }
}

impl Provider for &Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.to_string())
    }

    fn data(&self) -> figment::error::Result<figment::value::Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.dict.clone()))
    }
}

/// Whether a variable of that name is meant for the settings.
pub fn is_setting(name: &str) -> bool {
    name.starts_with(PREFIX) && !EXCEPTIONS.contains(&name) && !name.starts_with(EXCEPTION_PREFIX)
}

/// The value of a variable or flag: a number, a yes or no or a list where one belongs, else text as it
/// stands.
fn leaf(key: &str, value: &str) -> Value {
    let field = schema::field_of(key);
    if value.is_empty() && field.is_some_and(|field| field.optional) {
        // `JEX_LLM__SEED=` takes back what the file says.
        return Value::from(Empty::None);
    }
    match field.map_or(Kind::Text, |field| field.kind) {
        kind if kind.is_text() => Value::from(value.to_owned()),
        Kind::Addresses => list(value),
        Kind::Table | Kind::Sections => inline(value),
        Kind::Switch => value
            .parse::<bool>()
            .map_or_else(|_| Value::from(value.to_owned()), Value::from),
        Kind::Decimal => value
            .parse::<f64>()
            .map_or_else(|_| Value::from(value.to_owned()), Value::from),
        _ => value
            .parse::<i64>()
            .map_or_else(|_| Value::from(value.to_owned()), Value::from),
    }
}

/// As `jex.toml` has it, or only the addresses with commas between them.
fn list(value: &str) -> Value {
    let parsed = toml::from_str::<toml::Table>(&format!("list = {value}"));
    if let Some(toml::Value::Array(members)) = parsed.ok().and_then(|mut t| t.remove("list")) {
        let text = |member: &toml::Value| match member {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        return Value::from(members.iter().map(text).collect::<Vec<_>>());
    }
    let members = value
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty());
    Value::from(members.map(str::to_owned).collect::<Vec<_>>())
}

/// As `jex.toml` has it on one line.
fn inline(value: &str) -> Value {
    let parsed = toml::from_str::<toml::Table>(&format!("inline = {value}"));
    let parsed = parsed.ok().and_then(|mut table| table.remove("inline"));
    let read = parsed.and_then(|parsed| Value::serialize(parsed).ok());
    read.unwrap_or_else(|| Value::from(value.to_owned()))
}

fn secret_remedy(key: &str) -> String {
    let named = format!("{key}_file");
    let remedy = "Put it into a file that only you can read (chmod 600) and name that file by";
    if schema::field_of(&named).is_some() {
        return format!("{remedy} `{named}`.");
    }
    let files: Vec<String> = schema::fields()
        .iter()
        .filter(|field| field.key.ends_with("api_key_file") || field.key.ends_with("secret_file"))
        .map(|field| format!("`{}`", field.key))
        .collect();
    format!("{remedy} the setting for it: {}.", files.join(", "))
}
