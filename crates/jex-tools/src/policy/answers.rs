//! What is a yes. Anything that is not wholly one is a no.

/// Words and phrases of one language.
struct Words {
    language: &'static str,
    /// Any of these makes a yes …
    yes: &'static [&'static str],
    /// … beside which only these may stand.
    beside: &'static [&'static str],
    no: &'static [&'static str],
}

const TABLE: [Words; 2] = [
    Words {
        language: "en",
        yes: &[
            "yes",
            "yeah",
            "yep",
            "yup",
            "sure",
            "ok",
            "okay",
            "okey",
            "alright",
            "all right",
            "correct",
            "right",
            "that's right",
            "that is right",
            "go ahead",
            "do it",
            "do that",
            "please do",
            "of course",
            "absolutely",
            "definitely",
            "certainly",
            "sounds good",
            "go for it",
            "affirmative",
        ],
        beside: &[
            "please",
            "thanks",
            "thank you",
            "jex",
            "you may",
            "you can",
            "oh",
            "well",
            "it's",
            "that's",
        ],
        no: &[
            "no",
            "nope",
            "nah",
            "don't",
            "don't do it",
            "don't do that",
            "do not",
            "do not do it",
            "not now",
            "never mind",
            "nevermind",
            "forget it",
            "stop",
            "cancel",
            "leave it",
            "better not",
            "no way",
        ],
    },
    Words {
        language: "de",
        yes: &[
            "ja",
            "jawohl",
            "jap",
            "jo",
            "klar",
            "na klar",
            "sicher",
            "gern",
            "gerne",
            "ok",
            "okay",
            "okey",
            "in ordnung",
            "einverstanden",
            "genau",
            "richtig",
            "stimmt",
            "mach das",
            "mach es",
            "mach mal",
            "tu das",
            "tu es",
            "natürlich",
            "selbstverständlich",
            "auf jeden fall",
            "passt",
            "los",
        ],
        beside: &[
            "bitte",
            "danke",
            "jex",
            "das",
            "kannst du",
            "darfst du",
            "du",
            "kannst",
            "darfst",
            "sehr",
            "doch",
            "ach",
        ],
        no: &[
            "nein",
            "nee",
            "nö",
            "ne",
            "nicht",
            "bitte nicht",
            "lieber nicht",
            "lass es",
            "lass das",
            "lass mal",
            "stopp",
            "stop",
            "halt",
            "abbrechen",
            "vergiss es",
            "jetzt nicht",
            "auf keinen fall",
            "mach das nicht",
        ],
    },
];

/// Whether `text` is a yes and nothing but a yes. In a language without a table: in English.
pub fn is_yes(language: &str, text: &str) -> bool {
    let words = words(language);
    // "Sure?" asks back.
    !text.contains(['?', '？']) && is_made_of(words.yes, words.beside, text)
}

/// Whether `text` is a no and nothing but a no: else there is more in it that the caller wants.
pub fn is_no(language: &str, text: &str) -> bool {
    let words = words(language);
    is_made_of(words.no, words.beside, text)
}

fn words(language: &str) -> &'static Words {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    let is_it = |words: &&Words| words.language.eq_ignore_ascii_case(primary);
    TABLE.iter().find(is_it).unwrap_or(&TABLE[0])
}

fn is_made_of(needed: &[&str], beside: &[&str], text: &str) -> bool {
    let said = normal(text);
    let mut rest: &[String] = &said;
    let mut agreed = false;
    while !rest.is_empty() {
        let agrees = longest(needed, rest);
        let is_beside = longest(beside, rest);
        agreed |= agrees > 0;
        // "you can" is two words beside a yes, "do it" two words of one: the longer reading holds.
        match rest.get(agrees.max(is_beside)..) {
            Some(after) if after.len() < rest.len() => rest = after,
            _ => return false,
        }
    }
    agreed
}

/// How many words of the longest phrase `said` begins with.
fn longest(phrases: &[&str], said: &[String]) -> usize {
    let begins = |phrase: &&&str| {
        let count = phrase.split(' ').count();
        said.len() >= count && phrase.split(' ').zip(said).all(|(word, said)| word == said)
    };
    phrases
        .iter()
        .filter(begins)
        .map(|phrase| phrase.split(' ').count())
        .max()
        .unwrap_or(0)
}

/// The words in lower case, without marks around them.
fn normal(text: &str) -> Vec<String> {
    text.to_lowercase()
        .replace(['’', '`', '´'], "'")
        .split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_say_to_agree() {
        for text in [
            "Yes.",
            "yes please",
            "Yeah, sure!",
            "OK",
            "Go ahead.",
            "Yes, do it, JEX.",
            "That’s right.",
            "Yes. Yes.",
        ] {
            assert!(is_yes("en", text), "{text}");
        }
        for text in [
            "Ja.",
            "Ja, bitte!",
            "Na klar",
            "Ja, mach das.",
            "Gerne, danke",
            "Natürlich",
        ] {
            assert!(is_yes("de-AT", text), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no() {
        for text in [
            "",
            "No.",
            "no yes",
            "Yes, but not now",
            "yes or no",
            "don't do it",
            "Do not do it",
            "please",
            "Yes, and delete it",
            "what?",
            "not right",
            "maybe",
            "Yesterday",
            "ja",
            "sure about that?",
            "Sure?",
            "Okay?",
            "Yes. Right?",
            "…",
            "do",
            "go",
        ] {
            assert!(!is_yes("en", text), "{text}");
        }
        for text in [
            "Nein.",
            "Ja, aber nicht jetzt",
            "bitte nicht",
            "jein",
            "das",
            "mach das nicht",
            "yes",
            "doch nicht",
            "Stimmt?",
        ] {
            assert!(!is_yes("de", text), "{text}");
        }
    }

    #[test]
    fn a_plain_no_is_told_from_a_no_with_a_wish() {
        assert!(is_no("en", "No, thanks."));
        assert!(is_no("de", "Nein, danke, bitte nicht."));
        assert!(!is_no("en", "No, add oat milk"));
        assert!(!is_no("en", "yes"));
    }

    #[test]
    fn a_language_without_a_table_is_taken_for_english() {
        assert!(is_yes("fr", "yes"));
        assert!(!is_yes("fr", "oui"));
    }

    proptest! {
        #[test]
        fn one_foreign_word_spoils_any_yes(yes in 0..25usize, word in "[b-z]{6,9}zz", before: bool) {
            let yes = TABLE[0].yes[yes];
            let text = if before { format!("{word} {yes}") } else { format!("{yes}, {word}") };

            prop_assert!(is_yes("en", yes));
            prop_assert!(!is_yes("en", &text));
        }
    }
}
