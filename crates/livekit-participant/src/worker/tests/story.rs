//! One rule a test, told as a story.

use std::time::Duration;

use livekit_protocol as lk;
use lk::server_message::Message as FromServer;
use lk::worker_message::Message as FromWorker;

use super::scene::Scene;
use crate::worker::exchange::{Event, Input};
use crate::worker::job::JobStatus;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_worker_registers_for_rooms_and_says_how_busy_it_is() {
    let mut scene = Scene::new(None);
    assert_eq!(scene.dials, 1);

    scene.register();

    let FromWorker::Register(register) = &scene.sent[0] else {
        panic!("{:?}", scene.sent);
    };
    assert_eq!(register.r#type(), lk::JobType::JtRoom);
    assert_eq!(register.agent_name, "jex");
    let permissions = register.allowed_permissions.as_ref().unwrap();
    assert!(
        permissions.can_update_metadata,
        "or it cannot set its state"
    );
    assert_eq!(scene.reports()[0].status(), lk::WorkerStatus::WsAvailable);
    let registered = Event::Registered {
        worker_id: "AW_1".into(),
        server_version: "1.13.1".into(),
    };
    assert_eq!(scene.told, [registered]);
}

#[test]
fn an_accepted_job_is_assigned_with_its_room_and_token() {
    let mut scene = Scene::registered(None);

    scene.offer("AJ_1");
    scene.accept("AJ_1");
    scene.assign("AJ_1");

    let FromWorker::Availability(answer) = &scene.sent[0] else {
        panic!("{:?}", scene.sent);
    };
    assert!(answer.available);
    assert_eq!(answer.participant_identity, "agent-AJ_1");
    assert_eq!(answer.participant_name, "JEX");
    assert_eq!(answer.participant_attributes["colour"], "blue");
    let Event::Offered(offer) = &scene.told[0] else {
        panic!("{:?}", scene.told);
    };
    assert_eq!(offer.room_name, "room-of-AJ_1");
    assert_eq!(offer.dispatch_id, "AD_1");
    assert_eq!(offer.participant_identity, None);
    let assigned = Event::Assigned {
        job_id: "AJ_1".into(),
        room_name: "room-of-AJ_1".into(),
        url: None,
        token: "token".into(),
    };
    assert_eq!(scene.told[1], assigned);
}

#[test]
fn the_count_of_jobs_is_reported_at_once() {
    let mut scene = Scene::registered(None);

    scene.take("AJ_1");
    scene.input(Input::UpdateJob("AJ_1".into(), JobStatus::Success));

    let counts: Vec<u32> = scene
        .reports()
        .iter()
        .map(|report| report.job_count)
        .collect();
    assert_eq!(counts, [1, 0]);
}

#[test]
fn a_rejected_job_is_not_ours_even_if_it_is_assigned() {
    let mut scene = Scene::registered(None);
    scene.offer("AJ_1");

    scene.reject("AJ_1");
    scene.assign("AJ_1");

    assert_eq!(scene.answers(), [("AJ_1", false)]);
    assert_eq!(scene.told.len(), 1, "{:?}", scene.told);
}

#[test]
fn a_job_that_was_never_offered_is_not_ours() {
    let mut scene = Scene::registered(None);

    scene.assign("AJ_1");

    assert!(scene.told.is_empty());
}

#[test]
fn an_answer_after_ten_seconds_is_not_sent_as_nobody_waits_for_it() {
    let mut scene = Scene::registered(None);
    scene.offer("AJ_1");

    for _ in 0..11 {
        scene.pass(SECOND);
        scene.server(FromServer::Pong(lk::WorkerPong::default()));
    }
    scene.accept("AJ_1");

    assert!(scene.answers().is_empty());
}

#[test]
fn an_answer_to_an_offer_of_an_earlier_connection_is_not_sent() {
    let mut scene = Scene::registered(None);
    scene.offer("AJ_1");
    scene.input(Input::Disconnected("gone".into()));
    scene.pass(2 * SECOND);
    scene.register();

    scene.accept("AJ_1");

    assert!(scene.answers().is_empty());
}

#[test]
fn a_worker_with_all_its_jobs_says_it_is_full_and_rejects_more() {
    let mut scene = Scene::registered(Some(1));
    scene.take("AJ_1");
    assert_eq!(scene.reports()[0].status(), lk::WorkerStatus::WsFull);

    scene.offer("AJ_2");
    assert_eq!(scene.answers(), [("AJ_1", true), ("AJ_2", false)]);

    scene.end("AJ_1");
    assert_eq!(scene.reports()[1].status(), lk::WorkerStatus::WsAvailable);
}

#[test]
fn two_offers_at_once_fill_one_place_only() {
    let mut scene = Scene::registered(Some(1));
    scene.offer("AJ_1");
    scene.offer("AJ_2");

    scene.accept("AJ_1");
    scene.accept("AJ_2");

    assert_eq!(scene.answers(), [("AJ_1", true), ("AJ_2", false)]);
}

#[test]
fn the_load_is_reported_every_two_and_a_half_seconds() {
    let mut scene = Scene::registered(None);
    scene.protocol.set_load(0.5);

    scene.pass(10 * SECOND);

    let loads: Vec<f32> = scene.reports().iter().map(|report| report.load).collect();
    assert_eq!(loads, [0.35; 4], "the server's full is 0.7");
}

#[test]
fn a_load_that_is_no_number_counts_as_full() {
    let mut scene = Scene::registered(None);
    for (load, reported) in [(f32::NAN, 0.7), (7.0, 0.7), (-1.0, 0.0)] {
        scene.forget();
        scene.protocol.set_load(load);

        scene.pass(Duration::from_millis(2_500));
        scene.server(FromServer::Pong(lk::WorkerPong::default()));

        assert_eq!(scene.reports()[0].load, reported);
    }
}

#[test]
fn a_silent_server_is_given_up_after_fifteen_seconds() {
    let mut scene = Scene::registered(None);

    scene.pass(14 * SECOND);
    assert_eq!(scene.hang_ups, 0);
    let ping = |message: &&FromWorker| matches!(message, FromWorker::Ping(_));
    assert_eq!(scene.sent.iter().filter(ping).count(), 2);
    scene.pass(SECOND);

    assert_eq!(scene.hang_ups, 1);
    assert!(!scene.protocol.is_registered());
}

#[test]
fn a_server_that_answers_pings_is_kept() {
    let mut scene = Scene::registered(None);

    for _ in 0..60 {
        scene.pass(SECOND);
        scene.server(FromServer::Pong(lk::WorkerPong::default()));
    }

    assert_eq!(scene.hang_ups, 0);
    assert!(scene.protocol.is_registered());
}

#[test]
fn a_server_that_does_not_answer_the_registration_is_given_up() {
    let mut scene = Scene::new(None);
    scene.input(Input::Connected);

    scene.pass(10 * SECOND);

    assert_eq!(scene.hang_ups, 1);
    assert!(matches!(scene.told[0], Event::Lost { .. }));
}

#[test]
fn attempts_come_after_one_second_at_first_and_ten_at_last() {
    let mut scene = Scene::new(None);
    let mut delays = Vec::new();

    for _ in 0..8 {
        let failed = scene.now;
        scene.input(Input::Disconnected("refused".into()));
        let due = scene.protocol.next_deadline().unwrap();
        delays.push((due - failed).as_secs_f64());
        scene.pass(due - scene.now);
    }

    assert_eq!(scene.dials, 9);
    for (delay, ideal) in delays
        .iter()
        .zip([1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0, 10.0])
    {
        assert!((ideal..=ideal * 1.25).contains(delay), "{delays:?}");
        assert!(*delay <= 10.0, "{delays:?}");
    }
}

#[test]
fn the_same_reason_is_told_once_until_something_changes() {
    let mut scene = Scene::new(None);
    for reason in ["refused", "refused", "no route", "no route"] {
        scene.input(Input::Disconnected(reason.into()));
        scene.pass(11 * SECOND);
    }
    scene.register();
    scene.input(Input::Disconnected("no route".into()));

    let lost = |event: &Event| match event {
        Event::Lost { reason } => Some(reason.clone()),
        _ => None,
    };
    let told: Vec<String> = scene.told.iter().filter_map(lost).collect();
    assert_eq!(told, ["refused", "no route", "no route"]);
}

#[test]
fn running_jobs_are_reported_again_to_a_server_that_came_back() {
    let mut scene = Scene::registered(None);
    scene.take("AJ_1");
    scene.take("AJ_2");
    scene.take("AJ_3");
    scene.end("AJ_3");
    scene.input(Input::Disconnected("killed".into()));
    scene.input(Input::UpdateJob("AJ_1".into(), JobStatus::Success));
    scene.forget();

    scene.pass(2 * SECOND);
    scene.register();

    assert_eq!(scene.job_reports(), [("AJ_2", lk::JobStatus::JsRunning)]);
    assert_eq!(scene.reports()[0].job_count, 1);
}

#[test]
fn a_terminated_job_is_told_once_and_wants_no_report() {
    let mut scene = Scene::registered(None);
    scene.take("AJ_1");
    scene.forget();

    scene.end("AJ_1");
    scene.end("AJ_1");
    scene.input(Input::UpdateJob("AJ_1".into(), JobStatus::Success));

    let terminated = Event::Terminated {
        job_id: "AJ_1".into(),
    };
    assert_eq!(scene.told, [terminated]);
    assert!(scene.job_reports().is_empty());
}

#[test]
fn a_job_that_a_server_terminates_as_it_shuts_down_goes_on() {
    let mut scene = Scene::registered(None);
    scene.take("AJ_1");
    scene.forget();

    scene.terminate("AJ_1");
    scene.input(Input::Disconnected("closed".into()));
    scene.pass(2 * SECOND);
    scene.register();
    scene.pass(10 * SECOND);

    let terminated = |event: &Event| matches!(event, Event::Terminated { .. });
    assert!(!scene.told.iter().any(terminated), "{:?}", scene.told);
    assert_eq!(scene.job_reports(), [("AJ_1", lk::JobStatus::JsRunning)]);
}

#[test]
fn a_failed_job_is_reported_with_its_reason() {
    let mut scene = Scene::registered(None);
    scene.take("AJ_1");

    let status = JobStatus::Failed("no microphone".into());
    scene.input(Input::UpdateJob("AJ_1".into(), status));

    let failed = FromWorker::UpdateJob(lk::UpdateJobStatus {
        job_id: "AJ_1".into(),
        status: lk::JobStatus::JsFailed.into(),
        error: "no microphone".into(),
    });
    assert!(scene.sent.contains(&failed), "{:?}", scene.sent);
}

#[test]
fn a_draining_worker_takes_nothing_more_and_ends_with_its_last_job() {
    let mut scene = Scene::registered(None);
    scene.take("AJ_1");
    scene.offer("AJ_2");
    scene.forget();

    scene.input(Input::Drain);
    scene.offer("AJ_3");

    assert_eq!(scene.answers(), [("AJ_2", false), ("AJ_3", false)]);
    assert_eq!(scene.reports()[0].status(), lk::WorkerStatus::WsFull);
    assert!(scene.told.is_empty(), "the first job still runs");

    scene.input(Input::UpdateJob("AJ_1".into(), JobStatus::Success));

    assert_eq!(scene.told, [Event::Drained]);
}

#[test]
fn a_job_accepted_just_before_draining_is_still_done() {
    let mut scene = Scene::registered(None);
    scene.offer("AJ_1");
    scene.accept("AJ_1");
    scene.forget();

    scene.input(Input::Drain);
    scene.assign("AJ_1");
    assert!(matches!(scene.told[..], [Event::Assigned { .. }]));

    scene.end("AJ_1");
    assert_eq!(scene.told.last(), Some(&Event::Drained));
}

#[test]
fn draining_ends_though_the_server_dies_before_it_assigns_what_was_accepted() {
    let mut scene = Scene::registered(None);
    scene.offer("AJ_1");
    scene.accept("AJ_1");
    scene.input(Input::Drain);
    scene.forget();

    scene.input(Input::Disconnected("killed".into()));

    assert!(scene.told.contains(&Event::Drained));
}

#[test]
fn a_draining_worker_stays_full_at_a_server_that_came_back() {
    let mut scene = Scene::registered(None);
    scene.take("AJ_1");
    scene.input(Input::Drain);
    scene.input(Input::Disconnected("killed".into()));
    scene.pass(2 * SECOND);
    scene.forget();

    scene.register();

    assert_eq!(scene.reports()[0].status(), lk::WorkerStatus::WsFull);
    assert!(!scene.told.contains(&Event::Drained));
}

#[test]
fn a_server_that_goes_away_is_left_and_tried_again() {
    let mut scene = Scene::registered(None);

    let reason = "maintenance".into();
    scene.server(FromServer::GoAway(lk::agent_http::GoAway { reason }));
    scene.pass(2 * SECOND);

    assert_eq!((scene.hang_ups, scene.dials), (1, 1));
}

#[test]
fn a_closed_worker_does_nothing_any_more() {
    let mut scene = Scene::registered(None);

    scene.input(Input::Close);
    scene.offer("AJ_1");
    scene.pass(60 * SECOND);

    assert_eq!((scene.hang_ups, scene.dials), (1, 0));
    assert!(scene.sent.is_empty() && scene.told.is_empty());
    assert!(scene.protocol.is_closed());
}
