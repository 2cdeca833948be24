//! The office: registers with LiveKit, takes rooms and holds one conversation in each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jex_config::secrets::LivekitCredentials;
use livekit_participant::worker::{
    JobRequest, JobStatus, Worker, WorkerEvent, WorkerHandle, WorkerOptions,
};
use secrecy::ExposeSecret;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::health::Health;
use crate::register::{Offer, Register, Termination};
use crate::session::{self, Context, Control, Parting, Phase, SessionError, Ticket};
use crate::sessions::Sessions;
use crate::sweeper::{self, Clientele, Sweeper};

/// How often rooms are searched for callers that wait.
const SWEEP: Duration = Duration::from_secs(3);
/// How long conversations may take to say goodbye.
const DRAIN: Duration = Duration::from_secs(4);

enum Note {
    Phase(String, Phase),
    Waiting(Vec<String>),
}

/// Everything that the agent's main loop knows.
pub struct Office {
    context: Context,
    url: Url,
    register: Register,
    /// The register's load, readable by the worker protocol: `f32` bits.
    load: Arc<AtomicU32>,
    worker: WorkerHandle,
    /// As told by the worker's events, in their order: what its handle says may come later.
    registered: bool,
    sweeper: Sweeper,
    clientele: Clientele,
    controls: HashMap<String, mpsc::UnboundedSender<Control>>,
    sessions: Sessions,
    notes: mpsc::UnboundedSender<Note>,
    health: Arc<Mutex<Health>>,
}

impl Office {
    /// Works until `stop` is cancelled, then drains.
    pub async fn run(
        context: Context,
        credentials: LivekitCredentials,
        clientele: Clientele,
        health: Arc<Mutex<Health>>,
        stop: CancellationToken,
    ) {
        let (mut office, mut events, mut inbox) =
            Self::open(context, &credentials, clientele, health);
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(event) = events.recv() => office.worker_event(event).await,
                Some(note) = inbox.recv() => office.note(note),
                Some((room, outcome)) = office.sessions.next_ended() => office.ended(&room, &outcome),
                _ = sweep.tick(), if office.registered => office.sweep(),
            }
            office.publish();
        }
        office.drain().await;
    }

    fn open(
        context: Context,
        credentials: &LivekitCredentials,
        clientele: Clientele,
        health: Arc<Mutex<Health>>,
    ) -> (
        Self,
        mpsc::UnboundedReceiver<WorkerEvent>,
        mpsc::UnboundedReceiver<Note>,
    ) {
        let url = context.settings.livekit_ws_url();
        let load = Arc::new(AtomicU32::new(0));
        let reported = load.clone();
        let secret = credentials.api_secret.expose_secret().to_owned();
        let (worker, events) = Worker::spawn(WorkerOptions {
            url: url.clone(),
            api_key: credentials.api_key.clone(),
            api_secret: secret.clone(),
            agent_name: sweeper::AGENT_NAME.into(),
            load: Arc::new(move || f32::from_bits(reported.load(Ordering::Relaxed))),
            ..WorkerOptions::default()
        });
        let (notes, inbox) = mpsc::unbounded_channel();
        let capacity = context.settings.agent.max_conversations as usize;
        let office = Self {
            sweeper: Sweeper::new(&url, &credentials.api_key, &secret, clientele.clone()),
            clientele,
            context,
            url,
            register: Register::new(capacity),
            load,
            worker,
            registered: false,
            controls: HashMap::new(),
            sessions: Sessions::default(),
            notes,
            health,
        };
        (office, events, inbox)
    }

    async fn worker_event(&mut self, event: WorkerEvent) {
        match event {
            WorkerEvent::Registered {
                worker_id,
                server_version,
            } => {
                tracing::info!(worker_id, server_version, "registered with LiveKit");
                self.registered = true;
                // Rooms may have waited while no worker was there.
                self.sweep();
            }
            WorkerEvent::Lost { reason } => {
                tracing::warn!(reason, "LiveKit is gone; registering again");
                self.registered = false;
            }
            WorkerEvent::JobRequested(request) => self.offered(request).await,
            WorkerEvent::JobAssigned {
                job_id,
                room_name,
                url,
                token,
            } => {
                let url = url.unwrap_or_else(|| self.url.clone());
                self.assigned(
                    &job_id,
                    Ticket {
                        room_name,
                        url,
                        token,
                    },
                );
            }
            WorkerEvent::JobTerminated { job_id } => self.terminated(&job_id),
            WorkerEvent::Drained => {}
        }
    }

    async fn offered(&mut self, request: JobRequest) {
        let room = request.room_name.clone();
        if !self.clientele.takes(&room, &request.metadata) {
            tracing::debug!(room, "a room of somebody else");
            request.reject().await;
            return;
        }
        match self.register.offered(&room, Instant::now()) {
            Offer::Accept | Offer::Absorb => {
                // One identity per room: a newcomer replaces what a killed agent left behind.
                let identity = format!("agent-{room}");
                let name = self.context.settings.assistant.name.clone();
                request
                    .accept(identity, name, self.clientele.attributes())
                    .await;
            }
            Offer::Refuse => {
                tracing::warn!(room, "no room for another conversation");
                request.reject().await;
            }
        }
    }

    fn assigned(&mut self, job: &str, ticket: Ticket) {
        let room = ticket.room_name.clone();
        self.worker.update_job(job, JobStatus::Running);
        if !self.register.assigned(&room, job) {
            tracing::info!(room, job, "this conversation holds the room already");
            return;
        }
        tracing::info!(room, job, "taking the room");
        let (control, orders) = mpsc::unbounded_channel();
        self.controls.insert(room.clone(), control);
        let (phase, watched) = watch::channel(Phase::Joining);
        tokio::spawn(forward(room.clone(), watched, self.notes.clone()));
        let context = self.context.clone();
        let session = session::hold(context, ticket, orders, phase);
        self.sessions.begin(room, session);
    }

    fn terminated(&mut self, job: &str) {
        let (room, verdict) = self.register.terminated(job, Instant::now());
        tracing::info!(job, room, ?verdict, "LiveKit terminates a job");
        let control = room.and_then(|room| self.controls.get(&room));
        if let (Termination::End, Some(control)) = (verdict, control) {
            let _ = control.send(Control::End);
        }
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::Phase(room, Phase::InRoom) => self.register.connected(&room, Instant::now()),
            Note::Phase(room, Phase::Reconnecting) => self.register.lost(&room),
            Note::Phase(_, Phase::Joining) => {}
            Note::Waiting(rooms) => {
                let now = Instant::now();
                for room in rooms {
                    if self.register.waiting(&room, now) {
                        tracing::info!(room, "a caller waits; asking for the job");
                        self.sweeper.ask_for(room);
                    }
                }
            }
        }
    }

    fn ended(&mut self, room: &str, outcome: &Result<Parting, SessionError>) {
        let status = match outcome {
            Ok(_) => JobStatus::Success,
            Err(error) => {
                tracing::error!(room, %error, "the conversation failed");
                JobStatus::Failed(error.to_string())
            }
        };
        self.controls.remove(room);
        for job in self.register.ended(room) {
            self.worker.update_job(&job, status.clone());
        }
        if let Ok(Parting::HungUp) = outcome {
            // Whoever is still there would be taken for a caller who waits.
            self.register.hung_up(room, Instant::now());
            self.sweeper.close(room.to_owned());
        }
        tracing::info!(room, "left the room");
    }

    fn sweep(&self) {
        let notes = self.notes.clone();
        self.sweeper.sweep(move |rooms| {
            let _ = notes.send(Note::Waiting(rooms));
        });
    }

    fn publish(&self) {
        let load = self.register.load(Instant::now());
        self.load.store(load.to_bits(), Ordering::Relaxed);
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.registered = self.registered;
        health.conversations = self.register.rooms().map(str::to_owned).collect();
    }

    /// Takes no more rooms; the conversations say goodbye.
    async fn drain(mut self) {
        tracing::info!(conversations = self.register.len(), "draining");
        self.worker.drain();
        for control in self.controls.values() {
            let _ = control.send(Control::End);
        }
        let deadline = tokio::time::Instant::now() + DRAIN;
        while let Ok(Some((room, outcome))) =
            tokio::time::timeout_at(deadline, self.sessions.next_ended()).await
        {
            self.ended(&room, &outcome);
        }
        self.worker.close().await;
    }
}

async fn forward(
    room: String,
    mut phase: watch::Receiver<Phase>,
    notes: mpsc::UnboundedSender<Note>,
) {
    while phase.changed().await.is_ok() {
        let now = *phase.borrow_and_update();
        let _ = notes.send(Note::Phase(room.clone(), now));
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use jex_config::Settings;
    use jex_providers::{
        ChatRequest, LanguageModel, PieceStream, ProviderError, Providers, Recognition,
        SpeechToText, Synthesis, TextToSpeech,
    };

    use super::*;
    use crate::health::ProviderNames;

    /// A provider that no test needs to work.
    struct Absent;

    #[async_trait]
    impl SpeechToText for Absent {
        fn name(&self) -> String {
            String::new()
        }

        async fn start(&self) -> Result<Recognition, ProviderError> {
            std::future::pending().await
        }
    }

    #[async_trait]
    impl LanguageModel for Absent {
        fn name(&self) -> String {
            String::new()
        }

        async fn generate(&self, _: ChatRequest) -> Result<PieceStream, ProviderError> {
            std::future::pending().await
        }
    }

    #[async_trait]
    impl TextToSpeech for Absent {
        fn name(&self) -> String {
            String::new()
        }

        async fn synthesize(&self, _: &str) -> Result<Synthesis, ProviderError> {
            std::future::pending().await
        }
    }

    /// An office at a server that is not there: what the server says, the tests say.
    fn office() -> Office {
        let mut settings = Settings::default();
        settings.livekit.port = 9;
        let context = Context {
            settings: Arc::new(settings),
            providers: Arc::new(Providers {
                stt: Arc::new(Absent),
                llm: Arc::new(Absent),
                tts: Arc::new(Absent),
                announcer: Arc::new(Absent),
                made_where: String::new(),
            }),
            means: None,
        };
        let credentials = LivekitCredentials {
            api_key: "key".into(),
            api_secret: "a secret of at least thirty-two characters".into(),
        };
        let names = ProviderNames {
            stt: String::new(),
            llm: String::new(),
            tts: String::new(),
        };
        let health = Arc::new(Mutex::new(Health::new(names)));
        let clientele = Clientele {
            installation: "this one".into(),
            is_shared: false,
        };
        Office::open(context, &credentials, clientele, health).0
    }

    fn is_healthy(office: &Office) -> bool {
        office.publish();
        office.health.lock().expect("not poisoned").registered
    }

    fn registered() -> WorkerEvent {
        WorkerEvent::Registered {
            worker_id: "AW_1".into(),
            server_version: "1.13.1".into(),
        }
    }

    #[tokio::test]
    async fn it_is_well_from_the_moment_it_is_told_that_it_is_registered() {
        let mut office = office();
        assert!(!is_healthy(&office));

        office.worker_event(registered()).await;

        // The worker's handle does not know yet.
        assert!(!office.worker.is_registered());
        assert!(is_healthy(&office));
    }

    #[tokio::test]
    async fn it_is_not_well_while_livekit_is_gone() {
        let mut office = office();
        office.worker_event(registered()).await;

        let reason = "the server is silent".into();
        office.worker_event(WorkerEvent::Lost { reason }).await;

        assert!(!is_healthy(&office));
    }

    #[tokio::test]
    async fn a_conversation_that_panics_gives_its_room_back() {
        let mut office = office();
        office.register.assigned("talk", "J1");
        office
            .sessions
            .begin("talk".into(), async { panic!("a mistake of ours") });

        let (room, outcome) = office.sessions.next_ended().await.expect("it ended");
        office.ended(&room, &outcome);

        assert!(outcome.is_err());
        assert_eq!(office.register.len(), 0);
        assert!(office.register.waiting("talk", Instant::now()));
    }
}
