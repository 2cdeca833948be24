//! The worker and the server's APIs against a real livekit-server.
#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use livekit_participant::server_api::{
    AgentDispatch, CreateRoomOptions, DispatchedJobStatus, RoomService,
};
use livekit_participant::worker::{
    JobRequest, JobStatus, Worker, WorkerEvent, WorkerHandle, WorkerOptions,
};
use support::{API_KEY, API_SECRET, LivekitServer};
use tokio::sync::mpsc;
use tokio::time::timeout;

type Events = mpsc::UnboundedReceiver<WorkerEvent>;

fn options(server: &LivekitServer) -> WorkerOptions {
    WorkerOptions {
        url: server.url(),
        api_key: API_KEY.into(),
        api_secret: API_SECRET.into(),
        ..WorkerOptions::default()
    }
}

fn rooms(server: &LivekitServer) -> RoomService {
    RoomService::new(&server.url(), API_KEY, API_SECRET)
}

fn dispatches(server: &LivekitServer) -> AgentDispatch {
    AgentDispatch::new(&server.url(), API_KEY, API_SECRET)
}

/// A worker that the server knows.
async fn registered(options: WorkerOptions) -> (WorkerHandle, Events) {
    let (worker, mut events) = Worker::spawn(options);
    let event = next(&mut events).await;
    assert!(matches!(event, WorkerEvent::Registered { .. }), "{event:?}");
    assert!(worker.is_registered());
    (worker, events)
}

async fn next(events: &mut Events) -> WorkerEvent {
    timeout(Duration::from_secs(20), events.recv())
        .await
        .expect("an event within 20 s")
        .expect("the worker runs")
}

async fn request(events: &mut Events) -> JobRequest {
    match next(events).await {
        WorkerEvent::JobRequested(request) => request,
        other => panic!("no offer but {other:?}"),
    }
}

/// Waits until the server knows of a job that it has assigned: it tells the worker first, and an update that comes too
/// soon is lost.
async fn settled(server: &LivekitServer, job: &str) {
    server.logged(&["assigned job to worker", job]).await;
}

/// Takes the job that is offered next; its id and the token that it comes with.
async fn accept(events: &mut Events, identity: &str) -> (String, String) {
    let request = request(events).await;
    let (job, room) = (request.job_id.clone(), request.room_name.clone());
    request.accept(identity, "JEX", HashMap::new()).await;
    match next(events).await {
        WorkerEvent::JobAssigned {
            job_id,
            room_name,
            token,
            ..
        } => {
            assert_eq!((job_id, &room_name), (job.clone(), &room));
            (job, token)
        }
        other => panic!("no assignment but {other:?}"),
    }
}

async fn create(server: &LivekitServer, room: &str) {
    rooms(server)
        .create_room(room, CreateRoomOptions::default())
        .await
        .unwrap();
}

/// Nothing is said for as long as the server takes to try twice.
async fn assert_quiet(events: &mut Events) {
    let event = timeout(Duration::from_secs(2), events.recv()).await;
    assert!(event.is_err(), "{event:?}");
}

/// Waits until the dispatch of `room` stands at `status`.
async fn job_stands(server: &LivekitServer, room: &str, status: DispatchedJobStatus) {
    let service = dispatches(server);
    let stands = async {
        loop {
            let jobs = service.list(room).await.unwrap();
            let mut jobs = jobs.iter().flat_map(|dispatch| &dispatch.jobs);
            if jobs.any(|job| job.status == status) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(10), stands)
        .await
        .unwrap_or_else(|_| panic!("the job is not {status:?}"));
}

#[tokio::test]
async fn a_new_room_is_offered_accepted_and_assigned() {
    let server = LivekitServer::start().await;
    let (worker, mut events) = registered(options(&server)).await;

    create(&server, "talk").await;
    let offer = request(&mut events).await;
    assert_eq!(offer.room_name, "talk");
    assert!(offer.room_sid.starts_with("RM_"));
    assert!(offer.job_id.starts_with("AJ_"));
    let job = offer.job_id.clone();
    let attributes = HashMap::from([("colour".to_owned(), "blue".to_owned())]);
    offer.accept("agent-talk", "JEX", attributes).await;
    let event = next(&mut events).await;

    let WorkerEvent::JobAssigned {
        job_id,
        room_name,
        token,
        ..
    } = event
    else {
        panic!("{event:?}");
    };
    assert_eq!((job_id, room_name), (job.clone(), "talk".to_owned()));
    let claims = livekit_token::TokenVerifier::with_api_key(API_KEY, API_SECRET)
        .verify(&token)
        .unwrap();
    assert_eq!(claims.sub, "agent-talk");
    assert_eq!(claims.kind, "agent");
    assert_eq!(claims.video.room, "talk");
    assert_eq!(claims.video.can_update_own_metadata, Some(true));
    assert_eq!(claims.attributes["colour"], "blue");
    worker.update_job(&job, JobStatus::Success);
    worker.close().await;
}

#[tokio::test]
async fn a_rejected_room_is_not_assigned() {
    let server = LivekitServer::start().await;
    let (_worker, mut events) = registered(options(&server)).await;

    create(&server, "talk").await;
    request(&mut events).await.reject().await;

    assert_quiet(&mut events).await;
}

#[tokio::test]
async fn an_offer_that_is_dropped_goes_to_another_worker_at_once() {
    let server = LivekitServer::start().await;
    let (_first, mut first) = registered(options(&server)).await;
    let (_second, mut second) = registered(options(&server)).await;

    create(&server, "talk").await;
    // Which of the two is asked first is the server's choice.
    let (offer, mut other) = tokio::select! {
        offer = request(&mut first) => (offer, second),
        offer = request(&mut second) => (offer, first),
    };
    drop(offer);

    let (_, token) = accept(&mut other, "agent").await;
    assert!(!token.is_empty());
}

#[tokio::test]
async fn an_agent_is_asked_for_by_api_seen_and_taken_back() {
    let server = LivekitServer::start().await;
    let named = WorkerOptions {
        agent_name: "helper".into(),
        ..options(&server)
    };
    let (worker, mut events) = registered(named).await;
    create(&server, "talk").await;

    let service = dispatches(&server);
    let asked = service.create("talk", "helper", "be brief").await.unwrap();
    let offer = request(&mut events).await;
    assert_eq!(offer.metadata, "be brief");
    assert_eq!(offer.dispatch_id, asked.id);
    let job = offer.job_id.clone();
    offer.accept("agent-talk", "JEX", HashMap::new()).await;
    assert!(matches!(
        next(&mut events).await,
        WorkerEvent::JobAssigned { .. }
    ));

    worker.update_job(&job, JobStatus::Running);
    job_stands(&server, "talk", DispatchedJobStatus::Running).await;
    let listed = service.list("talk").await.unwrap();
    let dispatch = listed.iter().find(|listed| listed.id == asked.id).unwrap();
    assert_eq!(dispatch.agent_name, "helper");
    assert_eq!(dispatch.jobs[0].id, job);
    assert_eq!(dispatch.jobs[0].participant_identity, "agent-talk");

    service.delete("talk", &asked.id).await.unwrap();
    let event = next(&mut events).await;
    assert!(
        matches!(&event, WorkerEvent::JobTerminated { job_id } if *job_id == job),
        "{event:?}"
    );
}

#[tokio::test]
async fn a_room_that_waited_gets_a_nameless_agent_when_asked() {
    let server = LivekitServer::start().await;
    create(&server, "talk").await;
    let (_worker, mut events) = registered(options(&server)).await;
    assert_quiet(&mut events).await;

    dispatches(&server).create("talk", "", "").await.unwrap();

    accept(&mut events, "agent-talk").await;
}

#[tokio::test]
async fn a_busy_worker_is_still_offered_rooms_but_a_loaded_one_is_not() {
    let server = LivekitServer::start().await;
    let load = Arc::new(AtomicU32::new(0.9f32.to_bits()));
    let reported = load.clone();
    let busy = WorkerOptions {
        load: Arc::new(move || f32::from_bits(reported.load(Ordering::Relaxed))),
        ..options(&server)
    };
    let (worker, mut events) = registered(busy).await;

    create(&server, "busy").await;
    let (job, _) = accept(&mut events, "agent-busy").await;
    load.store(1.0f32.to_bits(), Ordering::Relaxed);
    settled(&server, &job).await;
    // Reported with every change of a job.
    worker.update_job(&job, JobStatus::Success);
    server.logged(&["job ended", &job]).await;
    create(&server, "loaded").await;

    assert_quiet(&mut events).await;
}

#[tokio::test]
async fn a_killed_server_that_comes_back_finds_the_worker_registered_again() {
    let mut server = LivekitServer::start().await;
    let (worker, mut events) = registered(options(&server)).await;
    create(&server, "before").await;
    let (job, _) = accept(&mut events, "agent-before").await;
    worker.update_job(&job, JobStatus::Running);

    server.kill();
    let lost = next(&mut events).await;
    assert!(matches!(lost, WorkerEvent::Lost { .. }), "{lost:?}");
    assert!(!worker.is_registered());
    server.restart().await;
    loop {
        match next(&mut events).await {
            WorkerEvent::Registered { .. } => break,
            WorkerEvent::Lost { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    // It has forgotten the job, but is told of it.
    server.logged(&["job update for unknown job", &job]).await;

    create(&server, "after").await;
    accept(&mut events, "agent-after").await;
}

#[tokio::test]
async fn a_worker_started_before_its_server_says_so_and_registers_when_it_comes() {
    let mut server = LivekitServer::start().await;
    server.kill();
    let (worker, mut events) = Worker::spawn(options(&server));

    let lost = next(&mut events).await;
    assert!(
        matches!(&lost, WorkerEvent::Lost { reason } if reason.contains("refused")),
        "{lost:?}"
    );
    server.restart().await;

    let event = next(&mut events).await;
    assert!(matches!(event, WorkerEvent::Registered { .. }), "{event:?}");
    worker.close().await;
    assert!(events.recv().await.is_none(), "the events end with it");
}

#[tokio::test]
async fn a_wrong_secret_is_named_as_the_reason() {
    let server = LivekitServer::start().await;
    let wrong = WorkerOptions {
        api_secret: "another secret of at least thirty-two characters".into(),
        ..options(&server)
    };

    let (_worker, mut events) = Worker::spawn(wrong);

    let lost = next(&mut events).await;
    assert!(
        matches!(&lost, WorkerEvent::Lost { reason } if reason.contains("secret")),
        "{lost:?}"
    );
}

#[tokio::test]
async fn a_draining_worker_finishes_its_job_and_takes_no_other() {
    let server = LivekitServer::start().await;
    let (worker, mut events) = registered(options(&server)).await;
    create(&server, "first").await;
    let (job, _) = accept(&mut events, "agent-first").await;

    worker.drain();
    create(&server, "second").await;
    assert_quiet(&mut events).await;
    worker.update_job(&job, JobStatus::Success);

    let event = next(&mut events).await;
    assert!(matches!(event, WorkerEvent::Drained), "{event:?}");
    worker.close().await;
}

#[tokio::test]
async fn the_server_hears_how_jobs_ended() {
    let server = LivekitServer::start().await;
    let (worker, mut events) = registered(options(&server)).await;
    create(&server, "well").await;
    let (well, _) = accept(&mut events, "agent").await;
    create(&server, "badly").await;
    let (badly, _) = accept(&mut events, "agent").await;

    settled(&server, &well).await;
    settled(&server, &badly).await;
    worker.update_job(&well, JobStatus::Success);
    worker.update_job(&badly, JobStatus::Failed("the model is gone".into()));

    server.logged(&["job ended", &well, "JS_SUCCESS"]).await;
    server
        .logged(&["job ended", &badly, "JS_FAILED", "the model is gone"])
        .await;
}

#[tokio::test]
async fn dropping_the_handle_takes_the_worker_from_the_server() {
    let server = LivekitServer::start().await;
    let (worker, mut events) = registered(options(&server)).await;

    drop(worker);

    assert!(
        timeout(Duration::from_secs(5), events.recv())
            .await
            .unwrap()
            .is_none()
    );
    server.logged(&["last worker deregistered"]).await;
}

#[tokio::test]
async fn rooms_are_created_listed_and_deleted() {
    let server = LivekitServer::start().await;
    let service = rooms(&server);
    let options = CreateRoomOptions {
        metadata: "about trains".into(),
        empty_timeout: Some(Duration::from_secs(60)),
        ..CreateRoomOptions::default()
    };

    let created = service.create_room("talk", options).await.unwrap();
    let listed = service.list_rooms().await.unwrap();

    assert_eq!(created.name, "talk");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].sid, created.sid);
    assert_eq!(listed[0].metadata, "about trains");
    assert!(listed[0].created_at.elapsed().unwrap() < Duration::from_secs(60));
    assert!(service.list_participants("talk").await.unwrap().is_empty());

    service.delete_room("talk").await.unwrap();
    assert!(service.list_rooms().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_not_there_and_who_is_not_allowed_are_told_apart() {
    let server = LivekitServer::start().await;
    let service = rooms(&server);
    let wrong = "another secret of at least thirty-two characters";
    let stranger = RoomService::new(&server.url(), API_KEY, wrong);

    let gone = service.remove_participant("talk", "nobody").await;
    let refused = stranger.list_rooms().await;

    assert!(gone.unwrap_err().is_not_found());
    assert!(refused.unwrap_err().is_unauthorized());
}
