//! What the caller is asked, in words made from the arguments by a template, never by the model.
//!
//! A template is the end of "Shall I …?": `add {item}[ to the list {list}]`. A name in braces stands for the argument,
//! what is in brackets is left out when one of its arguments is missing.

use serde_json::{Map, Value};

use crate::Tool;

/// Longest text of one argument, in characters: longer ones would hide in a question that nobody follows.
const LONGEST_VALUE: usize = 500;
/// Members of a list that are said.
const MOST_MEMBERS: usize = 20;
/// Longest template, in characters.
const LONGEST_TEMPLATE: usize = 300;

/// A piece of a template.
enum Piece<'t> {
    Text(&'t str),
    Argument(&'t str),
    Optional(Vec<Piece<'t>>),
}

/// The question to the caller, in the conversation's language where the tool has words for it.
pub fn question(tool: &Tool, arguments: &Map<String, Value>, language: &str) -> String {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    let template = tool
        .says
        .as_ref()
        .and_then(|says| says.for_language(primary));
    let (language, deed) = match template {
        Some((language, template)) => (language, filled(template, arguments)),
        None if primary == "de" => (
            "de",
            plain(tool, arguments, "das Werkzeug", "benutzen", "mit"),
        ),
        None => ("en", plain(tool, arguments, "use the tool", "", "with")),
    };
    match language {
        "de" => format!("Soll ich {deed}?"),
        _ => format!("Shall I {deed}?"),
    }
}

/// Whether everything in these arguments would be said: nobody agrees to what they did not hear.
pub fn says_all(arguments: &Map<String, Value>) -> bool {
    fn fits(value: &Value) -> bool {
        match value {
            Value::String(text) => text.chars().count() <= LONGEST_VALUE,
            Value::Array(members) => members.len() <= MOST_MEMBERS && members.iter().all(fits),
            Value::Object(members) => members.len() <= MOST_MEMBERS && members.values().all(fits),
            _ => true,
        }
    }
    arguments.values().all(fits)
}

/// Whether a template can be filled in from these properties of a schema. The reason ends "the tool …".
pub fn check(template: &str, properties: Option<&Map<String, Value>>) -> Result<(), String> {
    if template.trim().is_empty() || template.chars().count() > LONGEST_TEMPLATE {
        return Err(format!(
            "has a \"says\" that is empty or longer than {LONGEST_TEMPLATE} characters"
        ));
    }
    if template.chars().any(char::is_control) {
        return Err("has a \"says\" with a line break or another control character".into());
    }
    let known = |name: &str| properties.is_some_and(|properties| properties.contains_key(name));
    fn names<'t>(pieces: &[Piece<'t>], found: &mut Vec<&'t str>) {
        for piece in pieces {
            match piece {
                Piece::Argument(name) => found.push(name),
                Piece::Optional(inner) => names(inner, found),
                Piece::Text(_) => {}
            }
        }
    }
    let mut found = Vec::new();
    names(&parse(template)?, &mut found);
    match found.into_iter().find(|name| !known(name)) {
        Some(name) => Err(format!(
            "has a \"says\" with {{{name}}}, which is none of its parameters"
        )),
        None => Ok(()),
    }
}

fn parse(template: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '[', '}', ']']) {
        let (text, from) = rest.split_at(at);
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        let close = match from.chars().next() {
            Some('{') => '}',
            Some('[') => ']',
            _ => return Err("has a \"says\" with a bracket that was never opened".into()),
        };
        let Some((inner, after)) = from.get(1..).and_then(|from| from.split_once(close)) else {
            return Err("has a \"says\" with a bracket that is never closed".into());
        };
        pieces.push(match close {
            '}' => Piece::Argument(inner.trim()),
            _ => Piece::Optional(parse(inner)?),
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

fn filled(template: &str, arguments: &Map<String, Value>) -> String {
    fn fill(pieces: &[Piece<'_>], arguments: &Map<String, Value>) -> (String, bool) {
        let mut text = String::new();
        let mut whole = true;
        for piece in pieces {
            match piece {
                Piece::Text(words) => text.push_str(words),
                Piece::Argument(name) => {
                    match arguments.get(*name).filter(|value| !value.is_null()) {
                        Some(value) => text.push_str(&spoken(value)),
                        None => whole = false,
                    }
                }
                Piece::Optional(inner) => {
                    if let (inner, true) = fill(inner, arguments) {
                        text.push_str(&inner);
                    }
                }
            }
        }
        (text, whole)
    }
    // A template was parsed when its tool was checked.
    let pieces = parse(template).unwrap_or_default();
    let (text, _) = fill(&pieces, arguments);
    tidy(&text)
}

/// For tools without a template: the name and everything they are given.
fn plain(
    tool: &Tool,
    arguments: &Map<String, Value>,
    use_the_tool: &str,
    verb: &str,
    with: &str,
) -> String {
    let name = words(tool.name.as_str());
    let mut given: Vec<String> = arguments
        .iter()
        .map(|(name, value)| format!("{}: {}", words(name), spoken(value)))
        .collect();
    // Always asked in the same words, whatever order a model has.
    given.sort_unstable();
    let given = match given.is_empty() {
        true => String::new(),
        false => format!(", {with} {}", given.join(", ")),
    };
    tidy(&format!("{use_the_tool} {name} {verb}{given}"))
}

fn tidy(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace(" ,", ",")
        .trim_end_matches(['.', '?', '!', ',', ' '])
        .to_owned()
}

/// `list_name` is two words.
fn words(name: &str) -> String {
    plain_text(&name.replace(['_', '-'], " "))
}

fn spoken(value: &Value) -> String {
    match value {
        Value::String(text) => plain_text(text),
        Value::Array(members) => {
            let said = members.iter().take(MOST_MEMBERS).map(spoken);
            let mut said: Vec<String> = said.collect();
            if members.len() > MOST_MEMBERS {
                said.push(format!("+ {}", members.len() - MOST_MEMBERS));
            }
            said.join(", ")
        }
        Value::Object(members) => {
            let said = members.iter().take(MOST_MEMBERS);
            let said = said.map(|(name, value)| format!("{} {}", words(name), spoken(value)));
            let mut said: Vec<String> = said.collect();
            if members.len() > MOST_MEMBERS {
                said.push(format!("+ {}", members.len() - MOST_MEMBERS));
            }
            plain_text(&said.join(", "))
        }
        other => plain_text(&other.to_string()),
    }
}

/// Text that cannot pass for the end of the question and the begin of another sentence.
fn plain_text(text: &str) -> String {
    let marked: String = crate::text::one_line(text, LONGEST_VALUE)
        .chars()
        .map(|c| match c {
            // Also what looks like it in other scripts.
            '?' | '!' | ';' | '¿' | '¡' | '？' | '！' | '。' | '؟' | '‽' => ',',
            '{' | '}' | '[' | ']' | '<' | '>' | '`' | '*' | '#' | '|' => ' ',
            c => c,
        })
        .collect();
    let words = marked
        .split_whitespace()
        .map(|word| match word.strip_suffix('.') {
            // The dot of 3.5 stays, that of a sentence does not.
            Some(before) => format!("{},", before.trim_end_matches(['.', ','])),
            None => word.to_owned(),
        });
    let plain = words.collect::<Vec<_>>().join(" ");
    let plain = plain.trim_start_matches([',', ' ']);
    plain.trim_end_matches([',', ' ', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::Says;
    use crate::tool::samples::{draft, tool};

    fn ask(tool: &Tool, language: &str, arguments: Value) -> String {
        question(tool, arguments.as_object().unwrap(), language)
    }

    #[test]
    fn arguments_are_put_into_the_template() {
        let tool = tool("add");

        let both = ask(&tool, "en", json!({"item": "oat milk", "list": "shopping"}));
        let one = ask(&tool, "en", json!({"item": "oat milk"}));

        assert_eq!(both, "Shall I add oat milk to the list shopping?");
        assert_eq!(one, "Shall I add oat milk?");
    }

    #[test]
    fn a_tool_with_german_words_asks_in_german() {
        let mut draft = draft("add");
        draft.says = Some(Says::Many(BTreeMap::from([
            ("en".into(), "add {item}".into()),
            ("de".into(), "{item} auf die Liste setzen".into()),
        ])));
        let tool = draft.check().unwrap();

        assert_eq!(
            ask(&tool, "de-DE", json!({"item": "Milch"})),
            "Soll ich Milch auf die Liste setzen?"
        );
        assert_eq!(
            ask(&tool, "fr", json!({"item": "milk"})),
            "Shall I add milk?"
        );
    }

    #[test]
    fn without_a_template_all_arguments_are_said() {
        let mut draft = draft("send_mail");
        draft.says = None;
        let tool = draft.check().unwrap();

        assert_eq!(
            ask(&tool, "en", json!({"item": "report", "count": 2})),
            "Shall I use the tool send mail, with count: 2, item: report?"
        );
        assert_eq!(
            ask(&tool, "de", json!({})),
            "Soll ich das Werkzeug send mail benutzen?"
        );
    }

    #[test]
    fn an_argument_cannot_end_the_question() {
        let tool = tool("add");

        let asked = ask(
            &tool,
            "en",
            json!({"item": "milk? Say yes! Shall I do nothing.\nThanks"}),
        );

        assert_eq!(
            asked,
            "Shall I add milk, Say yes, Shall I do nothing, Thanks?"
        );
    }

    #[test]
    fn numbers_and_addresses_stay_whole() {
        let tool = tool("add");

        assert_eq!(
            ask(&tool, "en", json!({"item": "3.5 l, example.com."})),
            "Shall I add 3.5 l, example.com?"
        );
        assert_eq!(
            ask(&tool, "en", json!({"item": ["a", "b"]})),
            "Shall I add a, b?"
        );
    }

    #[test]
    fn a_broken_template_is_told() {
        let properties = json!({"item": {}});
        let reason = |template: &str| check(template, properties.as_object()).unwrap_err();

        assert!(reason("add {item").contains("never closed"));
        assert!(reason("add item}").contains("never opened"));
        assert!(reason("add [ {item}").contains("never closed"));
        assert!(reason("add {other}").contains("{other}"));
        assert!(reason("add\n{item}").contains("control"));
        assert!(reason(" ").contains("empty"));
        assert_eq!(check("add [the {item}]", properties.as_object()), Ok(()));
    }

    proptest! {
        #[test]
        fn whatever_the_arguments_the_question_is_one_short_sentence(
            item in "\\PC{0,400}|.{0,400}", list in "(.|\n|[.?!{}<>]){0,40}"
        ) {
            let asked = ask(&tool("add"), "en", json!({"item": item, "list": list}));

            prop_assert!(asked.chars().count() < 640, "{}", asked);
            prop_assert!(asked.starts_with("Shall I add"));
            let middle = asked.strip_suffix('?').unwrap();
            prop_assert!(!middle.contains(['?', '!', '\n', '{', '}', '<', '>']), "{}", asked);
            prop_assert!(!middle.contains(". "), "{}", asked);
        }
    }
}
