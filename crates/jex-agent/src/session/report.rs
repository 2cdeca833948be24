//! What a turn was and how long each stage of it took.

use std::time::{Duration, Instant};

use serde::Serialize;

/// A finished answer, as told on the topic `jex.turn`: at least once, since one that was on its way
/// when LiveKit restarted is sent again. `answer_id` tells them apart.
#[derive(Debug, Clone, Serialize)]
pub struct TurnReport {
    /// Absent for what no one asked for, such as the greeting.
    pub turn_id: Option<String>,
    pub answer_id: String,
    /// What the caller said or typed.
    pub heard: Option<String>,
    pub typed: bool,
    /// What was heard of the answer.
    pub answer: String,
    pub interrupted: bool,
    /// "on this machine", or the host of the provider.
    pub made_where: String,
    pub providers: ProviderNames,
    pub stages_ms: StagesMs,
    pub problem: Option<ProblemReport>,
    /// What was called for it, or was to be.
    pub calls: Vec<CalledReport>,
}

/// A call of a tool, and what came of it in a phrase: "done", "failed: …".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CalledReport {
    pub tool: String,
    pub outcome: String,
}

impl TurnReport {
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always serialise")
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct ProviderNames {
    pub stt: String,
    pub llm: String,
    pub tts: String,
}

/// Something that is wrong, as told in the attribute `jex.problem`.
#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct ProblemReport {
    pub stage: &'static str,
    pub message: String,
    pub remedy: String,
}

/// Milliseconds; a stage that did not happen is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StagesMs {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speech_end_to_final: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_to_first_token: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token_to_first_audio: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speech_end_to_first_audio: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_audio: Option<u64>,
}

impl StagesMs {
    /// From the caller's words to the end of the answer.
    pub fn since_heard(&self) -> Duration {
        let stages = [
            self.final_to_first_token,
            self.first_token_to_first_audio,
            self.answer_audio,
        ];
        Duration::from_millis(stages.into_iter().flatten().sum())
    }
}

/// When each stage of a turn was reached.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stages {
    /// The caller's last voiced frame.
    pub speech_end: Option<Instant>,
    /// The final transcript, or the typed text.
    pub heard: Option<Instant>,
    pub first_token: Option<Instant>,
    pub first_audio: Option<Instant>,
    pub ended: Option<Instant>,
}

impl Stages {
    pub fn to_ms(self) -> StagesMs {
        StagesMs {
            speech_end_to_final: between(self.speech_end, self.heard),
            final_to_first_token: between(self.heard, self.first_token),
            first_token_to_first_audio: between(self.first_token, self.first_audio),
            speech_end_to_first_audio: between(self.speech_end, self.first_audio),
            answer_audio: between(self.first_audio, self.ended),
        }
    }
}

fn between(from: Option<Instant>, to: Option<Instant>) -> Option<u64> {
    let elapsed: Duration = to?.checked_duration_since(from?)?;
    Some(elapsed.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_did_not_happen_is_absent() {
        let start = Instant::now();
        let stages = Stages {
            heard: Some(start),
            first_token: Some(start + Duration::from_millis(250)),
            ..Stages::default()
        };

        let json = serde_json::to_string(&stages.to_ms()).unwrap();

        assert_eq!(json, r#"{"final_to_first_token":250}"#);
    }
}
