//! How much of a conversation fits into the model's context.
//!
//! The model's tokenizer is not known here, so tokens are estimated, and rather too many than too
//! few: a prompt that is too long is cut by the server at its beginning, where the instructions
//! stand. Byte-pair vocabularies take four to five characters of an English word as one token and
//! up to one token for each byte of what they have rarely seen. The estimate charges
//! * a word one token for each three letters begun,
//! * each digit and each sign one token,
//! * each character outside ASCII one token for each byte,
//! * each message eight tokens for the chat template around it.

use crate::{Message, Role, Rules};

/// ChatML takes five, Llama 3 six.
const TEMPLATE_TOKENS: u32 = 8;
const LETTERS_PER_TOKEN: u32 = 3;
/// Of what is there for the prompt, the instructions may take so much at most: without the
/// caller's words there is no answer.
const INSTRUCTIONS_SHARE: u32 = 2;
/// Stands where a message was cut.
const CUT: &str = " […] ";

/// Tokens that the prompt may take: what the answer leaves, but at least half of the context.
pub fn of(rules: &Rules) -> u32 {
    let left = rules.context_tokens.saturating_sub(rules.max_answer_tokens);
    left.max(rules.context_tokens / 2)
}

/// Instructions, then the newest turns that fit into `budget` tokens. Whole turns are dropped,
/// oldest first; the newest message always stays, cut in its middle if nothing else helps.
pub fn fit(instructions: &str, history: &[Message], budget: u32) -> Vec<Message> {
    // The template's opening of the answer.
    let mut left = budget.saturating_sub(TEMPLATE_TOKENS);
    let mut prompt = Vec::new();
    if !instructions.trim().is_empty() {
        let system = Message::new(Role::System, instructions);
        let system = cut(&system, left / INSTRUCTIONS_SHARE);
        left = left.saturating_sub(tokens(&system));
        prompt.push(system);
    }
    let Some((newest, older)) = history.split_last() else {
        return prompt;
    };
    let newest = cut(newest, left);
    left = left.saturating_sub(tokens(&newest));
    prompt.extend_from_slice(&older[first_that_fits(older, left)..]);
    prompt.push(newest);
    prompt
}

/// Where in `older` the turns begin that fit. A turn begins with the caller; what stands before
/// the caller's first words (the greeting) is one of its own.
fn first_that_fits(older: &[Message], mut left: u32) -> usize {
    let mut first = older.len();
    for (n, message) in older.iter().enumerate().rev() {
        let Some(rest) = left.checked_sub(tokens(message)) else {
            return first;
        };
        left = rest;
        if message.role == Role::User || n == 0 {
            first = n;
        }
    }
    first
}

/// Estimated tokens of one message with the template around it.
pub fn tokens(message: &Message) -> u32 {
    TEMPLATE_TOKENS.saturating_add(text_tokens(&message.text))
}

fn text_tokens(text: &str) -> u32 {
    let mut meter = Meter::default();
    text.chars()
        .fold(0, |tokens: u32, c| tokens.saturating_add(meter.charge(c)))
}

/// Charges a text character by character; forwards and backwards come to the same.
#[derive(Default)]
struct Meter {
    letters: u32,
    after_space: bool,
}

impl Meter {
    fn charge(&mut self, c: char) -> u32 {
        self.letters = if c.is_ascii_alphabetic() {
            self.letters + 1
        } else {
            0
        };
        let after_space = std::mem::replace(&mut self.after_space, c == ' ');
        match c {
            // One space is part of the token of the word beside it.
            ' ' => u32::from(after_space),
            _ if self.letters > 0 => u32::from(self.letters % LETTERS_PER_TOKEN == 1),
            _ => c.len_utf8() as u32,
        }
    }
}

/// The message with its middle taken out so that it fits: how a request begins and ends says more
/// about it than what is between.
fn cut(message: &Message, budget: u32) -> Message {
    if tokens(message) <= budget {
        return message.clone();
    }
    let room = budget
        .saturating_sub(TEMPLATE_TOKENS)
        .saturating_sub(text_tokens(CUT));
    let head = prefix(message.text.chars(), room / 2);
    let tail = prefix(message.text.chars().rev(), room / 2);
    let head: String = message.text.chars().take(head).collect();
    let skipped = message.text.chars().count() - tail;
    let tail: String = message.text.chars().skip(skipped).collect();
    Message::new(
        message.role,
        format!("{}{CUT}{}", head.trim_end(), tail.trim_start()),
    )
}

/// How many of these characters fit into `budget` tokens.
fn prefix(chars: impl Iterator<Item = char>, mut budget: u32) -> usize {
    let mut meter = Meter::default();
    let fits = |c: &char| match budget.checked_sub(meter.charge(*c)) {
        Some(rest) => {
            budget = rest;
            true
        }
        None => false,
    };
    chars.take_while(fits).count()
}
