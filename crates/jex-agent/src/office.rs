//! The office: registers with LiveKit, takes rooms and holds one conversation in each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jex_config::secrets::LivekitCredentials;
use livekit_participant::ParticipantKind;
use livekit_participant::server_api::{AgentDispatch, RoomService};
use livekit_participant::worker::{
    JobRequest, JobStatus, Worker, WorkerEvent, WorkerHandle, WorkerOptions,
};
use secrecy::ExposeSecret;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::health::Health;
use crate::register::{Offer, Register, Termination};
use crate::session::{self, Context, Control, Phase, SessionError, Ticket};

/// How often rooms are searched for callers that wait.
const SWEEP: Duration = Duration::from_secs(3);
/// How long conversations may take to say goodbye.
const DRAIN: Duration = Duration::from_secs(5);
/// Empty: LiveKit offers every new room, whoever created it.
const AGENT_NAME: &str = "";

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
    sweeper: Sweeper,
    controls: HashMap<String, mpsc::UnboundedSender<Control>>,
    sessions: JoinSet<(String, Result<(), SessionError>)>,
    notes: mpsc::UnboundedSender<Note>,
    health: Arc<Mutex<Health>>,
}

impl Office {
    /// Works until `stop` is cancelled, then drains.
    pub async fn run(
        context: Context,
        credentials: LivekitCredentials,
        health: Arc<Mutex<Health>>,
        stop: CancellationToken,
    ) {
        let url = context.settings.livekit_ws_url();
        let load = Arc::new(AtomicU32::new(0));
        let reported = load.clone();
        let secret = credentials.api_secret.expose_secret().to_owned();
        let (worker, mut events) = Worker::spawn(WorkerOptions {
            url: url.clone(),
            api_key: credentials.api_key.clone(),
            api_secret: secret.clone(),
            agent_name: AGENT_NAME.into(),
            load: Arc::new(move || f32::from_bits(reported.load(Ordering::Relaxed))),
            ..WorkerOptions::default()
        });
        let (notes, mut inbox) = mpsc::unbounded_channel();
        let capacity = context.settings.agent.max_conversations as usize;
        let mut office = Self {
            sweeper: Sweeper::new(&url, &credentials.api_key, &secret),
            context,
            url,
            register: Register::new(capacity),
            load,
            worker,
            controls: HashMap::new(),
            sessions: JoinSet::new(),
            notes,
            health,
        };
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(event) = events.recv() => office.worker_event(event).await,
                Some(note) = inbox.recv() => office.note(note).await,
                Some(Ok((room, outcome))) = office.sessions.join_next() => office.ended(&room, &outcome),
                _ = sweep.tick(), if office.worker.is_registered() => office.sweep(),
            }
            office.publish();
        }
        office.drain().await;
    }

    async fn worker_event(&mut self, event: WorkerEvent) {
        match event {
            WorkerEvent::Registered {
                worker_id,
                server_version,
            } => {
                tracing::info!(worker_id, server_version, "registered with LiveKit");
                // Rooms may have waited while no worker was there.
                self.sweep();
            }
            WorkerEvent::Lost { reason } => {
                tracing::warn!(reason, "LiveKit is gone; registering again")
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
        match self.register.offered(&room, Instant::now()) {
            Offer::Accept | Offer::Absorb => {
                // One identity per room: a newcomer replaces what a killed agent left behind.
                let identity = format!("agent-{room}");
                let name = self.context.settings.assistant.name.clone();
                request.accept(identity, name, HashMap::new()).await;
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
        self.sessions.spawn(async move {
            let outcome = session::hold(context, ticket, orders, phase).await;
            (room, outcome)
        });
    }

    fn terminated(&mut self, job: &str) {
        let (room, verdict) = self.register.terminated(job, Instant::now());
        tracing::info!(job, room, ?verdict, "LiveKit terminates a job");
        let control = room.and_then(|room| self.controls.get(&room));
        if let (Termination::End, Some(control)) = (verdict, control) {
            let _ = control.send(Control::End);
        }
    }

    async fn note(&mut self, note: Note) {
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

    fn ended(&mut self, room: &str, outcome: &Result<(), SessionError>) {
        let status = match outcome {
            Ok(()) => JobStatus::Success,
            Err(error) => {
                tracing::error!(room, %error, "the conversation failed");
                JobStatus::Failed(error.to_string())
            }
        };
        self.controls.remove(room);
        for job in self.register.ended(room) {
            self.worker.update_job(&job, status.clone());
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
        health.registered = self.worker.is_registered();
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
        while let Ok(Some(ended)) =
            tokio::time::timeout_at(deadline, self.sessions.join_next()).await
        {
            if let Ok((room, outcome)) = ended {
                self.ended(&room, &outcome);
            }
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

/// Looks for rooms with a caller and no conversation, through LiveKit's server APIs.
struct Sweeper {
    rooms: Arc<RoomService>,
    dispatch: Arc<AgentDispatch>,
}

impl Sweeper {
    fn new(url: &Url, api_key: &str, api_secret: &str) -> Self {
        Self {
            rooms: Arc::new(RoomService::new(url, api_key, api_secret)),
            dispatch: Arc::new(AgentDispatch::new(url, api_key, api_secret)),
        }
    }

    fn sweep(&self, found: impl FnOnce(Vec<String>) + Send + 'static) {
        let service = self.rooms.clone();
        tokio::spawn(async move {
            match waiting_rooms(&service).await {
                Ok(rooms) if rooms.is_empty() => {}
                Ok(rooms) => found(rooms),
                Err(error) => tracing::debug!(%error, "could not list the rooms"),
            }
        });
    }

    fn ask_for(&self, room: String) {
        let dispatch = self.dispatch.clone();
        tokio::spawn(async move {
            if let Err(error) = dispatch.create(&room, AGENT_NAME, "").await {
                tracing::warn!(room, %error, "could not ask for a job");
            }
        });
    }
}

/// Rooms with a person in them. Whether an agent of this worker is there the register knows;
/// an agent's participant alone may be what a killed process left behind.
async fn waiting_rooms(
    service: &RoomService,
) -> Result<Vec<String>, livekit_participant::server_api::ApiError> {
    let mut waiting = Vec::new();
    for room in service.list_rooms().await? {
        let participants = service.list_participants(&room.name).await?;
        let person = |kind| matches!(kind, ParticipantKind::Standard | ParticipantKind::Sip);
        if participants
            .iter()
            .any(|participant| person(participant.kind))
        {
            waiting.push(room.name);
        }
    }
    Ok(waiting)
}
