//! A few words of many.

/// In characters.
const LONGEST: usize = 160;
const BEFORE: usize = 50;

/// How a text begins, on one line.
pub fn beginning(text: &str) -> String {
    let text: Vec<char> = one_line(text).chars().collect();
    cut(&text, 0)
}

/// What stands around the first of the words in a text, on one line; its beginning where none of them is.
pub fn excerpt(text: &str, words: &str) -> String {
    let words: Vec<String> = { words.split(|c: char| !c.is_alphanumeric()) }
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let text: Vec<char> = one_line(text).chars().collect();
    let found = word_starts(&text).find(|start| words.contains(&word_at(&text, *start)));
    let wanted = found.unwrap_or_default().saturating_sub(BEFORE);
    // Not in the middle of a word.
    let from = word_starts(&text).find(|start| *start >= wanted);
    cut(
        &text,
        if wanted == 0 {
            0
        } else {
            from.unwrap_or(wanted)
        },
    )
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn word_starts(text: &[char]) -> impl Iterator<Item = usize> {
    let is_word = move |at: usize| text[at].is_alphanumeric();
    (0..text.len()).filter(move |at| is_word(*at) && (*at == 0 || !is_word(at - 1)))
}

fn word_at(text: &[char], start: usize) -> String {
    let letters = text[start..].iter().take_while(|c| c.is_alphanumeric());
    letters.collect::<String>().to_lowercase()
}

fn cut(text: &[char], from: usize) -> String {
    let until = text.len().min(from + LONGEST);
    let mut cut: String = text[from..until].iter().collect();
    if until < text.len() {
        cut.push('…');
    }
    if from > 0 {
        cut.insert(0, '…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_text_stays_as_it_is_but_for_its_lines() {
        assert_eq!(excerpt("Add\n milk, please.", "milk"), "Add milk, please.");
        assert_eq!(beginning("  Hello \n there"), "Hello there");
    }

    #[test]
    fn of_a_long_text_the_part_with_the_word_is_shown() {
        let text = format!("{} Milk {}", "butter ".repeat(60), "bread ".repeat(60));

        let shown = excerpt(&text, "\"MILK\" or honey");

        assert!(shown.contains(" Milk bread"), "{shown}");
        assert!(
            shown.starts_with("…butter") && shown.ends_with('…'),
            "{shown}"
        );
    }

    #[test]
    fn a_part_of_a_word_is_no_match() {
        let text = format!("{}milk", "milkshake ".repeat(60));

        assert!(excerpt(&text, "milk").ends_with(" milk"));
    }

    #[test]
    fn without_a_match_it_begins_at_the_beginning() {
        let text = "ä".repeat(500);

        assert_eq!(excerpt(&text, "milk").chars().count(), LONGEST + 1);
    }

    proptest! {
        #[test]
        fn any_text_is_cut_short(text in "\\PC{0,400}", words in "\\PC{0,20}") {
            prop_assert!(excerpt(&text, &words).chars().count() <= LONGEST + 2);
            prop_assert!(beginning(&text).chars().count() <= LONGEST + 1);
        }
    }
}
