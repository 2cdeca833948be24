//! How the history looks in a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jex_store::history::{Conversation, Heading, MadeCall, SaidTurn};
use jex_store::{Deleted, Scope, Speaker};

use super::span::local;

/// Characters of a first sentence in a list.
const FIRST: usize = 60;

pub fn list(headings: &[Heading]) -> String {
    if headings.is_empty() {
        return "Nothing is remembered.\n".into();
    }
    let bold = Style::new().bold();
    let mut text = format!(
        "{bold}{:<8}  {:<16}  {:>5}  BEGAN WITH{bold:#}\n",
        "ID", "WHEN", "TURNS"
    );
    for heading in headings {
        let id = &heading.id.to_string()[..8];
        let first = short(&plain(heading.first.as_deref().unwrap_or_default()));
        let line = format!(
            "{id}  {}  {:>5}  {first}",
            local(heading.began),
            heading.turns
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

pub fn conversation(conversation: &Conversation) -> String {
    let dim = Style::new().dimmed();
    let mut text = format!(
        "{dim}{}, {}{dim:#}\n",
        conversation.heading.id,
        local(conversation.heading.began)
    );
    // By time, whichever they are.
    let turns = conversation.turns.iter().map(|turn| (turn.at, said(turn)));
    let calls = conversation.calls.iter().map(|call| (call.at, done(call)));
    let mut lines: Vec<_> = turns.chain(calls).collect();
    lines.sort_by_key(|(at, _)| *at);
    for (_, line) in lines {
        let _ = writeln!(text, "{line}");
    }
    text
}

pub fn found(turns: &[SaidTurn]) -> String {
    if turns.is_empty() {
        return "Nothing with these words is remembered.\n".into();
    }
    let mut text = String::new();
    for turn in turns {
        let id = &turn.conversation.to_string()[..8];
        let _ = writeln!(text, "{id}  {}  {}", local(turn.at), said(turn));
    }
    text
}

pub fn deleted(deleted: &Deleted) -> String {
    if deleted.is_nothing() {
        return "There was nothing to delete.\n".into();
    }
    let counts = [
        (deleted.conversations, "conversation"),
        (deleted.turns, "turn"),
        (deleted.calls, "call"),
        (deleted.summaries, "summary"),
        (deleted.facts, "fact"),
        (deleted.announcements, "announcement"),
    ];
    let counts = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| match (count, what) {
            (1, what) => format!("1 {what}"),
            (count, "summary") => format!("{count} summaries"),
            (count, what) => format!("{count} {what}s"),
        });
    format!("Deleted: {}.\n", counts.collect::<Vec<_>>().join(", "))
}

pub fn scope(scope: Scope) -> String {
    match scope {
        Scope::All => "everything that JEX remembers".into(),
        Scope::Conversation(id) => format!("the conversation {}", &id.to_string()[..8]),
        Scope::Fact(_) => "what is remembered of it".into(),
        Scope::Range { from, to } => {
            format!(
                "what was said and done from {} until {}",
                local(from),
                local(to)
            )
        }
    }
}

fn said(turn: &SaidTurn) -> String {
    let (who, colour) = match turn.speaker {
        Speaker::Caller => ("You", AnsiColor::Cyan),
        Speaker::Assistant => ("JEX", AnsiColor::Green),
    };
    let style = colour.on_default();
    let heard = match &turn.heard {
        Some(heard) => format!(" (heard: {})", plain(heard)),
        None => String::new(),
    };
    let left = match &turn.left_for {
        Some(host) => format!(" [sent to {}]", plain(host)),
        None => String::new(),
    };
    format!("{style}{who}:{style:#} {}{heard}{left}", plain(&turn.said))
}

fn done(call: &MadeCall) -> String {
    let style = AnsiColor::Yellow.on_default();
    let outcome = call
        .outcome
        .map_or("not known yet", |outcome| outcome.word());
    format!(
        "{style}{}{style:#} {} ({}): {outcome}",
        plain(&call.tool),
        plain(&call.arguments),
        call.decision.word().replace('_', " ")
    )
}

/// On one line, and without what a terminal would obey.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .collect();
    words
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn short(text: &str) -> String {
    match text.char_indices().nth(FIRST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_cannot_command_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{9b}d"), "a [2Jb c d");
    }

    #[test]
    fn what_was_deleted_is_counted_in_words() {
        let counts = Deleted {
            turns: 2,
            facts: 1,
            summaries: 3,
            ..Deleted::default()
        };

        assert_eq!(deleted(&counts), "Deleted: 2 turns, 3 summaries, 1 fact.\n");
        assert!(deleted(&Deleted::default()).contains("nothing"));
    }

    #[test]
    fn a_long_sentence_is_cut_at_a_character() {
        let text = "ä".repeat(100);

        assert_eq!(short(&text).chars().count(), FIRST + 1);
    }
}
