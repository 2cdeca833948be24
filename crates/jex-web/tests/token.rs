//! A good request: its token opens one room of a real livekit-server, for the microphone only.
#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{SinkExt, StreamExt};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use prost::Message as _;
use support::Web;
use support::livekit::{API_KEY, API_SECRET};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Joins as livekit-client would, and waits to be let in.
async fn join(server: &str, token: &str) -> Result<(Socket, lk::JoinResponse), WsError> {
    let url = format!("{server}/rtc?protocol=16&sdk=js&auto_subscribe=1&access_token={token}");
    let (mut socket, _) = connect_async(url).await?;
    match next(&mut socket).await {
        Response::Join(join) => Ok((socket, join)),
        other => panic!("{other:?}"),
    }
}

async fn next(socket: &mut Socket) -> Response {
    loop {
        let message = timeout(Duration::from_secs(10), socket.next()).await;
        let message = message.expect("an answer").expect("a connection").unwrap();
        if let Message::Binary(bytes) = message {
            let response = lk::SignalResponse::decode(bytes).unwrap();
            if let Some(message) = response.message {
                return message;
            }
        }
    }
}

/// Asks to publish; whether the server lets us.
async fn may_publish(socket: &mut Socket, source: lk::TrackSource) -> bool {
    let kind = match source {
        lk::TrackSource::Microphone | lk::TrackSource::ScreenShareAudio => lk::TrackType::Audio,
        _ => lk::TrackType::Video,
    };
    let cid = format!("{source:?}");
    let message = Some(Request::AddTrack(lk::AddTrackRequest {
        cid: cid.clone(),
        name: cid.clone(),
        r#type: kind.into(),
        source: source.into(),
        ..Default::default()
    }));
    let request = lk::SignalRequest { message }.encode_to_vec();
    socket.send(Message::binary(request)).await.unwrap();
    loop {
        match next(socket).await {
            Response::TrackPublished(published) if published.cid == cid => return true,
            Response::RequestResponse(response) => {
                assert_eq!(response.reason(), lk::request_response::Reason::NotAllowed);
                return false;
            }
            _ => {}
        }
    }
}

fn field(reply: &serde_json::Value, name: &str) -> String {
    let value = reply[name].as_str();
    value
        .unwrap_or_else(|| panic!("no {name}: {reply}"))
        .to_owned()
}

#[tokio::test]
async fn a_token_opens_its_room_for_the_microphone_only() {
    let web = tokio::task::spawn_blocking(Web::start).await.unwrap();
    let livekit = web.livekit.as_ref().unwrap().url();

    let answer = web.token(r#"{"participant_name":"Ada"}"#);

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let reply = answer.json();
    let server = field(&reply, "server_url");
    assert_eq!(server, livekit.as_str().trim_end_matches('/'));
    assert_eq!(reply["expires_in_seconds"], 600);
    let token = field(&reply, "participant_token");
    let (mut socket, joined) = join(&server, &token).await.unwrap();
    assert_eq!(joined.room.unwrap().name, field(&reply, "room_name"));
    let participant = joined.participant.unwrap();
    assert_eq!(participant.identity, field(&reply, "participant_identity"));
    assert_eq!(participant.name, "Ada");
    assert_eq!(participant.kind(), lk::participant_info::Kind::Standard);
    let permission = participant.permission.unwrap();
    assert_eq!(
        permission.can_publish_sources,
        [i32::from(lk::TrackSource::Microphone)]
    );
    assert!(permission.can_subscribe && permission.can_publish_data);
    assert!(!permission.can_update_metadata && !permission.hidden);
    assert!(may_publish(&mut socket, lk::TrackSource::Microphone).await);
    for source in [
        lk::TrackSource::Camera,
        lk::TrackSource::ScreenShare,
        lk::TrackSource::ScreenShareAudio,
    ] {
        assert!(!may_publish(&mut socket, source).await, "{source:?}");
    }
}

#[tokio::test]
async fn a_token_says_nothing_of_other_rooms_and_opens_none() {
    let web = tokio::task::spawn_blocking(Web::start).await.unwrap();
    let first = web.token("{}").json();
    let second = web
        .token(r#"{"room_name":"mine","participant_identity":"agent"}"#)
        .json();
    let token = field(&first, "participant_token");

    let claims = livekit_token::TokenVerifier::with_api_key(API_KEY, API_SECRET)
        .verify(&token)
        .unwrap();

    let room = field(&first, "room_name");
    assert!(room.starts_with("talk-"));
    assert_ne!(
        room,
        field(&second, "room_name"),
        "every Talk gets a room of its own"
    );
    assert!(
        field(&second, "room_name").starts_with("talk-"),
        "whatever was asked for"
    );
    assert!(field(&second, "participant_identity").starts_with("caller-"));
    assert!(claims.exp - claims.nbf <= 600);
    // The server's APIs are closed to it, and another room's name in the address changes nothing.
    let http = field(&first, "server_url").replacen("ws", "http", 1);
    for (method, body) in [
        ("RoomService/ListRooms", "{}".to_owned()),
        ("RoomService/CreateRoom", r#"{"name":"other"}"#.to_owned()),
        ("RoomService/DeleteRoom", format!(r#"{{"room":"{room}"}}"#)),
        (
            "RoomService/ListParticipants",
            format!(r#"{{"room":"{room}"}}"#),
        ),
        (
            "AgentDispatchService/CreateDispatch",
            format!(r#"{{"room":"{room}"}}"#),
        ),
    ] {
        let answer = reqwest::Client::new()
            .post(format!("{http}/twirp/livekit.{method}"))
            .bearer_auth(&token)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        assert!(
            matches!(answer.status().as_u16(), 401 | 403),
            "{method}: {answer:?}"
        );
    }
    let server = field(&first, "server_url");
    let (_socket, joined) = join(&server, &format!("{token}&room=other")).await.unwrap();
    assert_eq!(joined.room.unwrap().name, room);
}

#[tokio::test]
async fn a_token_with_changed_claims_opens_nothing() {
    let web = tokio::task::spawn_blocking(Web::start).await.unwrap();
    let reply = web.token("{}").json();
    let token = field(&reply, "participant_token");
    let (head, rest) = token.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims = String::from_utf8(claims).unwrap();
    let room = field(&reply, "room_name");
    assert!(claims.contains(&room));
    let claims = URL_SAFE_NO_PAD.encode(claims.replace(&room, "other"));
    let forged = format!("{head}.{claims}.{signature}");

    let refused = join(&field(&reply, "server_url"), &forged).await;

    assert!(matches!(refused, Err(WsError::Http(_))), "{refused:?}");
}

#[test]
fn the_page_sees_livekit_come_and_go() {
    let mut web = Web::start();
    assert_eq!(web.get("/api/health", &[]).json()["livekit"], "ready");
    assert!(web.token("{}").gives_a_token());

    web.livekit.as_mut().unwrap().kill();

    assert_eq!(web.get("/api/health", &[]).json()["livekit"], "unreachable");
    assert_eq!(web.token("{}").status, 503);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(web.livekit.as_mut().unwrap().restart());

    assert!(web.token("{}").gives_a_token());
}

#[test]
fn our_own_page_and_a_program_get_a_token() {
    let web = Web::start();
    let port = web.port;
    let json = "Content-Type: application/json";
    for headers in [
        vec![json.to_owned()],
        vec![
            json.to_owned(),
            format!("Origin: http://localhost:{port}"),
            "Sec-Fetch-Site: same-origin".into(),
        ],
        vec!["Content-Type: application/json; charset=utf-8".into()],
    ] {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();

        let answer = web.request("POST", "/api/token", &headers, Some(b"{}"));

        assert!(answer.gives_a_token(), "{headers:?}: {answer:?}");
    }
}
