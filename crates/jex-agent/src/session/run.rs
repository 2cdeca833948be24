//! The loop of a session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jex_config::Settings;
use jex_conversation::{AnswerId, Conversation, Input, Output, Problem, Stage};
use jex_providers::Providers;
use livekit_participant::{
    DisconnectReason, LocalAudioTrack, Participant, ParticipantKind, Room, RoomEvent, RoomOptions,
    TrackSource,
};
use tokio::sync::{mpsc, watch};
use url::Url;

use super::captions::{CallerCaption, Caption, Captions};
use super::doing::{Doing, Means};
use super::ear::{Ear, EarCommand};
use super::mind::Mind;
use super::mouth::Mouth;
use super::recogniser::Recogniser;
use super::report::{ProblemReport, ProviderNames};
use super::turns::Turns;
use super::{Signal, rules};

/// A caller who does not hear our track after this long (text only) is greeted all the same.
const HEARS_US_AT_THE_LATEST: Duration = Duration::from_secs(3);
/// Whoever is listed in a room but does not show up in it is gone since before LiveKit's restart.
/// The one who comes later is found by the next sweep.
const CALLER_SHOWS_UP: Duration = Duration::from_secs(10);
/// How long a caller whose connection was lost may stay away, LiveKit's own restart included.
const CALLER_MAY_RETURN: Duration = Duration::from_secs(60);
/// A join shortly after LiveKit's restart may time out.
const JOIN_ATTEMPTS: u32 = 4;

/// What every session of this process shares.
#[derive(Clone)]
pub struct Context {
    pub settings: Arc<Settings>,
    pub providers: Arc<Providers>,
    /// Absent: it only talks.
    pub means: Option<Means>,
}

/// The way into a room.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub room_name: String,
    pub url: Url,
    pub token: String,
}

/// What a session may be told.
#[derive(Debug)]
pub enum Control {
    /// Say goodbye and leave.
    End,
}

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Joining,
    InRoom,
    Reconnecting,
}

/// Why a session could not be held.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("could not join room {room}: {source}")]
    Join {
        room: String,
        source: livekit_participant::Error,
    },
    #[error("could not publish a track in room {room}: {source}")]
    Publish {
        room: String,
        source: livekit_participant::Error,
    },
    #[error("the track in room {room} died")]
    TrackDead { room: String },
    /// A mistake of ours; its place in the code is in the log.
    #[error("it broke off: {0}")]
    BrokeOff(tokio::task::JoinError),
}

/// How a conversation came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// The caller wanted it, and may still be in the room.
    HungUp,
    /// The caller has left, or the process ends.
    Left,
}

/// Joins the room and talks until the caller has left for good or wants it to end, or `Control::End` came.
pub async fn hold(
    context: Context,
    ticket: Ticket,
    mut control: mpsc::UnboundedReceiver<Control>,
    phase: watch::Sender<Phase>,
) -> Result<Parting, SessionError> {
    let (room, mut events) = join(&ticket).await?;
    let publish = |source| SessionError::Publish {
        room: ticket.room_name.clone(),
        source,
    };
    let track = room.publish_audio("jex-voice").await.map_err(publish)?;
    let (signals, mut inbox) = mpsc::unbounded_channel();
    let recalled = match &context.means {
        Some(means) => means.memory.recalled().await.unwrap_or_default(),
        None => None,
    };
    let mut session = Session::new(&context, room.clone(), Arc::new(track), recalled, signals);
    phase.send_replace(Phase::InRoom);
    session.act();
    for participant in room.participants() {
        session.participant_joined(participant).await;
    }
    while !session.over {
        let deadline = session.next_deadline();
        let due = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => session.room_event(event, &phase).await,
                None => break,
            },
            Some(signal) = inbox.recv() => session.signal(signal),
            Some(Control::End) = control.recv() => session.feed(Input::End),
            () = due => session.tick(),
        }
        session.act();
    }
    let failure = session.failure.take();
    let parting = match session.hung_up {
        true => Parting::HungUp,
        false => Parting::Left,
    };
    session.close().await;
    failure.map_or(Ok(parting), Err)
}

async fn join(ticket: &Ticket) -> Result<(Room, mpsc::UnboundedReceiver<RoomEvent>), SessionError> {
    let mut attempt = 1;
    loop {
        match Room::connect(&ticket.url, &ticket.token, RoomOptions::default()).await {
            Ok(joined) => return Ok(joined),
            Err(error) if attempt < JOIN_ATTEMPTS && !error.is_terminal() => {
                tracing::warn!(%error, attempt, "could not join yet");
                tokio::time::sleep(Duration::from_millis(500) * attempt).await;
                attempt += 1;
            }
            Err(source) => {
                let room = ticket.room_name.clone();
                return Err(SessionError::Join { room, source });
            }
        }
    }
}

struct Caller {
    identity: String,
    microphone_sid: Option<String>,
}

pub(super) struct Session {
    room: Room,
    track: Arc<LocalAudioTrack>,
    conversation: Conversation,
    ear: Ear,
    mind: Mind,
    mouth: Mouth,
    pub(super) captions: Captions,
    pub(super) turns: Turns,
    pub(super) doing: Option<Doing>,
    providers: Arc<Providers>,
    caller: Option<Caller>,
    /// The caller is there but not known to hear us yet; greeted then at the latest.
    greet_at: Option<Instant>,
    /// Somebody subscribed to our track as it is published now.
    voice_was_heard: bool,
    /// No caller is there; the session is over then.
    give_up_at: Option<Instant>,
    problem: Option<Problem>,
    voice_problem: Option<Problem>,
    over: bool,
    /// The caller wanted it to end.
    hung_up: bool,
    /// Why it ended, if not as it should.
    failure: Option<SessionError>,
}

impl Session {
    fn new(
        context: &Context,
        room: Room,
        track: Arc<LocalAudioTrack>,
        recalled: Option<String>,
        signals: mpsc::UnboundedSender<Signal>,
    ) -> Self {
        let Context {
            settings,
            providers,
            means,
        } = context;
        let recogniser = Recogniser {
            provider: providers.stt.clone(),
        };
        let mouth = Mouth::new(
            providers.tts.clone(),
            providers.announcer.clone(),
            track.clone(),
            signals.clone(),
        );
        let voice = track.clone();
        let id = uuid::Uuid::new_v4();
        let session = id.simple().to_string();
        let captions = Captions::spawn(room.clone(), session.clone(), move || voice.sid());
        register_interrupt(&room, signals.clone());
        let begin = |means| Doing::begin(context, means, id, &room, &signals);
        let abilities = means.as_ref().map(|means| means.abilities.clone());
        Self {
            doing: means.as_ref().map(begin),
            conversation: Conversation::new(rules::of(settings, recalled)),
            ear: Ear::spawn(recogniser, signals.clone()),
            mind: Mind::new(
                providers.llm.clone(),
                &settings.assistant.language,
                abilities.unwrap_or_default(),
                signals,
            ),
            mouth,
            captions,
            turns: Turns::new(session, providers.made_where.clone()),
            providers: providers.clone(),
            room,
            track,
            caller: None,
            greet_at: None,
            voice_was_heard: false,
            give_up_at: Some(Instant::now() + CALLER_SHOWS_UP),
            problem: None,
            voice_problem: None,
            over: false,
            hung_up: false,
            failure: None,
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let conversation = self.conversation.next_deadline();
        let doing = self.doing.as_ref();
        let doing = doing.and_then(|doing| doing.hands.next_deadline());
        [conversation, doing, self.greet_at, self.give_up_at]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn feed(&mut self, input: Input) {
        self.hung_up |= matches!(input, Input::HangUp { .. });
        self.conversation.handle(Instant::now(), input);
    }

    fn tick(&mut self) {
        let now = Instant::now();
        if self.greet_at.is_some_and(|at| at <= now) {
            self.caller_hears_us();
        }
        if self.give_up_at.is_some_and(|at| at <= now) {
            tracing::info!("no caller came back; leaving");
            self.over = true;
        }
        self.conversation.handle(now, Input::Tick);
        self.doing_tick();
    }

    fn signal(&mut self, signal: Signal) {
        match signal {
            Signal::Input(input) => {
                if let Input::SpeechStopped { silence } = &input {
                    let end = Instant::now().checked_sub(*silence);
                    self.turns.speech_ended(end.unwrap_or_else(Instant::now));
                }
                if let (
                    Input::SummedUp {
                        text: Some(text), ..
                    },
                    Some(doing),
                ) = (&input, &self.doing)
                {
                    doing.minutes.summary(text);
                }
                self.feed(input);
            }
            Signal::Mark(answer, mark, at) => self.turns.mark(answer, mark, at),
            Signal::Voice(problem) => {
                if self.voice_problem != problem {
                    self.voice_problem = problem;
                    self.publish_problem();
                }
            }
            Signal::TrackDead => {
                let room = self.room.name();
                self.failure = Some(SessionError::TrackDead { room });
                self.feed(Input::CallerLeft);
                self.over = true;
            }
            other => self.doing_signal(other),
        }
    }

    async fn room_event(&mut self, event: RoomEvent, phase: &watch::Sender<Phase>) {
        match event {
            RoomEvent::ParticipantJoined(participant) => {
                self.participant_joined(participant).await;
            }
            RoomEvent::ParticipantLeft(participant, reason)
                if self.is_caller(&participant.identity) =>
            {
                self.caller_left(reason);
            }
            RoomEvent::TrackPublished { participant, track }
                if self.is_caller(&participant.identity)
                    && track.source == TrackSource::Microphone =>
            {
                self.subscribe(track.sid).await;
            }
            RoomEvent::TrackSubscribed {
                participant,
                track,
                audio,
            } if self.is_caller(&participant.identity) => {
                if let Some(caller) = &mut self.caller {
                    caller.microphone_sid = Some(track.sid);
                }
                self.ear.tell(EarCommand::Listen(Box::new(audio)));
                // LiveKit tells of a track's first subscriber only, so not of one who is back.
                if self.voice_was_heard && self.greet_at.is_some() {
                    self.caller_hears_us();
                }
            }
            RoomEvent::LocalTrackSubscribed { .. } => {
                self.voice_was_heard = true;
                if self.greet_at.is_some() {
                    self.caller_hears_us();
                }
            }
            RoomEvent::TextReceived {
                topic,
                sender_identity,
                text,
                ..
            } if topic == "lk.chat" && self.is_caller(&sender_identity) => self.typed(text),
            RoomEvent::Reconnecting => {
                phase.send_replace(Phase::Reconnecting);
                self.mouth.hold();
            }
            RoomEvent::Resumed => {
                phase.send_replace(Phase::InRoom);
                self.mouth.resume();
            }
            RoomEvent::Reconnected => {
                phase.send_replace(Phase::InRoom);
                self.reconnected().await;
            }
            RoomEvent::Disconnected(reason) => {
                tracing::info!(?reason, "the room is gone");
                self.feed(Input::CallerLeft);
                self.over = true;
            }
            _ => {}
        }
    }

    /// Whose yes counts; empty while nobody is there.
    pub(super) fn caller_identity(&self) -> String {
        let caller = self.caller.as_ref();
        caller.map_or_else(String::new, |caller| caller.identity.clone())
    }

    fn is_caller(&self, identity: &str) -> bool {
        self.caller.as_ref().is_some_and(|c| c.identity == identity)
    }

    /// The first person in the room is the caller; agents, egress and further people are not.
    async fn participant_joined(&mut self, participant: Participant) {
        let person = matches!(
            participant.kind,
            ParticipantKind::Standard | ParticipantKind::Sip
        );
        if !person || !(self.caller.is_none() || self.is_caller(&participant.identity)) {
            return;
        }
        tracing::info!(identity = participant.identity, "caller is here");
        let microphone_sid = participant
            .tracks
            .into_iter()
            .find(|track| track.source == TrackSource::Microphone)
            .map(|track| track.sid);
        self.caller = Some(Caller {
            identity: participant.identity,
            microphone_sid: microphone_sid.clone(),
        });
        self.give_up_at = None;
        if let Some(doing) = &mut self.doing {
            doing.minutes.begin();
        }
        self.greet_at = Some(Instant::now() + HEARS_US_AT_THE_LATEST);
        if let Some(sid) = microphone_sid {
            self.subscribe(sid).await;
        }
    }

    async fn subscribe(&mut self, sid: String) {
        if let Err(error) = self.room.subscribe(&sid, true).await {
            tracing::warn!(%error, sid, "could not subscribe to the caller's microphone");
        }
    }

    fn caller_hears_us(&mut self) {
        self.greet_at = None;
        self.feed(Input::CallerJoined);
    }

    fn caller_left(&mut self, reason: DisconnectReason) {
        tracing::info!(?reason, "caller left");
        self.feed(Input::CallerLeft);
        self.doing_without_caller();
        self.greet_at = None;
        let for_good = matches!(
            reason,
            DisconnectReason::ClientInitiated
                | DisconnectReason::RoomDeleted
                | DisconnectReason::UserRejected
                | DisconnectReason::ParticipantRemoved
        );
        if for_good {
            self.over = true;
        } else {
            self.give_up_at = Some(Instant::now() + CALLER_MAY_RETURN);
        }
    }

    /// After a full reconnect what was being said is lost, the caller may not be back yet, and our
    /// attributes are as before.
    async fn reconnected(&mut self) {
        if let Some(answer) = self.mouth.answer() {
            self.feed(Input::SpeechLost { answer });
        }
        self.mouth.resume();
        self.voice_was_heard = false;
        let Some(caller) = &self.caller else { return };
        let identity = caller.identity.clone();
        let back = self
            .room
            .participants()
            .into_iter()
            .find(|participant| participant.identity == identity);
        match back {
            Some(participant) => self.participant_joined(participant).await,
            None => {
                self.feed(Input::CallerLeft);
                self.doing_without_caller();
                self.greet_at = None;
                self.give_up_at = Some(Instant::now() + CALLER_MAY_RETURN);
            }
        }
    }

    fn typed(&mut self, text: String) {
        if text.trim().is_empty() {
            return;
        }
        self.turns.heard(text.trim(), true, Instant::now());
        self.feed(Input::Typed { text });
    }

    /// Does what the conversation decided.
    fn act(&mut self) {
        while let Some(output) = self.conversation.poll() {
            self.perform(output);
        }
    }

    fn perform(&mut self, output: Output) {
        tracing::debug!(decision = kind(&output), "decided");
        match output {
            Output::State(state) => self.captions.publish(Caption::State(state)),
            Output::Hearing(hearing) => self.captions.publish(Caption::Hearing(hearing)),
            Output::StartUtterance(id) => {
                let turn = self.turns.span_of_next();
                self.ear.tell(EarCommand::Start(id, turn));
            }
            Output::EndUtterance(id) => self.ear.tell(EarCommand::End(id)),
            Output::CancelUtterance(id) => self.ear.tell(EarCommand::Cancel(id)),
            Output::CallerTranscript {
                utterance,
                text,
                is_final,
            } => self.caller_transcript(utterance.0, text, is_final),
            Output::Generate {
                answer,
                messages,
                max_tokens,
                tools,
            } => {
                self.turns.asked(answer);
                let turn = self.turns.span_of(answer);
                let tools = self.tools_for(tools);
                turn.in_scope(|| self.mind.generate(answer, messages, tools, max_tokens));
            }
            Output::CancelGeneration(answer) => self.mind.cancel(answer),
            Output::SumUp {
                summary,
                messages,
                max_tokens,
            } => self.mind.sum_up(summary, messages, max_tokens),
            Output::CancelSummary(summary) => self.mind.cancel_summary(summary),
            Output::Speak {
                answer,
                sentence,
                text,
            } => {
                let turn = self.turns.span_of(answer);
                turn.in_scope(|| self.mouth.speak(answer, sentence, text));
            }
            Output::StopSpeaking(answer) => self.mouth.stop(answer),
            Output::AnswerText { answer, delta } => {
                self.captions.publish(Caption::AnswerText { answer, delta });
            }
            Output::AnswerEnded {
                answer,
                text,
                interrupted,
            } => {
                self.captions.publish(Caption::AnswerEnded {
                    answer,
                    text: text.clone(),
                    interrupted,
                });
                self.report_turn(answer, text, interrupted);
            }
            Output::Act { .. }
            | Output::CancelTools(_)
            | Output::Acting(_)
            | Output::QuestionSpoken(_)
            | Output::QuestionCut(_)
            | Output::Reply { .. }
            | Output::Announced(_) => self.perform_doing(output),
            Output::Problem(problem) => {
                self.problem = problem;
                self.publish_problem();
            }
            Output::Leave => self.over = true,
        }
    }

    fn caller_transcript(&mut self, segment: u64, text: String, is_final: bool) {
        if is_final {
            self.turns.heard(&text, false, Instant::now());
        }
        let Some(caller) = &self.caller else { return };
        self.captions.publish(Caption::Caller(CallerCaption {
            segment,
            identity: caller.identity.clone(),
            track_sid: caller.microphone_sid.clone().unwrap_or_default(),
            text,
            is_final,
        }));
    }

    fn report_turn(&mut self, answer: AnswerId, text: String, interrupted: bool) {
        // Asked now: some servers tell what they run only when they are first used.
        let names = ProviderNames {
            stt: self.providers.stt.name(),
            llm: self.providers.llm.name(),
            tts: self.providers.tts.name(),
        };
        let problem = self.problem_report();
        let now = Instant::now();
        let report = self
            .turns
            .ended(answer, text, interrupted, names, problem, now);
        if let Some(report) = report {
            if let Some(doing) = &self.doing {
                doing.minutes.turn(&self.caller_identity(), &report);
            }
            self.captions.publish(Caption::Turn(Box::new(report)));
        }
    }

    fn note_unanswered(&mut self) {
        let caller = self.caller_identity();
        let Some(doing) = &self.doing else { return };
        let (stt, made_where) = (self.providers.stt.name(), &self.providers.made_where);
        for left in self.turns.unanswered() {
            doing.minutes.unanswered(&caller, &left, &stt, made_where);
        }
    }

    fn problem_report(&self) -> Option<ProblemReport> {
        let problem = self.problem.as_ref().or(self.voice_problem.as_ref())?;
        let stage = match problem.stage {
            Stage::SpeechToText => "stt",
            Stage::LanguageModel => "llm",
            Stage::TextToSpeech => "tts",
        };
        Some(ProblemReport {
            stage,
            message: problem.message.clone(),
            remedy: problem.remedy.clone(),
        })
    }

    fn publish_problem(&self) {
        let json = self.problem_report().map_or_else(String::new, |report| {
            serde_json::to_string(&report).expect("strings always serialise")
        });
        self.captions.publish(Caption::Problem(json));
    }

    /// Lets the last words out, then leaves.
    async fn close(mut self) {
        self.note_unanswered();
        let last_words = Duration::from_secs(1);
        let _ = tokio::time::timeout(last_words, self.track.wait_played()).await;
        self.captions.close().await;
        self.room.leave().await;
    }
}

/// RPC `jex.interrupt`: the caller pressed stop.
fn register_interrupt(room: &Room, signals: mpsc::UnboundedSender<Signal>) {
    room.register_rpc("jex.interrupt", move |_invocation| {
        let _ = signals.send(Signal::Input(Input::Interrupt));
        Box::pin(async { Ok("{}".to_owned()) })
    });
}

/// The name of a decision, without its words: nothing of a conversation is logged.
fn kind(output: &Output) -> &'static str {
    match output {
        Output::State(_) => "State",
        Output::Hearing(_) => "Hearing",
        Output::StartUtterance(_) => "StartUtterance",
        Output::EndUtterance(_) => "EndUtterance",
        Output::CancelUtterance(_) => "CancelUtterance",
        Output::CallerTranscript { .. } => "CallerTranscript",
        Output::Generate { .. } => "Generate",
        Output::CancelGeneration(_) => "CancelGeneration",
        Output::SumUp { .. } => "SumUp",
        Output::CancelSummary(_) => "CancelSummary",
        Output::Act { .. } => "Act",
        Output::CancelTools(_) => "CancelTools",
        Output::Acting(_) => "Acting",
        Output::QuestionSpoken(_) => "QuestionSpoken",
        Output::QuestionCut(_) => "QuestionCut",
        Output::Reply { .. } => "Reply",
        Output::Announced(_) => "Announced",
        Output::Speak { .. } => "Speak",
        Output::StopSpeaking(_) => "StopSpeaking",
        Output::AnswerText { .. } => "AnswerText",
        Output::AnswerEnded { .. } => "AnswerEnded",
        Output::Problem(_) => "Problem",
        Output::Leave => "Leave",
    }
}
