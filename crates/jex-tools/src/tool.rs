//! What a tool is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest name that OpenAI's API takes.
const LONGEST_NAME: usize = 64;
/// Longest description that a model is shown, in characters.
const LONGEST_DESCRIPTION: usize = 1024;
/// A larger schema fills the window of a small model. In bytes of JSON.
const LARGEST_SCHEMA: usize = 16 * 1024;

/// Name of a tool as models know it: 1 to 64 ASCII letters, digits, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ToolName(Arc<str>);

impl ToolName {
    /// The reason is for the owner: "has …".
    pub fn new(name: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(fits) {
            return Err(format!(
                "has the name \"{}\", but a name is 1 to {LONGEST_NAME} letters, digits, _ and -",
                crate::text::one_line(name, 80)
            ));
        }
        Ok(Self(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a call does to the world, as the tool's author declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    Reads,
    Changes,
}

/// The template of the question, in one language or several: "add {item} to the list {list}".
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Says {
    /// In English.
    One(String),
    /// By the primary language: `en`, `de`.
    Many(BTreeMap<String, String>),
}

impl Says {
    /// The template for a language, and the primary language that it is in.
    pub fn for_language(&self, language: &str) -> Option<(&str, &str)> {
        match self {
            Self::One(template) => Some(("en", template)),
            Self::Many(templates) => templates
                .get_key_value(language)
                .or_else(|| templates.get_key_value("en"))
                .or_else(|| templates.first_key_value())
                .map(|(language, template)| (language.as_str(), template.as_str())),
        }
    }

    fn templates(&self) -> Vec<&str> {
        match self {
            Self::One(template) => vec![template],
            Self::Many(templates) => templates.values().map(String::as_str).collect(),
        }
    }
}

/// A tool whose description was checked: its schema compiles and its template names only arguments that exist.
#[derive(Clone)]
pub struct Tool {
    pub name: ToolName,
    /// For the model. One paragraph.
    pub description: String,
    /// JSON schema of an object.
    pub parameters: Value,
    pub effect: Effect,
    /// Without it the question is made of the name and all arguments.
    pub says: Option<Says>,
    /// Whether JEX came with it, unchanged: only then its word that it only reads is believed.
    pub shipped: bool,
    /// Name of the source that has it, such as `n8n`.
    pub source: String,
    validator: Arc<jsonschema::Validator>,
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool")
            .field("name", &self.name.as_str())
            .field("source", &self.source)
            .field("effect", &self.effect)
            .field("shipped", &self.shipped)
            .finish_non_exhaustive()
    }
}

/// What a source says of a tool, before it is checked.
#[derive(Debug, Clone)]
pub struct Draft {
    pub name: ToolName,
    pub description: String,
    pub parameters: Value,
    pub effect: Effect,
    pub says: Option<Says>,
    pub shipped: bool,
    pub source: String,
}

impl Draft {
    /// The reason is for the owner, as the end of "the tool …".
    pub fn check(self) -> Result<Tool, String> {
        let description = crate::text::paragraph(&self.description, LONGEST_DESCRIPTION);
        if description.is_empty() {
            return Err("has no description".into());
        }
        let size = self.parameters.to_string().len();
        if size > LARGEST_SCHEMA {
            return Err(format!(
                "has a schema of {size} bytes, but {LARGEST_SCHEMA} is the most"
            ));
        }
        let Some(schema) = self.parameters.as_object() else {
            return Err("has parameters that are no JSON schema of an object".into());
        };
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err("has parameters whose schema is not of type \"object\"".into());
        }
        let validator = jsonschema::validator_for(&self.parameters).map_err(|error| {
            let reason = crate::text::one_line(&error.to_string(), 200);
            format!("has parameters that are no JSON schema: {reason}")
        })?;
        if let Some(says) = &self.says {
            let templates = says.templates();
            if templates.is_empty() {
                return Err("has an empty \"says\"".into());
            }
            let properties = schema.get("properties").and_then(Value::as_object);
            for template in templates {
                crate::policy::question::check(template, properties)?;
            }
        }
        Ok(Tool {
            name: self.name,
            description,
            parameters: self.parameters,
            effect: self.effect,
            says: self.says,
            shipped: self.shipped,
            source: self.source,
            validator: Arc::new(validator),
        })
    }
}

impl Tool {
    /// Whether these arguments fit the schema. Arguments that it does not name are refused unless it says that it
    /// takes any: nothing may be smuggled past the question. The reason is for the model.
    pub fn check_arguments(&self, arguments: &Map<String, Value>) -> Result<(), String> {
        let open = |keyword| {
            self.parameters
                .get(keyword)
                .is_some_and(|value| value != false)
        };
        if !open("additionalProperties") && !open("patternProperties") {
            let known = self.parameters.get("properties").and_then(Value::as_object);
            let unknown = arguments
                .keys()
                .find(|name| known.is_none_or(|known| !known.contains_key(*name)));
            if let Some(name) = unknown {
                let name = crate::text::one_line(name, 40);
                return Err(format!("there is no argument \"{name}\""));
            }
        }
        let instance = Value::Object(arguments.clone());
        let mut errors = self.validator.iter_errors(&instance).map(|error| {
            let place = error.instance_path().to_string();
            let said = crate::text::one_line(&error.to_string(), 160);
            match place.as_str() {
                "" => said,
                place => format!("{place}: {said}"),
            }
        });
        match errors.next() {
            None => Ok(()),
            Some(first) => Err(errors
                .take(2)
                .fold(first, |all, one| format!("{all}; {one}"))),
        }
    }
}

#[cfg(test)]
pub mod samples {
    use serde_json::json;

    use super::*;

    pub fn draft(name: &str) -> Draft {
        Draft {
            name: ToolName::new(name).unwrap(),
            description: "Adds an item to a list.".into(),
            parameters: json!({
                "type": "object",
                "properties": {"item": {"type": "string"}, "list": {"type": "string"}, "count": {"type": "integer"}},
                "required": ["item"],
            }),
            effect: Effect::Changes,
            says: Some(Says::One("add {item}[ to the list {list}]".into())),
            shipped: false,
            source: "n8n".into(),
        }
    }

    pub fn tool(name: &str) -> Tool {
        draft(name).check().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::samples::{draft, tool};
    use super::*;

    fn arguments(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_name_that_models_cannot_write_is_none() {
        for name in ["", "shopping/add", "Wetter heute", "ä", &"x".repeat(65)] {
            assert!(ToolName::new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn arguments_are_held_against_the_schema() {
        let tool = tool("add");
        let check = |value| tool.check_arguments(&arguments(value));

        assert_eq!(check(json!({"item": "milk"})), Ok(()));
        assert!(check(json!({})).unwrap_err().contains("item"));
        assert!(check(json!({"item": 3})).unwrap_err().contains("/item"));
        assert!(check(json!({"item": "milk", "count": "two"})).is_err());
    }

    #[test]
    fn an_argument_that_the_schema_does_not_name_is_refused() {
        let tool = tool("add");

        let refused =
            tool.check_arguments(&arguments(json!({"item": "milk", "also": "delete all"})));

        assert!(refused.unwrap_err().contains("\"also\""));
    }

    #[test]
    fn a_schema_may_say_that_it_takes_any() {
        let mut draft = draft("add");
        draft.parameters = json!({"type": "object", "additionalProperties": true});
        draft.says = None;
        let tool = draft.check().unwrap();

        assert_eq!(tool.check_arguments(&arguments(json!({"x": 1}))), Ok(()));
    }

    #[test]
    fn what_is_no_schema_of_an_object_is_told() {
        let reason = |parameters: Value| {
            let mut draft = draft("add");
            draft.says = None;
            draft.parameters = parameters;
            draft.check().unwrap_err()
        };

        assert!(reason(json!("text")).contains("no JSON schema"));
        assert!(reason(json!({"type": "string"})).contains("\"object\""));
        assert!(reason(json!({"type": "object", "properties": 3})).contains("no JSON schema"));
        let reference = json!({"type": "object", "$ref": "http://192.0.2.1/schema.json"});
        assert!(
            reason(reference).contains("no JSON schema"),
            "nothing is fetched"
        );
    }

    #[test]
    fn a_template_names_only_arguments_that_exist() {
        let mut draft = draft("add");
        draft.says = Some(Says::One("add {thing}".into()));

        assert!(draft.check().unwrap_err().contains("{thing}"));
    }
}
