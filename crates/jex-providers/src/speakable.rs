//! What of a text is read aloud: the words, without Markdown, emoji, code, tables and addresses.
//!
//! A few rules rather than a Markdown parser, because the text comes in pieces that end
//! anywhere: half an emphasis or half a link must not be heard either.

use unicode_properties::{EmojiStatus, UnicodeEmoji};
use unicode_segmentation::UnicodeSegmentation;

/// What a web address starts with.
const ADDRESS_STARTS: [&str; 4] = ["https://", "http://", "ftp://", "www."];
/// Longest thing in angle brackets that is taken for an HTML tag, in bytes.
const LONGEST_TAG: usize = 200;

/// Whether a voice can say anything of it.
pub fn can_be_spoken(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// The words of a piece of Markdown, in one line; empty when there are none.
///
/// Code blocks and tables are left out, links are their text, web addresses are their host,
/// symbols such as `%` and `&` stay for the voice to say.
pub fn speakable(text: &str) -> String {
    let mut spoken = String::with_capacity(text.len());
    let mut in_code = false;
    for line in text.lines() {
        let line = line.trim_start();
        if is_fence(line) {
            in_code = !in_code;
        } else if !in_code && !is_table_row(line) && !is_rule(line) {
            speak_line(without_markers(line), &mut spoken);
            spoken.push(' ');
        }
    }
    match can_be_spoken(&spoken) {
        true => tidy(&spoken),
        false => String::new(),
    }
}

/// Whether a line, trimmed at its start, opens or closes a code block.
pub(crate) fn is_fence(line: &str) -> bool {
    line.starts_with("```") || line.starts_with("~~~")
}

/// Whether a line, trimmed at its start, is a row of a table.
pub(crate) fn is_table_row(line: &str) -> bool {
    line.starts_with('|')
}

/// `---`, `***`, `===`, and the line below a table's head.
fn is_rule(line: &str) -> bool {
    let marks = line.chars().filter(|c| !c.is_whitespace());
    line.len() >= 3 && marks.clone().count() >= 3 && marks.clone().all(|c| "-=*_|:".contains(c))
}

/// Without the marks of quotes, headings, bullets and tasks. Numbers of list items are words.
fn without_markers(mut line: &str) -> &str {
    loop {
        let bare = line.trim_start();
        let hashes = bare.trim_start_matches('#');
        let rest = if let Some(quote) = bare.strip_prefix('>') {
            quote
        } else if hashes.len() < bare.len() && hashes.starts_with(char::is_whitespace) {
            hashes
        } else if let Some(item) = bare.strip_prefix(['-', '*', '+', '•', '–'])
            && item.starts_with(char::is_whitespace)
        {
            item
        } else if let Some(task) = ["[ ] ", "[x] ", "[X] "]
            .iter()
            .find_map(|mark| bare.strip_prefix(mark))
        {
            task
        } else {
            return bare;
        };
        line = rest;
    }
}

fn speak_line(line: &str, spoken: &mut String) {
    let mut rest = line;
    let mut before = None;
    while let Some(c) = rest.chars().next() {
        let word_starts = !before.is_some_and(char::is_alphanumeric);
        let used = if let Some(skipped) = unspoken(rest) {
            skipped
        } else if word_starts && let Some(length) = address_length(rest) {
            spoken.push_str(host(&rest[..length]));
            length
        } else {
            speak_character(before, rest, spoken)
        };
        before = match used == c.len_utf8() {
            true => Some(c),
            false => rest[..used].chars().next_back(),
        };
        rest = &rest[used..];
    }
}

/// The length of a link's target, a footnote's mark or an HTML tag that `rest` begins with.
fn unspoken(rest: &str) -> Option<usize> {
    if let Some(target) = rest.strip_prefix("](") {
        return Some(2 + target_length(target));
    }
    if let Some(reference) = rest.strip_prefix("][") {
        return Some(2 + reference.find(']').map_or(reference.len(), |end| end + 1));
    }
    if let Some(mark) = rest.strip_prefix('[')
        && let Some(end) = mark.find(']')
    {
        let inside = &mark[..end];
        let number = !inside.is_empty() && inside.bytes().all(|b| b.is_ascii_digit());
        if (number || inside.starts_with('^')) && !mark[end + 1..].starts_with('(') {
            return Some(end + 2);
        }
    }
    if let Some(tag) = rest.strip_prefix('<')
        && tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!')
        && ADDRESS_STARTS.iter().all(|start| !tag.starts_with(start))
        && let Some(end) = tag.bytes().take(LONGEST_TAG).position(|b| b == b'>')
    {
        return Some(end + 2);
    }
    None
}

/// Up to and with the bracket that closes a link's target, which may hold brackets itself.
fn target_length(target: &str) -> usize {
    let mut depth = 1;
    for (at, c) in target.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    // The piece ends within the target.
    target.len()
}

/// The length of the web address that `rest` begins with, without the punctuation after it.
fn address_length(rest: &str) -> Option<usize> {
    let start = ADDRESS_STARTS.iter().find(|start| {
        let head = rest.get(..start.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(start))
    })?;
    let end = rest
        .find(|c: char| c.is_whitespace() || "<>\"`|[]".contains(c))
        .unwrap_or(rest.len());
    let address = rest[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '*', '_', '\'']);
    (address.len() > start.len()).then_some(address.len())
}

fn host(address: &str) -> &str {
    let bare = address.split_once("://").map_or(address, |(_, bare)| bare);
    let end = bare.find(['/', '?', '#', ':']).unwrap_or(bare.len());
    let host = bare[..end].rsplit('@').next().unwrap_or_default();
    let www = host
        .get(..4)
        .is_some_and(|www| www.eq_ignore_ascii_case("www."));
    // Half of an address, or none.
    if !host
        .chars()
        .all(|c| c.is_alphanumeric() || "-.".contains(c))
    {
        return "";
    }
    if www { &host[4..] } else { host }
}

/// Says the first character of `rest`; returns how many bytes that used.
fn speak_character(before: Option<char>, rest: &str, spoken: &mut String) -> usize {
    let Some(cluster) = rest.graphemes(true).next() else {
        return 0;
    };
    let mut characters = cluster.chars();
    let c = characters.next().unwrap_or_default();
    let after = rest[c.len_utf8()..].chars().next();
    let joins_words =
        before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
    match c {
        '*' if is_times(before, &rest[1..], spoken) => spoken.push('×'),
        '#' if before.is_some_and(|c| c.is_ascii_uppercase()) && !joins_words => {
            spoken.push_str(" sharp");
        }
        '_' if joins_words => spoken.push(' '),
        '!' if after == Some('[') => {}
        '*' | '_' | '`' | '#' | '[' | ']' | '\\' => {}
        '~' if after == Some('~') || before == Some('~') => {}
        '|' => spoken.push(','),
        c if c.is_whitespace() => spoken.push(' '),
        c if c.is_control() => {}
        _ if is_emoji(cluster) => {
            // A keycap is its digit.
            spoken.extend(c.is_ascii_digit().then_some(c));
            return cluster.len();
        }
        c => spoken.push(c),
    }
    c.len_utf8()
}

/// A star between two numbers, as in `3 * 4`.
fn is_times(before: Option<char>, after: &str, spoken: &str) -> bool {
    let digit = |c: char| c.is_ascii_digit();
    match before {
        Some(' ') => {
            spoken.trim_end().ends_with(digit)
                && after.starts_with(' ')
                && after.trim_start().starts_with(digit)
        }
        Some(c) => digit(c) && after.starts_with(digit),
        None => false,
    }
}

/// A picture. Signs that happen to be listed as emoji, such as © and digits, are text.
fn is_emoji(cluster: &str) -> bool {
    const VARIATION_PICTURE: char = '\u{fe0f}';
    const KEYCAP: char = '\u{20e3}';
    cluster.chars().any(|c| match c {
        VARIATION_PICTURE | KEYCAP => true,
        '0'..='9' | '#' | '*' | '©' | '®' | '™' => false,
        c => c.emoji_status() != EmojiStatus::NonEmoji && !c.is_alphanumeric(),
    })
}

/// One space between words, none before punctuation that a removed picture left behind.
fn tidy(spoken: &str) -> String {
    let mut line = String::with_capacity(spoken.len());
    for word in spoken.split_whitespace().filter(|word| *word != "()") {
        let closes = word.starts_with(['.', ',', '!', '?', ';', ':', ')']);
        // `.5` is a number.
        let decimal = word.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
        if !line.is_empty() && (!closes || decimal) {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markdown_is_not_heard() {
        for (written, spoken) in [
            (
                "**Paris** is the _capital_ of `France`.",
                "Paris is the capital of France.",
            ),
            ("## The answer", "The answer"),
            ("- [x] milk & bread", "milk & bread"),
            ("> 1. *First* step", "1. First step"),
            (
                "See [the **manual**](https://example.com/a_(b)?c=d).",
                "See the manual.",
            ),
            ("![a cat](cat.png) sits", "a cat sits"),
            ("As shown [1] there [^note].", "As shown there."),
            ("See [the docs][docs].", "See the docs."),
            ("a<br>b is <b>bold</b>, 2 < 3 > 1", "ab is bold, 2 < 3 > 1"),
            ("~~old~~ new, about ~5", "old new, about ~5"),
            ("call my_function now", "call my function now"),
            ("half a **bold", "half a bold"),
            ("half a [link](https://exam", "half a link"),
            ("\\(x\\) costs \\$5", "(x) costs $5"),
            ("C# and F#", "C sharp and F sharp"),
            ("3 * 4 = 12 and 3*4", "3 × 4 = 12 and 3×4"),
            ("20 % of R&D", "20 % of R&D"),
        ] {
            assert_eq!(speakable(written), spoken, "{written}");
        }
    }

    #[test]
    fn addresses_are_heard_as_their_host() {
        for (written, spoken) in [
            ("See https://www.example.com/a/b?c=d#e.", "See example.com."),
            ("(http://localhost:3000/x)", "(localhost)"),
            ("<https://example.com>", "<example.com>"),
            ("or www.example.org, then", "or example.org, then"),
        ] {
            assert_eq!(speakable(written), spoken, "{written}");
        }
    }

    #[test]
    fn emoji_are_not_heard() {
        for (written, spoken) in [
            ("Great 😀!", "Great!"),
            ("👨‍👩‍👧‍👦 family 🇫🇷 in France ❤️", "family in France"),
            ("Press 1️⃣ now ☀", "Press 1 now"),
            ("© 2026 JEX™", "© 2026 JEX™"),
            ("👍🏽", ""),
        ] {
            assert_eq!(speakable(written), spoken, "{written}");
        }
    }

    #[test]
    fn code_tables_and_rules_are_not_heard() {
        for written in [
            "```rust\nlet x = 1;\n```\n",
            "```\nnever closed",
            "| a | b |\n|---|---|\n| 1 | 2 |\n",
            "---",
            "* * *",
            "...",
            " \n ",
            "",
        ] {
            assert_eq!(speakable(written), "", "{written}");
        }
        assert_eq!(speakable("Run:\n```\nls\n```\nand see."), "Run: and see.");
    }

    proptest! {
        #[test]
        fn no_markup_is_ever_heard(
            written in r"([a-zA-Z0-9 .,!?*_`#|<>()\[\]~\\\n-]|https://|😀|1️⃣|🇫🇷|é|。){0,60}",
        ) {
            let spoken = speakable(&written);

            prop_assert!(!spoken.contains(['*', '_', '`', '#', '\n']), "{spoken}");
            prop_assert!(!spoken.graphemes(true).any(is_emoji), "{spoken}");
            prop_assert_eq!(spoken.trim(), spoken.as_str());
            prop_assert!(spoken.is_empty() || can_be_spoken(&spoken));
        }

        #[test]
        fn no_text_panics(written in any::<String>()) {
            let _ = speakable(&written);
        }
    }
}
