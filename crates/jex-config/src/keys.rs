//! Keys as someone wrote them: which are meant, which are secrets, on which line they stand.

use figment::value::{Dict, Value};

use crate::schema;

/// `section.key` of every leaf of a dictionary; an empty section is a leaf, too.
pub fn leaves(dict: &Dict) -> Vec<(String, &Value)> {
    fn walk<'v>(prefix: &str, value: &'v Value, found: &mut Vec<(String, &'v Value)>) {
        match value {
            Value::Dict(_, entries) if !entries.is_empty() => {
                for (key, value) in entries {
                    walk(&format!("{prefix}.{key}"), value, found);
                }
            }
            leaf => found.push((prefix.to_owned(), leaf)),
        }
    }
    let mut found = Vec::new();
    for (key, value) in dict {
        walk(key, value, &mut found);
    }
    found
}

/// Whether this is the name of a section.
pub fn is_section(key: &str) -> bool {
    schema::fields().iter().any(|field| field.section() == key)
}

/// What to say to someone who wrote `key`.
pub fn remedy(key: &str) -> String {
    if let Some(field) = schema::field_of(key.rsplit_once('.').map_or("", |(parent, _)| parent)) {
        return format!("`{}` is {}, not a section.", field.key, field.kind.words());
    }
    if let Some(field) = schema::fields().iter().find(|field| field.name() == key) {
        return format!("It belongs into a section: `{}`.", field.key);
    }
    let nearest = schema::fields()
        .iter()
        .map(|field| (likeness(key, &field.key), &field.key))
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    match nearest {
        Some((likeness, known)) if likeness > 0.75 => format!("Did you mean `{known}`?"),
        _ => "`jex config show` lists every setting.".into(),
    }
}

/// Likeness of the whole key, or of its last part when only the section is wrong.
fn likeness(key: &str, known: &str) -> f64 {
    fn last(key: &str) -> &str {
        key.rsplit('.').next().unwrap_or_default()
    }
    let whole = strsim::jaro_winkler(key, known);
    let tail = strsim::normalized_damerau_levenshtein(last(key), last(known));
    whole.max(tail * 0.95)
}

/// Names that tell of a secret, alone or as the end of a longer name (`openai_api_key`).
const SECRETS: [&str; 9] = [
    "api_key",
    "apikey",
    "api_secret",
    "secret",
    "secret_key",
    "password",
    "passwd",
    "token",
    "credentials",
];

/// Whether someone put a secret where only the name of its file belongs.
pub fn is_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or_default();
    let last = last.to_lowercase().replace('-', "_");
    last == "key"
        || SECRETS
            .iter()
            .any(|name| last == *name || last.ends_with(&format!("_{name}")))
}

/// The line of `key` in a TOML text, counted from 1.
pub fn line_of(text: &str, key: &str) -> Option<usize> {
    let document = toml_edit::Document::parse(text).ok()?;
    let mut table: &dyn toml_edit::TableLike = document.as_table();
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        let (name, item) = table.get_key_value(part)?;
        if parts.peek().is_none() {
            // A section's header is found by its table, a value by its key.
            let span = item.as_table().and_then(toml_edit::Table::span);
            return Some(line_at(text, span.or_else(|| name.span())?.start));
        }
        table = item.as_table_like()?;
    }
    None
}

/// The line that a byte stands on, counted from 1.
pub fn line_at(text: &str, byte: usize) -> usize {
    let before = text.as_bytes().iter().take(byte);
    before.filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_key() {
        assert_eq!(remedy("llm.modell"), "Did you mean `llm.model`?");
        assert_eq!(
            remedy("agent.endpointing_ms"),
            "Did you mean `conversation.endpointing_ms`?"
        );
    }

    #[test]
    fn nonsense_finds_none() {
        assert!(remedy("xyz.qqqqqqqqqqqqqqq").contains("jex config show"));
    }

    #[test]
    fn a_key_without_its_section_is_told_where_it_belongs() {
        assert!(remedy("greeting").contains("`assistant.greeting`"));
        assert!(remedy("llm.model.name").contains("not a section"));
    }

    #[test]
    fn secrets_are_known_by_their_names_and_files_are_not() {
        for key in [
            "llm.api_key",
            "web.password",
            "x.OPENAI_API_KEY",
            "a.bot-token",
            "llm.key",
        ] {
            assert!(is_secret(key), "{key}");
        }
        for key in ["llm.api_key_file", "llm.max_answer_tokens", "llm.monkey"] {
            assert!(!is_secret(key), "{key}");
        }
    }

    #[test]
    fn the_line_of_a_key_is_found_in_each_way_of_writing_it() {
        let text = "# hello\n[llm]\n\nmodel = \"x\"\n[web]\n[tts]\nport = 1\n";

        assert_eq!(line_of(text, "llm.model"), Some(4));
        assert_eq!(line_of(text, "web"), Some(5));
        assert_eq!(line_of("\nllm.model = 1", "llm.model"), Some(2));
        assert_eq!(line_of("web = { port = 1 }", "web.port"), Some(1));
        assert_eq!(line_of(text, "llm.seed"), None);
    }
}
