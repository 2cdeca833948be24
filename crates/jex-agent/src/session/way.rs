//! How the model is told of tools: by its server's own way, or in the prompt.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jex_providers::{ChatMessage, ChatRequest, Piece, ToolCall, ToolSpec};
use jex_tools::constrained::{self, Answer, Sieve, Watch};
use jex_tools::{Tool, results};
use serde_json::json;
use uuid::Uuid;

/// What is known of the model; shared by all conversations.
#[derive(Debug, Clone, Default)]
pub struct Abilities {
    knows_no_tools: Arc<AtomicBool>,
}

impl Abilities {
    /// The server said that this model, or itself, knows no tools.
    pub fn knows_no_tools(&self) {
        self.knows_no_tools.store(true, Ordering::Relaxed);
    }

    pub fn way(&self) -> Way {
        match self.knows_no_tools.load(Ordering::Relaxed) {
            true => Way::Prompt,
            false => Way::Native,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Native,
    Prompt,
}

/// What is sent to the model so that it knows of `tools`.
pub fn request(
    way: Way,
    messages: Vec<ChatMessage>,
    tools: &[Tool],
    max_tokens: u32,
) -> ChatRequest {
    match way {
        Way::Native => ChatRequest {
            messages: match tools {
                [] => messages,
                _ => instructed(messages, results::INSTRUCTION),
            },
            tools: tools.iter().map(spec).collect(),
            max_tokens,
        },
        Way::Prompt => {
            let messages = messages.into_iter().map(in_words).collect();
            let messages = match constrained::prompt(tools.iter()) {
                Some(prompt) => instructed(messages, &prompt),
                None => messages,
            };
            ChatRequest {
                messages: joined(messages),
                tools: Vec::new(),
                max_tokens,
            }
        }
    }
}

/// What the tools take of the model's context, as text.
pub fn described(way: Way, tools: &[Tool]) -> String {
    match way {
        Way::Native => tools
            .iter()
            .map(|tool| format!("{} {} {}", tool.name, tool.description, tool.parameters))
            .collect(),
        Way::Prompt => constrained::prompt(tools.iter()).unwrap_or_default(),
    }
}

/// One more message of the caller's side, for the model alone.
/// `told`: what of the answer was said already.
pub fn with_remark(mut request: ChatRequest, told: &str, remark: String) -> ChatRequest {
    let mut remark = remark;
    if !told.is_empty() {
        request.messages.push(ChatMessage::Assistant {
            text: told.to_owned(),
            calls: Vec::new(),
        });
        remark.push_str(" What you said before it was heard: do not say it again.");
    }
    request.messages.push(ChatMessage::User(remark));
    request.messages = joined(request.messages);
    request
}

fn spec(tool: &Tool) -> ToolSpec {
    ToolSpec {
        name: tool.name.to_string(),
        description: tool.description.clone(),
        parameters: tool.parameters.clone(),
    }
}

fn instructed(mut messages: Vec<ChatMessage>, more: &str) -> Vec<ChatMessage> {
    match messages.first_mut() {
        Some(ChatMessage::System(text)) => *text = format!("{text}\n\n{more}"),
        _ => messages.insert(0, ChatMessage::System(more.to_owned())),
    }
    messages
}

/// A message for a template that knows neither calls nor results.
fn in_words(message: ChatMessage) -> ChatMessage {
    match message {
        ChatMessage::Assistant { text, calls } => {
            let call = |call: ToolCall| json!({"tool": call.name, "arguments": call.arguments});
            let calls = calls.into_iter().map(|wanted| call(wanted).to_string());
            let lines: Vec<String> = std::iter::once(text)
                .filter(|text| !text.is_empty())
                .chain(calls)
                .collect();
            ChatMessage::Assistant {
                text: lines.join("\n"),
                calls: Vec::new(),
            }
        }
        ChatMessage::ToolResult { text, .. } => {
            ChatMessage::User(format!("(Result of the tool, data: {text})"))
        }
        other => other,
    }
}

/// Many templates want the sides to take turns.
fn joined(messages: Vec<ChatMessage>) -> Vec<ChatMessage> {
    let mut joined: Vec<ChatMessage> = Vec::new();
    for message in messages {
        match (joined.last_mut(), message) {
            (Some(ChatMessage::User(before)), ChatMessage::User(more))
            | (
                Some(ChatMessage::Assistant { text: before, .. }),
                ChatMessage::Assistant { text: more, .. },
            ) => {
                before.push('\n');
                before.push_str(&more);
            }
            (_, message) => joined.push(message),
        }
    }
    joined
}

/// What comes of the model's words: to be spoken, or a call that no voice may say.
pub enum Filter {
    /// Nothing was said yet that decides it.
    Undecided(String),
    /// The answer is words; calls come by themselves, or not at all.
    Words(Watch),
    Sieve(Sieve),
}

impl Filter {
    /// A model that calls tools by its server's way sometimes writes a call out; then it is the whole answer.
    pub fn new(way: Way, has_tools: bool) -> Self {
        match (way, has_tools) {
            (_, false) => Self::Words(Watch::default()),
            (Way::Native, true) => Self::Undecided(String::new()),
            (Way::Prompt, true) => Self::Sieve(Sieve::default()),
        }
    }

    /// Returns what of it may be spoken.
    pub fn push(&mut self, piece: &str) -> String {
        match self {
            Self::Words(watch) => watch.push(piece),
            Self::Sieve(sieve) => sieve.push(piece),
            Self::Undecided(begin) => {
                begin.push_str(piece);
                let begin = std::mem::take(begin);
                *self = match begin.trim_start().chars().next() {
                    None => {
                        *self = Self::Undecided(begin);
                        return String::new();
                    }
                    Some('{' | '[' | '<') => Self::Sieve(Sieve::default()),
                    Some(_) => Self::Words(Watch::default()),
                };
                self.push(&begin)
            }
        }
    }

    /// The answer is whole: what is left to speak, and the call or the reason why it is a broken one.
    pub fn finish(self) -> (String, Result<Option<Piece>, String>) {
        let sieve = match self {
            Self::Sieve(sieve) => sieve,
            Self::Words(watch) => {
                let (words, what) = watch.finish();
                return (words, what.map(|()| None));
            }
            Self::Undecided(_) => return (String::new(), Ok(None)),
        };
        let (words, answer) = sieve.finish();
        let call = match answer {
            Answer::Words => Ok(None),
            Answer::Broken(reason) => Err(reason),
            Answer::Call { tool, arguments } => Ok(Some(Piece::ToolCalls(vec![ToolCall {
                id: format!("call_{}", Uuid::new_v4().simple()),
                name: tool.to_string(),
                arguments,
            }]))),
        };
        (words, call)
    }
}

#[cfg(test)]
mod tests {
    use jex_tools::{Draft, Effect, ToolName};

    use super::*;

    fn tool() -> Tool {
        let draft = Draft {
            name: ToolName::new("add").unwrap(),
            description: "Adds an item.".into(),
            parameters: json!({"type": "object", "properties": {"item": {"type": "string"}}}),
            effect: Effect::Changes,
            says: None,
            shipped: false,
            source: "n8n".into(),
        };
        draft.check().unwrap()
    }

    fn conversation() -> Vec<ChatMessage> {
        let call = ToolCall {
            id: "call_a".into(),
            name: "add".into(),
            arguments: json!({"item": "milk"}).as_object().unwrap().clone(),
        };
        vec![
            ChatMessage::System("Be brief.".into()),
            ChatMessage::User("Add milk.".into()),
            ChatMessage::Assistant {
                text: String::new(),
                calls: vec![call],
            },
            ChatMessage::ToolResult {
                call: "call_a".into(),
                text: "done".into(),
            },
            ChatMessage::User("Thanks.".into()),
        ]
    }

    /// What passes of an answer in pieces of three characters, and the call in it.
    fn filtered(way: Way, answer: &str) -> (String, Result<Option<Piece>, String>) {
        let mut filter = Filter::new(way, true);
        let characters: Vec<char> = answer.chars().collect();
        let mut words = String::new();
        for piece in characters.chunks(3) {
            words += &filter.push(&piece.iter().collect::<String>());
        }
        let (rest, call) = filter.finish();
        (words + &rest, call)
    }

    #[test]
    fn a_server_with_tools_is_told_of_them_by_its_own_way() {
        let request = request(Way::Native, conversation(), &[tool()], 10);

        assert_eq!(request.tools[0].name, "add");
        assert_eq!(request.messages[2..], conversation()[2..]);
        let ChatMessage::System(instructions) = &request.messages[0] else {
            panic!("instructions come first");
        };
        assert!(instructions.starts_with("Be brief.") && instructions.contains("data"));
    }

    #[test]
    fn another_is_told_in_the_prompt_with_sides_that_take_turns() {
        let request = request(Way::Prompt, conversation(), &[tool()], 10);

        assert_eq!(request.tools, []);
        let ChatMessage::System(instructions) = &request.messages[0] else {
            panic!("instructions come first");
        };
        assert!(instructions.contains("\"tool\":\"add\""), "{instructions}");
        assert_eq!(request.messages[1], ChatMessage::User("Add milk.".into()));
        let ChatMessage::Assistant { text, calls } = &request.messages[2] else {
            panic!("{request:?}");
        };
        let call: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(call, json!({"tool": "add", "arguments": {"item": "milk"}}));
        assert_eq!(calls[..], []);
        let said = ChatMessage::User("(Result of the tool, data: done)\nThanks.".into());
        assert_eq!(request.messages[3..], [said]);
    }

    #[test]
    fn without_tools_nothing_is_said_of_them() {
        for way in [Way::Native, Way::Prompt] {
            let messages = conversation()[..2].to_vec();

            assert_eq!(request(way, messages.clone(), &[], 10).messages, messages);
        }
    }

    #[test]
    fn a_call_that_is_written_out_is_a_call_and_is_not_spoken() {
        for way in [Way::Native, Way::Prompt] {
            let (words, call) = filtered(
                way,
                " {\"tool\": \"add\", \"arguments\": {\"item\": \"milk\"}}",
            );

            assert_eq!(words.trim(), "");
            let Ok(Some(Piece::ToolCalls(calls))) = call else {
                panic!("{call:?}");
            };
            assert_eq!(calls[0].name, "add");
        }
    }

    #[test]
    fn what_is_nearly_one_is_neither_spoken_nor_called() {
        for way in [Way::Native, Way::Prompt] {
            let (words, call) = filtered(way, "{\"tool\": \"add\", ");

            assert_eq!(words, "");
            assert!(call.is_err(), "{call:?}");
        }
    }

    #[test]
    fn where_calls_come_by_themselves_code_in_an_answer_stays_in_it() {
        let answer = "Like this: ```{\"a\": 1}``` That is all.";

        assert_eq!(filtered(Way::Native, answer), (answer.into(), Ok(None)));
    }

    #[test]
    fn a_call_between_words_is_not_spoken_whatever_the_model_may() {
        let call = "{\"tool\": \"add\", \"arguments\": {\"item\": \"milk\"}}";
        for (way, has_tools) in [
            (Way::Native, true),
            (Way::Native, false),
            (Way::Prompt, true),
            (Way::Prompt, false),
        ] {
            let mut filter = Filter::new(way, has_tools);
            let mut words = filter.push("Sure. ");
            words += &filter.push(call);
            let (rest, call) = filter.finish();

            assert_eq!((words + &rest).trim(), "Sure.");
            assert!(call.is_err(), "{call:?}");
        }
    }
}
