//! What the room reads: the agent's state, the transcripts of both sides and the turn reports,
//! the way LiveKit's own clients expect them (`lk.agent.state`, `lk.transcription`).
//!
//! One task, in order: a text stream of an answer stays open while it is spoken, and nothing here
//! may delay the conversation.

use std::collections::HashMap;

use jex_conversation::{AgentState, AnswerId};
use livekit_participant::{Error, Room, TextOptions, TextStreamWriter};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::report::TurnReport;

const TRANSCRIPTION: &str = "lk.transcription";
const TURN: &str = "jex.turn";

/// One thing to publish.
pub enum Caption {
    State(AgentState),
    Hearing(bool),
    /// JSON, or empty when nothing is wrong.
    Problem(String),
    /// JSON: which tools run; empty when none does.
    Acting(String),
    /// JSON: what waits for a yes; empty when nothing does.
    Question(String),
    Caller(CallerCaption),
    AnswerText {
        answer: AnswerId,
        delta: String,
    },
    AnswerEnded {
        answer: AnswerId,
        text: String,
        interrupted: bool,
    },
    Turn(Box<TurnReport>),
}

/// What the caller said so far.
pub struct CallerCaption {
    /// The same for every version of one utterance.
    pub segment: u64,
    pub identity: String,
    pub track_sid: String,
    pub text: String,
    pub is_final: bool,
}

/// A handle to the publishing task, which finishes what is queued when it is closed.
pub struct Captions {
    queue: mpsc::UnboundedSender<Caption>,
    task: AbortOnDropHandle<()>,
}

impl Captions {
    /// `session` keeps what is numbered here apart from other conversations in the same room.
    pub fn spawn(
        room: Room,
        session: String,
        agent_track_sid: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        let (queue, inbox) = mpsc::unbounded_channel();
        let publisher = Publisher {
            room,
            agent_track_sid: Box::new(agent_track_sid),
            open: HashMap::new(),
            session,
        };
        let task = tokio::spawn(publisher.run(inbox));
        Self {
            queue,
            task: AbortOnDropHandle::new(task),
        }
    }

    pub fn publish(&self, caption: Caption) {
        // The task ends only with this handle.
        let _ = self.queue.send(caption);
    }

    /// Publishes what is queued, then ends.
    pub async fn close(self) {
        drop(self.queue);
        let patience = std::time::Duration::from_secs(1);
        let _ = tokio::time::timeout(patience, self.task).await;
    }
}

struct Publisher {
    room: Room,
    agent_track_sid: Box<dyn Fn() -> String + Send + Sync>,
    open: HashMap<AnswerId, TextStreamWriter>,
    session: String,
}

impl Publisher {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Caption>) {
        while let Some(caption) = inbox.recv().await {
            // While the connection is being mended a caption is lost, never the conversation.
            if let Err(error) = self.publish(caption).await {
                tracing::debug!(%error, "a caption was not published");
            }
        }
    }

    async fn publish(&mut self, caption: Caption) -> Result<(), Error> {
        match caption {
            Caption::State(state) => self.attribute("lk.agent.state", state_name(state)).await,
            Caption::Hearing(hearing) => {
                let value = if hearing { "true" } else { "false" };
                self.attribute("jex.hearing", value).await
            }
            Caption::Problem(json) => self.attribute("jex.problem", &json).await,
            Caption::Acting(json) => self.attribute("jex.acting", &json).await,
            Caption::Question(json) => self.attribute("jex.question", &json).await,
            Caption::Caller(caption) => self.caller(caption).await,
            Caption::AnswerText { answer, delta } => self.answer_text(answer, &delta).await,
            Caption::AnswerEnded {
                answer,
                text,
                interrupted,
            } => self.answer_ended(answer, &text, interrupted).await,
            Caption::Turn(report) => {
                let json = report.to_json();
                self.room
                    .send_text(TURN, &json, TextOptions::default())
                    .await?;
                Ok(())
            }
        }
    }

    async fn attribute(&self, name: &str, value: &str) -> Result<(), Error> {
        let changes = HashMap::from([(name.to_owned(), value.to_owned())]);
        self.room.set_attributes(changes).await
    }

    /// Each version is a complete stream of its own with the same segment id.
    async fn caller(&self, caption: CallerCaption) -> Result<(), Error> {
        let segment = format!("SG_{}_U{}", self.session, caption.segment);
        let options = TextOptions {
            attributes: transcription(&segment, &caption.track_sid, caption.is_final),
            sender_identity: Some(caption.identity.clone()),
            ..TextOptions::default()
        };
        self.room
            .send_text(TRANSCRIPTION, &caption.text, options)
            .await?;
        self.room
            .send_legacy_transcription(
                &caption.identity,
                &caption.track_sid,
                &segment,
                &caption.text,
                caption.is_final,
            )
            .await
    }

    async fn answer_text(&mut self, answer: AnswerId, delta: &str) -> Result<(), Error> {
        if !self.open.contains_key(&answer) {
            let segment = self.segment(answer);
            let mut attributes = transcription(&segment, &(self.agent_track_sid)(), false);
            attributes.insert("jex.answer_id".into(), answer_id(&self.session, answer));
            let options = TextOptions {
                attributes,
                ..TextOptions::default()
            };
            let stream = self.room.open_text_stream(TRANSCRIPTION, options).await?;
            self.open.insert(answer, stream);
        }
        match self.open.get_mut(&answer) {
            Some(stream) => stream.write(delta).await,
            None => Ok(()),
        }
    }

    async fn answer_ended(
        &mut self,
        answer: AnswerId,
        text: &str,
        interrupted: bool,
    ) -> Result<(), Error> {
        let Some(stream) = self.open.remove(&answer) else {
            return Ok(());
        };
        let segment = self.segment(answer);
        let mut trailer = HashMap::from([("lk.transcription_final".to_owned(), "true".to_owned())]);
        if interrupted {
            trailer.insert("jex.interrupted".into(), "true".into());
        }
        stream.close(trailer).await?;
        let identity = self.room.local().identity;
        self.room
            .send_legacy_transcription(&identity, &(self.agent_track_sid)(), &segment, text, true)
            .await
    }

    fn segment(&self, answer: AnswerId) -> String {
        format!("SG_{}", answer_id(&self.session, answer))
    }
}

/// An agent that was restarted keeps its identity and counts anew.
pub fn answer_id(session: &str, answer: AnswerId) -> String {
    format!("{session}_A{}", answer.0)
}

fn transcription(segment: &str, track_sid: &str, is_final: bool) -> HashMap<String, String> {
    HashMap::from([
        ("lk.segment_id".to_owned(), segment.to_owned()),
        ("lk.transcribed_track_id".to_owned(), track_sid.to_owned()),
        ("lk.transcription_final".to_owned(), is_final.to_string()),
    ])
}

fn state_name(state: AgentState) -> &'static str {
    match state {
        AgentState::Initializing => "initializing",
        AgentState::Idle => "idle",
        AgentState::Listening => "listening",
        AgentState::Thinking => "thinking",
        AgentState::Speaking => "speaking",
    }
}
