//! A participant that gives everything back: what is said, what is typed, what is called.
//!
//! ```sh
//! export LIVEKIT_URL=ws://127.0.0.1:7880 LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret
//! cargo run --release --example echo -- my-room
//! ```
//!
//! It joins as an agent, listens to the first person in the room until that person leaves, and
//!
//! * says what it hears;
//! * answers texts on `lk.chat` with transcripts on `lk.transcription`: the person's text in the
//!   person's name, then its own answer word by word;
//! * answers the methods `echo` (the payload), `call-me` (calls the method that the payload names
//!   and gives back the result), `mute` (`true` or `false`) and `leave`.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use futures::FutureExt;
use livekit_participant::token::{RoomTokenOptions, room_token};
use livekit_participant::{
    DisconnectReason, LocalAudioTrack, Participant, ParticipantKind, RemoteAudio, Room, RoomEvent,
    RoomOptions, TextOptions, TrackSource,
};
use tokio::sync::mpsc;

const CALL_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let variable = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
    let url = variable("LIVEKIT_URL")?
        .parse()
        .context("LIVEKIT_URL is no address")?;
    let who = RoomTokenOptions {
        identity: "echo".into(),
        name: "Echo".into(),
        room: std::env::args().nth(1).context("which room? echo ROOM")?,
        kind_agent: true,
        can_update_own_metadata: true,
        ..RoomTokenOptions::default()
    };
    let token = room_token(
        &variable("LIVEKIT_API_KEY")?,
        &variable("LIVEKIT_API_SECRET")?,
        who,
    )?;
    let (room, events) = Room::connect(&url, &token, RoomOptions::default()).await?;
    println!("joined {} as {}", room.name(), room.local().identity);
    let track = room.publish_audio("echo").await?;
    register_methods(&room, &track);
    state(&room, "listening").await?;
    tokio::select! {
        result = echo(&room, &track, events) => result?,
        _ = tokio::signal::ctrl_c() => {}
    }
    room.leave().await;
    println!("left");
    Ok(())
}

async fn echo(
    room: &Room,
    track: &LocalAudioTrack,
    mut events: mpsc::UnboundedReceiver<RoomEvent>,
) -> anyhow::Result<()> {
    // Somebody may have been there first; events tell of those who come.
    let there = room.participants();
    let mut person = there.iter().find(|there| is_person(there)).cloned();
    let microphones = person.iter().flat_map(|person| &person.tracks);
    for track in microphones.filter(|track| track.source == TrackSource::Microphone) {
        room.subscribe(&track.sid, true).await?;
    }
    let is_it = |person: &Option<Participant>, other: &Participant| {
        person
            .as_ref()
            .is_some_and(|person| person.identity == other.identity)
    };
    while let Some(event) = events.recv().await {
        match event {
            RoomEvent::ParticipantJoined(newcomer) if person.is_none() && is_person(&newcomer) => {
                person = Some(newcomer);
            }
            RoomEvent::TrackPublished { participant, track }
                if is_it(&person, &participant) && track.source == TrackSource::Microphone =>
            {
                room.subscribe(&track.sid, true).await?;
            }
            RoomEvent::TrackSubscribed { audio, .. } => {
                tokio::spawn(say_again(audio, track.clone()));
            }
            RoomEvent::TextReceived {
                topic,
                sender_identity,
                text,
                ..
            } if topic == "lk.chat" => answer(room, track, &sender_identity, &text).await?,
            RoomEvent::ParticipantLeft(other, reason) if is_it(&person, &other) => {
                println!("{} left: {reason:?}", other.identity);
                // Whose connection broke may come back.
                if reason == DisconnectReason::ClientInitiated {
                    return Ok(());
                }
                person = None;
            }
            RoomEvent::TrackMuted { muted, .. } => println!("muted: {muted}"),
            RoomEvent::Reconnecting => println!("reconnecting"),
            RoomEvent::Resumed => println!("resumed"),
            RoomEvent::Reconnected => println!("reconnected"),
            RoomEvent::Disconnected(reason) => println!("disconnected: {reason:?}"),
            _ => {}
        }
    }
    Ok(())
}

/// Not an agent: two of them would never fall silent.
fn is_person(participant: &Participant) -> bool {
    matches!(
        participant.kind,
        ParticipantKind::Standard | ParticipantKind::Sip
    )
}

/// Frames come and go on the same 20 ms clock.
async fn say_again(mut audio: RemoteAudio, track: LocalAudioTrack) {
    while let Some(frame) = audio.next().await {
        track.write(&frame.samples).await;
    }
}

/// What LiveKit's front ends show as a conversation.
async fn answer(room: &Room, track: &LocalAudioTrack, who: &str, text: &str) -> anyhow::Result<()> {
    state(room, "thinking").await?;
    let segment = |id: &str, is_final: &str| {
        HashMap::from([
            ("lk.segment_id".to_owned(), id.to_owned()),
            ("lk.transcribed_track_id".to_owned(), track.sid()),
            ("lk.transcription_final".to_owned(), is_final.to_owned()),
        ])
    };
    let theirs = TextOptions {
        attributes: segment("SG_theirs", "true"),
        sender_identity: Some(who.to_owned()),
        ..TextOptions::default()
    };
    room.send_text("lk.transcription", text, theirs).await?;
    state(room, "speaking").await?;
    let ours = TextOptions {
        attributes: segment("SG_ours", "false"),
        ..TextOptions::default()
    };
    let mut stream = room.open_text_stream("lk.transcription", ours).await?;
    stream.write("You wrote: ").await?;
    for word in text.split_inclusive(' ') {
        stream.write(word).await?;
    }
    stream.close(segment("SG_ours", "true")).await?;
    let identity = room.local().identity;
    room.send_legacy_transcription(&identity, &track.sid(), "SG_ours", text, true)
        .await?;
    state(room, "listening").await
}

async fn state(room: &Room, state: &str) -> anyhow::Result<()> {
    let attributes = HashMap::from([("lk.agent.state".to_owned(), state.to_owned())]);
    room.set_attributes(attributes).await?;
    Ok(())
}

fn register_methods(room: &Room, track: &LocalAudioTrack) {
    room.register_rpc("echo", |call| async move { Ok(call.payload) }.boxed());
    // These hold handles of the room, which is left by hand then, not by dropping the last one.
    let caller = room.clone();
    room.register_rpc("call-me", move |call| {
        let room = caller.clone();
        async move {
            let (who, method) = (call.caller_identity, call.payload);
            room.perform_rpc(&who, &method, "from echo", CALL_TIMEOUT)
                .await
        }
        .boxed()
    });
    let muted = track.clone();
    room.register_rpc("mute", move |call| {
        let track = muted.clone();
        async move {
            track.set_muted(call.payload == "true").await;
            Ok(String::new())
        }
        .boxed()
    });
    let leaver = room.clone();
    room.register_rpc("leave", move |_| {
        let room = leaver.clone();
        async move {
            tokio::spawn(async move { room.leave().await });
            Ok(String::new())
        }
        .boxed()
    });
}
