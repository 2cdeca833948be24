//! The rules of a conversation.

use std::time::Duration;

use jex_config::Settings;
use jex_conversation::Rules;

/// Long enough for whoever dictates a letter.
const LONGEST_UTTERANCE: Duration = Duration::from_secs(60);
/// For a provider's error to arrive.
const BEHIND_THE_PROVIDER: Duration = Duration::from_secs(2);

/// What the settings make of them; `recalled`: what the caller wants remembered.
pub fn of(settings: &Settings, recalled: Option<String>) -> Rules {
    Rules {
        endpointing: Duration::from_millis(settings.conversation.endpointing_ms),
        barge_in: Duration::from_millis(settings.conversation.barge_in_ms),
        longest_utterance: LONGEST_UTTERANCE,
        // The provider gives up first: it can name its endpoint and the remedy.
        transcript_timeout: Duration::from_millis(settings.stt.timeout_ms) + BEHIND_THE_PROVIDER,
        instructions: instructions(settings, recalled),
        greeting: settings.greeting(),
        goodbye: settings.goodbye(),
        context_tokens: settings.llm.context_tokens,
        max_answer_tokens: settings.llm.max_answer_tokens,
        // The packaged model makes nothing of use of it.
        sums_up: !settings.model_is_demo(),
    }
}

/// The system message: the settings', and what the caller wants remembered.
pub fn instructions(settings: &Settings, recalled: Option<String>) -> String {
    let parts = [Some(settings.instructions()), recalled];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hung_recogniser_is_told_of_by_its_provider() {
        let settings = Settings::default();
        let provider_gives_up = Duration::from_millis(settings.stt.timeout_ms);

        let rules = of(&settings, None);

        assert!(rules.transcript_timeout > provider_gives_up);
    }
}
