//! A server that says anything, at any time.

use std::collections::BTreeSet;
use std::time::Duration;

use livekit_protocol as lk;
use lk::server_message::Message as FromServer;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;

use super::scene::Scene;
use crate::worker::exchange::{Event, Input};
use crate::worker::incoming::Incoming;
use crate::worker::job::JobStatus;

/// Something that happens to a worker. Jobs are few, so that they meet.
#[derive(Debug, Clone)]
enum Step {
    Connected,
    Disconnected,
    Register,
    Offer(u8),
    Accept(u8),
    Reject(u8),
    Assign(u8),
    Terminate(u8),
    Update(u8, bool),
    Drain,
    Pass(u16),
    Bytes(Vec<u8>),
    GoAway,
}

fn step() -> impl Strategy<Value = Step> {
    let job = 0..4u8;
    prop_oneof![
        3 => Just(Step::Connected),
        1 => Just(Step::Disconnected),
        3 => Just(Step::Register),
        4 => job.clone().prop_map(Step::Offer),
        4 => job.clone().prop_map(Step::Accept),
        1 => job.clone().prop_map(Step::Reject),
        4 => job.clone().prop_map(Step::Assign),
        1 => job.clone().prop_map(Step::Terminate),
        1 => (job, any::<bool>()).prop_map(|(job, ended)| Step::Update(job, ended)),
        1 => Just(Step::Drain),
        3 => any::<u16>().prop_map(Step::Pass),
        1 => vec(any::<u8>(), 0..64).prop_map(Step::Bytes),
        1 => Just(Step::GoAway),
    ]
}

fn take(scene: &mut Scene, step: Step) {
    let name = |job: u8| format!("AJ_{job}");
    match step {
        Step::Connected => scene.input(Input::Connected),
        Step::Disconnected => scene.input(Input::Disconnected("gone".into())),
        Step::Register => {
            let register = lk::RegisterWorkerResponse::default();
            scene.server(FromServer::Register(register));
        }
        Step::Offer(job) => scene.offer(&name(job)),
        Step::Accept(job) => scene.accept(&name(job)),
        Step::Reject(job) => scene.reject(&name(job)),
        Step::Assign(job) => scene.assign(&name(job)),
        Step::Terminate(job) => scene.terminate(&name(job)),
        Step::Update(job, true) => {
            scene.input(Input::UpdateJob(name(job), JobStatus::Success));
        }
        Step::Update(job, false) => {
            scene.input(Input::UpdateJob(name(job), JobStatus::Running));
        }
        Step::Drain => scene.input(Input::Drain),
        Step::Pass(millis) => scene.pass(Duration::from_millis(millis.into())),
        Step::Bytes(bytes) => scene.input(Input::Received(&bytes)),
        Step::GoAway => scene.server(FromServer::GoAway(lk::agent_http::GoAway::default())),
    }
}

/// A whole, plausible message, to be cut and bent.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let text = "[a-zA-Z_0-9:/.]{0,12}";
    (text, text, text, 0..6u8).prop_map(|(id, room, url, kind)| {
        let job = lk::Job {
            id: id.clone(),
            room: Some(lk::Room {
                name: room,
                ..Default::default()
            }),
            ..Default::default()
        };
        let message = match kind {
            0 => FromServer::Register(lk::RegisterWorkerResponse {
                worker_id: id,
                ..Default::default()
            }),
            1 => FromServer::Availability(lk::AvailabilityRequest {
                job: Some(job),
                resuming: true,
            }),
            2 => FromServer::Assignment(lk::JobAssignment {
                job: Some(job),
                url: Some(url),
                token: id,
            }),
            3 => FromServer::Termination(lk::JobTermination { job_id: id }),
            4 => FromServer::Pong(lk::WorkerPong::default()),
            _ => FromServer::GoAway(lk::agent_http::GoAway { reason: id }),
        };
        let message = Some(message);
        lk::ServerMessage { message }.encode_to_vec()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in vec(any::<u8>(), 0..256)) {
        let _ = Incoming::parse(&bytes);
    }

    #[test]
    fn a_message_cut_short_or_bent_is_parsed_or_refused(
        bytes in message(),
        cut in any::<prop::sample::Index>(),
        bend in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut bytes = bytes;
        if !bytes.is_empty() {
            let at = bend.index(bytes.len());
            bytes[at] = value;
            bytes.truncate(cut.index(bytes.len()) + 1);
        }

        let parsed = Incoming::parse(&bytes);

        if let Ok(Incoming::Assigned { job_id, room_name, token, .. }) = parsed {
            prop_assert!(!job_id.is_empty() && !room_name.is_empty() && !token.is_empty());
        }
    }

    /// Whatever the server, the network and the application do, in whatever order.
    #[test]
    fn no_order_of_events_breaks_the_rules(
        steps in vec(step(), 0..120),
        max_jobs in prop::option::of(0..3usize),
    ) {
        let mut scene = Scene::new(max_jobs);
        for step in steps {
            take(&mut scene, step);
            // Down means an attempt is due; up means the next report is.
            let waits = scene.protocol.next_deadline().is_some();
            prop_assert!(waits || scene.dials > 0);
        }

        let mut running = BTreeSet::new();
        for event in &scene.told {
            match event {
                Event::Assigned { job_id, .. } => {
                    prop_assert!(running.insert(job_id.clone()) , "assigned twice: {job_id}");
                }
                Event::Terminated { job_id } => {
                    prop_assert!(running.remove(job_id), "terminated, but not ours: {job_id}");
                }
                _ => {}
            }
            // Ended jobs may be offered anew under the same name.
            if let Event::Offered(offer) = event {
                running.remove(&offer.job_id);
            }
        }
        let drained = scene.told.iter().filter(|event| **event == Event::Drained).count();
        prop_assert!(drained <= 1);
        let accepted: BTreeSet<&str> = scene.answers().into_iter()
            .filter_map(|(job, available)| available.then_some(job))
            .collect();
        for event in &scene.told {
            if let Event::Assigned { job_id, .. } = event {
                prop_assert!(accepted.contains(job_id.as_str()), "never accepted: {job_id}");
            }
        }
        if let Some(most) = max_jobs {
            for report in scene.reports() {
                prop_assert!(report.job_count as usize <= most);
            }
        }
    }
}
