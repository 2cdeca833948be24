//! A session against a server that says anything at all: it may end the session, never the
//! process, and never make it grow without bounds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{FutureExt, SinkExt, StreamExt};
use livekit_protocol as proto;
use livekit_protocol::data_packet::Value;
use proptest::prelude::*;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message as Frame;
use url::Url;

use super::command::{Command, Commands, Message};
use super::link::Link;
use super::recovery::Dialled;
use super::session::{Phase, Session};
use super::{LocalAudio, RoomEvent, RoomOptions, RpcHandler, Shared};
use crate::Error;
use crate::signal::{Request, Response};

/// Longer than anything is waited for.
const LONG: Duration = Duration::from_secs(60);

/// Accepts everyone and then listens.
async fn server() -> (Url, mpsc::UnboundedReceiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (requests, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            let join = proto::JoinResponse {
                participant: Some(participant("us", "PA_us")),
                other_participants: vec![participant("anna", "PA_1")],
                subscriber_primary: true,
                // What a server must not say, and some did.
                ping_interval: 0,
                ping_timeout: -1,
                ..proto::JoinResponse::default()
            };
            let message = Some(Response::Join(join));
            let frame = proto::SignalResponse { message }.encode_to_vec();
            socket.send(Frame::Binary(frame.into())).await.unwrap();
            let requests = requests.clone();
            tokio::spawn(async move {
                while let Some(Ok(frame)) = socket.next().await {
                    let request = proto::SignalRequest::decode(frame.into_data());
                    if let Some(request) = request.unwrap().message {
                        let _ = requests.send(request);
                    }
                }
            });
        }
    });
    let url = Url::parse(&format!("ws://127.0.0.1:{port}")).unwrap();
    (url, heard)
}

fn participant(identity: &str, sid: &str) -> proto::ParticipantInfo {
    proto::ParticipantInfo {
        identity: identity.to_owned(),
        sid: sid.to_owned(),
        ..proto::ParticipantInfo::default()
    }
}

/// A session that is not run: what happens to it is done by hand.
async fn session() -> (Session, mpsc::UnboundedReceiver<RoomEvent>) {
    session_with(server().await.0).await
}

async fn session_with(server: Url) -> (Session, mpsc::UnboundedReceiver<RoomEvent>) {
    let options = RoomOptions {
        ip_addresses: Some(vec![[127, 0, 0, 1].into()]),
        max_text_bytes: 1000,
        ..RoomOptions::default()
    };
    let joined = Link::join(&server, "token", &options).await.unwrap();
    let (events, receiver) = mpsc::unbounded_channel();
    let (ready, _) = oneshot::channel();
    let room = (server, "token".to_owned(), options);
    let shared = Arc::new(Shared::default());
    let mut session = Session::new(room, joined, Commands::channel(), shared, events, ready);
    session.phase = Phase::Up;
    (session, receiver)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Names that meet one another, and some that meet nothing.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["(PA_|TR_)?[0-3]", "us|PA_us|anna", "\\PC{0,30}"]
}

fn info() -> impl Strategy<Value = proto::ParticipantInfo> {
    let track = (name(), any::<i32>(), any::<i32>(), any::<bool>());
    let tracks = proptest::collection::vec(track, 0..4);
    (
        name(),
        name(),
        any::<i32>(),
        any::<i32>(),
        any::<u32>(),
        tracks,
    )
        .prop_map(
            |(identity, sid, state, kind, version, tracks)| proto::ParticipantInfo {
                state: state % 6,
                kind,
                version,
                tracks: tracks
                    .into_iter()
                    .map(|(sid, r#type, source, muted)| proto::TrackInfo {
                        sid,
                        r#type,
                        source,
                        muted,
                        ..proto::TrackInfo::default()
                    })
                    .collect(),
                ..participant(&identity, &sid)
            },
        )
}

fn description() -> impl Strategy<Value = proto::SessionDescription> {
    let sdp = prop_oneof![
        Just(include_str!("../rtc/tests/offer.sdp").replace('\n', "\r\n")),
        "v=0\r\n(m=audio 9 X 111\r\na=mid:[0-3]\r\na=msid:x TR_[0-3]\r\n){0,3}",
        "\\PC{0,60}",
    ];
    let named = proptest::collection::hash_map("[0-3]", name(), 0..4);
    (sdp, any::<u32>(), named).prop_map(|(sdp, id, mid_to_track_id)| proto::SessionDescription {
        sdp,
        id: id % 4,
        mid_to_track_id,
        ..proto::SessionDescription::default()
    })
}

fn response() -> impl Strategy<Value = Response> {
    let infos = || proptest::collection::vec(info(), 0..4);
    prop_oneof![
        description().prop_map(Response::Offer),
        description().prop_map(Response::Answer),
        ("\\PC{0,80}", any::<i32>()).prop_map(|(candidate_init, target)| {
            let r#final = false;
            Response::Trickle(proto::TrickleRequest {
                candidate_init,
                target,
                r#final,
            })
        }),
        infos()
            .prop_map(|participants| Response::Update(proto::ParticipantUpdate { participants })),
        (name(), name()).prop_map(|(cid, sid)| {
            let track = Some(proto::TrackInfo {
                sid,
                ..proto::TrackInfo::default()
            });
            Response::TrackPublished(proto::TrackPublishedResponse { cid, track })
        }),
        name().prop_map(|track_sid| {
            Response::TrackUnpublished(proto::TrackUnpublishedResponse { track_sid })
        }),
        (name(), any::<bool>())
            .prop_map(|(sid, muted)| Response::Mute(proto::MuteTrackRequest { sid, muted })),
        (any::<u32>(), any::<i32>()).prop_map(|(request_id, reason)| {
            Response::RequestResponse(proto::RequestResponse {
                request_id,
                reason,
                ..proto::RequestResponse::default()
            })
        }),
        (infos(), proptest::option::of(info())).prop_map(|(other_participants, participant)| {
            Response::RoomMoved(proto::RoomMovedResponse {
                participant,
                other_participants,
                ..proto::RoomMovedResponse::default()
            })
        }),
        (any::<i32>(), any::<i32>()).prop_map(|(reason, action)| {
            let leave = proto::LeaveRequest {
                reason,
                action,
                ..proto::LeaveRequest::default()
            };
            Response::Leave(leave)
        }),
        "\\PC{0,20}".prop_map(Response::RefreshToken),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    use proto::data_stream::{Chunk, Header, TextHeader, Trailer, header::ContentHeader};
    let attributes = || proptest::collection::hash_map("[ab]", "\\PC{0,20}", 0..3);
    let content = proptest::collection::vec(any::<u8>(), 0..400);
    prop_oneof![
        (
            name(),
            proptest::option::of(any::<u64>()),
            attributes(),
            any::<bool>()
        )
            .prop_map(|(stream_id, total_length, attributes, is_text)| {
                let text = ContentHeader::TextHeader(TextHeader::default());
                Value::StreamHeader(Header {
                    stream_id,
                    total_length: total_length.map(|length| length % 3000),
                    attributes,
                    content_header: is_text.then_some(text),
                    ..Header::default()
                })
            }),
        (name(), any::<u64>(), content).prop_map(|(stream_id, index, content)| {
            let chunk_index = if index % 4 == 0 { index } else { index % 3 };
            Value::StreamChunk(Chunk {
                stream_id,
                chunk_index,
                content,
                ..Chunk::default()
            })
        }),
        (name(), "(error)?", attributes()).prop_map(|(stream_id, reason, attributes)| {
            Value::StreamTrailer(Trailer {
                stream_id,
                reason,
                attributes,
            })
        }),
        (name(), name(), any::<u32>(), any::<u32>()).prop_map(|(id, method, timeout, version)| {
            Value::RpcRequest(proto::RpcRequest {
                id,
                method,
                response_timeout_ms: timeout,
                version: version % 3,
                ..proto::RpcRequest::default()
            })
        }),
        name().prop_map(|request_id| Value::RpcAck(proto::RpcAck { request_id })),
        name().prop_map(|request_id| {
            Value::RpcResponse(proto::RpcResponse {
                request_id,
                value: None,
            })
        }),
    ]
}

fn packet() -> impl Strategy<Value = Vec<u8>> {
    let whole =
        (value(), name(), name(), any::<u32>()).prop_map(|(value, sid, identity, number)| {
            let packet = proto::DataPacket {
                participant_sid: sid,
                participant_identity: identity,
                sequence: number % 50,
                value: Some(value),
                ..proto::DataPacket::default()
            };
            packet.encode_to_vec()
        });
    let cut = (packet_bytes(), 0_usize..200).prop_map(|(mut bytes, at)| {
        bytes.truncate(at);
        bytes
    });
    prop_oneof![4 => whole, 1 => cut, 1 => proptest::collection::vec(any::<u8>(), 0..200)]
}

fn packet_bytes() -> impl Strategy<Value = Vec<u8>> {
    value().prop_map(|value| {
        let value = Some(value);
        proto::DataPacket {
            value,
            ..proto::DataPacket::default()
        }
        .encode_to_vec()
    })
}

proptest! {
    #[test]
    fn a_session_survives_whatever_the_server_says(
        responses in proptest::collection::vec(response(), 0..40),
    ) {
        runtime().block_on(async {
            let (mut session, _events) = session().await;
            session.subscribe("TR_1", true);

            for response in responses {
                session.response(response);
                session.settle();
            }
        });
    }

    #[test]
    fn a_session_survives_whatever_others_send(
        packets in proptest::collection::vec((any::<bool>(), packet()), 0..60),
    ) {
        runtime().block_on(async {
            let (mut session, mut events) = session().await;

            for (reliable, packet) in packets {
                session.data(reliable, &packet);
            }

            let mut texts = HashMap::<String, usize>::new();
            while let Ok(event) = events.try_recv() {
                if let RoomEvent::TextReceived { text, stream_id, .. } = event {
                    texts.insert(stream_id, text.len());
                }
            }
            assert!(texts.values().all(|length| *length <= 1000), "{texts:?}");
        });
    }
}

fn text(topic: &str) -> Message {
    let header = proto::data_stream::Header {
        topic: topic.to_owned(),
        ..proto::data_stream::Header::default()
    };
    Message {
        value: Value::StreamHeader(header),
        destinations: Vec::new(),
        sender_identity: None,
    }
}

#[test]
fn data_counts_as_sent_when_the_network_took_it_and_is_kept_until_it_has_arrived() {
    runtime().block_on(async {
        let (mut session, _events) = session().await;
        let (reply, mut first) = oneshot::channel();
        session.send(text("first"), Some(reply));
        session.sent();
        let (reply, mut second) = oneshot::channel();
        session.send(text("second"), Some(reply));

        assert!(matches!(first.try_recv(), Ok(Ok(()))));
        assert!(second.try_recv().is_err());
        session.send_again();
        session.sent();
        session.sent();
        assert!(matches!(second.try_recv(), Ok(Ok(()))));
        assert_eq!(session.outbox.len(), 2);
        session.arrived();
        assert_eq!(session.outbox.len(), 0);
    });
}

#[test]
fn answers_that_cannot_go_out_do_not_pile_up_without_end() {
    runtime().block_on(async {
        let (mut session, _events) = session().await;

        for _ in 0..5000 {
            session.own_commands.send_and_forget(text("answer"));
        }
        while let Ok(command) = session.commands.try_recv() {
            session.command(command);
        }

        assert!(session.outbox.len() < 2000, "{}", session.outbox.len());
    });
}

/// Publishes a track as far as the server's last word.
fn publish(session: &mut Session) -> Arc<LocalAudio> {
    let audio = Arc::new(LocalAudio::new("voice").unwrap());
    let (reply, mut published) = oneshot::channel();
    session.publish(audio.clone(), reply);
    session.track_accepted(proto::TrackPublishedResponse {
        cid: audio.cid.clone(),
        track: Some(proto::TrackInfo {
            sid: "TR_1".to_owned(),
            ..proto::TrackInfo::default()
        }),
    });
    session.link.negotiation.forget();
    session.published();
    assert!(matches!(published.try_recv(), Ok(Ok(()))));
    audio
}

/// A new session, in which everything is to be published again.
fn rejoin(session: &mut Session) {
    session.forget_tracks();
    session.ask_for_tracks();
}

#[test]
fn a_track_outlives_a_server_that_dies_again_before_it_is_back() {
    runtime().block_on(async {
        let (mut session, _events) = session().await;
        publish(&mut session);
        rejoin(&mut session);

        session.signal_lost();
        session.give_up_publishing(Instant::now() + LONG);

        assert_eq!(session.tracks.len(), 1);
    });
}

#[test]
fn a_server_that_does_not_take_a_track_back_in_time_is_joined_again() {
    runtime().block_on(async {
        let (mut session, _events) = session().await;
        publish(&mut session);
        rejoin(&mut session);

        session.give_up_publishing(Instant::now() + LONG);

        assert_eq!(session.tracks.len(), 1);
        assert!(matches!(session.phase, Phase::Recovering(_)));
    });
}

#[test]
fn a_track_that_the_server_does_not_take_back_is_told() {
    runtime().block_on(async {
        let (mut session, mut events) = session().await;
        let audio = publish(&mut session);
        rejoin(&mut session);

        let error = Error::Rejected {
            what: "publishing a track",
            message: "no more tracks".to_owned(),
        };
        session.track_refused(&audio.cid, error);

        let event = events.try_recv().unwrap();
        assert!(
            matches!(&event, RoomEvent::LocalTrackUnpublished { track_sid } if track_sid == "TR_1"),
            "{event:?}"
        );
    });
}

#[test]
fn an_offer_that_is_not_answered_while_the_connection_is_mended_starts_it_over() {
    runtime().block_on(async {
        let (mut session, _events) = session().await;
        session.broken("a test", "breaks it");
        session.recovery_deadline(Instant::now());
        let joined = session.phase.dialled().await;
        session.dialled(joined);
        let answer_by = session.link.negotiation.deadline().expect("an offer");

        session.deadlines(answer_by);

        assert!(session.link.signal.is_none());
        assert!(session.next_deadline() < answer_by, "the next attempt");
    });
}

#[test]
fn a_server_that_closed_a_peer_connection_is_not_asked_to_resume() {
    runtime().block_on(async {
        let (mut session, _events) = session().await;
        session.link.ended = Some(Instant::now() + LONG);

        session.signal_lost();
        session.recovery_deadline(Instant::now());

        let dialled = session.phase.dialled().await;
        assert!(matches!(dialled, Ok(Dialled::Joined(..))));
    });
}

#[test]
fn who_leaves_while_joining_anew_says_so() {
    runtime().block_on(async {
        let (server, mut requests) = server().await;
        let (mut session, _events) = session_with(server).await;
        session.broken("a test", "breaks it");
        session.recovery_deadline(Instant::now());

        session.command(Command::Leave { reply: None });
        session.run().await;

        let said = std::iter::from_fn(|| requests.try_recv().ok());
        assert_eq!(
            said.filter(|said| matches!(said, Request::Leave(_)))
                .count(),
            1
        );
    });
}

#[test]
fn handlers_of_remote_calls_end_with_the_room() {
    runtime().block_on(async {
        let (mut session, _events) = session().await;
        let shared = session.shared.clone();
        let held = Arc::new(());
        let handler = held.clone();
        let answer: RpcHandler = Arc::new(move |_| {
            let _held = handler.clone();
            async { Ok(String::new()) }.boxed()
        });
        shared.rpc_handlers().insert("method".to_owned(), answer);

        session.command(Command::Leave { reply: None });
        session.run().await;

        assert_eq!(Arc::strong_count(&held), 1);
    });
}

#[test]
fn a_session_that_is_told_to_ping_never_still_joins() {
    runtime().block_on(async {
        let (session, _events) = session().await;

        assert!(session.link.signal.is_some());
    });
}
