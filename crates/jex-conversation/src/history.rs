//! What was said, as the model is told it.

use crate::Rules;
use crate::budget;

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
}

/// One message of the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    pub text: String,
}

impl Message {
    pub(crate) fn new(role: Role, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { role, text }
    }
}

/// The conversation so far: what the caller said and what they heard. Roles alternate, since a
/// turn that got no answer and the next one are one message.
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

    /// What the model is asked: the instructions and as much of the conversation as fits.
    pub fn prompt(&self, rules: &Rules) -> Vec<Message> {
        budget::fit(&rules.instructions, &self.messages, budget::of(rules))
    }

    fn push(&mut self, role: Role, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        match self.messages.last_mut() {
            Some(last) if last.role == role => {
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
