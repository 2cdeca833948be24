//! The call: joins the room, carries what happens there into the [`Dialogue`] and does what it says.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use livekit_participant::{
    LocalAudioTrack, ParticipantKind, RemoteAudio, Room, RoomEvent, RoomOptions, TextOptions,
    TrackKind,
};
use tokio::sync::mpsc;

use super::dialogue::{Dialogue, Failure, Input, Output, Patience};
use super::show::Show;
use super::token::Ticket;
use super::turn::{Answer, Problem};

const AGENT_STATE: &str = "lk.agent.state";
const HEARING: &str = "jex.hearing";
const PROBLEM: &str = "jex.problem";
const TRANSCRIPTION: &str = "lk.transcription";
const FINAL: &str = "lk.transcription_final";
const CHAT: &str = "lk.chat";
const TURN: &str = "jex.turn";
const INTERRUPT: &str = "jex.interrupt";
const RPC_PATIENCE: Duration = Duration::from_secs(5);
/// The end of an answer is in buffers on the way to us for this long.
const TAIL: Duration = Duration::from_millis(400);

/// What is asked.
pub enum Question {
    Typed(String),
    /// Mono, 48 kHz.
    Spoken(Vec<i16>),
}

/// How a call ended.
pub enum Ended {
    Answered(Box<Answer>),
    Failed(Failure),
    /// Ctrl-C.
    Cancelled,
}

/// What a call brought.
pub struct Outcome {
    pub ended: Ended,
    /// All that was heard after the question: mono, 48 kHz.
    pub sound: Vec<i16>,
}

/// Asks the question in that room and leaves it again.
pub async fn ask(
    ticket: &Ticket,
    question: Question,
    patience: Patience,
    show: &mut Show,
    cancelled: impl Future<Output = ()>,
) -> Result<Outcome, livekit_participant::Error> {
    let mut cancelled = std::pin::pin!(cancelled);
    let options = RoomOptions {
        auto_subscribe: true,
        ..RoomOptions::default()
    };
    let joining = Room::connect(&ticket.server_url, &ticket.participant_token, options);
    let (room, events) = tokio::select! {
        joined = joining => joined?,
        () = &mut cancelled => {
            let sound = Vec::new();
            return Ok(Outcome { ended: Ended::Cancelled, sound });
        }
    };
    let track = match &question {
        Question::Typed(_) => None,
        Question::Spoken(_) => Some(room.publish_audio("microphone").await?),
    };
    let mut call = Call {
        dialogue: Dialogue::new(Instant::now(), patience),
        sending: Box::pin(std::future::pending()),
        question: Some(question),
        agent: None,
        sound: Vec::new(),
        recording: false,
        track,
        room,
    };
    let ended = tokio::select! {
        ended = call.hold(events, show) => ended,
        () = &mut cancelled => Ended::Cancelled,
    };
    call.room.leave().await;
    let sound = call.sound;
    Ok(Outcome { ended, sound })
}

struct Call {
    room: Room,
    track: Option<LocalAudioTrack>,
    dialogue: Dialogue,
    /// Until it is sent.
    question: Option<Question>,
    sending: Pin<Box<dyn Future<Output = Result<(), livekit_participant::Error>>>>,
    /// Identity of the agent that answers.
    agent: Option<String>,
    sound: Vec<i16>,
    recording: bool,
}

impl Call {
    async fn hold(
        &mut self,
        mut events: mpsc::UnboundedReceiver<RoomEvent>,
        show: &mut Show,
    ) -> Ended {
        let mut audio: Option<RemoteAudio> = None;
        for participant in self.room.participants() {
            self.came(
                &participant.identity,
                participant.kind,
                &participant.attributes,
            );
        }
        loop {
            if let Some(ended) = self.act(show) {
                if matches!(ended, Ended::Answered(_)) {
                    self.record_tail(audio).await;
                }
                return ended;
            }
            let deadline = self.dialogue.next_deadline();
            tokio::select! {
                event = events.recv() => match event {
                    Some(RoomEvent::TrackSubscribed { participant, track, audio: newer })
                        if track.kind == TrackKind::Audio && self.is_agent(&participant.identity) =>
                    {
                        audio = Some(newer);
                    }
                    Some(event) => self.room_event(event),
                    None => self.feed(Input::Lost("the connection ended".into())),
                },
                frame = next_frame(&mut audio) => match frame {
                    Some(samples) if self.recording => self.sound.extend(samples),
                    Some(_) => {}
                    None => audio = None,
                },
                sent = &mut self.sending => {
                    self.sending = Box::pin(std::future::pending());
                    match sent {
                        Ok(()) => self.feed(Input::Asked),
                        Err(error) => self.feed(Input::Lost(error.to_string())),
                    }
                }
                () = until(deadline) => self.feed(Input::Tick),
            }
        }
    }

    fn feed(&mut self, input: Input) {
        self.dialogue.handle(Instant::now(), input);
    }

    /// Does what the dialogue decided; returns how it ended, if it did.
    fn act(&mut self, show: &mut Show) -> Option<Ended> {
        while let Some(output) = self.dialogue.poll() {
            match output {
                Output::Interrupt => self.interrupt(),
                Output::Ask => self.send_question(),
                Output::ShowHeard(text) => show.heard(&text),
                Output::ShowSpoken(delta) => show.spoken(&delta),
                Output::End(Ok(answer)) => return Some(Ended::Answered(answer)),
                Output::End(Err(failure)) => return Some(Ended::Failed(failure)),
            }
        }
        None
    }

    fn interrupt(&mut self) {
        let (Some(agent), room) = (self.agent.clone(), self.room.clone()) else {
            return;
        };
        tokio::spawn(async move {
            let reply = room
                .perform_rpc(&agent, INTERRUPT, "{}", RPC_PATIENCE)
                .await;
            if let Err(error) = reply {
                // The greeting then goes on to its end, which is only slower.
                tracing::debug!(%error, "the greeting was not interrupted");
            }
        });
    }

    fn send_question(&mut self) {
        self.recording = true;
        let room = self.room.clone();
        let track = self.track.clone();
        match (self.question.take(), track) {
            (Some(Question::Typed(text)), _) => {
                self.sending = Box::pin(async move {
                    room.send_text(CHAT, &text, TextOptions::default()).await?;
                    Ok(())
                });
            }
            (Some(Question::Spoken(samples)), Some(track)) => {
                self.sending = Box::pin(async move {
                    track.write(&samples).await;
                    track.wait_played().await;
                    Ok(())
                });
            }
            (None | Some(Question::Spoken(_)), _) => {}
        }
    }

    fn room_event(&mut self, event: RoomEvent) {
        match event {
            RoomEvent::ParticipantJoined(participant) => {
                self.came(
                    &participant.identity,
                    participant.kind,
                    &participant.attributes,
                );
            }
            RoomEvent::ParticipantLeft(participant, _) if self.is_agent(&participant.identity) => {
                self.agent = None;
                self.feed(Input::AgentLeft);
            }
            RoomEvent::AttributesChanged {
                participant,
                changed,
            } if self.is_agent(&participant.identity) => self.attributes(&changed),
            RoomEvent::TextChunk {
                topic,
                sender_identity,
                stream_id,
                delta,
                ..
            } if topic == TRANSCRIPTION && self.is_agent(&sender_identity) => {
                let stream = stream_id;
                self.feed(Input::Spoken { stream, delta });
            }
            RoomEvent::TextReceived {
                topic,
                sender_identity,
                text,
                attributes,
                ..
            } => {
                let is_final = attributes.get(FINAL).is_some_and(|value| value == "true");
                if topic == TURN && self.is_agent(&sender_identity) {
                    self.turn(&text);
                } else if topic == TRANSCRIPTION
                    && is_final
                    && sender_identity == self.room.local().identity
                {
                    self.feed(Input::Heard(text));
                }
            }
            RoomEvent::Disconnected(reason) => {
                self.feed(Input::Lost(format!("{reason:?}")));
            }
            _ => {}
        }
    }

    fn came(
        &mut self,
        identity: &str,
        kind: ParticipantKind,
        attributes: &std::collections::HashMap<String, String>,
    ) {
        if kind != ParticipantKind::Agent || self.agent.is_some() {
            return;
        }
        self.agent = Some(identity.to_owned());
        self.feed(Input::AgentCame);
        self.attributes(attributes);
    }

    fn is_agent(&self, identity: &str) -> bool {
        self.agent.as_deref() == Some(identity)
    }

    fn attributes(&mut self, changed: &std::collections::HashMap<String, String>) {
        if let Some(hearing) = changed.get(HEARING) {
            self.feed(Input::Hearing(hearing == "true"));
        }
        if let Some(problem) = changed.get(PROBLEM) {
            self.feed(Input::Problem(Problem::from_attribute(problem)));
        }
        if let Some(state) = changed.get(AGENT_STATE) {
            self.feed(Input::State(state.clone()));
        }
    }

    fn turn(&mut self, json: &str) {
        match serde_json::from_str(json) {
            Ok(turn) => self.feed(Input::Turn(Box::new(turn))),
            Err(error) => tracing::warn!(%error, json, "a turn report cannot be read"),
        }
    }

    async fn record_tail(&mut self, mut audio: Option<RemoteAudio>) {
        let end = tokio::time::sleep(TAIL);
        tokio::pin!(end);
        loop {
            tokio::select! {
                frame = next_frame(&mut audio) => match frame {
                    Some(samples) => self.sound.extend(samples),
                    None => audio = None,
                },
                () = &mut end => return,
            }
        }
    }
}

/// The next 20 ms; never while there is no audio.
async fn next_frame(audio: &mut Option<RemoteAudio>) -> Option<Vec<i16>> {
    match audio {
        Some(audio) => audio.next().await.map(|frame| frame.samples),
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
