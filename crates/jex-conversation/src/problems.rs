//! What is wrong, and what the caller is told about it.

use std::collections::HashSet;
use std::time::Duration;

use crate::{Problem, Stage};

// Everything that the assistant says of its own accord. None of it is part of the history.
const CANNOT_UNDERSTAND: &str = "Sorry, I cannot understand speech at the moment.";
const STILL_CANNOT_UNDERSTAND: &str = "Sorry, I still cannot understand speech.";
const NO_LANGUAGE_MODEL: &str = "Sorry, I cannot reach the language model.";
const STILL_NO_LANGUAGE_MODEL: &str = "Sorry, I still cannot reach the language model.";
const NO_VOICE: &str = "Sorry, I could not say all of that. Please read it on the page.";
pub const NO_ANSWER: &str = "Sorry, I have no answer to that.";
pub const ONLY_SHOWN: &str = "Please read the answer on the page.";
pub const STOPPED: &str = "All right, I am stopping.";

/// The problems that exist now, at most one of each stage.
#[derive(Debug, Default)]
pub struct Problems {
    /// The newest last: that one is published.
    current: Vec<Problem>,
    /// Stages whose problem the caller was told about.
    told: HashSet<Stage>,
}

impl Problems {
    /// Something failed. Returns whether that is news to publish.
    pub fn failed(&mut self, problem: Problem) -> bool {
        if self.current.last() == Some(&problem) {
            return false;
        }
        if !self.current.contains(&problem) {
            self.told.remove(&problem.stage);
        }
        self.current.retain(|other| other.stage != problem.stage);
        self.current.push(problem);
        true
    }

    /// A stage works. Returns whether there is something to publish.
    pub fn works(&mut self, stage: Stage) -> bool {
        self.told.remove(&stage);
        let newest_heals = self
            .current
            .last()
            .is_some_and(|problem| problem.stage == stage);
        self.current.retain(|problem| problem.stage != stage);
        newest_heals
    }

    pub fn newest(&self) -> Option<&Problem> {
        self.current.last()
    }

    /// What to tell the caller whose turn was lost at this stage: all of it the first time and
    /// when the reason has changed, then a reminder.
    pub fn phrase(&mut self, stage: Stage) -> Option<&'static str> {
        let first_time = self.told.insert(stage);
        match stage {
            Stage::SpeechToText if first_time => Some(CANNOT_UNDERSTAND),
            Stage::SpeechToText => Some(STILL_CANNOT_UNDERSTAND),
            Stage::LanguageModel if first_time => Some(NO_LANGUAGE_MODEL),
            Stage::LanguageModel => Some(STILL_NO_LANGUAGE_MODEL),
            Stage::TextToSpeech if first_time => Some(NO_VOICE),
            // The voice was tried with the answer itself.
            Stage::TextToSpeech => None,
        }
    }
}

/// No transcript came in time.
pub fn no_transcript(timeout: Duration) -> Problem {
    let seconds = timeout.as_secs_f32();
    Problem {
        stage: Stage::SpeechToText,
        message: format!("Speech recognition sent no transcript within {seconds} s."),
        remedy: "See `jex status` for its state and `jex logs` for the reason.".into(),
    }
}
