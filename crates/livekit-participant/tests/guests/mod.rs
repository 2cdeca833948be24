//! Participants for tests: join, wait for events, make and recognise tones, cut connections.

#![allow(dead_code, reason = "not every test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::Arc;
use std::time::Duration;

use livekit_participant::token::{RoomTokenOptions, room_token};
use livekit_participant::{
    FRAME_SAMPLES, LocalAudioTrack, RemoteAudio, Room, RoomEvent, RoomOptions, SAMPLE_RATE_HZ,
    TrackSource,
};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use url::Url;

use crate::support::{API_KEY, API_SECRET};

const PATIENCE: Duration = Duration::from_secs(30);

/// Someone in a room.
pub struct Guest {
    pub room: Room,
    events: mpsc::UnboundedReceiver<RoomEvent>,
}

/// A token for an agent, which may do everything.
pub fn agent(room: &str, identity: &str) -> RoomTokenOptions {
    RoomTokenOptions {
        identity: identity.into(),
        room: room.into(),
        kind_agent: true,
        can_update_own_metadata: true,
        ..RoomTokenOptions::default()
    }
}

/// A token for a person.
pub fn person(room: &str, identity: &str) -> RoomTokenOptions {
    RoomTokenOptions {
        kind_agent: false,
        ..agent(room, identity)
    }
}

pub async fn join(url: &Url, who: RoomTokenOptions) -> Guest {
    join_with(url, who, RoomOptions::default()).await
}

pub async fn join_with(url: &Url, who: RoomTokenOptions, options: RoomOptions) -> Guest {
    // `RUST_LOG=livekit_participant=debug` shows what happens inside.
    let logs = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer();
    let _ = logs.try_init();
    let token = room_token(API_KEY, API_SECRET, who).unwrap();
    let (room, events) = Room::connect(url, &token, options).await.expect("joins");
    Guest { room, events }
}

impl Guest {
    /// Skips events until one is what is waited for.
    pub async fn until<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(RoomEvent) -> Option<T>,
    ) -> T {
        let mut skipped = Vec::new();
        let wait = async {
            while let Some(event) = self.events.recv().await {
                skipped.push(format!("{event:?}").chars().take(120).collect::<String>());
                if let Some(found) = pick(event) {
                    return Some(found);
                }
            }
            None
        };
        match timeout(PATIENCE, wait).await {
            Ok(Some(found)) => found,
            Ok(None) => panic!("the room ended before {what}; events: {skipped:#?}"),
            Err(_) => panic!("no {what} within {PATIENCE:?}; events: {skipped:#?}"),
        }
    }

    /// Waits for one event and shows it.
    pub async fn next(&mut self) -> Option<RoomEvent> {
        timeout(PATIENCE, self.events.recv())
            .await
            .expect("an event in time")
    }

    /// Subscribes to the microphone of someone, who may have it already or publish it later.
    pub async fn listen_to(&mut self, identity: &str) -> RemoteAudio {
        let there = self
            .room
            .participants()
            .into_iter()
            .find(|p| p.identity == identity);
        let tracks = there.into_iter().flat_map(|p| p.tracks);
        let mut microphones = tracks.filter(|track| track.source == TrackSource::Microphone);
        let sid = match microphones.next() {
            Some(track) => track.sid,
            None => {
                self.until("a microphone", |event| match event {
                    RoomEvent::TrackPublished { participant, track }
                        if participant.identity == identity =>
                    {
                        Some(track.sid)
                    }
                    RoomEvent::ParticipantJoined(participant)
                        if participant.identity == identity =>
                    {
                        participant.tracks.first().map(|track| track.sid.clone())
                    }
                    _ => None,
                })
                .await
            }
        };
        self.room.subscribe(&sid, true).await.expect("subscribes");
        self.hears(identity).await
    }

    /// Waits for someone to come. The server tells of people who only listen up to 3 s late, and
    /// not at all of those who are gone by then.
    pub async fn sees(&mut self, identity: &str) {
        if self
            .room
            .participants()
            .iter()
            .any(|p| p.identity == identity)
        {
            return;
        }
        self.until(identity, |event| match event {
            RoomEvent::ParticipantJoined(participant) => {
                (participant.identity == identity).then_some(())
            }
            _ => None,
        })
        .await;
    }

    /// Waits for audio of someone.
    pub async fn hears(&mut self, identity: &str) -> RemoteAudio {
        self.until("audio", |event| match event {
            RoomEvent::TrackSubscribed {
                participant, audio, ..
            } if participant.identity == identity => Some(audio),
            _ => None,
        })
        .await
    }
}

/// Plays a tone until the guard is dropped.
pub fn play(track: LocalAudioTrack, hertz: f64) -> Playing {
    let task = tokio::spawn(async move {
        for frame in 0_u64.. {
            let samples: Vec<i16> = (0..FRAME_SAMPLES as u64)
                .map(|sample| {
                    let at = (frame * FRAME_SAMPLES as u64 + sample) as f64;
                    let turns = at * hertz / f64::from(SAMPLE_RATE_HZ);
                    (8000.0 * (std::f64::consts::TAU * turns).sin()) as i16
                })
                .collect();
            track.write(&samples).await;
            // A track that is closed takes everything at once.
            tokio::task::yield_now().await;
        }
    });
    Playing(task.abort_handle())
}

pub struct Playing(AbortHandle);

impl Drop for Playing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits until a tone is heard for 200 ms.
pub async fn hear_tone(audio: &mut RemoteAudio, hertz: f64) {
    assert!(hears_tone(audio, hertz).await, "the track ended");
}

/// The same; false if the track ends before.
pub async fn hears_tone(audio: &mut RemoteAudio, hertz: f64) -> bool {
    hear(audio, &format!("a tone of {hertz} Hz"), |samples| {
        share_of_tone(samples, hertz) > 0.8
    })
    .await
}

/// Waits until nothing is heard for 200 ms.
pub async fn hear_silence(audio: &mut RemoteAudio) {
    let heard = hear(audio, "silence", |samples| loudness(samples) < 30.0).await;
    assert!(heard, "the track ended");
}

async fn hear(audio: &mut RemoteAudio, what: &str, is_it: impl Fn(&[i16]) -> bool) -> bool {
    let wait = async {
        let mut in_a_row = 0;
        while in_a_row < 10 {
            let Some(frame) = audio.next().await else {
                return false;
            };
            in_a_row = if is_it(&frame.samples) {
                in_a_row + 1
            } else {
                0
            };
        }
        true
    };
    timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("{what} is not heard"))
}

pub fn loudness(samples: &[i16]) -> f64 {
    let energy: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    (energy / samples.len() as f64).sqrt()
}

/// How much of the energy is at one frequency (Goertzel), 0 to 1.
fn share_of_tone(samples: &[i16], hertz: f64) -> f64 {
    let energy: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    if energy < 1e6 {
        return 0.0;
    }
    let coefficient = 2.0 * (std::f64::consts::TAU * hertz / f64::from(SAMPLE_RATE_HZ)).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        let next = f64::from(*sample) + coefficient * last - before;
        (before, last) = (last, next);
    }
    let power = last * last + before * before - coefficient * last * before;
    power / (energy * samples.len() as f64 / 2.0)
}

/// A TCP proxy whose connections can be cut or stalled.
pub struct Proxy {
    pub url: Url,
    cuts: watch::Sender<u32>,
    stalled: watch::Sender<bool>,
}

impl Proxy {
    pub async fn to(server: &Url) -> Self {
        let target = format!("127.0.0.1:{}", server.port().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cuts, cut) = watch::channel(0);
        let (stalled, stall) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&target).await else {
                    continue;
                };
                tokio::spawn(carry(client, server, cut.clone(), stall.clone()));
            }
        });
        Self {
            url: Url::parse(&format!("ws://127.0.0.1:{port}")).unwrap(),
            cuts,
            stalled,
        }
    }

    /// Closes every connection of now.
    pub fn cut(&self) {
        self.cuts.send_modify(|count| *count += 1);
    }

    /// Lets connections hang without an end, new ones too.
    pub fn stall(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }
}

async fn carry(
    client: TcpStream,
    server: TcpStream,
    mut cut: watch::Receiver<u32>,
    stall: watch::Receiver<bool>,
) {
    cut.mark_unchanged();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = copy(from_client, to_server, stall.clone());
    let down = copy(from_server, to_client, stall);
    tokio::select! {
        () = up => {}
        () = down => {}
        _ = cut.changed() => {}
    }
}

async fn copy(
    from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut stall: watch::Receiver<bool>,
) {
    let mut buffer = [0; 4096];
    loop {
        if from.readable().await.is_err() {
            return;
        }
        let _ = stall.wait_for(|stalled| !stalled).await;
        match from.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                if to.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// A counter that handlers can share.
pub type Shared<T> = Arc<std::sync::Mutex<T>>;
