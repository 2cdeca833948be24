//! What the agent tells about a turn on the topic `jex.turn`, and what `jex ask` makes of it.

use serde::{Deserialize, Serialize};

/// One answer, as the agent reports it when it is over.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TurnReport {
    /// Absent for what no one asked for, such as the greeting.
    pub turn_id: Option<String>,
    pub answer_id: String,
    /// What was recognised or typed.
    pub heard: Option<String>,
    pub typed: bool,
    /// What was said of the answer.
    pub answer: String,
    pub interrupted: bool,
    /// "on this machine", or where else.
    pub made_where: String,
    pub providers: ProviderNames,
    pub stages_ms: StagesMs,
    pub problem: Option<Problem>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderNames {
    pub stt: String,
    pub llm: String,
    pub tts: String,
}

/// Milliseconds; a stage that did not happen is absent.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
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

/// Something that is wrong with a part of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// `stt`, `llm` or `tts`.
    pub stage: String,
    pub message: String,
    pub remedy: String,
}

impl Problem {
    /// From the attribute `jex.problem`: empty when nothing is wrong.
    pub fn from_attribute(json: &str) -> Option<Self> {
        if json.is_empty() {
            return None;
        }
        // What cannot be read is still a problem.
        Some(serde_json::from_str(json).unwrap_or_else(|_| Self {
            message: json.to_owned(),
            ..Self::default()
        }))
    }

    /// Whether an answer in spite of it is a real one: another voice has spoken it.
    pub fn leaves_an_answer(&self) -> bool {
        self.stage == "tts"
    }
}

/// The whole of what was asked and answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    #[serde(flatten)]
    pub last: TurnReport,
    /// All turns, when the recording held several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<TurnReport>,
}

impl Answer {
    /// From the turns in their order; `None` without any.
    pub fn of(mut turns: Vec<TurnReport>) -> Option<Self> {
        let mut last = turns.last()?.clone();
        if turns.len() == 1 {
            turns.clear();
        } else {
            let heard = turns.iter().filter_map(|turn| turn.heard.as_deref());
            last.heard = Some(heard.collect::<Vec<_>>().join(" "));
        }
        Some(Self { last, turns })
    }
}

/// The stages in one line, such as `recognised 0.42 s · first word 0.31 s · speaks for 2.1 s`.
pub fn stages_line(stages: &StagesMs) -> String {
    let named = [
        ("recognised", stages.speech_end_to_final),
        ("first word", stages.final_to_first_token),
        ("first sound", stages.first_token_to_first_audio),
        ("silence in all", stages.speech_end_to_first_audio),
        ("spoke for", stages.answer_audio),
    ];
    let parts: Vec<String> = named
        .into_iter()
        .filter_map(|(name, ms)| Some(format!("{name} {:.2} s", ms? as f64 / 1000.0)))
        .collect();
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{"turn_id":"T1","answer_id":"A2","heard":"Hi","typed":false,
        "answer":"Hello.","interrupted":false,"made_where":"on this machine",
        "providers":{"stt":"a","llm":"b","tts":"c"},
        "stages_ms":{"speech_end_to_final":420,"answer_audio":2100},"problem":null,"new_key":1}"#;

    #[test]
    fn a_report_of_a_newer_agent_is_read() {
        let report: TurnReport = serde_json::from_str(REPORT).unwrap();

        assert_eq!(report.turn_id.as_deref(), Some("T1"));
        assert_eq!(report.stages_ms.speech_end_to_final, Some(420));
        assert_eq!(report.stages_ms.first_token_to_first_audio, None);
    }

    #[test]
    fn stages_that_did_not_happen_are_left_out_of_the_line() {
        let report: TurnReport = serde_json::from_str(REPORT).unwrap();

        assert_eq!(
            stages_line(&report.stages_ms),
            "recognised 0.42 s · spoke for 2.10 s"
        );
        assert_eq!(stages_line(&StagesMs::default()), "");
    }

    #[test]
    fn a_question_in_two_breaths_is_one_question() {
        let turn = |heard: &str, answer: &str| TurnReport {
            heard: Some(heard.into()),
            answer: answer.into(),
            ..TurnReport::default()
        };

        let answer = Answer::of(vec![turn("One", "a"), turn("two?", "b")]).unwrap();

        assert_eq!(answer.last.heard.as_deref(), Some("One two?"));
        assert_eq!(answer.last.answer, "b");
        assert_eq!(answer.turns.len(), 2);
        assert!(Answer::of(vec![turn("One", "a")]).unwrap().turns.is_empty());
        assert_eq!(Answer::of(vec![]), None);
    }

    #[test]
    fn a_problem_is_read_and_never_lost() {
        let problem = Problem::from_attribute(r#"{"stage":"llm","message":"m","remedy":"r"}"#);

        assert_eq!(problem.unwrap().stage, "llm");
        assert_eq!(Problem::from_attribute(""), None);
        assert_eq!(Problem::from_attribute("{").unwrap().message, "{");
    }
}
