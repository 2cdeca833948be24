//! Tool calls out of the fragments that a server streams.
//!
//! By OpenAI's rule the first fragment of a call has its id and name, later ones only more of the
//! arguments, and `index` tells calls apart. Servers differ:
//! * Ollama sends each call whole, several of them all with index 0 (its issue 15457), formerly
//!   without index (7881);
//! * SGLang counts all calls 0 and repeats the id in each fragment; some parsers of vLLM make up
//!   a new id for each fragment (its pull request 23522), others repeat id and name at the end
//!   (31438);
//! * Google's has no index, some servers no ids, some give arguments as an object.

use serde_json::{Map, Value};

use super::wire::CallFragment;
use crate::language_model::ToolCall;

/// More than any answer needs; a server that streams nonsense is not kept in memory.
const LARGEST_ARGUMENTS: usize = 256 << 10;
const MOST_CALLS: usize = 64;

/// Calls that are being joined.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Joined>);

#[derive(Debug, Default)]
struct Joined {
    index: Option<u32>,
    id: String,
    name: String,
    arguments: String,
}

/// Why a call cannot be read: which tool, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub tool: String,
    pub reason: String,
}

impl Calls {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, fragment: CallFragment) -> Result<(), Broken> {
        let function = fragment.function.unwrap_or_default();
        let id = fragment.id.unwrap_or_default();
        let name = function.name.unwrap_or_default();
        let at = match self.place(fragment.index, &id, &name) {
            Some(at) => at,
            None => {
                self.0.push(Joined {
                    index: fragment.index,
                    ..Joined::default()
                });
                self.0.len() - 1
            }
        };
        let call = &mut self.0[at];
        if call.id.is_empty() {
            call.id = id;
        }
        if call.name.is_empty() {
            call.name = name;
        }
        match function.arguments {
            None | Some(Value::Null) => {}
            Some(Value::String(more)) => call.arguments.push_str(&more),
            Some(whole) => call.arguments.push_str(&whole.to_string()),
        }
        let too_much = call.arguments.len() > LARGEST_ARGUMENTS || at >= MOST_CALLS;
        match too_much {
            true => Err(call.broken("there is no end to it")),
            false => Ok(()),
        }
    }

    /// Which call a fragment goes on with; `None`: it begins one.
    fn place(&self, index: Option<u32>, id: &str, name: &str) -> Option<usize> {
        let at = match index {
            Some(_) => self.0.iter().rposition(|call| call.index == index)?,
            None => self.0.len().checked_sub(1)?,
        };
        let before = &self.0[at];
        let begins = !name.is_empty() && !before.name.is_empty();
        let another = match (id.is_empty(), before.id.is_empty()) {
            (false, false) => id != before.id,
            (true, true) => arguments(&before.arguments).is_ok(),
            _ => false,
        };
        (!(begins && another)).then_some(at)
    }

    /// The calls in the order in which they began.
    pub fn finish(self) -> Result<Vec<ToolCall>, Broken> {
        self.0.into_iter().map(Joined::finish).collect()
    }
}

impl Joined {
    fn finish(self) -> Result<ToolCall, Broken> {
        if self.name.is_empty() {
            return Err(self.broken("it names no tool"));
        }
        let arguments = arguments(&self.arguments).map_err(|reason| self.broken(&reason))?;
        let id = match self.id.is_empty() {
            false => self.id,
            true => format!("call_{}", uuid::Uuid::new_v4().simple()),
        };
        Ok(ToolCall {
            id,
            name: self.name,
            arguments,
        })
    }

    fn broken(&self, reason: &str) -> Broken {
        Broken {
            tool: self.name.clone(),
            reason: reason.to_owned(),
        }
    }
}

/// A tool without parameters is called with nothing at all, or `null`.
fn arguments(text: &str) -> Result<Map<String, Value>, String> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err("its arguments are no JSON object".into()),
        Err(error) => Err(format!("its arguments are no JSON ({error})")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn joined(fragments: &[Value]) -> Result<Vec<ToolCall>, Broken> {
        let mut calls = Calls::default();
        for fragment in fragments {
            calls.add(serde_json::from_value(fragment.clone()).expect("a fragment"))?;
        }
        calls.finish()
    }

    /// Names and arguments; the ids where they are the server's.
    fn told(calls: &[ToolCall]) -> Vec<(&str, &str, Value)> {
        let told = |call: &ToolCall| Value::Object(call.arguments.clone());
        calls
            .iter()
            .map(|call| (call.id.as_str(), call.name.as_str(), told(call)))
            .collect()
    }

    #[test]
    fn fragments_are_joined_by_index() {
        let calls = joined(&[
            json!({"index": 0, "id": "call_a", "type": "function", "function": {"name": "weather", "arguments": ""}}),
            json!({"index": 0, "function": {"arguments": "{\"city\":"}}),
            json!({"index": 1, "id": "call_b", "type": "function", "function": {"name": "clock", "arguments": "{"}}),
            json!({"index": 0, "function": {"arguments": " \"Rome\"}"}}),
            json!({"index": 1, "function": {"arguments": "}"}}),
        ])
        .unwrap();

        let expected = [
            ("call_a", "weather", json!({"city": "Rome"})),
            ("call_b", "clock", json!({})),
        ];
        assert_eq!(told(&calls), expected);
    }

    #[test]
    fn whole_calls_that_all_have_index_0_or_none_stay_apart() {
        for index in [json!(0), Value::Null] {
            let calls = joined(&[
                json!({"index": index, "id": "call_a", "function": {"name": "add", "arguments": "{\"item\":\"milk\"}"}}),
                json!({"index": index, "id": "call_b", "function": {"name": "add", "arguments": "{\"item\":\"eggs\"}"}}),
            ])
            .unwrap();

            let items: Vec<_> = calls.iter().map(|call| &call.arguments["item"]).collect();
            assert_eq!(items, ["milk", "eggs"], "{index}");
        }
    }

    #[test]
    fn an_id_that_is_repeated_or_made_up_anew_begins_no_call() {
        for ids in [["0", "0", "0"], ["a", "b", "c"], ["a", "", "a"]] {
            let calls = joined(&[
                json!({"index": 0, "id": ids[0], "function": {"name": "add", "arguments": ""}}),
                json!({"index": 0, "id": ids[1], "function": {"name": null, "arguments": "{\"item\":"}}),
                json!({"index": 0, "id": ids[2], "function": {"arguments": "\"milk\"}"}}),
            ])
            .unwrap();

            let expected = [(ids[0], "add", json!({"item": "milk"}))];
            assert_eq!(told(&calls), expected);
        }
    }

    #[test]
    fn id_and_name_repeated_at_the_end_begin_no_call() {
        let calls = joined(&[
            json!({"index": 0, "id": "a", "type": "function", "function": {"name": "add", "arguments": "{\"item\":"}}),
            json!({"index": 0, "id": "a", "type": "function", "function": {"name": "add", "arguments": "\"milk\"}"}}),
        ])
        .unwrap();

        assert_eq!(told(&calls), [("a", "add", json!({"item": "milk"}))]);
    }

    #[test]
    fn calls_without_ids_get_some_of_their_own() {
        let calls = joined(&[
            json!({"function": {"name": "add", "arguments": {"item": "milk"}}}),
            json!({"function": {"name": "add", "arguments": {"item": "eggs"}}}),
            json!({"function": {"name": "clock"}}),
            json!({"function": {"name": "clock", "arguments": null}}),
        ])
        .unwrap();

        let names: Vec<_> = calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["add", "add", "clock", "clock"]);
        let ids: std::collections::BTreeSet<_> = calls.iter().map(|call| &call.id).collect();
        assert_eq!(ids.len(), 4);
    }

    #[test]
    fn what_is_no_call_is_told() {
        for (fragment, tool, reason) in [
            (
                json!({"id": "a", "function": {"name": "add", "arguments": "{\"item\": "}}),
                "add",
                "no JSON",
            ),
            (
                json!({"id": "a", "function": {"name": "add", "arguments": "[1]"}}),
                "add",
                "no JSON object",
            ),
            (
                json!({"id": "a", "function": {"arguments": "{}"}}),
                "",
                "no tool",
            ),
        ] {
            let broken = joined(&[fragment]).unwrap_err();

            assert_eq!(broken.tool, tool);
            assert!(broken.reason.contains(reason), "{}", broken.reason);
        }
    }

    #[test]
    fn a_call_without_end_is_given_up() {
        let mut calls = Calls::default();
        let more =
            json!({"index": 0, "function": {"name": "add", "arguments": "x".repeat(1 << 16)}});

        let ends = (0..100).any(|_| {
            let fragment = serde_json::from_value(more.clone()).expect("a fragment");
            calls.add(fragment).is_err()
        });

        assert!(ends);
    }

    fn call() -> impl Strategy<Value = (String, Value)> {
        let value = prop_oneof![
            any::<i32>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from)
        ];
        let arguments = prop::collection::btree_map("[a-z]{1,8}", value, 0..4);
        ("[a-z]{1,10}", arguments).prop_map(|(name, arguments)| (name, json!(arguments)))
    }

    proptest! {
        /// Whatever the sizes of the fragments and however calls are interleaved.
        #[test]
        fn any_cut_joins_to_the_same(
            wanted in prop::collection::vec(call(), 1..4),
            sizes in prop::collection::vec(1..9usize, 1..40),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..200),
        ) {
            let mut sizes = sizes.iter().cycle();
            let mut queues: Vec<Vec<Value>> = Vec::new();
            for (n, (name, arguments)) in wanted.iter().enumerate() {
                let mut queue = vec![json!({"index": n, "id": format!("call_{n}"), "function": {"name": name, "arguments": ""}})];
                let text: Vec<char> = arguments.to_string().chars().collect();
                let mut rest = text.as_slice();
                while !rest.is_empty() {
                    let (head, tail) = rest.split_at(rest.len().min(*sizes.next().expect("endless")));
                    let more: String = head.iter().collect();
                    queue.push(json!({"index": n, "function": {"arguments": more}}));
                    rest = tail;
                }
                queue.reverse();
                queues.push(queue);
            }
            let begun: Vec<Value> = queues.iter_mut().filter_map(Vec::pop).collect();
            let mut fragments = begun;
            for pick in order {
                let n = pick.index(queues.len());
                fragments.extend(queues[n].pop());
            }
            fragments.extend(queues.into_iter().flat_map(|queue| queue.into_iter().rev()));

            let calls = joined(&fragments).unwrap();

            let got: Vec<_> = calls.into_iter().map(|call| (call.name, Value::Object(call.arguments))).collect();
            prop_assert_eq!(got, wanted);
        }
    }
}
