//! What the settings tree says about itself: every key in order, its kind, its explanation.
//!
//! Read from the source of [`crate::settings`], doc comments included, so that the file of a first
//! start, the error messages and the tree cannot disagree; the tests hold it against serde.

use std::sync::LazyLock;

/// The tree's source.
const SOURCE: &str = concat!(
    include_str!("settings.rs"),
    include_str!("settings/history.rs"),
    include_str!("settings/database.rs"),
    include_str!("settings/n8n.rs"),
);

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// One of a few words.
    Choice,
    /// Yes or no.
    Switch,
    Port,
    /// A whole number that is no port.
    Whole,
    Decimal,
    Address,
    /// Any number of them.
    Addresses,
    File,
    Ip,
}

impl Kind {
    /// Whether any value of a variable or flag is to be taken as text, never as a number or list.
    pub fn is_text(self) -> bool {
        !matches!(
            self,
            Self::Switch | Self::Port | Self::Whole | Self::Decimal | Self::Addresses
        )
    }

    /// What to write, for the owner.
    pub fn words(self) -> &'static str {
        match self {
            Self::Text => "text in quotes",
            Self::Choice => "a word in quotes",
            Self::Switch => "true or false",
            Self::Port => "a port number between 1 and 65535",
            Self::Whole => "a whole number",
            Self::Decimal => "a number",
            Self::Address => "an address in quotes, such as \"scheme://host:port\"",
            Self::Addresses => "a list of addresses, such as [\"https://jex.local\"]",
            Self::File => "a path in quotes",
            Self::Ip => "an IP address in quotes",
        }
    }

    fn of(rust_type: &str) -> Self {
        match rust_type {
            "String" => Self::Text,
            "bool" => Self::Switch,
            "u16" => Self::Port,
            "u32" | "u64" | "i64" => Self::Whole,
            "f32" => Self::Decimal,
            "Url" => Self::Address,
            "Vec<Url>" => Self::Addresses,
            "PathBuf" => Self::File,
            "IpAddr" => Self::Ip,
            _ => Self::Choice,
        }
    }
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// `section.name`.
    pub key: String,
    pub kind: Kind,
    /// Whether it may be absent.
    pub optional: bool,
    /// The doc comment, line by line.
    pub explanation: Vec<String>,
    /// A value as `jex.toml` would have it, for what is absent by default.
    pub example: Option<String>,
}

impl Field {
    pub fn section(&self) -> &str {
        self.key.split_once('.').map_or("", |(section, _)| section)
    }

    pub fn name(&self) -> &str {
        self.key.split_once('.').map_or("", |(_, name)| name)
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("JEX_{}", self.key.replace('.', "__").to_uppercase())
    }
}

/// Every setting in the order of the tree.
pub fn fields() -> &'static [Field] {
    static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
        members("Settings")
            .into_iter()
            .flat_map(|section| {
                let of = section.name;
                members(&section.rust_type)
                    .into_iter()
                    .map(move |member| field(&of, member))
            })
            .collect()
    });
    &FIELDS
}

/// The setting of that key.
pub fn field_of(key: &str) -> Option<&'static Field> {
    fields().iter().find(|field| field.key == key)
}

/// What a section is about: the doc comment of its struct.
pub fn section_explanation(section: &str) -> Option<String> {
    let rust_type = members("Settings")
        .into_iter()
        .find(|member| member.name == section)?
        .rust_type;
    let above = SOURCE.split_once(&format!("pub struct {rust_type} {{"))?.0;
    let doc = above
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("/// "))?;
    Some(doc.to_owned())
}

/// A public field of a struct, as the source has it.
struct Member {
    name: String,
    rust_type: String,
    doc: Vec<String>,
}

fn members(of: &str) -> Vec<Member> {
    let Some((_, rest)) = SOURCE.split_once(&format!("pub struct {of} {{")) else {
        return Vec::new();
    };
    let body = rest.split_once("\n}").map_or(rest, |(body, _)| body);
    let mut doc = Vec::new();
    let mut members = Vec::new();
    for line in body.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            doc.push(words.trim().to_owned());
        } else if let Some((name, rust_type)) = line
            .strip_prefix("pub ")
            .and_then(|member| member.split_once(": "))
        {
            members.push(Member {
                name: name.to_owned(),
                rust_type: rust_type.trim_end_matches(',').to_owned(),
                doc: std::mem::take(&mut doc),
            });
        }
    }
    members
}

fn field(section: &str, member: Member) -> Field {
    let within = member
        .rust_type
        .strip_prefix("Option<")
        .and_then(|inner| inner.strip_suffix('>'));
    let (examples, explanation): (Vec<String>, Vec<String>) = member
        .doc
        .into_iter()
        .partition(|line| line.starts_with("Example: "));
    let example = examples
        .first()
        .and_then(|line| line.split('`').nth(1))
        .map(str::to_owned);
    Field {
        key: format!("{section}.{}", member.name),
        kind: Kind::of(within.unwrap_or(&member.rust_type)),
        optional: within.is_some(),
        explanation,
        example,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    fn table() -> toml::Table {
        toml::Table::try_from(Settings::default()).unwrap()
    }

    #[test]
    fn every_key_that_serde_writes_is_a_required_one_here_and_no_other() {
        let mut written: Vec<String> = table()
            .iter()
            .flat_map(|(section, keys)| {
                let keys = keys.as_table().unwrap().keys();
                keys.map(move |key| format!("{section}.{key}"))
            })
            .collect();

        let mut required: Vec<String> = fields()
            .iter()
            .filter(|field| !field.optional)
            .map(|field| field.key.clone())
            .collect();

        written.sort();
        required.sort();
        assert_eq!(written, required);
    }

    #[test]
    fn each_example_is_a_value_that_its_optional_key_takes() {
        for field in fields().iter().filter(|field| field.optional) {
            let example = field.example.as_deref().expect(&field.key);
            let text = format!("[{}]\n{} = {example}\n", field.section(), field.name());

            let settings: Settings = toml::from_str(&text).expect(&text);

            assert_ne!(settings, Settings::default(), "{} had no effect", field.key);
        }
    }

    #[test]
    fn every_key_and_section_is_explained() {
        for field in fields() {
            assert!(!field.explanation.is_empty(), "{}", field.key);
            assert!(
                section_explanation(field.section()).is_some(),
                "{}",
                field.key
            );
        }
    }

    #[test]
    fn kinds_follow_the_types() {
        let kind = |key| field_of(key).unwrap().kind;

        assert_eq!(kind("web.port"), Kind::Port);
        assert_eq!(kind("llm.download"), Kind::Switch);
        assert_eq!(kind("llm.provider"), Kind::Choice);
        assert_eq!(kind("llm.seed"), Kind::Whole);
        assert_eq!(kind("livekit.url"), Kind::Address);
        assert_eq!(kind("web.public_urls"), Kind::Addresses);
        assert_eq!(
            field_of("llm.api_key_file").unwrap().variable(),
            "JEX_LLM__API_KEY_FILE"
        );
    }
}
