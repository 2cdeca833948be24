//! How long JEX remembers, and where what waits lies.

use super::{Check, fault, within};
use crate::Settings;

/// A century.
const MOST_DAYS: u32 = 36_500;

pub fn check(settings: &Settings) -> Check {
    let history = &settings.history;
    for (key, days) in [
        (
            "history.conversations_days",
            Some(history.conversations_days),
        ),
        ("history.calls_days", Some(history.calls_days)),
        ("history.facts_days", history.facts_days),
        (
            "history.announcements_days",
            Some(history.announcements_days),
        ),
    ] {
        let days = days.unwrap_or_default();
        within(key, days, (0, MOST_DAYS), "It is in days; 0 keeps nothing.")?;
    }
    match &history.journal {
        Some(folder) if !folder.is_absolute() => fault(
            &["history.journal"],
            "is no absolute path",
            "Write the whole path, beginning with /.",
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_bounded_and_zero_is_one_of_them() {
        let mut settings = Settings::default();
        settings.history.conversations_days = 0;
        settings.history.facts_days = Some(0);
        assert_eq!(check(&settings), Ok(()));

        settings.history.calls_days = MOST_DAYS + 1;

        let fault = check(&settings).unwrap_err();
        assert_eq!(fault.keys, ["history.calls_days"]);
    }

    #[test]
    fn the_journal_has_a_whole_path() {
        let mut settings = Settings::default();
        settings.history.journal = Some("journal".into());

        let fault = check(&settings).unwrap_err();

        assert_eq!(fault.keys, ["history.journal"]);
    }
}
