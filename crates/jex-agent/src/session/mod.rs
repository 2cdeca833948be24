//! One conversation in one room: moves bytes between the room, the providers and
//! [`jex_conversation::Conversation`], which alone decides.

mod captions;
mod doing;
mod ear;
mod hands;
mod mind;
mod minutes;
mod mouth;
mod recogniser;
mod report;
mod rules;
mod run;
mod timeline;
mod turns;
mod way;

use std::time::Instant;

use jex_conversation::{AnswerId, Input, Problem, Stage};
use jex_providers::ProviderError;
use jex_store::Place;
use jex_tools::CallEvent;

use crate::announcements::Announcement;
use crate::oblivion::Oblivion;
pub use doing::Means;
pub use run::{Context, Control, Parting, Phase, SessionError, Ticket, hold};
pub use way::Abilities;

/// What the parts of a session tell its loop.
pub enum Signal {
    Input(Input),
    Mark(AnswerId, Mark, Instant),
    /// Another voice than the usual one speaks (`Some`), or the usual one again.
    Voice(Option<Problem>),
    /// Something happened to a call of a tool.
    Call(CallEvent),
    /// Someone pressed Yes or No below a question.
    Pressed {
        who: String,
        question: u64,
        yes: bool,
    },
    /// Something is to be said.
    Announce(Announcement),
    /// Something was deleted elsewhere.
    Forget(Oblivion),
    /// There may be other tools.
    ToolsChanged,
    /// Where what is said is written down now.
    Recording(Place),
    /// The track plays nothing any more: nobody would hear us.
    TrackDead,
}

/// A stage of an answer was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    FirstToken,
    FirstAudio,
}

fn problem(stage: Stage, error: &ProviderError) -> Problem {
    Problem {
        stage,
        message: error.what(),
        remedy: error.remedy().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use jex_conversation::UtteranceId;
    use jex_providers::{
        ChatRequest, LanguageModel, Origin, PieceStream, Recognition, SpeechToText,
    };
    use tokio::sync::mpsc;
    use tracing_subscriber::fmt::MakeWriter;

    use super::mind::Mind;
    use super::recogniser::Recogniser;
    use super::report::ProviderNames;
    use super::turns::Turns;
    use super::way::Abilities;
    use super::*;

    /// What is logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Log {
        fn line(&self, said: &str) -> String {
            let bytes = self.0.lock().expect("not poisoned").clone();
            let log = String::from_utf8(bytes).expect("text");
            let line = log.lines().find(|line| line.contains(said));
            line.unwrap_or_else(|| panic!("{said} is not in {log}"))
                .to_owned()
        }
    }

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Log {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    struct Down;

    fn down() -> ProviderError {
        let origin = Origin {
            provider: "a part".into(),
            endpoint: "here".into(),
            remedy: "Start it.".into(),
        };
        origin.unreachable("refused")
    }

    #[async_trait]
    impl SpeechToText for Down {
        fn name(&self) -> String {
            "down".into()
        }

        async fn start(&self) -> Result<Recognition, ProviderError> {
            Err(down())
        }
    }

    #[async_trait]
    impl LanguageModel for Down {
        fn name(&self) -> String {
            "down".into()
        }

        async fn generate(&self, _: ChatRequest) -> Result<PieceStream, ProviderError> {
            Err(down())
        }
    }

    #[tokio::test]
    async fn what_each_stage_logs_is_in_the_span_of_its_turn() {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        let _logging = tracing::subscriber::set_default(subscriber);
        let (signals, mut inbox) = mpsc::unbounded_channel();
        let mut turns = Turns::new(String::new(), String::new());
        let recogniser = Recogniser {
            provider: Arc::new(Down),
        };
        let mut mind = Mind::new(Arc::new(Down), "en", Abilities::default(), signals.clone());
        let (_audio, audio) = mpsc::unbounded_channel();
        let answer = AnswerId(1);

        turns
            .span_of_next()
            .in_scope(|| recogniser.recognise(UtteranceId(1), audio, signals));
        inbox.recv().await.expect("it failed");
        turns.asked(answer);
        turns
            .span_of(answer)
            .in_scope(|| mind.generate(answer, Vec::new(), Vec::new(), 10));
        inbox.recv().await.expect("it failed");
        let names = ProviderNames {
            stt: String::new(),
            llm: String::new(),
            tts: String::new(),
        };
        turns.ended(answer, "Sorry.".into(), false, names, None, Instant::now());

        for said in ["recognition failed", "generation failed", "answered"] {
            let line = log.line(said);
            assert!(line.contains("turn{number=1}"), "{line}");
        }
        assert!(log.line("answered").contains("stages"));
    }
}
