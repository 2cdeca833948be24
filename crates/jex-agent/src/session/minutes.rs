//! The minutes: what was said in one conversation, for the history.

use std::time::Duration;

use jex_store::{Began, Entry, Moment, Providers, Record, Recorder, Speaker, Summary, Turn};
use uuid::Uuid;

use super::report::TurnReport;
use super::turns::Unanswered;

/// What `made_where` says of words that stayed.
const HERE: &str = "on this machine";

/// Writes down one conversation, from the caller's first appearance to its end.
pub struct Minutes {
    recorder: Recorder,
    conversation: Uuid,
    room: String,
    language: String,
    began: Option<Moment>,
}

impl Minutes {
    pub fn new(recorder: Recorder, conversation: Uuid, room: &str, language: &str) -> Self {
        Self {
            recorder,
            conversation,
            room: room.to_owned(),
            language: language.to_owned(),
            began: None,
        }
    }

    /// Someone is there. A room that nobody comes to is no conversation.
    pub fn begin(&mut self) {
        if self.began.is_some() {
            return;
        }
        let now = Moment::now();
        self.began = Some(now);
        self.record(
            now,
            Record::Began(Began {
                conversation: self.conversation,
                room: self.room.clone(),
                language: self.language.clone(),
            }),
        );
    }

    /// An answer is over, and with it the turn that it was for.
    pub fn turn(&self, caller: &str, report: &TurnReport) {
        let now = Moment::now();
        // At least a moment before the answer, so that they stand in order.
        let heard_at = now.before(report.stages_ms.since_heard().max(Duration::from_millis(1)));
        if let Some(heard) = report.heard.as_ref().filter(|heard| !heard.is_empty()) {
            let by = &report.providers.stt;
            self.caller_said(
                caller,
                heard,
                report.typed,
                by,
                &report.made_where,
                heard_at,
            );
        }
        if report.answer.is_empty() {
            return;
        }
        // What nobody asked for was made by no model.
        let llm = report
            .turn_id
            .as_ref()
            .map(|_| report.providers.llm.clone());
        self.record(
            now,
            Record::Turn(Turn {
                conversation: self.conversation,
                speaker: Speaker::Assistant,
                participant: "jex".into(),
                said: report.answer.clone(),
                heard: None,
                typed: false,
                interrupted: report.interrupted,
                providers: Providers {
                    llm,
                    tts: Some(report.providers.tts.clone()),
                    ..Providers::default()
                },
                left_for: left_for(&report.made_where),
            }),
        );
    }

    /// The conversation ended before an answer to this did.
    pub fn unanswered(&self, caller: &str, left: &Unanswered, stt: &str, made_where: &str) {
        let ago = left.heard.map_or(Duration::ZERO, |heard| heard.elapsed());
        let at = Moment::now().before(ago);
        self.caller_said(caller, &left.text, left.typed, stt, made_where, at);
    }

    fn caller_said(
        &self,
        caller: &str,
        text: &str,
        typed: bool,
        stt: &str,
        made_where: &str,
        at: Moment,
    ) {
        let turn = Turn {
            conversation: self.conversation,
            speaker: Speaker::Caller,
            participant: caller.to_owned(),
            said: text.to_owned(),
            heard: None,
            typed,
            interrupted: false,
            providers: Providers {
                stt: Some(stt.to_owned()).filter(|_| !typed),
                ..Providers::default()
            },
            left_for: left_for(made_where),
        };
        self.record(at, Record::Turn(turn));
    }

    /// The conversation so far, in fewer words.
    pub fn summary(&self, text: &str) {
        let Some(from) = self.began.filter(|_| !text.trim().is_empty()) else {
            return;
        };
        let now = Moment::now();
        let summary = Summary {
            conversation: self.conversation,
            from,
            until: now,
            text: text.trim().to_owned(),
        };
        self.record(now, Record::Summary(summary));
    }

    fn record(&self, at: Moment, record: Record) {
        self.recorder.record(Entry::new(at, record));
    }
}

fn left_for(made_where: &str) -> Option<String> {
    Some(made_where.to_owned()).filter(|place| place != HERE)
}

impl Drop for Minutes {
    fn drop(&mut self) {
        if self.began.is_some() {
            self.record(
                Moment::now(),
                Record::Ended {
                    conversation: self.conversation,
                },
            );
        }
    }
}
