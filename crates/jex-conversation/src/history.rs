//! What was said, as the model is told it.

use crate::Rules;
use crate::budget;

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
    /// What a tool gave back.
    Tool,
}

/// A call that the model asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// Unique within the conversation.
    pub id: String,
    pub name: String,
    /// A JSON object.
    pub arguments: String,
}

/// What came of a call, in words for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// Id of the call.
    pub call: String,
    pub text: String,
}

/// One message of the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    pub text: String,
    /// What the assistant asked for; the results of all of them follow.
    pub calls: Vec<ToolCall>,
    /// Of a tool's message: the call that it is the result of.
    pub result_of: Option<String>,
}

impl Message {
    pub(crate) fn new(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            text: text.into(),
            calls: Vec::new(),
            result_of: None,
        }
    }

    /// What was said with a call for tools, and what they gave back.
    pub(crate) fn exchange(
        text: &str,
        calls: Vec<ToolCall>,
        results: Vec<ToolResult>,
    ) -> impl Iterator<Item = Self> {
        let call = Self {
            calls,
            ..Self::new(Role::Assistant, text.trim())
        };
        let result = |result: ToolResult| Self {
            result_of: Some(result.call),
            ..Self::new(Role::Tool, result.text)
        };
        std::iter::once(call).chain(results.into_iter().map(result))
    }
}

/// The conversation so far: what the caller said, what they heard, and what tools did between.
/// Nobody speaks twice in a row: a turn that got no answer and the next one are one message.
#[derive(Debug, Default)]
pub struct History {
    messages: Vec<Message>,
}

impl History {
    /// The caller said something.
    pub fn push_user(&mut self, text: &str) {
        self.push(Role::User, text);
    }

    /// The caller heard this of an answer; nothing if it is empty.
    pub fn push_assistant(&mut self, text: &str) {
        self.push(Role::Assistant, text);
    }

    /// Tools were called and are done.
    pub fn push_exchange(&mut self, exchange: impl IntoIterator<Item = Message>) {
        self.messages.extend(exchange);
    }

    /// Whether nobody has spoken since tools were called.
    pub fn ends_with_results(&self) -> bool {
        let last = self.messages.last();
        last.is_some_and(|message| message.role == Role::Tool)
    }

    /// What the model is asked: the instructions and as much of the conversation as fits, with
    /// what the answer that is being made came to so far. Tools take `tool_tokens` of the context.
    pub fn prompt(
        &self,
        rules: &Rules,
        tool_tokens: u32,
        answer: impl IntoIterator<Item = Message>,
    ) -> Vec<Message> {
        let messages: Vec<Message> = self.messages.iter().cloned().chain(answer).collect();
        let budget = budget::of(rules, tool_tokens);
        budget::fit(&rules.instructions, &messages, budget)
    }

    fn push(&mut self, role: Role, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        match self.messages.last_mut() {
            Some(last) if last.role == role && last.calls.is_empty() => {
                last.text.push(' ');
                last.text.push_str(text);
            }
            _ => self.messages.push(Message::new(role, text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_without_an_answer_are_one_message() {
        let mut history = History::default();

        history.push_user("What is the capital");
        history.push_assistant("");
        history.push_user("of France?");

        let text = "What is the capital of France?";
        assert_eq!(history.messages, [Message::new(Role::User, text)]);
    }
}
