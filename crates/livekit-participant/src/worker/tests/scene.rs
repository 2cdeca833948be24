//! A protocol, a clock, and the server's part to play.

use std::time::{Duration, Instant};

use livekit_protocol as lk;
use lk::server_message::Message as FromServer;
use lk::worker_message::Message as FromWorker;
use prost::Message as _;

use crate::worker::exchange::{Config, Event, Input, Output};
use crate::worker::job::Acceptance;
use crate::worker::protocol::{MEANT_AFTER, Protocol};

pub struct Scene {
    pub now: Instant,
    pub protocol: Protocol,
    pub sent: Vec<FromWorker>,
    pub told: Vec<Event>,
    pub dials: usize,
    pub hang_ups: usize,
}

impl Scene {
    pub fn new(max_jobs: Option<usize>) -> Self {
        let now = Instant::now();
        let config = Config {
            agent_name: "jex".into(),
            version: "1.2.3".into(),
            max_jobs,
        };
        let mut scene = Self {
            now,
            protocol: Protocol::new(config, now, 7),
            sent: Vec::new(),
            told: Vec::new(),
            dials: 0,
            hang_ups: 0,
        };
        scene.input(Input::Tick);
        scene
    }

    /// A worker that the server knows; what was said until then is forgotten.
    pub fn registered(max_jobs: Option<usize>) -> Self {
        let mut scene = Self::new(max_jobs);
        scene.register();
        scene.forget();
        scene
    }

    pub fn register(&mut self) {
        self.input(Input::Connected);
        self.server(FromServer::Register(lk::RegisterWorkerResponse {
            worker_id: "AW_1".into(),
            server_info: Some(lk::ServerInfo {
                version: "1.13.1".into(),
                ..Default::default()
            }),
            ..Default::default()
        }));
    }

    pub fn forget(&mut self) {
        self.sent.clear();
        self.told.clear();
        self.dials = 0;
        self.hang_ups = 0;
    }

    pub fn input(&mut self, input: Input<'_>) {
        self.protocol.handle(self.now, input);
        while let Some(output) = self.protocol.poll() {
            match output {
                Output::Dial => self.dials += 1,
                Output::HangUp => self.hang_ups += 1,
                Output::Send(bytes) => {
                    let message = lk::WorkerMessage::decode(bytes.as_slice()).unwrap();
                    self.sent.push(message.message.unwrap());
                }
                Output::Tell(event) => self.told.push(event),
            }
        }
    }

    pub fn server(&mut self, message: FromServer) {
        let message = Some(message);
        let bytes = lk::ServerMessage { message }.encode_to_vec();
        self.input(Input::Received(&bytes));
    }

    pub fn offer(&mut self, job: &str) {
        let job = Some(self::job(job));
        self.server(FromServer::Availability(lk::AvailabilityRequest {
            job,
            resuming: false,
        }));
    }

    pub fn accept(&mut self, job: &str) {
        let acceptance = Acceptance {
            identity: format!("agent-{job}"),
            name: "JEX".into(),
            attributes: [("colour".to_owned(), "blue".to_owned())].into(),
        };
        self.input(Input::Answer(job.into(), Some(acceptance)));
    }

    pub fn reject(&mut self, job: &str) {
        self.input(Input::Answer(job.into(), None));
    }

    pub fn assign(&mut self, job: &str) {
        self.server(FromServer::Assignment(lk::JobAssignment {
            job: Some(self::job(job)),
            url: None,
            token: "token".into(),
        }));
    }

    pub fn terminate(&mut self, job: &str) {
        let job_id = job.into();
        self.server(FromServer::Termination(lk::JobTermination { job_id }));
    }

    /// Terminates a job and means it.
    pub fn end(&mut self, job: &str) {
        self.terminate(job);
        self.pass(MEANT_AFTER);
    }

    /// From offer to assignment.
    pub fn take(&mut self, job: &str) {
        self.offer(job);
        self.accept(job);
        self.assign(job);
    }

    /// Lets time pass, waking the protocol whenever it asks for it.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.protocol.next_deadline().filter(|at| *at <= end) {
            assert!(deadline >= self.now, "a deadline in the past is never met");
            self.now = deadline;
            self.input(Input::Tick);
        }
        self.now = end;
        self.input(Input::Tick);
    }

    /// The availability answers sent: job and whether it was taken.
    pub fn answers(&self) -> Vec<(&str, bool)> {
        self.of_kind(|message| match message {
            FromWorker::Availability(answer) => Some((answer.job_id.as_str(), answer.available)),
            _ => None,
        })
    }

    pub fn reports(&self) -> Vec<&lk::UpdateWorkerStatus> {
        self.of_kind(|message| match message {
            FromWorker::UpdateWorker(report) => Some(report),
            _ => None,
        })
    }

    pub fn job_reports(&self) -> Vec<(&str, lk::JobStatus)> {
        self.of_kind(|message| match message {
            FromWorker::UpdateJob(report) => Some((report.job_id.as_str(), report.status())),
            _ => None,
        })
    }

    fn of_kind<'s, T>(&'s self, kind: impl Fn(&'s FromWorker) -> Option<T>) -> Vec<T> {
        self.sent.iter().filter_map(kind).collect()
    }
}

fn job(id: &str) -> lk::Job {
    lk::Job {
        id: id.into(),
        dispatch_id: "AD_1".into(),
        room: Some(lk::Room {
            name: format!("room-of-{id}"),
            sid: "RM_1".into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}
