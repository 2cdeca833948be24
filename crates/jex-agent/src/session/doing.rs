//! What a session does with tools and announcements: between the conversation, which decides, the hands and the page.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jex_config::Settings;
use jex_conversation::{AnnouncementId, AnswerId, Input, Output, ToolCall, estimated_tokens};
use jex_store::{Moment, Place};
use jex_tools::{CallEvent, Outcome, Tool};
use jiff::Timestamp;
use livekit_participant::Room;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::Signal;
use super::captions::Caption;
use super::hands::Hands;
use super::minutes::Minutes;
use super::rules;
use super::run::{Context, Session};
use super::way::{self, Abilities};
use crate::announcements::{Announcement, Announcements, Seat};
use crate::builtin::{FORGET_FACT, FORGET_LAST, REMEMBER};
use crate::memory::{Memory, NotRecalled};
use crate::oblivion::{self, Oblivion};
use crate::tools::Tools;
use crate::words::Words;

/// How often it is tried again to read what is remembered.
const RECALLS_AGAIN: u32 = 15;

/// What a conversation can do beyond talking; shared by all of them.
#[derive(Clone)]
pub struct Means {
    pub tools: Tools,
    pub memory: Memory,
    pub announcements: Announcements,
    pub abilities: Abilities,
    /// Whether the model is one that could call a tool at all.
    pub offers_tools: bool,
}

/// The same for one conversation.
pub struct Doing {
    conversation: Uuid,
    pub hands: Hands,
    pub minutes: Minutes,
    means: Means,
    settings: Arc<Settings>,
    signals: mpsc::UnboundedSender<Signal>,
    seat: Seat,
    announced: HashMap<AnnouncementId, Option<Uuid>>,
    words: Words,
    acting: Option<Acting>,
    shown_question: String,
    _watches: [AbortOnDropHandle<()>; 4],
}

/// What runs, as the attribute `jex.acting` tells it.
#[derive(Serialize)]
struct Acting {
    tools: Vec<String>,
    since: Timestamp,
    /// What one of them said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    says: Option<String>,
}

impl Doing {
    /// Within tokio.
    pub fn begin(
        context: &Context,
        means: &Means,
        conversation: Uuid,
        room: &Room,
        signals: &mpsc::UnboundedSender<Signal>,
    ) -> Self {
        let language = &context.settings.assistant.language;
        let (seat, inbox) = means.announcements.sit_down(conversation);
        register_answer(room, signals.clone());
        Self {
            conversation,
            hands: Hands::new(means.tools.clone(), conversation, language, signals.clone()),
            minutes: Minutes::new(
                means.memory.recorder.clone(),
                conversation,
                &room.name(),
                language,
            ),
            means: means.clone(),
            settings: context.settings.clone(),
            signals: signals.clone(),
            seat,
            announced: HashMap::new(),
            words: Words::of(language),
            acting: None,
            shown_question: String::new(),
            _watches: [
                AbortOnDropHandle::new(tokio::spawn(hand_on(inbox, signals.clone()))),
                AbortOnDropHandle::new(tokio::spawn(watch_oblivion(
                    means.memory.oblivions.subscribe(),
                    signals.clone(),
                ))),
                AbortOnDropHandle::new(tokio::spawn(watch_tools(means.clone(), signals.clone()))),
                AbortOnDropHandle::new(tokio::spawn(watch_recording(
                    means.clone(),
                    signals.clone(),
                ))),
            ],
        }
    }

    /// What the model is offered now.
    fn offered(&self) -> Vec<Tool> {
        match self.means.offers_tools {
            true => self.hands.offered(),
            false => Vec::new(),
        }
    }

    /// Has the model told what is remembered now.
    fn recall(&self) {
        let (memory, settings) = (self.means.memory.clone(), self.settings.clone());
        let signals = self.signals.clone();
        tokio::spawn(async move {
            // Away, or busy with what was just deleted.
            let mut tries = 0;
            let recalled = loop {
                match memory.recalled().await {
                    Ok(recalled) => break recalled,
                    Err(NotRecalled) if tries == RECALLS_AGAIN => return,
                    Err(NotRecalled) => tokio::time::sleep(Duration::from_secs(2)).await,
                }
                tries += 1;
            };
            let instructions = rules::instructions(&settings, recalled);
            let _ = signals.send(Signal::Input(Input::Instructions(instructions)));
        });
    }

    fn announce(&mut self, id: Option<Uuid>, text: String) -> Input {
        let number = AnnouncementId(self.announced.len() as u64);
        self.announced.insert(number, id);
        Input::Announce { id: number, text }
    }
}

impl Session {
    /// What the model may call for this question.
    pub(super) fn tools_for(&self, may_call: bool) -> Vec<Tool> {
        let doing = self.doing.as_ref().filter(|_| may_call);
        doing.map(Doing::offered).unwrap_or_default()
    }

    /// Does what the conversation decided about tools and announcements.
    pub(super) fn perform_doing(&mut self, output: Output) {
        let participant = self.caller_identity();
        let Some(doing) = &mut self.doing else {
            // A model that asks for tools though none were offered.
            if let Output::Act { answer, .. } = output {
                let results = Vec::new();
                self.feed(Input::ToolsDone { answer, results });
            }
            return;
        };
        let inputs = match output {
            Output::Act { answer, calls } => act(doing, answer, calls, &participant),
            Output::CancelTools(answer) => {
                doing.hands.cancel(answer);
                // What was said to stop them is no question.
                self.turns.replied();
                Vec::new()
            }
            Output::Acting(names) => {
                doing.acting = (!names.is_empty()).then(|| Acting {
                    tools: names,
                    since: Timestamp::now(),
                    says: None,
                });
                self.show_acting();
                Vec::new()
            }
            Output::QuestionSpoken(question) => doing.hands.question_spoken(question),
            Output::QuestionCut(question) => doing.hands.question_cut(question),
            Output::Reply { text, .. } => {
                let (inputs, is_reply_only) = doing.hands.said(&participant, &text);
                if is_reply_only {
                    self.turns.replied();
                }
                inputs
            }
            Output::Announced(number) => {
                if let Some(id) = doing.announced.get(&number).copied().flatten() {
                    doing.seat.said(id);
                }
                Vec::new()
            }
            _ => Vec::new(),
        };
        self.take(inputs);
    }

    pub(super) fn doing_signal(&mut self, signal: Signal) {
        let Some(doing) = &mut self.doing else { return };
        let inputs = match signal {
            Signal::Call(CallEvent::Progress { call, text }) => {
                if let Some(acting) = doing
                    .acting
                    .as_mut()
                    .filter(|_| doing.hands.waits_for(call))
                {
                    acting.says = Some(text);
                    self.show_acting();
                }
                Vec::new()
            }
            Signal::Call(event) => {
                if changes_facts(&event) {
                    doing.recall();
                }
                doing.hands.call_event(event)
            }
            Signal::Pressed { who, question, yes } => doing.hands.pressed(&who, question, yes),
            Signal::Announce(announcement) => {
                vec![doing.announce(Some(announcement.id), announcement.text)]
            }
            Signal::Forget(Oblivion::Said(deletion)) => {
                let span = oblivion::ago(&deletion, doing.conversation, Moment::now());
                if let Some(until) = span.and_then(|(_, until)| Instant::now().checked_sub(until)) {
                    self.turns.forget(until);
                }
                let forget = |(since, until)| Input::Forget { since, until };
                span.map(forget).into_iter().collect()
            }
            Signal::Forget(Oblivion::Facts) => {
                doing.recall();
                Vec::new()
            }
            Signal::ToolsChanged => {
                let described = way::described(doing.means.abilities.way(), &doing.offered());
                let tokens = estimated_tokens(&described);
                vec![Input::ToolsOffered { tokens }]
            }
            Signal::Recording(Place::Nowhere) => {
                let text = doing.words.records_nothing().to_owned();
                vec![doing.announce(None, text)]
            }
            _ => Vec::new(),
        };
        self.take(inputs);
    }

    pub(super) fn doing_tick(&mut self) {
        let inputs = self.doing.as_mut().map(|doing| doing.hands.tick());
        self.take(inputs.unwrap_or_default());
    }

    /// The caller is gone, perhaps for a moment.
    pub(super) fn doing_without_caller(&mut self) {
        let inputs = self.doing.as_mut().map(|doing| doing.hands.caller_left());
        self.take(inputs.unwrap_or_default());
    }

    fn take(&mut self, inputs: Vec<Input>) {
        for input in inputs {
            self.feed(input);
        }
        let finished = self.doing.as_mut().map(|doing| doing.hands.take_finished());
        for (answer, call) in finished.unwrap_or_default() {
            self.turns.called(answer, call);
        }
        self.show_question();
    }

    /// Tells the page what runs.
    fn show_acting(&self) {
        let acting = self.doing.as_ref().and_then(|doing| doing.acting.as_ref());
        let shown = acting.map_or_else(String::new, |acting| {
            serde_json::to_string(acting).expect("strings and times always serialise")
        });
        self.captions.publish(Caption::Acting(shown));
    }

    /// Tells the page what waits for a yes.
    fn show_question(&mut self) {
        let Some(doing) = &mut self.doing else { return };
        let shown = doing
            .hands
            .open_question()
            .map_or_else(String::new, |open| {
                serde_json::to_string(open).expect("strings and numbers always serialise")
            });
        if doing.shown_question != shown {
            doing.shown_question.clone_from(&shown);
            self.captions.publish(Caption::Question(shown));
        }
    }
}

/// Whether what the caller wants remembered is another now.
fn changes_facts(event: &CallEvent) -> bool {
    match event {
        CallEvent::Ended {
            call,
            outcome: Outcome::Done(_),
            ..
        } => [REMEMBER, FORGET_FACT, FORGET_LAST].contains(&call.tool.as_str()),
        _ => false,
    }
}

fn act(doing: &mut Doing, answer: AnswerId, calls: Vec<ToolCall>, participant: &str) -> Vec<Input> {
    tracing::info!(count = calls.len(), "the model asks for tools");
    doing.hands.act(answer, calls, participant)
}

/// RPC `jex.answer`: Yes or No was pressed below the question.
fn register_answer(room: &Room, signals: mpsc::UnboundedSender<Signal>) {
    #[derive(Deserialize)]
    struct Pressed {
        question: Value,
        yes: bool,
    }
    room.register_rpc("jex.answer", move |invocation| {
        let pressed = serde_json::from_str::<Pressed>(&invocation.payload);
        if let Ok(Pressed { question, yes }) = pressed
            && let Some(question) = number(&question)
        {
            let who = invocation.caller_identity;
            let _ = signals.send(Signal::Pressed { who, question, yes });
        }
        Box::pin(async { Ok("{}".to_owned()) })
    });
}

/// The page gives back what it was given, as a number or as text.
fn number(id: &Value) -> Option<u64> {
    id.as_u64().or_else(|| id.as_str()?.parse().ok())
}

async fn hand_on(
    mut inbox: mpsc::UnboundedReceiver<Announcement>,
    signals: mpsc::UnboundedSender<Signal>,
) {
    while let Some(announcement) = inbox.recv().await {
        let _ = signals.send(Signal::Announce(announcement));
    }
}

async fn watch_oblivion(
    mut oblivions: broadcast::Receiver<Oblivion>,
    signals: mpsc::UnboundedSender<Signal>,
) {
    loop {
        match oblivions.recv().await {
            Ok(oblivion) => {
                let _ = signals.send(Signal::Forget(oblivion));
            }
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "deletions came too fast"),
            Err(RecvError::Closed) => return,
        }
    }
}

async fn watch_tools(means: Means, signals: mpsc::UnboundedSender<Signal>) {
    let mut catalogue = means.tools.toolbox.watch();
    loop {
        let _ = signals.send(Signal::ToolsChanged);
        if catalogue.changed().await.is_err() {
            return;
        }
    }
}

/// Tells that nothing can be written down any more, once for each time.
async fn watch_recording(means: Means, signals: mpsc::UnboundedSender<Signal>) {
    let mut recording = means.memory.recorder.watch();
    let mut before = None;
    loop {
        let place = recording.borrow_and_update().place;
        if before.replace(place) != Some(place) {
            let _ = signals.send(Signal::Recording(place));
        }
        if recording.changed().await.is_err() {
            return;
        }
    }
}
