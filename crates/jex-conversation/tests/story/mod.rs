//! A conversation told in virtual time: what happens when, and what the assistant does about it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::time::{Duration, Instant};

use jex_conversation::{
    AgentState, AnnouncementId, AnswerId, Conversation, Input, Message, Output, Problem,
    QuestionId, Role, Rules, Stage, ToolCall, ToolResult, UtteranceId,
};

pub const ENDPOINTING: Duration = ms(600);
pub const BARGE_IN: Duration = ms(300);
pub const TRANSCRIPT_TIMEOUT: Duration = ms(10_000);
pub const LONGEST_UTTERANCE: Duration = ms(60_000);
/// How long after the last voiced frame voice activity notices silence.
pub const HANGOVER: Duration = ms(100);

pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub fn rules() -> Rules {
    Rules {
        endpointing: ENDPOINTING,
        barge_in: BARGE_IN,
        longest_utterance: LONGEST_UTTERANCE,
        transcript_timeout: TRANSCRIPT_TIMEOUT,
        instructions: "Be brief.".into(),
        greeting: String::new(),
        goodbye: "Goodbye.".into(),
        context_tokens: 4096,
        max_answer_tokens: 200,
        sums_up: true,
    }
}

pub struct Story {
    conversation: Conversation,
    start: Instant,
    now: Instant,
    /// Everything that was put out so far.
    pub all: Vec<Output>,
    /// What of it no test has looked at yet.
    fresh: Vec<Output>,
}

impl Story {
    /// The caller is there, greeted with nothing; the assistant listens.
    pub fn begin() -> Self {
        Self::with(rules())
    }

    pub fn with(rules: Rules) -> Self {
        let mut story = Self::before_the_caller(rules);
        story.input(Input::CallerJoined);
        story.fresh.clear();
        story
    }

    pub fn before_the_caller(rules: Rules) -> Self {
        let now = Instant::now();
        let mut story = Self {
            conversation: Conversation::new(rules),
            start: now,
            now,
            all: Vec::new(),
            fresh: Vec::new(),
        };
        story.collect();
        story
    }

    /// Time since the story began.
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    pub fn deadline(&self) -> Option<Duration> {
        self.conversation.next_deadline().map(|at| at - self.start)
    }

    pub fn input(&mut self, input: Input) -> &mut Self {
        self.conversation.handle(self.now, input);
        self.collect();
        self
    }

    /// Time passes; deadlines are kept as a shell would keep them.
    pub fn wait(&mut self, duration: Duration) -> &mut Self {
        let end = self.now + duration;
        while let Some(deadline) = self.conversation.next_deadline().filter(|at| *at <= end) {
            self.now = deadline.max(self.now);
            self.input(Input::Tick);
        }
        self.now = end;
        self
    }

    /// Time passes and the shell is too busy to notice.
    pub fn wait_without_ticks(&mut self, duration: Duration) -> &mut Self {
        self.now += duration;
        self
    }

    /// What was put out since the last look.
    pub fn outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.fresh)
    }

    /// Forgets what was put out so far.
    pub fn forget(&mut self) -> &mut Self {
        self.fresh.clear();
        self
    }

    /// The caller's voice is heard for `voiced`; then voice activity notices the silence.
    pub fn voice(&mut self, voiced: Duration) -> &mut Self {
        self.input(Input::SpeechStarted).wait(voiced + HANGOVER);
        self.input(Input::SpeechStopped { silence: HANGOVER })
    }

    /// The caller says something, pauses until their turn is over, and is understood.
    pub fn say(&mut self, text: &str) -> &mut Self {
        self.voice(ms(1000)).wait(ENDPOINTING - HANGOVER);
        let utterance = self.last_ended();
        self.transcript(utterance, text)
    }

    pub fn transcript(&mut self, utterance: UtteranceId, text: &str) -> &mut Self {
        let text = text.to_owned();
        self.input(Input::Transcript {
            utterance,
            text,
            is_final: true,
        })
    }

    pub fn interim(&mut self, utterance: UtteranceId, text: &str) -> &mut Self {
        let text = text.to_owned();
        self.input(Input::Transcript {
            utterance,
            text,
            is_final: false,
        })
    }

    pub fn type_in(&mut self, text: &str) -> &mut Self {
        self.input(Input::Typed { text: text.into() })
    }

    /// The model makes a sentence that is spoken as it is written.
    pub fn sentence(&mut self, answer: AnswerId, text: &str) -> &mut Self {
        self.sentence_spoken(answer, text, text.trim())
    }

    pub fn sentence_spoken(&mut self, answer: AnswerId, written: &str, spoken: &str) -> &mut Self {
        self.input(Input::Sentence {
            answer,
            written: written.into(),
            spoken: spoken.into(),
        })
    }

    pub fn done(&mut self, answer: AnswerId) -> &mut Self {
        self.input(Input::GenerationDone { answer })
    }

    /// The model asks for these tools.
    pub fn tools_called(&mut self, answer: AnswerId, names: &[&str]) -> &mut Self {
        let calls = names.iter().map(|name| call(name)).collect();
        self.input(Input::ToolsCalled { answer, calls })
    }

    /// Tools are done, each with this result.
    pub fn tools_done(&mut self, answer: AnswerId, results: &[(&str, &str)]) -> &mut Self {
        let results = results.iter().map(|(name, text)| result(name, text));
        let results = results.collect();
        self.input(Input::ToolsDone { answer, results })
    }

    pub fn ask(&mut self, answer: AnswerId, question: u64, text: &str) -> &mut Self {
        self.input(Input::Ask {
            answer,
            question: QuestionId(question),
            text: text.into(),
        })
    }

    pub fn announce(&mut self, id: u64, text: &str) -> &mut Self {
        self.input(Input::Announce {
            id: AnnouncementId(id),
            text: text.into(),
        })
    }

    /// The last sentence that was given to the voice: its answer and number.
    pub fn last_spoken(&self) -> (AnswerId, usize) {
        let last = self.all.iter().rev().find_map(|output| match output {
            Output::Speak {
                answer, sentence, ..
            } => Some((*answer, *sentence)),
            _ => None,
        });
        last.expect("something was said")
    }

    /// What is being said is played to its end.
    pub fn last_played(&mut self) -> &mut Self {
        let (answer, sentence) = self.last_spoken();
        self.played(answer, sentence)
    }

    /// The whole answer, not heard yet.
    pub fn model_answers(&mut self, text: &str) -> AnswerId {
        let answer = self.last_generated();
        self.sentence(answer, text).done(answer);
        answer
    }

    pub fn heard(&mut self, answer: AnswerId, sentence: usize, chars: usize) -> &mut Self {
        self.input(Input::Heard {
            answer,
            sentence,
            chars,
        })
    }

    pub fn played(&mut self, answer: AnswerId, sentence: usize) -> &mut Self {
        self.input(Input::SentencePlayed { answer, sentence })
    }

    /// A turn with its answer, heard to the end.
    pub fn exchange(&mut self, question: &str, reply: &str) -> &mut Self {
        self.say(question);
        let answer = self.model_answers(reply);
        self.played(answer, 0).forget()
    }

    pub fn last_started(&self) -> UtteranceId {
        let last = self.all.iter().rev().find_map(|output| match output {
            Output::StartUtterance(id) => Some(*id),
            _ => None,
        });
        last.expect("an utterance was started")
    }

    pub fn last_ended(&self) -> UtteranceId {
        let last = self.all.iter().rev().find_map(|output| match output {
            Output::EndUtterance(id) => Some(*id),
            _ => None,
        });
        last.expect("an utterance was ended")
    }

    pub fn last_generated(&self) -> AnswerId {
        let last = self.all.iter().rev().find_map(|output| match output {
            Output::Generate { answer, .. } => Some(*answer),
            _ => None,
        });
        last.expect("an answer was asked for")
    }

    /// What the model was told last, without the instructions.
    pub fn last_prompt(&self) -> Vec<(Role, String)> {
        let last = self.all.iter().rev().find_map(|output| match output {
            Output::Generate { messages, .. } => Some(messages.clone()),
            _ => None,
        });
        let messages: Vec<Message> = last.expect("an answer was asked for");
        let said = messages.into_iter().filter(|m| m.role != Role::System);
        said.map(|message| (message.role, message.text)).collect()
    }

    /// How often the model was asked.
    pub fn times_generated(&self) -> usize {
        let generate = |output: &&Output| matches!(output, Output::Generate { .. });
        self.all.iter().filter(generate).count()
    }

    pub fn state(&self) -> AgentState {
        let last = self.all.iter().rev().find_map(|output| match output {
            Output::State(state) => Some(*state),
            _ => None,
        });
        last.expect("a state is published from the beginning")
    }

    pub fn states(&self) -> Vec<AgentState> {
        let state = |output: &Output| match output {
            Output::State(state) => Some(*state),
            _ => None,
        };
        self.all.iter().filter_map(state).collect()
    }

    fn collect(&mut self) {
        while let Some(output) = self.conversation.poll() {
            self.all.push(output.clone());
            self.fresh.push(output);
        }
        if let Some(deadline) = self.conversation.next_deadline() {
            assert!(deadline > self.now, "a deadline was left behind");
        }
    }
}

/// What the assistant was told to say.
pub fn spoken(outputs: &[Output]) -> Vec<&str> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Speak { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// The words of an answer as they were shown.
pub fn shown(outputs: &[Output], id: AnswerId) -> String {
    let delta = |output: &Output| match output {
        Output::AnswerText { answer, delta } if *answer == id => Some(delta.clone()),
        _ => None,
    };
    outputs.iter().filter_map(delta).collect()
}

/// How an answer ended: its text and whether it was interrupted.
pub fn ended(outputs: &[Output], id: AnswerId) -> Option<(String, bool)> {
    outputs.iter().find_map(|output| match output {
        Output::AnswerEnded {
            answer,
            text,
            interrupted,
        } if *answer == id => Some((text.clone(), *interrupted)),
        _ => None,
    })
}

pub fn call(name: &str) -> ToolCall {
    ToolCall {
        id: format!("call_{name}"),
        name: name.into(),
        arguments: "{}".into(),
    }
}

pub fn result(name: &str, text: &str) -> ToolResult {
    ToolResult {
        call: format!("call_{name}"),
        text: text.into(),
    }
}

pub fn tool(text: &str) -> (Role, String) {
    (Role::Tool, text.into())
}

pub fn user(text: &str) -> (Role, String) {
    (Role::User, text.into())
}

pub fn assistant(text: &str) -> (Role, String) {
    (Role::Assistant, text.into())
}

pub fn broken(stage: Stage) -> Problem {
    Problem {
        stage,
        message: format!("{stage:?} does not answer"),
        remedy: "start it".into(),
    }
}
