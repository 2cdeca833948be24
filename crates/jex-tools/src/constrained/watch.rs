//! What a model says that is expected to say words only.

use super::{LONGEST_CALL, may_become_sign, sign_of_call};

/// Longer is no special token of a model, in bytes.
const LONGEST_TAG: usize = 32;

/// Lets an answer through, objects and code too, but for a call that is written out in it: a model that has tools by its
/// server's way, or none, does that when it is confused.
#[derive(Debug, Default)]
pub struct Watch {
    /// Not decided yet: from a sign of a call on.
    pending: String,
    /// A call was found; what follows is not for a voice either.
    is_call: bool,
}

impl Watch {
    /// Takes a piece of the answer and returns what of it may be spoken.
    pub fn push(&mut self, piece: &str) -> String {
        let mut words = String::new();
        if self.is_call {
            return words;
        }
        self.pending.push_str(piece);
        while let Some(at) = sign_of_call(&self.pending) {
            let held = self.pending.split_off(at);
            words += &std::mem::replace(&mut self.pending, held);
            if is_call(&self.pending) {
                self.is_call = true;
                return words;
            }
            // Nothing that long is a call.
            let Some(end) = end_of(&self.pending).or(too_long(&self.pending)) else {
                return words;
            };
            let rest = self.pending.split_off(end);
            words += &std::mem::replace(&mut self.pending, rest);
        }
        let keep = may_become_sign(&self.pending);
        let tail = self.pending.split_off(self.pending.len() - keep);
        words + &std::mem::replace(&mut self.pending, tail)
    }

    /// The answer is whole: what is left to be spoken, and the reason, for the model, why a call in it is none.
    pub fn finish(self) -> (String, Result<(), String>) {
        if self.is_call {
            let reason = "a call that is written out between words is no call";
            return (String::new(), Err(reason.into()));
        }
        (self.pending, Ok(()))
    }
}

fn too_long(held: &str) -> Option<usize> {
    (held.len() > LONGEST_CALL).then_some(held.len())
}

/// Whether it is more than any object.
fn is_call(held: &str) -> bool {
    let has = |sign: &str| held.contains(sign);
    let alone = [
        "\"tool\"",
        "\"tool_name\"",
        "\"tool_calls\"",
        "\"function_call\"",
        "\"action_input\"",
        "<tool",
        "[TOOL",
        "<function",
        "<|tool",
        "<|python_tag|>",
    ];
    let names = ["\"name\"", "\"function\"", "\"action\""];
    let arguments = ["\"arguments\"", "\"parameters\"", "\"args\"", "\"input\""];
    let any = |signs: &[&str]| signs.iter().any(|sign| has(sign));
    any(&alone) || (any(&names) && any(&arguments))
}

/// Where the object, list, fence or tag that it begins with ends; `None`: not yet.
fn end_of(held: &str) -> Option<usize> {
    if let Some(inner) = held.strip_prefix("```") {
        return inner.find("```").map(|at| at + 6);
    }
    if held.starts_with('<') {
        let is_none = held.len() > LONGEST_TAG;
        return held.find('>').map(|at| at + 1).or(is_none.then_some(1));
    }
    // JSON goes on with a key, or ends.
    let inner = held.trim_start_matches('[').trim_start().strip_prefix('{');
    let next = inner.and_then(|inner| inner.trim_start().chars().next());
    if next.is_some_and(|next| next != '"' && next != '}') {
        return Some(1);
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (at, c) in held.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            '{' | '[' if !in_text => depth += 1,
            '}' | ']' if !in_text => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is spoken when it comes in pieces of `size` characters, and whether there was a call in it.
    fn watched(answer: &str, size: usize) -> (String, bool) {
        let mut watch = Watch::default();
        let mut spoken = String::new();
        let characters: Vec<char> = answer.chars().collect();
        for piece in characters.chunks(size) {
            spoken += &watch.push(&piece.iter().collect::<String>());
        }
        let (rest, what) = watch.finish();
        (spoken + &rest, what.is_err())
    }

    #[test]
    fn a_call_between_words_is_not_spoken() {
        for call in [
            "{\"tool\": \"add\", \"arguments\": {\"item\": \"milk\"}}",
            "{\"name\": \"add\", \"parameters\": {\"item\": \"milk\"}}",
            "[{\"name\": \"add\", \"arguments\": {}}]",
            "```json\n{\"tool\": \"add\"}\n```",
            "<tool_call>{\"name\": \"add\"}</tool_call>",
            "[TOOL_CALLS] add",
            "<function=add>{}</function>",
            "{\"tool\": \"add\", ",
            "{\"function\": \"add\", \"parameters\": {}}",
            "{\"action\": \"add\", \"action_input\": {}}",
            "<|python_tag|>add()",
        ] {
            for size in [1, 3, 1000] {
                let answer = format!("Sure. {call} Done.");
                assert_eq!(watched(&answer, size), ("Sure. ".into(), true), "{call}");
            }
        }
    }

    #[test]
    fn what_is_no_call_is_spoken() {
        for answer in [
            "It is 5 < 7 and [1] of {2}.",
            "Like this: ```{\"a\": 1}``` That is all.",
            "A set {a, b} and a brace } or {",
            "{\"name\": \"Ada\"} is an object.",
            "<|endoftext|> Well.",
        ] {
            for size in [1, 2, 100] {
                assert_eq!(watched(answer, size), (answer.into(), false));
            }
        }
    }

    #[test]
    fn a_stray_brace_holds_nothing_back() {
        for answer in [
            "Write { x, y and z. Then ",
            "A {5\" pipe} and ",
            "A <| b, a pipe operator of a language. Then ",
        ] {
            let mut watch = Watch::default();

            assert_eq!(watch.push(answer), answer);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_spoken_whole_or_up_to_a_call(answer in "[a-z {}<>|`\"\\[\\]\\\\]{0,60}", size in 1_usize..9) {
            let (spoken, was_call) = watched(&answer, size);

            prop_assert!(answer.starts_with(&spoken));
            prop_assert!(was_call || spoken == answer);
        }
    }
}
