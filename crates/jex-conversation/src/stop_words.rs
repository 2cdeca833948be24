//! Words by which the caller has a running tool stopped.

/// What is said and nothing else; whoever says more wants more.
const PHRASES: &[&str] = &[
    // English
    "stop",
    "stop it",
    "stop that",
    "stop this",
    "cancel",
    "cancel it",
    "cancel that",
    "cancel this",
    "abort",
    "never mind",
    "nevermind",
    "forget it",
    "forget about it",
    "leave it",
    "don't do it",
    "enough",
    // German
    "stopp",
    "stopp das",
    "stoppe das",
    "halt",
    "halt an",
    "hör auf",
    "hör auf damit",
    "abbrechen",
    "abbruch",
    "brich ab",
    "brich das ab",
    "lass es",
    "lass das",
    "vergiss es",
    "schluss",
    "schluss damit",
    "genug",
];

/// Such as may stand beside them.
const BESIDE: &[&str] = &["please", "jex", "bitte", "no", "nein", "oh", "okay", "ok"];

/// Whether `text` says to stop, and no more than that.
pub fn is_stop(text: &str) -> bool {
    let lower = text.to_lowercase().replace('’', "'");
    let words = lower.split(|c: char| !(c.is_alphanumeric() || c == '\''));
    let words: Vec<&str> = words
        .filter(|word| !word.is_empty() && !BESIDE.contains(word))
        .collect();
    is_made_of_phrases(&words)
}

/// "Stop, stop, stop it!"
fn is_made_of_phrases(mut words: &[&str]) -> bool {
    let mut any = false;
    while !words.is_empty() {
        let longest = PHRASES
            .iter()
            .map(|phrase| phrase.split(' ').collect::<Vec<_>>())
            .filter(|phrase| words.starts_with(phrase))
            .map(|phrase| phrase.len())
            .max();
        let Some(longest) = longest else { return false };
        words = &words[longest..];
        any = true;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::is_stop;

    #[test]
    fn to_stop_is_said_in_few_words() {
        for text in [
            "Stop.",
            "STOP! Stop it!",
            "Please cancel that.",
            "Never mind, JEX.",
            "Don’t do it",
            "Stopp!",
            "Bitte hör auf.",
            "Nein, abbrechen",
        ] {
            assert!(is_stop(text), "{text}");
        }
    }

    #[test]
    fn whoever_says_more_wants_more() {
        for text in [
            "",
            "please",
            "No.",
            "Stop the timer",
            "Cancel my appointment",
            "Where is the bus stop?",
            "Halt mal kurz und sag mir die Uhrzeit",
        ] {
            assert!(!is_stop(text), "{text}");
        }
    }
}
