//! Connections that break, and a real livekit-server that dies.

mod guests;
mod support;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use guests::{Guest, Proxy, agent, hear_tone, hears_tone, join, join_with, person, play};
use livekit_participant::{DisconnectReason, RoomEvent, RoomOptions, TextOptions};
use support::LivekitServer;

/// What a connection went through.
#[derive(Debug, PartialEq, Eq)]
enum Mended {
    Resumed,
    Reconnected,
    Lost(DisconnectReason),
}

async fn mended(guest: &mut Guest) -> Mended {
    guest
        .until("an end of the trouble", |event| match event {
            RoomEvent::Resumed => Some(Mended::Resumed),
            RoomEvent::Reconnected => Some(Mended::Reconnected),
            RoomEvent::Disconnected(reason) => Some(Mended::Lost(reason)),
            _ => None,
        })
        .await
}

async fn trouble(guest: &mut Guest) {
    guest
        .until("trouble", |event| {
            matches!(event, RoomEvent::Reconnecting).then_some(())
        })
        .await;
}

async fn text(guest: &mut Guest) -> String {
    guest
        .until("a text", |event| match event {
            RoomEvent::TextReceived { text, .. } => Some(text),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_cut_signal_connection_is_resumed_and_nothing_is_lost() {
    let server = LivekitServer::start().await;
    let proxy = Proxy::to(&server.url()).await;
    let mut anna = join(&proxy.url, agent("talk", "anna")).await;
    let mut ben = join(&server.url(), person("talk", "ben")).await;
    let track = anna.room.publish_audio("voice").await.unwrap();
    let sid = track.sid();
    let _tone = play(track.clone(), 440.0);
    let mut of_anna = ben.listen_to("anna").await;
    let theirs = ben.room.publish_audio("voice").await.unwrap();
    let _theirs = play(theirs, 1000.0);
    let mut of_ben = anna.listen_to("ben").await;
    hear_tone(&mut of_anna, 440.0).await;
    hear_tone(&mut of_ben, 1000.0).await;

    proxy.cut();
    trouble(&mut anna).await;
    let attributes = HashMap::from([("k".to_owned(), "meanwhile".to_owned())]);
    anna.room.set_attributes(attributes).await.unwrap();
    anna.room
        .send_text("t", "meanwhile", TextOptions::default())
        .await
        .unwrap();
    let mended = mended(&mut anna).await;

    assert_eq!(mended, Mended::Resumed);
    assert_eq!(text(&mut ben).await, "meanwhile");
    ben.until("the attribute", |event| match event {
        RoomEvent::AttributesChanged { changed, .. } => (changed["k"] == "meanwhile").then_some(()),
        _ => None,
    })
    .await;
    // The same tracks go on.
    hear_tone(&mut of_anna, 440.0).await;
    hear_tone(&mut of_ben, 1000.0).await;
    assert_eq!(track.sid(), sid);
    ben.room
        .send_text("t", "after", TextOptions::default())
        .await
        .unwrap();
    assert_eq!(text(&mut anna).await, "after");
    // And can be cut again.
    proxy.cut();
    trouble(&mut anna).await;
    assert_eq!(self::mended(&mut anna).await, Mended::Resumed);
    hear_tone(&mut of_anna, 440.0).await;
}

#[tokio::test]
async fn what_is_muted_and_unpublished_while_the_connection_is_away_is_told_afterwards() {
    let server = LivekitServer::start().await;
    let proxy = Proxy::to(&server.url()).await;
    let mut anna = join(&proxy.url, agent("talk", "anna")).await;
    let mut ben = join(&server.url(), person("talk", "ben")).await;
    let kept = anna.room.publish_audio("kept").await.unwrap();
    let gone = anna.room.publish_audio("gone").await.unwrap();
    let gone_sid = gone.sid();
    ben.sees("anna").await;

    proxy.stall(true);
    proxy.cut();
    trouble(&mut anna).await;
    kept.set_muted(true).await;
    anna.room.unpublish(&gone).await.unwrap();
    proxy.stall(false);

    assert_eq!(mended(&mut anna).await, Mended::Resumed);
    let mut told = HashSet::new();
    ben.until("both", |event| {
        match event {
            RoomEvent::TrackMuted { track_sid, .. } => told.insert(track_sid),
            RoomEvent::TrackUnpublished { track, .. } => told.insert(track.sid),
            _ => false,
        };
        (told == HashSet::from([kept.sid(), gone_sid.clone()])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_left_while_the_connection_was_away_is_told_afterwards() {
    let server = LivekitServer::start().await;
    let proxy = Proxy::to(&server.url()).await;
    let mut anna = join(&proxy.url, agent("talk", "anna")).await;
    let ben = join(&server.url(), person("talk", "ben")).await;
    let _cleo = join(&server.url(), person("talk", "cleo")).await;
    anna.sees("ben").await;
    anna.sees("cleo").await;

    proxy.stall(true);
    proxy.cut();
    trouble(&mut anna).await;
    ben.room.leave().await;
    proxy.stall(false);

    let left = anna
        .until("ben's leaving", |event| match event {
            RoomEvent::ParticipantLeft(participant, _) => Some(participant.identity),
            _ => None,
        })
        .await;
    assert_eq!(left, "ben");
    let there: Vec<String> = anna
        .room
        .participants()
        .into_iter()
        .map(|p| p.identity)
        .collect();
    assert_eq!(there, ["cleo"]);
}

#[tokio::test]
async fn a_connection_that_says_nothing_counts_as_lost() {
    let server = LivekitServer::start().await;
    let proxy = Proxy::to(&server.url()).await;
    let mut anna = join(&proxy.url, agent("talk", "anna")).await;

    proxy.stall(true);
    trouble(&mut anna).await;
    proxy.stall(false);

    // The server may have given the session up by then.
    assert!(!matches!(mended(&mut anna).await, Mended::Lost(_)));
}

#[tokio::test]
async fn after_a_restart_of_the_server_everything_is_as_before() {
    let mut server = LivekitServer::start().await;
    let mut anna = join(&server.url(), agent("talk", "anna")).await;
    let mut ben = join(&server.url(), person("talk", "ben")).await;
    let state = HashMap::from([("lk.agent.state".to_owned(), "speaking".to_owned())]);
    anna.room.set_attributes(state).await.unwrap();
    let track = anna.room.publish_audio("voice").await.unwrap();
    let sid = track.sid();
    let _tone = play(track.clone(), 440.0);
    let mut of_anna = ben.listen_to("anna").await;
    hear_tone(&mut of_anna, 440.0).await;

    server.restart().await;
    trouble(&mut anna).await;
    trouble(&mut ben).await;
    let ours = mended(&mut anna).await;

    assert_eq!(ours, Mended::Reconnected);
    assert_ne!(track.sid(), sid, "a new session, a new id");
    // Nobody asks for the track again: it is known by whose and what it is.
    let mut of_anna = ben.hears("anna").await;
    hear_tone(&mut of_anna, 440.0).await;
    ben.sees("anna").await;
    let there = ben.room.participants();
    let known = there
        .iter()
        .find(|p| p.identity == "anna")
        .expect("anna is back");
    assert_eq!(known.attributes["lk.agent.state"], "speaking");
    ben.room
        .send_text("t", "again", TextOptions::default())
        .await
        .unwrap();
    assert_eq!(text(&mut anna).await, "again");
}

#[tokio::test]
async fn a_text_that_the_server_died_on_is_sent_again() {
    let mut server = LivekitServer::start().await;
    let proxy = Proxy::to(&server.url()).await;
    let mut anna = join(&proxy.url, agent("talk", "anna")).await;
    let mut ben = join(&server.url(), person("talk", "ben")).await;
    anna.sees("ben").await;

    proxy.stall(true);
    server.kill();
    // The media connection does not know yet that nobody is there.
    anna.room
        .send_text("t", "into the void", TextOptions::default())
        .await
        .unwrap();
    server.restart().await;
    // Whoever is not there does not hear it.
    assert_eq!(mended(&mut ben).await, Mended::Reconnected);
    proxy.stall(false);

    assert_eq!(mended(&mut anna).await, Mended::Reconnected);
    assert_eq!(text(&mut ben).await, "into the void");
}

#[tokio::test]
async fn a_server_that_dies_again_while_everything_comes_back_takes_no_track_away() {
    let mut server = LivekitServer::start().await;
    let mut anna = join(&server.url(), agent("talk", "anna")).await;
    let mut ben = join(&server.url(), person("talk", "ben")).await;
    let _tone = play(anna.room.publish_audio("voice").await.unwrap(), 440.0);
    let mut of_anna = ben.listen_to("anna").await;
    hear_tone(&mut of_anna, 440.0).await;

    server.restart().await;
    server.logged(&["starting RTC session", "\"anna\""]).await;
    server.restart().await;

    assert_eq!(mended(&mut anna).await, Mended::Reconnected);
    // They may have met in the short life in between.
    while !hears_tone(&mut ben.hears("anna").await, 440.0).await {}
}

#[tokio::test]
async fn a_server_that_says_goodbye_before_its_restart_is_joined_again() {
    let mut server = LivekitServer::start().await;
    let mut anna = join(&server.url(), agent("talk", "anna")).await;
    let mut ben = join(&server.url(), person("talk", "ben")).await;
    let _tone = play(anna.room.publish_audio("voice").await.unwrap(), 440.0);
    let mut of_anna = ben.listen_to("anna").await;
    hear_tone(&mut of_anna, 440.0).await;

    server.shut_down().await;
    trouble(&mut anna).await;
    trouble(&mut ben).await;
    server.restart().await;

    assert_eq!(mended(&mut anna).await, Mended::Reconnected);
    let mut of_anna = ben.hears("anna").await;
    hear_tone(&mut of_anna, 440.0).await;
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up_after_a_while() {
    let mut server = LivekitServer::start().await;
    let options = RoomOptions {
        reconnect_for: Duration::from_secs(3),
        ..RoomOptions::default()
    };
    let mut anna = join_with(&server.url(), agent("talk", "anna"), options).await;

    server.kill();

    trouble(&mut anna).await;
    assert_eq!(
        mended(&mut anna).await,
        Mended::Lost(DisconnectReason::SignalClose)
    );
}

#[tokio::test]
async fn leaving_works_while_the_connection_is_away() {
    let mut server = LivekitServer::start().await;
    let mut anna = join(&server.url(), agent("talk", "anna")).await;

    server.kill();
    trouble(&mut anna).await;
    anna.room.leave().await;

    assert_eq!(
        mended(&mut anna).await,
        Mended::Lost(DisconnectReason::ClientInitiated)
    );
}
