//! How much of a conversation fits into the model's context.
//!
//! The model's tokenizer is not known here, so tokens are estimated, and rather too many than too
//! few: a prompt that is too long is cut by the server at its beginning, where the instructions
//! stand. Byte-pair vocabularies take four to five characters of an English word as one token and
//! up to one token for each byte of what they have rarely seen. The estimate charges
//! * a word one token for each three letters begun,
//! * each digit and each sign one token,
//! * each character outside ASCII one token for each byte,
//! * each message, and each call of a tool, eight tokens for the chat template around it.

use crate::{Message, Role, Rules};

/// ChatML takes five, Llama 3 six.
const TEMPLATE_TOKENS: u32 = 8;
const LETTERS_PER_TOKEN: u32 = 3;
/// Of what is there for the prompt, the instructions may take so much at most: without the
/// caller's words there is no answer.
const INSTRUCTIONS_SHARE: u32 = 2;
/// Stands where a message was cut.
const CUT: &str = " […] ";

/// Tokens that the prompt may take: what the answer and the tools leave, but at least half of the
/// context, and a quarter where tools are offered.
pub fn of(rules: &Rules, tool_tokens: u32) -> u32 {
    let whole = rules.context_tokens;
    let without_tools = whole.saturating_sub(rules.max_answer_tokens).max(whole / 2);
    without_tools
        .saturating_sub(tool_tokens)
        .max(without_tools.min(whole / 4))
}

/// Instructions, then the newest turns that fit into `budget` tokens. Whole turns are dropped,
/// oldest first, so that a tool's result never stands without its call; the newest always stays,
/// what is long in it cut in its middle if nothing else helps.
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
    let newest = history.iter().rposition(|m| m.role == Role::User);
    let (older, newest) = history.split_at(newest.unwrap_or(0));
    let newest = squeezed(newest, left);
    let taken: u32 = newest.iter().map(tokens).fold(0, u32::saturating_add);
    left = left.saturating_sub(taken);
    prompt.extend_from_slice(&older[first_that_fits(older, left)..]);
    prompt.extend(newest);
    prompt
}

/// One turn in `budget` tokens: of its rounds of tool calls the oldest go first, then its texts are
/// cut to what a fair share leaves them.
fn squeezed(turn: &[Message], budget: u32) -> Vec<Message> {
    let mut turn = turn.to_vec();
    if turn.iter().map(tokens).fold(0, u32::saturating_add) <= budget {
        return turn;
    }
    while frame_tokens(&turn) > budget / 2 {
        let mut rounds = (0..turn.len()).filter(|n| !turn[*n].calls.is_empty());
        match (rounds.next(), rounds.next()) {
            (Some(oldest), Some(next)) => drop(turn.drain(oldest..next)),
            (Some(_), None) => {
                // A call that fills the context by itself: what came of it says more.
                let calls = turn.iter_mut().flat_map(|message| &mut message.calls);
                calls.for_each(|call| "{}".clone_into(&mut call.arguments));
                break;
            }
            (None, _) => break,
        }
    }
    let mut left = budget.saturating_sub(frame_tokens(&turn));
    let mut shortest_first: Vec<&mut Message> = turn.iter_mut().collect();
    shortest_first.sort_by_key(|message| text_tokens(&message.text));
    let mut waiting = shortest_first.len() as u32;
    for message in shortest_first {
        cut_text(&mut message.text, left / waiting);
        left = left.saturating_sub(text_tokens(&message.text));
        waiting -= 1;
    }
    turn
}

/// What messages take without their texts.
fn frame_tokens(messages: &[Message]) -> u32 {
    let frame = |message: &Message| tokens(message) - text_tokens(&message.text);
    messages.iter().map(frame).fold(0, u32::saturating_add)
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
    let call = |call: &crate::ToolCall| {
        let words = text_tokens(&call.name).saturating_add(text_tokens(&call.arguments));
        TEMPLATE_TOKENS.saturating_add(words)
    };
    let calls = message.calls.iter().map(call);
    calls.fold(
        TEMPLATE_TOKENS.saturating_add(text_tokens(&message.text)),
        u32::saturating_add,
    )
}

/// Rather too many than too few: how many tokens a text takes of the model's context.
pub fn estimated_tokens(text: &str) -> u32 {
    text_tokens(text)
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

fn cut(message: &Message, budget: u32) -> Message {
    let mut message = message.clone();
    cut_text(&mut message.text, budget.saturating_sub(TEMPLATE_TOKENS));
    message
}

/// Takes the middle out of a text that does not fit: how a request begins and ends says more about
/// it than what is between.
fn cut_text(text: &mut String, budget: u32) {
    if text_tokens(text) <= budget {
        return;
    }
    let room = budget.saturating_sub(text_tokens(CUT));
    let head = prefix(text.chars(), room / 2);
    let tail = prefix(text.chars().rev(), room / 2);
    let skipped = text.chars().count() - tail;
    let head: String = text.chars().take(head).collect();
    let tail: String = text.chars().skip(skipped).collect();
    *text = format!("{}{CUT}{}", head.trim_end(), tail.trim_start());
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
