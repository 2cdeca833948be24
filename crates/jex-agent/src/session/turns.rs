//! Keeps the record of each answer until it is over and becomes a report.

use std::collections::HashMap;
use std::time::Instant;

use jex_conversation::AnswerId;
use tracing::Span;

use super::Mark;
use super::captions::answer_id;
use super::report::{CalledReport, ProblemReport, ProviderNames, Stages, TurnReport};

/// What the caller's current turn is made of, before it becomes an answer.
#[derive(Debug, Default)]
struct Asking {
    text: Option<String>,
    typed: bool,
    speech_end: Option<Instant>,
    heard: Option<Instant>,
    span: Option<Span>,
}

#[derive(Debug)]
struct Turn {
    number: u64,
    heard: Option<String>,
    typed: bool,
    stages: Stages,
    calls: Vec<CalledReport>,
    span: Span,
}

/// What the caller said last, when the conversation ended before an answer did.
#[derive(Debug, PartialEq, Eq)]
pub struct Unanswered {
    pub text: String,
    pub typed: bool,
    pub heard: Option<Instant>,
}

/// The turns of one conversation.
#[derive(Debug)]
pub struct Turns {
    session: String,
    made_where: String,
    asking: Asking,
    running: HashMap<AnswerId, Turn>,
    /// Answers that no one asked for (the greeting): first audio only.
    unasked: HashMap<AnswerId, Stages>,
    count: u64,
}

impl Turns {
    pub fn new(session: String, made_where: String) -> Self {
        Self {
            session,
            made_where,
            asking: Asking::default(),
            running: HashMap::new(),
            unasked: HashMap::new(),
            count: 0,
        }
    }

    /// The span of the turn that the caller is making.
    pub fn span_of_next(&mut self) -> Span {
        let number = self.count + 1;
        let span = &mut self.asking.span;
        span.get_or_insert_with(|| tracing::info_span!("turn", number))
            .clone()
    }

    /// The span of the turn that an answer belongs to; none for what no one asked for.
    pub fn span_of(&self, answer: AnswerId) -> Span {
        let turn = self.running.get(&answer);
        turn.map_or_else(Span::none, |turn| turn.span.clone())
    }

    pub fn speech_ended(&mut self, at: Instant) {
        self.asking.speech_end = Some(at);
    }

    /// A part of the caller's turn is known; parts of one turn are joined.
    pub fn heard(&mut self, text: &str, typed: bool, at: Instant) {
        let asking = &mut self.asking;
        match &mut asking.text {
            Some(before) => {
                before.push(' ');
                before.push_str(text);
            }
            None => asking.text = Some(text.to_owned()),
        }
        asking.typed = typed;
        asking.heard = Some(at);
        if typed {
            asking.speech_end = None;
        }
    }

    /// The turn is complete: the model is being asked; again, when tools of the same turn are done.
    pub fn asked(&mut self, answer: AnswerId) {
        if self.running.contains_key(&answer) {
            return;
        }
        let span = self.span_of_next();
        let asking = std::mem::take(&mut self.asking);
        self.count += 1;
        let stages = Stages {
            speech_end: asking.speech_end,
            heard: asking.heard,
            ..Stages::default()
        };
        let turn = Turn {
            number: self.count,
            heard: asking.text,
            typed: asking.typed,
            stages,
            calls: Vec::new(),
            span,
        };
        self.running.insert(answer, turn);
    }

    /// What came of a call that was made for an answer.
    pub fn called(&mut self, answer: AnswerId, call: CalledReport) {
        if let Some(turn) = self.running.get_mut(&answer) {
            turn.calls.push(call);
        }
    }

    /// What was heard last was no turn, but the reply to a question.
    pub fn replied(&mut self) {
        self.asking = Asking::default();
    }

    /// What was said until then is deleted: it is not to come again with the next turn.
    pub fn forget(&mut self, until: Instant) {
        if self.asking.heard.is_some_and(|heard| heard <= until) {
            self.asking = Asking::default();
        }
    }

    pub fn mark(&mut self, answer: AnswerId, mark: Mark, at: Instant) {
        let stages = match self.running.get_mut(&answer) {
            Some(turn) => &mut turn.stages,
            None => self.unasked.entry(answer).or_default(),
        };
        match mark {
            Mark::FirstToken => stages.first_token.get_or_insert(at),
            Mark::FirstAudio => stages.first_audio.get_or_insert(at),
        };
    }

    /// The answer is over; no report for one that was withdrawn: it ended before its first sound,
    /// and its question joins the next one.
    pub fn ended(
        &mut self,
        answer: AnswerId,
        text: String,
        interrupted: bool,
        providers: ProviderNames,
        problem: Option<ProblemReport>,
        at: Instant,
    ) -> Option<TurnReport> {
        let mut turn = self.running.remove(&answer);
        let is_withdrawn =
            |turn: &mut Turn| interrupted && text.is_empty() && turn.stages.first_audio.is_none();
        if let Some(turn) = turn.take_if(is_withdrawn) {
            self.withdraw(turn);
            return None;
        }
        let mut stages = match &turn {
            Some(turn) => turn.stages,
            None => self.unasked.remove(&answer).unwrap_or_default(),
        };
        stages.ended = Some(at);
        let stages_ms = stages.to_ms();
        if let Some(turn) = &turn {
            // Words stay out of the log: they are for the history, which can be deleted.
            turn.span.in_scope(|| {
                tracing::info!(typed = turn.typed, interrupted, stages = ?stages_ms, "answered");
            });
        }
        Some(TurnReport {
            turn_id: turn.as_ref().map(|turn| format!("T{}", turn.number)),
            answer_id: answer_id(&self.session, answer),
            typed: turn.as_ref().is_some_and(|turn| turn.typed),
            calls: { turn.as_mut() }.map_or_else(Vec::new, |turn| std::mem::take(&mut turn.calls)),
            heard: turn.and_then(|turn| turn.heard),
            answer: text,
            interrupted,
            made_where: self.made_where.clone(),
            providers,
            stages_ms,
            problem,
        })
    }

    /// The conversation is over: what no report will tell any more, in order.
    pub fn unanswered(&mut self) -> Vec<Unanswered> {
        let mut running: Vec<Turn> = self.running.drain().map(|(_, turn)| turn).collect();
        running.sort_unstable_by_key(|turn| turn.number);
        let asking = std::mem::take(&mut self.asking);
        running
            .into_iter()
            .map(|turn| (turn.heard, turn.typed, turn.stages.heard))
            .chain([(asking.text, asking.typed, asking.heard)])
            .filter_map(|(text, typed, heard)| {
                let text = text.filter(|text| !text.is_empty())?;
                Some(Unanswered { text, typed, heard })
            })
            .collect()
    }

    /// The next turn may have begun: what is known of it stays.
    fn withdraw(&mut self, turn: Turn) {
        self.count -= 1;
        let asking = &mut self.asking;
        asking.span = Some(turn.span);
        match (&mut asking.text, turn.heard) {
            (Some(next), Some(before)) => *next = format!("{before} {next}"),
            (Some(_), None) => {}
            (None, before) => {
                asking.text = before;
                asking.typed = turn.typed;
                asking.speech_end = asking.speech_end.or(turn.stages.speech_end);
                asking.heard = asking.heard.or(turn.stages.heard);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn turns() -> Turns {
        Turns::new("S".into(), "on this machine".into())
    }

    fn names() -> ProviderNames {
        ProviderNames {
            stt: "stt".into(),
            llm: "llm".into(),
            tts: "tts".into(),
        }
    }

    #[test]
    fn a_question_withdrawn_in_silence_joins_the_next_one() {
        let mut turns = turns();
        let now = Instant::now();
        turns.heard("What is", false, now);
        turns.asked(AnswerId(1));

        let none = turns.ended(AnswerId(1), String::new(), true, names(), None, now);
        turns.heard("the capital of France?", false, now);
        turns.asked(AnswerId(2));
        let report = turns
            .ended(AnswerId(2), "Paris.".into(), false, names(), None, now)
            .unwrap();

        assert!(none.is_none());
        assert_eq!(report.turn_id.as_deref(), Some("T1"));
        assert_eq!(report.answer_id, "S_A2");
        assert_eq!(
            report.heard.as_deref(),
            Some("What is the capital of France?")
        );
    }

    #[test]
    fn what_was_said_last_is_known_when_the_caller_leaves_before_an_answer() {
        let mut turns = turns();
        let now = Instant::now();
        for (number, text) in [(1, "Who are you?"), (2, "Remind me to drink water.")] {
            turns.heard(text, false, now);
            turns.asked(AnswerId(number));
        }
        turns.ended(AnswerId(1), "JEX.".into(), false, names(), None, now);
        turns.heard("Are you there?", true, now);

        let left: Vec<_> = turns
            .unanswered()
            .into_iter()
            .map(|left| (left.text, left.typed))
            .collect();

        let expected = [
            ("Remind me to drink water.".to_owned(), false),
            ("Are you there?".to_owned(), true),
        ];
        assert_eq!(left, expected);
        assert_eq!(turns.unanswered(), []);
    }

    #[test]
    fn a_question_typed_into_the_silence_before_an_answer_comes_behind_the_one_before() {
        let mut turns = turns();
        let (spoken, typed) = (Instant::now(), Instant::now() + Duration::from_secs(2));
        turns.speech_ended(spoken);
        turns.heard("What is the capital of France?", false, spoken);
        turns.asked(AnswerId(1));

        turns.heard("And of Spain?", true, typed);
        turns.ended(AnswerId(1), String::new(), true, names(), None, typed);
        turns.asked(AnswerId(2));
        turns.mark(AnswerId(2), Mark::FirstToken, typed);
        let report = turns
            .ended(AnswerId(2), "Madrid.".into(), false, names(), None, typed)
            .unwrap();

        let both = "What is the capital of France? And of Spain?";
        assert_eq!(report.heard.as_deref(), Some(both));
        assert_eq!(report.turn_id.as_deref(), Some("T1"));
        assert!(report.typed);
        assert_eq!(report.stages_ms.speech_end_to_final, None);
        assert_eq!(report.stages_ms.final_to_first_token, Some(0));
    }

    #[test]
    fn an_answer_cut_short_after_its_first_sound_stays_a_turn() {
        let mut turns = turns();
        let now = Instant::now();
        turns.heard("Hello", true, now);
        turns.asked(AnswerId(1));
        turns.mark(AnswerId(1), Mark::FirstAudio, now);

        let report = turns
            .ended(AnswerId(1), String::new(), true, names(), None, now)
            .unwrap();

        assert!(report.interrupted && report.typed);
    }

    #[test]
    fn the_greeting_is_no_turn() {
        let mut turns = turns();

        let report = turns.ended(
            AnswerId(1),
            "Hello.".into(),
            false,
            names(),
            None,
            Instant::now(),
        );

        assert_eq!(report.unwrap().turn_id, None);
    }
}
