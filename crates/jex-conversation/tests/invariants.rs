//! Whatever happens, in whatever order: what must always hold.
//!
//! Random inputs, sensible and senseless ones, beside a reference model that knows nothing but
//! the rules of the outputs: who may speak, what may follow what, what the history must be.

mod story;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jex_conversation::{
    AgentState, AnnouncementId, AnswerId, Input, Message, Output, QuestionId, Role, Stage,
    UtteranceId,
};
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
    /// Whoever speaks is heard on: the next sentence is played to its end.
    PlayedOn,
    /// The model says something, perhaps, and asks for tools that need a yes.
    Acts(bool, usize),
    Stop,
    ToolsCalled(u64, usize),
    ToolsDone(u64, bool),
    StillRunning(u64),
    Ask(u64),
    QuestionClosed(u64),
    ReplyTaken(bool),
    Announce(u64),
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
        12 => Just(Step::PlayedOn),
        8 => (any::<bool>(), 1..3usize).prop_map(|(words, n)| Step::Acts(words, n)),
        1 => Just(Step::Stop),
        10 => (0..2u64, 0..3usize).prop_map(|(back, n)| Step::ToolsCalled(back, n)),
        6 => (0..2u64, any::<bool>()).prop_map(|(back, all)| Step::ToolsDone(back, all)),
        2 => (0..2u64).prop_map(Step::StillRunning),
        6 => (0..2u64).prop_map(Step::Ask),
        3 => (0..2u64).prop_map(Step::QuestionClosed),
        4 => any::<bool>().prop_map(Step::ReplyTaken),
        3 => (0..5u64).prop_map(Step::Announce),
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
    /// The answer whose tools run.
    acting: Option<AnswerId>,
    /// Open questions (asked, not closed, not cut), and whether they were spoken to their end.
    questions: BTreeMap<QuestionId, bool>,
    last_question: u64,
    reply_is_judged: bool,
    announced: BTreeSet<AnnouncementId>,
    /// How often each notice was begun, and whether it was played to its end.
    notices: BTreeMap<AnnouncementId, (u32, bool)>,
}

/// The one answer that is not over.
#[derive(Debug)]
struct Speech {
    id: AnswerId,
    generating: bool,
    spoken: BTreeMap<usize, String>,
    over: BTreeSet<usize>,
    shown: String,
    /// The model asked for tools just now.
    wants_tools: bool,
    /// Whether it had tools called, ever.
    acted: bool,
    /// Tools are done: the model is to be asked again.
    resumes: bool,
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
            Input::ToolsCalled { answer, .. } => {
                if let Some(current) = self.answer.as_mut().filter(|a| a.id == *answer) {
                    current.wants_tools = std::mem::take(&mut current.generating);
                }
            }
            Input::ToolsDone { answer, .. } if self.acting == Some(*answer) => {
                self.acting = None;
                self.questions.clear();
                self.current(*answer).resumes = true;
            }
            Input::QuestionClosed(question) => {
                self.questions.remove(question);
            }
            Input::ReplyTaken { .. } => self.reply_is_judged = true,
            Input::SentencePlayed { answer, sentence }
            | Input::SpeechFailed {
                answer, sentence, ..
            } => {
                if let Some(current) = self.answer.as_mut().filter(|a| a.id == *answer) {
                    current.over.insert(*sentence);
                    let played = matches!(input, Input::SentencePlayed { .. });
                    if let Some(notice) = current.spoken.get(sentence).and_then(|s| notice(s)) {
                        self.notices.entry(notice).or_default().1 |= played;
                    }
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
                    let asked = self.questions.values().any(|spoken| *spoken);
                    assert!(self.here && (self.answer.is_none() || asked));
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
            Output::Act { .. }
            | Output::CancelTools(_)
            | Output::Acting(_)
            | Output::QuestionSpoken(_)
            | Output::QuestionCut(_)
            | Output::Reply { .. } => self.tools(output),
            Output::Announced(id) => {
                assert!(self.announced.insert(*id), "announced twice");
                let (times, played) = self.notices[id];
                assert!(played || times >= 2, "begun {times} times");
            }
            _ => self.speech(output),
        }
    }

    fn tools(&mut self, output: &Output) {
        match output {
            Output::Act { answer, calls } => {
                assert!(!calls.is_empty());
                let current = self.current(*answer);
                assert!(std::mem::take(&mut current.wants_tools), "nobody asked");
                current.acted = true;
                assert!(self.acting.replace(*answer).is_none(), "two at once");
            }
            Output::CancelTools(answer) => {
                assert_eq!(self.acting.take(), Some(*answer));
                self.questions.clear();
            }
            Output::Acting(names) => assert_eq!(names.is_empty(), self.acting.is_none()),
            Output::QuestionSpoken(question) => {
                let spoken = self.questions.insert(*question, true);
                assert_eq!(spoken, Some(false), "{question:?} is not open");
                let current = self.answer.as_ref().expect("the answer that asks");
                let text = format!("question{}?", question.0);
                let asked = current.spoken.iter().find(|(_, spoken)| **spoken == text);
                let (sentence, _) = asked.expect("it was spoken");
                assert!(current.over.contains(sentence), "not to its end");
            }
            Output::QuestionCut(question) => {
                let was_spoken = self.questions.remove(question);
                assert_ne!(was_spoken, Some(true), "it was asked already");
            }
            Output::Reply { question, text, .. } => {
                assert!(self.acting.is_some());
                assert!(self.questions.contains_key(question), "nobody asked that");
                assert!(!text.is_empty());
                assert!(std::mem::take(&mut self.reply_is_judged), "one at a time");
            }
            _ => unreachable!(),
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
                assert_eq!(self.acting, None, "tools run");
                pairs(messages);
                let resumes = |current: &&mut Speech| current.id == *answer;
                if let Some(current) = self.answer.as_mut().filter(resumes) {
                    assert!(std::mem::take(&mut current.resumes), "asked twice");
                    current.generating = true;
                    assert_eq!(messages.last().map(|m| m.role), Some(Role::Tool));
                    return;
                }
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
                    if let Some(id) = notice(text) {
                        self.in_history.insert(*answer);
                        self.notices.entry(id).or_default().0 += 1;
                    }
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
                assert_eq!(self.acting, None, "tools run on");
                let broken_off = text.ends_with('—');
                assert!(broken_off || !*interrupted || text.is_empty());
                assert!(!broken_off || *interrupted || ended.acted);
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
            wants_tools: false,
            acted: false,
            resumes: false,
        });
    }

    fn current(&mut self, id: AnswerId) -> &mut Speech {
        let current = self.answer.as_mut().expect("an answer that is not over");
        assert_eq!(current.id, id, "not the current answer");
        current
    }

    /// The history: what was heard, in order, and every typed word once.
    fn prompt(&self, messages: &[Message]) {
        assert_eq!(messages[0].role, Role::System);
        let said = &messages[1..];
        let last = said.last().map(|m| m.role);
        assert!(matches!(last, Some(Role::User | Role::Tool)), "{said:?}");
        let alternate = said
            .windows(2)
            .all(|pair| pair[0].role != pair[1].role || pair[0].role == Role::Tool);
        assert!(alternate, "{said:?}");
        let assistant = said.iter().filter(|m| m.role == Role::Assistant);
        let told: Vec<&str> = assistant.flat_map(|m| own_words(&m.text)).collect();
        let heard: Vec<&str> = self.heard_texts.iter().flat_map(|t| own_words(t)).collect();
        assert_eq!(told, heard);
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

/// Which notice this is the text of.
fn notice(text: &str) -> Option<AnnouncementId> {
    let id = text.strip_prefix("notice")?.parse();
    id.ok().map(AnnouncementId)
}

/// Without what is said about tools and without marks.
fn own_words(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let own = |word: &&str| !word.is_empty() && !word.starts_with("question") && *word != "aside";
    words.filter(own).collect()
}

/// Each call is followed by its one result, and no result stands without its call.
fn pairs(messages: &[Message]) {
    let mut expected: VecDeque<&str> = VecDeque::new();
    for message in messages {
        match &message.result_of {
            Some(call) => assert_eq!(expected.pop_front(), Some(call.as_str())),
            None => assert!(expected.is_empty(), "no result of {expected:?}"),
        }
        assert_eq!(message.result_of.is_some(), message.role == Role::Tool);
        expected.extend(message.calls.iter().map(|call| call.id.as_str()));
    }
    assert!(expected.is_empty(), "no result of {expected:?}");
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
            reference: Reference {
                reply_is_judged: true,
                ..Reference::default()
            },
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
                let is_turn = self.reference.acting.is_none();
                let taken = self.reference.here && is_turn && !self.is_ending();
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
            Step::PlayedOn => {
                let Some(current) = &self.reference.answer else {
                    return;
                };
                let left = |sentence: &&usize| !current.over.contains(*sentence);
                let Some(sentence) = current.spoken.keys().find(left).copied() else {
                    return;
                };
                let answer = current.id;
                Input::SentencePlayed { answer, sentence }
            }
            Step::Acts(words, count) => {
                if words {
                    self.step(Step::Sentence(0, true));
                }
                self.step(Step::ToolsCalled(0, count));
                return self.ask(self.answer(0));
            }
            // To the model it would be a turn like any other.
            Step::Stop if self.reference.acting.is_none() => return,
            Step::Stop => Input::Typed {
                text: "Stop!".into(),
            },
            Step::ToolsCalled(back, count) => Input::ToolsCalled {
                answer: self.answer(back),
                calls: (0..count).map(|_| self.call()).collect(),
            },
            Step::ToolsDone(back, all) => {
                let calls = self.running();
                let wanted = calls.iter().skip(usize::from(!all));
                Input::ToolsDone {
                    answer: self.answer(back),
                    results: wanted.map(|call| story::result(call, "done")).collect(),
                }
            }
            Step::StillRunning(back) => Input::ToolStillRunning {
                answer: self.answer(back),
                text: "aside".into(),
            },
            Step::Ask(back) => return self.ask(self.answer(back)),
            Step::QuestionClosed(back) => {
                let last = self.reference.last_question;
                Input::QuestionClosed(QuestionId(last.saturating_sub(back)))
            }
            Step::ReplyTaken(is_turn) => Input::ReplyTaken { is_turn },
            Step::Announce(id) if self.reference.announced.contains(&AnnouncementId(id)) => return,
            Step::Announce(id) => Input::Announce {
                id: AnnouncementId(id),
                text: format!("notice{id}"),
            },
            Step::Interrupt => Input::Interrupt,
            Step::End => Input::End,
        };
        self.input(input);
    }

    /// A call with a name of its own.
    fn call(&mut self) -> jex_conversation::ToolCall {
        self.words += 1;
        story::call(&self.words.to_string())
    }

    /// Names of the calls that were asked for last.
    fn running(&self) -> Vec<String> {
        let act = |output: &Output| match output {
            Output::Act { calls, .. } => Some(calls.clone()),
            _ => None,
        };
        let calls = self.story.all.iter().rev().find_map(act);
        let names = calls.into_iter().flatten().map(|call| call.name);
        names.collect()
    }

    fn ask(&mut self, answer: AnswerId) {
        let reference = &mut self.reference;
        reference.last_question += 1;
        let question = QuestionId(reference.last_question);
        // It replaces the one before; one that nobody can be asked is cut at once.
        if reference.acting == Some(answer) {
            reference.questions.clear();
        }
        reference.questions.insert(question, false);
        self.input(Input::Ask {
            answer,
            question,
            text: format!("question{}?", question.0),
        });
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
            self.input(Input::ReplyTaken { is_turn: true });
            if let Some(answer) = self.reference.acting {
                let calls = self.running();
                let results = calls.iter().map(|call| story::result(call, "done"));
                let results = results.collect();
                self.input(Input::ToolsDone { answer, results });
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
