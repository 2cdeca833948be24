//! What the agent itself says about tools, in the languages that it has words for.

/// The language's own words; English where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    English,
    German,
}

impl Words {
    /// `language`: BCP 47.
    pub fn of(language: &str) -> Self {
        match language.split(['-', '_']).next() {
            Some(primary) if primary.eq_ignore_ascii_case("de") => Self::German,
            _ => Self::English,
        }
    }

    /// A tool has been running for a second.
    pub fn still_working(self) -> &'static str {
        match self {
            Self::English => "One moment, I am working on it.",
            Self::German => "Einen Moment, ich bin dabei.",
        }
    }

    /// Neither the database nor the journal takes anything.
    pub fn records_nothing(self) -> &'static str {
        match self {
            Self::English => {
                "I cannot write anything down at the moment, so this conversation is not kept, and I only look things up."
            }
            Self::German => {
                "Ich kann gerade nichts aufschreiben: Dieses Gespräch wird nicht behalten, und ich sehe nur nach."
            }
        }
    }

    /// It became known what happened to a call that was cut off.
    pub fn settled(self, tool: &str, outcome: &jex_tools::Outcome) -> String {
        let tool = tool.replace(['_', '-'], " ");
        match (self, outcome) {
            (Self::English, jex_tools::Outcome::Done(_)) => {
                format!("I now know what became of {tool}, which was cut off: it was done.")
            }
            (Self::English, jex_tools::Outcome::Unknown(_)) => {
                format!("Nobody can say whether {tool}, which was cut off, was done. Please check.")
            }
            (Self::English, jex_tools::Outcome::Failed(reason)) => {
                format!("I now know what became of {tool}, which was cut off: {reason}.")
            }
            (Self::English, _) => {
                format!("I now know what became of {tool}, which was cut off: it was stopped.")
            }
            (Self::German, jex_tools::Outcome::Done(_)) => {
                format!("Ich weiß jetzt, was aus {tool} wurde, das abgebrochen war: Es ist getan.")
            }
            (Self::German, jex_tools::Outcome::Unknown(_)) => {
                format!("Niemand weiß, ob {tool}, das abgebrochen war, getan ist. Bitte sieh nach.")
            }
            // The reasons of tools are in English.
            (Self::German, jex_tools::Outcome::Failed(reason)) => {
                format!("Ich weiß jetzt, was aus {tool} wurde, das abgebrochen war: {reason}.")
            }
            (Self::German, _) => {
                format!(
                    "Ich weiß jetzt, was aus {tool} wurde, das abgebrochen war: Es wurde angehalten."
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn a_language_without_words_is_spoken_to_in_english() {
        assert_eq!(Words::of("de-AT"), Words::German);
        assert_eq!(Words::of("en-GB"), Words::English);
        assert_eq!(Words::of("fr"), Words::English);
    }
}
