//! Text from outside, made fit for a voice, a page or a log.

/// In one line of at most `most` characters, an ellipsis included: no control, no invisible and no direction-changing
/// characters.
pub fn one_line(text: &str, most: usize) -> String {
    let visible: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !is_invisible(*c))
        // More would not be shown, and the text may be megabytes long.
        .take(most.saturating_mul(4).saturating_add(16))
        .collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(line, most)
}

/// As [`one_line`], for a description in several lines.
pub fn paragraph(text: &str, most: usize) -> String {
    one_line(text, most)
}

fn cut(mut line: String, most: usize) -> String {
    if line.chars().count() > most {
        let end = line
            .char_indices()
            .nth(most.saturating_sub(1))
            .map_or(line.len(), |(at, _)| at);
        line.truncate(end);
        line.truncate(line.trim_end().len());
        line.push('…');
    }
    line
}

/// Characters that change how text looks without being seen: joiners, direction marks, tags, soft hyphen.
fn is_invisible(c: char) -> bool {
    matches!(
        u32::from(c),
        0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164
            | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF
    )
}

/// Why something failed, as the owner may hear it: the first line, without what only a programmer reads.
pub fn reason(text: &str) -> String {
    let first = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    // A stack that was put into one line.
    let first = first.split("    at ").next().unwrap_or_default();
    let line = one_line(first, 300);
    // Where in a Code node of n8n's.
    let line = match line.rsplit_once(" [line ") {
        Some((words, rest)) if rest.ends_with(']') => words,
        _ => &line,
    };
    line.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_and_direction_characters_do_not_come_through() {
        assert_eq!(
            one_line("milk\u{1b}[2J\n\u{202e}klim\u{200b}", 80),
            "milk [2J klim"
        );
    }

    #[test]
    fn what_is_long_is_cut_and_shows_it() {
        assert_eq!(one_line("one two three", 8), "one two…");
    }

    #[test]
    fn a_reason_is_the_message_without_the_stack() {
        let text =
            "Cannot read property 'x'.\n    at Object.run (/usr/lib/n8n.js:1:2)\n    at next";

        assert_eq!(reason(text), "Cannot read property 'x'");
        assert_eq!(reason("boom    at run (/x.js:1)"), "boom");
        assert_eq!(reason("Flooded. [line 3, for item 0]"), "Flooded");
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_bounded_line(text in "\\PC*|.*", most in 1usize..100) {
            let line = one_line(&text, most);

            prop_assert!(line.chars().count() <= most);
            prop_assert!(!line.chars().any(|c| c.is_control() || is_invisible(c)));
        }
    }
}
