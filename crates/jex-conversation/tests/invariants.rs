//! Whatever happens, in whatever order: what must always hold.
//!
//! Random inputs, sensible and senseless ones, beside a reference model that knows nothing but
//! the rules of the outputs: who may speak, what may follow what, what the history must be.

mod story;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jex_conversation::{AgentState, AnswerId, Input, Output, Role, Stage, UtteranceId};
use proptest::prelude::*;
use story::{ENDPOINTING, Story, broken, ms};

/// One thing that happens. Ids are counted back from the newest, so that most of them exist.
#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    /// Time passes unnoticed.
    Stall(u64),
    Joined,
    Left,
    Started,
    Stopped(u64),
    Final(u64, bool),
    Interim(u64),
    RecognitionFailed(u64),
    Typed,
    Sentence(u64, bool),
    Done(u64),
    GenerationFailed(u64),
    Heard(u64, usize, usize),
    Played(u64, usize),
    SpeechFailed(u64, usize),
    SpeechLost(u64),
    Interrupt,
    End,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0..1500u64).prop_map(Step::Wait),
        2 => (0..3000u64).prop_map(Step::Stall),
        3 => Just(Step::Joined),
        1 => Just(Step::Left),
        12 => Just(Step::Started),
        12 => (0..800u64).prop_map(Step::Stopped),
        14 => (0..3u64, prop::bool::weighted(0.8)).prop_map(|(back, words)| Step::Final(back, words)),
        3 => (0..2u64).prop_map(Step::Interim),
        2 => (0..3u64).prop_map(Step::RecognitionFailed),
        5 => Just(Step::Typed),
        14 => (0..2u64, prop::bool::weighted(0.85)).prop_map(|(back, words)| Step::Sentence(back, words)),
        8 => (0..2u64).prop_map(Step::Done),
        2 => (0..2u64).prop_map(Step::GenerationFailed),
        10 => (0..2u64, 0..4usize, 0..40usize).prop_map(|(back, n, chars)| Step::Heard(back, n, chars)),
        10 => (0..2u64, 0..4usize).prop_map(|(back, n)| Step::Played(back, n)),
        2 => (0..2u64, 0..4usize).prop_map(|(back, n)| Step::SpeechFailed(back, n)),
        1 => (0..2u64).prop_map(Step::SpeechLost),
        2 => Just(Step::Interrupt),
        1 => Just(Step::End),
    ]
}

/// What the outputs so far allow.
#[derive(Debug, Default)]
struct Reference {
    here: bool,
    left_room: bool,
    state: Option<AgentState>,
    hearing: bool,
    problem: bool,
    open_utterance: Option<UtteranceId>,
    known_utterances: BTreeSet<UtteranceId>,
    cancelled_utterances: BTreeSet<UtteranceId>,
    last_utterance: Option<UtteranceId>,
    answer: Option<Speech>,
    last_answer: Option<AnswerId>,
    /// Answers that the model was asked for, and the greeting.
    in_history: BTreeSet<AnswerId>,
    heard_texts: Vec<String>,
    typed: Vec<String>,
}

/// The one answer that is not over.
#[derive(Debug)]
struct Speech {
    id: AnswerId,
    generating: bool,
    spoken: BTreeMap<usize, String>,
    over: BTreeSet<usize>,
    shown: String,
}

impl Reference {
    fn input(&mut self, input: &Input) {
        match input {
            Input::CallerJoined => self.here = true,
            Input::CallerLeft => self.here = false,
            Input::GenerationDone { answer } | Input::GenerationFailed { answer, .. } => {
                if let Some(current) = self.answer.as_mut().filter(|a| a.id == *answer) {
                    current.generating = false;
                }
            }
            Input::SentencePlayed { answer, sentence }
            | Input::SpeechFailed {
                answer, sentence, ..
            } => {
                if let Some(current) = self.answer.as_mut().filter(|a| a.id == *answer) {
                    current.over.insert(*sentence);
                }
            }
            _ => {}
        }
    }

    fn output(&mut self, output: &Output) {
        assert!(!self.left_room, "{output:?} after leaving");
        match output {
            Output::State(state) => {
                assert_ne!(
                    self.state.replace(*state),
                    Some(*state),
                    "published without change"
                );
                if *state == AgentState::Speaking {
                    assert!(self.answer.as_ref().is_some_and(|a| !a.spoken.is_empty()));
                }
                if *state == AgentState::Listening {
                    assert!(self.here && self.answer.is_none());
                }
            }
            Output::Hearing(hearing) => {
                assert_ne!(std::mem::replace(&mut self.hearing, *hearing), *hearing);
            }
            Output::Problem(problem) => {
                assert!(problem.is_some() || self.problem, "nothing was wrong");
                self.problem = problem.is_some();
            }
            Output::Leave => {
                assert!(self.answer.is_none());
                self.left_room = true;
            }
            Output::StartUtterance(_)
            | Output::EndUtterance(_)
            | Output::CancelUtterance(_)
            | Output::CallerTranscript { .. } => self.utterance(output),
            _ => self.speech(output),
        }
    }

    fn utterance(&mut self, output: &Output) {
        match output {
            Output::StartUtterance(id) => {
                assert!(self.open_utterance.replace(*id).is_none(), "two at once");
                assert!(self.last_utterance.replace(*id) < Some(*id));
                self.known_utterances.insert(*id);
            }
            Output::EndUtterance(id) => assert_eq!(self.open_utterance.take(), Some(*id)),
            Output::CancelUtterance(id) => {
                assert!(self.known_utterances.contains(id));
                assert!(self.cancelled_utterances.insert(*id), "cancelled twice");
                self.open_utterance.take_if(|open| open == id);
            }
            Output::CallerTranscript { utterance, .. } => {
                assert!(self.known_utterances.contains(utterance));
                assert!(!self.cancelled_utterances.contains(utterance));
            }
            _ => unreachable!(),
        }
    }

    fn speech(&mut self, output: &Output) {
        match output {
            Output::Generate {
                answer, messages, ..
            } => {
                assert!(self.here, "asked for nobody");
                self.begin(*answer, true);
                self.in_history.insert(*answer);
                self.prompt(messages);
            }
            Output::Speak {
                answer,
                sentence,
                text,
            } => {
                assert!(self.here, "spoken to nobody");
                assert!(!text.is_empty());
                if self.answer.is_none() {
                    self.begin(*answer, false);
                }
                let current = self.current(*answer);
                assert!(
                    current.spoken.keys().all(|earlier| earlier < sentence),
                    "out of order"
                );
                current.spoken.insert(*sentence, text.clone());
            }
            Output::CancelGeneration(answer) => {
                let current = self.current(*answer);
                assert!(std::mem::take(&mut current.generating), "nothing to cancel");
            }
            Output::StopSpeaking(answer) => {
                assert!(!self.current(*answer).spoken.is_empty(), "nothing to stop");
            }
            Output::AnswerText { answer, delta } => {
                assert!(!delta.is_empty());
                self.current(*answer).shown.push_str(delta);
            }
            Output::AnswerEnded {
                answer,
                text,
                interrupted,
            } => {
                self.current(*answer);
                let ended = self.answer.take().expect("it was current");
                assert!(!ended.generating, "still being made");
                assert_eq!(ended.shown.trim_end(), text, "shown and remembered differ");
                assert_eq!(*interrupted && !text.is_empty(), text.ends_with('—'));
                if !text.is_empty() && self.in_history.contains(answer) {
                    self.heard_texts.push(text.clone());
                }
            }
            _ => unreachable!(),
        }
    }

    fn begin(&mut self, id: AnswerId, generating: bool) {
        assert!(self.answer.is_none(), "two answers at once");
        assert!(self.last_answer.replace(id) < Some(id));
        if !generating && id == AnswerId(1) {
            self.in_history.insert(id);
        }
        self.answer = Some(Speech {
            id,
            generating,
            spoken: BTreeMap::new(),
            over: BTreeSet::new(),
            shown: String::new(),
        });
    }

    fn current(&mut self, id: AnswerId) -> &mut Speech {
        let current = self.answer.as_mut().expect("an answer that is not over");
        assert_eq!(current.id, id, "not the current answer");
        current
    }

    /// The history: what was heard, in order, and every typed word once.
    fn prompt(&self, messages: &[jex_conversation::Message]) {
        assert_eq!(messages[0].role, Role::System);
        let said = &messages[1..];
        assert_eq!(said.last().map(|m| m.role), Some(Role::User));
        let alternate = said.windows(2).all(|pair| pair[0].role != pair[1].role);
        assert!(alternate, "{said:?}");
        let assistant = said.iter().filter(|m| m.role == Role::Assistant);
        let assistant: Vec<&String> = assistant.map(|m| &m.text).collect();
        assert_eq!(assistant, self.heard_texts.iter().collect::<Vec<_>>());
        let user = said.iter().filter(|m| m.role == Role::User);
        let words: Vec<&str> = user.flat_map(|m| m.text.split_whitespace()).collect();
        let different: BTreeSet<&str> = words.iter().copied().collect();
        assert_eq!(
            words.len(),
            different.len(),
            "said once, told twice: {words:?}"
        );
        for typed in &self.typed {
            assert!(different.contains(typed.as_str()), "{typed} is lost");
        }
    }
}

/// The story and its reference side by side.
struct World {
    story: Story,
    reference: Reference,
    words: u64,
}

impl World {
    fn new() -> Self {
        let rules = jex_conversation::Rules {
            greeting: "Hello there.".into(),
            context_tokens: 1_000_000,
            ..story::rules()
        };
        let mut world = Self {
            story: Story::before_the_caller(rules),
            reference: Reference::default(),
            words: 0,
        };
        world.check();
        world
    }

    fn word(&mut self) -> String {
        self.words += 1;
        format!("word{}", self.words)
    }

    fn input(&mut self, input: Input) {
        self.reference.input(&input);
        self.story.input(input);
        self.check();
    }

    fn wait(&mut self, duration: u64) {
        self.story.wait(ms(duration));
        self.check();
    }

    fn check(&mut self) {
        for output in self.story.outputs() {
            self.reference.output(&output);
        }
    }

    fn utterance(&self, back: u64) -> UtteranceId {
        let last = self.reference.last_utterance.map_or(0, |id| id.0);
        UtteranceId(last.saturating_sub(back))
    }

    fn answer(&self, back: u64) -> AnswerId {
        let last = self.reference.last_answer.map_or(0, |id| id.0);
        AnswerId(last.saturating_sub(back))
    }

    fn step(&mut self, step: Step) {
        let input = match step {
            Step::Wait(duration) => return self.wait(duration),
            Step::Stall(duration) => {
                self.story.wait_without_ticks(ms(duration));
                return;
            }
            Step::Joined => Input::CallerJoined,
            Step::Left => Input::CallerLeft,
            Step::Started => Input::SpeechStarted,
            Step::Stopped(silence) => Input::SpeechStopped {
                silence: ms(silence),
            },
            Step::Final(back, words) => Input::Transcript {
                utterance: self.utterance(back),
                text: if words { self.word() } else { String::new() },
                is_final: true,
            },
            Step::Interim(back) => Input::Transcript {
                utterance: self.utterance(back),
                text: self.word(),
                is_final: false,
            },
            Step::RecognitionFailed(back) => Input::RecognitionFailed {
                utterance: self.utterance(back),
                problem: broken(Stage::SpeechToText),
            },
            Step::Typed => {
                let text = self.word();
                let taken = self.reference.here && !self.is_ending();
                self.reference.typed.extend(taken.then(|| text.clone()));
                Input::Typed { text }
            }
            Step::Sentence(back, words) => {
                let spoken = if words { self.word() } else { String::new() };
                Input::Sentence {
                    answer: self.answer(back),
                    written: format!("*{spoken}* 🙂 "),
                    spoken,
                }
            }
            Step::Done(back) => Input::GenerationDone {
                answer: self.answer(back),
            },
            Step::GenerationFailed(back) => Input::GenerationFailed {
                answer: self.answer(back),
                problem: broken(Stage::LanguageModel),
            },
            Step::Heard(back, sentence, chars) => Input::Heard {
                answer: self.answer(back),
                sentence,
                chars,
            },
            Step::Played(back, sentence) => Input::SentencePlayed {
                answer: self.answer(back),
                sentence,
            },
            Step::SpeechFailed(back, sentence) => Input::SpeechFailed {
                answer: self.answer(back),
                sentence,
                problem: broken(Stage::TextToSpeech),
            },
            Step::SpeechLost(back) => Input::SpeechLost {
                answer: self.answer(back),
            },
            Step::Interrupt => Input::Interrupt,
            Step::End => Input::End,
        };
        self.input(input);
    }

    fn is_ending(&self) -> bool {
        let goodbye =
            |output: &Output| matches!(output, Output::Speak { text, .. } if text == "Goodbye.");
        self.story
            .all
            .iter()
            .any(|output| goodbye(output) || *output == Output::Leave)
    }

    /// Everybody does what they still have to do, and nobody begins anything new.
    fn come_to_rest(&mut self) {
        self.input(Input::SpeechStopped { silence: ms(0) });
        for _ in 0..20 {
            self.wait(ENDPOINTING.as_millis() as u64);
            let known: Vec<UtteranceId> = self.reference.known_utterances.iter().copied().collect();
            for utterance in known {
                let text = self.word();
                let is_final = true;
                self.input(Input::Transcript {
                    utterance,
                    text,
                    is_final,
                });
            }
            let Some(current) = &self.reference.answer else {
                continue;
            };
            let (answer, generating) = (current.id, current.generating);
            if generating {
                self.input(Input::GenerationDone { answer });
            }
            let sentences = match &self.reference.answer {
                Some(current) if current.id == answer => current.spoken.keys().copied().collect(),
                _ => VecDeque::new(),
            };
            for sentence in sentences {
                self.input(Input::SentencePlayed { answer, sentence });
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_whatever_happens(steps in prop::collection::vec(step(), 0..80)) {
        let mut world = World::new();
        world.input(Input::CallerJoined);

        for step in steps {
            world.step(step);
        }
        world.come_to_rest();

        let Reference { answer, open_utterance, here, left_room, .. } = &world.reference;
        prop_assert!(answer.is_none(), "an answer never ended: {answer:?}");
        prop_assert!(open_utterance.is_none(), "an utterance never ended");
        prop_assert_eq!(world.story.deadline(), None);
        let resting = match (here, left_room) {
            (_, true) => None,
            (true, false) => Some(AgentState::Listening),
            (false, false) => Some(AgentState::Idle),
        };
        prop_assert!(resting.is_none_or(|state| state == world.story.state()), "{:?}", world.story.state());
    }

    #[test]
    fn every_turn_of_a_calm_caller_is_answered(turns in prop::collection::vec((any::<bool>(), 0..4u8), 1..12)) {
        let mut world = World::new();
        world.input(Input::CallerJoined);
        world.come_to_rest();

        for (typed, trouble) in turns {
            let spoken_before = story::spoken(&world.story.all).len();
            if typed {
                world.step(Step::Typed);
            } else {
                world.input(Input::SpeechStarted);
                world.wait(1000);
                world.input(Input::SpeechStopped { silence: ms(100) });
                world.wait(1000);
                let failed = trouble == 1;
                world.step(if failed { Step::RecognitionFailed(0) } else { Step::Final(0, true) });
            }
            match trouble {
                2 => world.step(Step::GenerationFailed(0)),
                3 => world.step(Step::Done(0)),
                _ => world.step(Step::Sentence(0, true)),
            }
            world.come_to_rest();
            let spoken = story::spoken(&world.story.all).len();
            prop_assert!(spoken > spoken_before, "the caller was left in silence");
        }
    }
}
