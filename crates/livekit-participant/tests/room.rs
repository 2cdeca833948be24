//! Two participants in a room of a real livekit-server.

mod guests;
mod support;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::FutureExt;
use guests::{agent, hear_silence, hear_tone, join, person, play};
use livekit_participant::server_api::{CreateRoomOptions, RoomService};
use livekit_participant::token::{RoomTokenOptions, room_token};
use livekit_participant::{
    DisconnectReason, Error, ParticipantKind, Room, RoomEvent, RoomOptions, RpcError, TextOptions,
};
use support::{API_KEY, API_SECRET, LivekitServer};
use url::Url;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn audio_is_heard_both_ways() {
    let server = LivekitServer::start().await;
    let mut anna = join(&server.url(), person("talk", "anna")).await;
    let mut ben = join(&server.url(), agent("talk", "ben")).await;

    let high = anna.room.publish_audio("voice").await.unwrap();
    let low = ben.room.publish_audio("voice").await.unwrap();
    let (high_sid, _high) = (high.sid(), play(high, 1000.0));
    let _low = play(low, 440.0);
    let mut of_anna = ben.listen_to("anna").await;
    anna.until("someone who hears us", |event| match event {
        RoomEvent::LocalTrackSubscribed { track_sid } => (track_sid == high_sid).then_some(()),
        _ => None,
    })
    .await;
    let mut of_ben = anna.listen_to("ben").await;

    hear_tone(&mut of_anna, 1000.0).await;
    hear_tone(&mut of_ben, 440.0).await;
    assert_eq!(of_anna.track_sid(), high_sid);
}

#[tokio::test]
async fn what_is_queued_is_played_counted_and_can_be_dropped() {
    let server = LivekitServer::start().await;
    let anna = join(&server.url(), agent("talk", "anna")).await;
    let track = anna.room.publish_audio("voice").await.unwrap();

    let begin = Instant::now();
    track.write(&vec![1000; 48_000]).await;
    track.wait_played().await;

    assert!(
        begin.elapsed() > Duration::from_millis(900),
        "played at its pace"
    );
    assert_eq!(track.played(), 48_000);
    track.write(&vec![1000; 9_600]).await;
    track.clear();
    track.wait_played().await;
    assert!(
        track.played() < 48_000 + 9_600,
        "what was dropped does not count"
    );
}

#[tokio::test]
async fn a_muted_track_is_silent_and_everyone_is_told() {
    let server = LivekitServer::start().await;
    let anna = join(&server.url(), agent("talk", "anna")).await;
    let mut ben = join(&server.url(), person("talk", "ben")).await;
    let track = anna.room.publish_audio("voice").await.unwrap();
    let _tone = play(track.clone(), 440.0);
    let mut audio = ben.listen_to("anna").await;
    hear_tone(&mut audio, 440.0).await;
    let muted = |wanted| {
        move |event| match event {
            RoomEvent::TrackMuted {
                track_sid: _,
                muted,
                ..
            } => (muted == wanted).then_some(()),
            _ => None,
        }
    };

    track.set_muted(true).await;

    ben.until("mute", muted(true)).await;
    hear_silence(&mut audio).await;
    track.set_muted(false).await;
    ben.until("unmute", muted(false)).await;
    hear_tone(&mut audio, 440.0).await;
}

#[tokio::test]
async fn an_unpublished_track_ends() {
    let server = LivekitServer::start().await;
    let anna = join(&server.url(), agent("talk", "anna")).await;
    let mut ben = join(&server.url(), person("talk", "ben")).await;
    let track = anna.room.publish_audio("voice").await.unwrap();
    let mut audio = ben.listen_to("anna").await;

    anna.room.unpublish(&track).await.unwrap();

    ben.until("the end of the track", |event| match event {
        RoomEvent::TrackUnpublished { .. } => Some(()),
        _ => None,
    })
    .await;
    let end = async { while audio.next().await.is_some() {} };
    tokio::time::timeout(5 * SECOND, end)
        .await
        .expect("no more audio");
    track.write(&[0; 48_000]).await;
}

#[tokio::test]
async fn one_can_stop_listening_and_start_again() {
    let server = LivekitServer::start().await;
    let anna = join(&server.url(), agent("talk", "anna")).await;
    let mut ben = join(&server.url(), person("talk", "ben")).await;
    let track = anna.room.publish_audio("voice").await.unwrap();
    let _tone = play(track.clone(), 440.0);
    let mut audio = ben.listen_to("anna").await;
    hear_tone(&mut audio, 440.0).await;

    ben.room.subscribe(&track.sid(), false).await.unwrap();
    let sid = ben
        .until("the end of listening", |event| match event {
            RoomEvent::TrackUnsubscribed { track_sid } => Some(track_sid),
            _ => None,
        })
        .await;
    ben.room.subscribe(&track.sid(), true).await.unwrap();
    let mut again = ben.hears("anna").await;

    assert_eq!(sid, track.sid());
    hear_tone(&mut again, 440.0).await;
}

#[tokio::test]
async fn text_streams_arrive_piece_by_piece_and_whole() {
    let server = LivekitServer::start().await;
    let anna = join(&server.url(), agent("talk", "anna")).await;
    let mut ben = join(&server.url(), person("talk", "ben")).await;
    let long = "Grüße 🎉 ".repeat(5000);
    let options = |name: &str, value: &str| TextOptions {
        attributes: HashMap::from([(name.to_owned(), value.to_owned())]),
        ..TextOptions::default()
    };

    let mut stream = anna
        .room
        .open_text_stream(
            "lk.transcription",
            options("lk.transcription_final", "false"),
        )
        .await
        .unwrap();
    stream.write("Good ").await.unwrap();
    let delta = ben
        .until("a piece", |event| match event {
            RoomEvent::TextChunk { delta, .. } => Some(delta),
            _ => None,
        })
        .await;
    stream.write("morning").await.unwrap();
    let last = HashMap::from([("lk.transcription_final".to_owned(), "true".to_owned())]);
    stream.close(last).await.unwrap();
    let id = anna
        .room
        .send_text("lk.chat", &long, options("a", "b"))
        .await
        .unwrap();

    assert_eq!(delta, "Good ");
    anna.room.leave().await;
    let whole = |event| match event {
        RoomEvent::TextReceived {
            topic,
            sender_identity,
            text,
            attributes,
            stream_id,
        } => Some((topic, sender_identity, text, attributes, stream_id)),
        _ => None,
    };
    let (topic, sender, text, attributes, _) = ben.until("the transcript", whole).await;
    assert_eq!(
        (topic.as_str(), sender.as_str(), text.as_str()),
        ("lk.transcription", "anna", "Good morning")
    );
    assert_eq!(attributes["lk.transcription_final"], "true");
    let (topic, _, text, attributes, stream_id) = ben.until("the long text", whole).await;
    assert_eq!((topic.as_str(), stream_id), ("lk.chat", id));
    assert_eq!(attributes["a"], "b");
    assert!(text == long, "{} of {} bytes", text.len(), long.len());
}

#[tokio::test]
async fn an_agent_speaks_in_a_callers_name_and_to_some_only() {
    let server = LivekitServer::start().await;
    let agent = join(&server.url(), agent("talk", "agent")).await;
    let mut anna = join(&server.url(), person("talk", "anna")).await;
    let mut ben = join(&server.url(), person("talk", "ben")).await;
    let heard = TextOptions {
        sender_identity: Some("anna".to_owned()),
        ..TextOptions::default()
    };
    let secret = TextOptions {
        destination_identities: vec!["ben".to_owned()],
        ..TextOptions::default()
    };

    agent.room.send_text("t", "for ben", secret).await.unwrap();
    agent
        .room
        .send_text("t", "what anna said", heard)
        .await
        .unwrap();

    let text = |event| match event {
        RoomEvent::TextReceived {
            sender_identity,
            text,
            ..
        } => Some((sender_identity, text)),
        _ => None,
    };
    assert_eq!(
        ben.until("a text", text).await,
        ("agent".into(), "for ben".into())
    );
    let transcript = ("anna".into(), "what anna said".into());
    assert_eq!(anna.until("a text", text).await, transcript);
    assert_eq!(ben.until("a text", text).await, transcript);
}

#[tokio::test]
async fn methods_are_called_both_ways() {
    let server = LivekitServer::start().await;
    let anna = join(&server.url(), agent("talk", "anna")).await;
    let ben = join(&server.url(), person("talk", "ben")).await;
    anna.room.register_rpc("greet", |call| {
        async move { Ok(format!("hello {}: {}", call.caller_identity, call.payload)) }.boxed()
    });
    ben.room
        .register_rpc("fail", |_| async { Err(RpcError::new(42, "no")) }.boxed());
    ben.room
        .register_rpc("panic", |_| async { panic!("a bug in a handler") }.boxed());
    ben.room
        .register_rpc("dawdle", |_| futures::future::pending().boxed());

    let greeted = ben
        .room
        .perform_rpc("anna", "greet", "x", 10 * SECOND)
        .await;
    let failed = anna.room.perform_rpc("ben", "fail", "", 10 * SECOND).await;
    let panicked = anna.room.perform_rpc("ben", "panic", "", 10 * SECOND).await;
    let unknown = anna
        .room
        .perform_rpc("ben", "nothing", "", 10 * SECOND)
        .await;
    let absent = anna
        .room
        .perform_rpc("nobody", "greet", "", 10 * SECOND)
        .await;
    let late = anna.room.perform_rpc("ben", "dawdle", "", SECOND).await;
    let long = anna
        .room
        .perform_rpc("ben", "fail", &"x".repeat(20_000), SECOND)
        .await;

    let code = |result: Result<String, RpcError>| result.expect_err("an error").code;
    assert_eq!(greeted, Ok("hello ben: x".to_owned()));
    assert_eq!(failed, Err(RpcError::new(42, "no")));
    assert_eq!(code(panicked), RpcError::APPLICATION_ERROR);
    assert_eq!(code(unknown), RpcError::UNSUPPORTED_METHOD);
    assert_eq!(code(absent), RpcError::RECIPIENT_NOT_FOUND);
    assert_eq!(code(late), RpcError::RESPONSE_TIMEOUT);
    assert_eq!(code(long), RpcError::REQUEST_PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_call_to_someone_who_leaves_fails_at_once() {
    let server = LivekitServer::start().await;
    let mut anna = join(&server.url(), agent("talk", "anna")).await;
    let ben = join(&server.url(), person("talk", "ben")).await;
    anna.sees("ben").await;
    let (called, mut asked) = tokio::sync::mpsc::unbounded_channel();
    ben.room.register_rpc("dawdle", move |_| {
        let _ = called.send(());
        futures::future::pending().boxed()
    });

    let call = anna.room.perform_rpc("ben", "dawdle", "", 60 * SECOND);
    let leave = async {
        asked.recv().await;
        ben.room.leave().await;
    };
    let (result, ()) = tokio::join!(call, leave);

    assert_eq!(
        result.expect_err("nobody is there").code,
        RpcError::RECIPIENT_DISCONNECTED
    );
}

#[tokio::test]
async fn attributes_are_told_changed_and_removed() {
    let server = LivekitServer::start().await;
    let anna = join(&server.url(), agent("talk", "anna")).await;
    let mut ben = join(&server.url(), person("talk", "ben")).await;
    let set = |value: &str| HashMap::from([("lk.agent.state".to_owned(), value.to_owned())]);
    let changed = |event| match event {
        RoomEvent::AttributesChanged {
            participant,
            changed,
        } => Some((participant, changed)),
        _ => None,
    };

    anna.room.set_attributes(set("listening")).await.unwrap();
    let (participant, first) = ben.until("an attribute", changed).await;
    anna.room.set_attributes(set("")).await.unwrap();
    let (_, second) = ben.until("no attribute", changed).await;

    assert_eq!(participant.identity, "anna");
    assert_eq!(participant.kind, ParticipantKind::Agent);
    assert_eq!(first, set("listening"));
    assert_eq!(second, set(""));
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_with_a_reason() {
    let server = LivekitServer::start().await;
    let guest = RoomTokenOptions {
        can_publish: false,
        can_update_own_metadata: false,
        ..person("talk", "guest")
    };
    let guest = join(&server.url(), guest).await;

    let publish = guest
        .room
        .publish_audio("voice")
        .await
        .expect_err("no right");
    let change = guest
        .room
        .set_attributes(HashMap::from([("a".into(), "b".into())]))
        .await;

    assert!(matches!(publish, Error::NotAllowed { .. }), "{publish}");
    assert!(
        matches!(change, Err(Error::NotAllowed { .. })),
        "{change:?}"
    );
}

#[tokio::test]
async fn who_comes_and_goes_is_told() {
    let server = LivekitServer::start().await;
    let mut anna = join(&server.url(), person("talk", "anna")).await;
    let ben = join(&server.url(), person("talk", "ben")).await;
    let seen: Vec<String> = ben
        .room
        .participants()
        .into_iter()
        .map(|p| p.identity)
        .collect();
    anna.sees("ben").await;

    ben.room.leave().await;

    assert_eq!(seen, ["anna"]);
    assert_eq!(
        (ben.room.name(), ben.room.local().identity),
        ("talk".into(), "ben".into())
    );
    let reason = anna
        .until("ben leaving", |event| match event {
            RoomEvent::ParticipantLeft(participant, reason) => {
                (participant.identity == "ben").then_some(reason)
            }
            _ => None,
        })
        .await;
    assert_eq!(reason, DisconnectReason::ClientInitiated);
    assert!(anna.room.participants().is_empty());
}

#[tokio::test]
async fn dropping_the_last_handle_leaves_and_everything_ends() {
    let server = LivekitServer::start().await;
    let mut anna = join(&server.url(), person("talk", "anna")).await;
    let ben = join(&server.url(), person("talk", "ben")).await;
    let track = ben.room.publish_audio("voice").await.unwrap();
    anna.sees("ben").await;

    drop(ben);

    let (who, reason) = anna
        .until("someone leaving", |event| match event {
            RoomEvent::ParticipantLeft(participant, reason) => Some((participant.identity, reason)),
            _ => None,
        })
        .await;
    assert_eq!(
        (who.as_str(), reason),
        ("ben", DisconnectReason::ClientInitiated)
    );
    let write = track.write(&[0; 480_000]);
    tokio::time::timeout(5 * SECOND, write)
        .await
        .expect("nobody plays it, nobody waits");
}

fn ended(event: RoomEvent) -> Option<DisconnectReason> {
    match event {
        RoomEvent::Disconnected(reason) => Some(reason),
        _ => None,
    }
}

#[tokio::test]
async fn the_server_ends_it_and_says_why() {
    let server = LivekitServer::start().await;
    let service = RoomService::new(&server.url(), API_KEY, API_SECRET);
    let mut twin = join(&server.url(), person("one", "anna")).await;
    let mut removed = join(&server.url(), person("two", "ben")).await;
    let mut homeless = join(&server.url(), person("three", "cleo")).await;

    let _second = join(&server.url(), person("one", "anna")).await;
    service.remove_participant("two", "ben").await.unwrap();
    service.delete_room("three").await.unwrap();

    assert_eq!(
        twin.until("the end", ended).await,
        DisconnectReason::DuplicateIdentity
    );
    assert_eq!(
        removed.until("the end", ended).await,
        DisconnectReason::ParticipantRemoved
    );
    assert_eq!(
        homeless.until("the end", ended).await,
        DisconnectReason::RoomDeleted
    );
    let send = homeless
        .room
        .send_text("t", "anyone?", TextOptions::default())
        .await;
    assert!(matches!(send, Err(Error::Disconnected)), "{send:?}");
    assert!(homeless.next().await.is_none(), "that was the last event");
}

#[tokio::test]
async fn an_agent_does_not_open_a_room_again_that_was_closed_for_want_of_people() {
    let server = LivekitServer::start().await;
    let service = RoomService::new(&server.url(), API_KEY, API_SECRET);
    let short = CreateRoomOptions {
        empty_timeout: Some(SECOND),
        departure_timeout: Some(SECOND),
        ..CreateRoomOptions::default()
    };
    service.create_room("talk", short).await.unwrap();
    let mut agent = join(&server.url(), agent("talk", "agent")).await;
    let anna = join(&server.url(), person("talk", "anna")).await;

    anna.room.leave().await;

    assert_eq!(
        agent.until("the end", ended).await,
        DisconnectReason::RoomClosed
    );
    let gone = async {
        while !service.list_rooms().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(5 * SECOND, gone)
        .await
        .expect("the room stays closed");
}

#[tokio::test]
async fn joining_fails_with_the_reason_and_whether_to_try_again() {
    let server = LivekitServer::start().await;
    let token = |secret: &str| room_token(API_KEY, secret, person("talk", "anna")).unwrap();
    let connect = async |url: &str, token: &str| {
        let url = Url::parse(url).unwrap();
        let options = RoomOptions::default();
        Room::connect(&url, token, options)
            .await
            .expect_err("cannot join")
    };
    let good = token(API_SECRET);

    let wrong = connect(
        server.url().as_str(),
        &token("another secret of at least 32 characters"),
    )
    .await;
    let rubbish = connect(server.url().as_str(), "no\ntoken").await;
    let scheme = connect("ftp://127.0.0.1/", &good).await;
    let nobody = connect("ws://127.0.0.1:9", &good).await;

    assert!(
        matches!(wrong, Error::Refused { status: 401, .. }),
        "{wrong}"
    );
    assert!(wrong.is_terminal() && rubbish.is_terminal() && scheme.is_terminal());
    assert!(
        matches!(nobody, Error::Unreachable { .. }) && !nobody.is_terminal(),
        "{nobody}"
    );
}
