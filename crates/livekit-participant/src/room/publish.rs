//! What we publish: asked for on the signal connection, then offered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use livekit_protocol as proto;

use super::RoomEvent;
use super::command::Reply;
use super::local_audio::LocalAudio;
use super::session::Session;
use crate::Error;
use crate::rtc::{PeerCommand, Role};
use crate::signal::Request;

const TIMEOUT: Duration = Duration::from_secs(5);

/// A track of ours, for as long as the room is not left.
pub(super) struct Published {
    pub audio: Arc<LocalAudio>,
    state: State,
    /// Who waits for it to be published for the first time.
    reply: Option<Reply<()>>,
}

enum State {
    /// To be asked for when the connection is back.
    Wanted,
    Asked {
        deadline: Instant,
    },
    /// The server gave it an id; to be offered.
    Accepted(proto::TrackInfo),
    /// Offered and answered.
    Live(proto::TrackInfo),
}

impl Published {
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Asked { deadline } => Some(deadline),
            _ => None,
        }
    }

    fn info(&self) -> Option<&proto::TrackInfo> {
        match &self.state {
            State::Accepted(info) | State::Live(info) => Some(info),
            State::Wanted | State::Asked { .. } => None,
        }
    }

    fn answer(&mut self, result: Result<(), Error>) {
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(result);
        }
    }
}

impl Session {
    pub(super) fn publish(&mut self, audio: Arc<LocalAudio>, reply: Reply<()>) {
        self.tracks.push(Published {
            audio,
            state: State::Wanted,
            reply: Some(reply),
        });
        if self.is_up() {
            self.ask_for_tracks();
        }
    }

    /// Asks for every track that the server does not know.
    pub(super) fn ask_for_tracks(&mut self) {
        let wanted = self
            .tracks
            .iter_mut()
            .filter(|track| matches!(track.state, State::Wanted));
        for track in wanted {
            track.state = State::Asked {
                deadline: Instant::now() + TIMEOUT,
            };
            self.link.request(Request::AddTrack(proto::AddTrackRequest {
                cid: track.audio.cid.clone(),
                name: track.audio.name.clone(),
                r#type: proto::TrackType::Audio as i32,
                source: proto::TrackSource::Microphone as i32,
                muted: track.audio.is_muted(),
                // We send every frame, once.
                disable_red: true,
                audio_features: vec![proto::AudioTrackFeature::TfNoDtx as i32],
                ..proto::AddTrackRequest::default()
            }));
        }
    }

    /// A new session knows none of our tracks.
    pub(super) fn forget_tracks(&mut self) {
        for track in &mut self.tracks {
            track.state = State::Wanted;
        }
    }

    /// The connection broke: the answers to what was asked will not come.
    pub(super) fn forget_asking(&mut self) {
        for track in &mut self.tracks {
            if matches!(track.state, State::Asked { .. }) {
                track.state = State::Wanted;
            }
        }
    }

    pub(super) fn track_accepted(&mut self, response: proto::TrackPublishedResponse) {
        let Some(info) = response.track else { return };
        let mut tracks = self.tracks.iter_mut();
        let Some(track) = tracks.find(|track| track.audio.cid == response.cid) else {
            return;
        };
        // Told again after a resume.
        if track.info().is_some() {
            return;
        }
        track.audio.set_sid(&info.sid);
        track.state = State::Accepted(info);
        let audio = track.audio.clone();
        self.link
            .peer(Role::Publisher)
            .send(PeerCommand::Publish(audio));
        self.link.negotiate(false);
    }

    /// An offer was answered: with no other one out, everything is published.
    pub(super) fn published(&mut self) {
        if !self.link.negotiation.is_idle() {
            return;
        }
        for track in &mut self.tracks {
            if let State::Accepted(info) = &track.state {
                track.state = State::Live(info.clone());
                track.answer(Ok(()));
            }
        }
    }

    pub(super) fn all_tracks_live(&self) -> bool {
        self.tracks
            .iter()
            .all(|track| matches!(track.state, State::Live(_)))
    }

    pub(super) fn track_refused(&mut self, cid: &str, error: Error) {
        tracing::warn!(%error, "a track is not published");
        let Some(index) = self.tracks.iter().position(|track| track.audio.cid == cid) else {
            return;
        };
        let mut track = self.tracks.remove(index);
        track.audio.close();
        if track.reply.is_some() {
            track.answer(Err(error));
        } else {
            self.tell_unpublished(&track);
        }
    }

    pub(super) fn give_up_publishing(&mut self, now: Instant) {
        let is_late = |track: &&Published| track.deadline().is_some_and(|at| at <= now);
        let (new, known): (Vec<_>, Vec<_>) = self
            .tracks
            .iter()
            .filter(is_late)
            .map(|track| (track.audio.cid.clone(), track.reply.is_some()))
            .partition(|(_, is_new)| *is_new);
        for (cid, _) in new {
            self.track_refused(
                &cid,
                Error::Timeout {
                    step: "publishing a track",
                    after: TIMEOUT,
                },
            );
        }
        // Nobody would try again with a track that was there before the connection broke.
        if !known.is_empty() {
            self.broken("the server does not answer", "a track is not back");
        }
    }

    fn tell_unpublished(&self, track: &Published) {
        let track_sid = track.audio.sid();
        self.emit(RoomEvent::LocalTrackUnpublished { track_sid });
    }

    pub(super) fn unpublish(&mut self, cid: &str, reply: Reply<()>) {
        if let Some(index) = self.tracks.iter().position(|track| track.audio.cid == cid) {
            let track = self.tracks.remove(index);
            track.audio.close();
            self.link
                .peer(Role::Publisher)
                .send(PeerCommand::Unpublish(cid.to_owned()));
            self.link.negotiate(false);
        }
        let _ = reply.send(Ok(()));
    }

    /// The server took a track of ours away.
    pub(super) fn track_removed(&mut self, sid: &str) {
        let is_it = |track: &Published| track.info().is_some_and(|info| info.sid == sid);
        if let Some(index) = self.tracks.iter().position(is_it) {
            tracing::warn!(sid, "the server unpublished our track");
            let track = self.tracks.remove(index);
            track.audio.close();
            let unpublish = PeerCommand::Unpublish(track.audio.cid.clone());
            self.link.peer(Role::Publisher).send(unpublish);
            self.link.negotiate(false);
            self.tell_unpublished(&track);
        }
    }

    /// Tells the server whether a track is muted.
    pub(super) fn mute(&mut self, cid: &str, muted: bool) {
        let track = self.tracks.iter().find(|track| track.audio.cid == cid);
        if let Some(info) = track.and_then(Published::info) {
            let sid = info.sid.clone();
            self.link
                .request(Request::Mute(proto::MuteTrackRequest { sid, muted }));
        }
    }

    /// After a resume: the server may have missed it.
    pub(super) fn restore_mutes(&self) {
        for track in &self.tracks {
            let Some(info) = track.info() else { continue };
            let sid = info.sid.clone();
            let muted = track.audio.is_muted();
            self.link
                .request(Request::Mute(proto::MuteTrackRequest { sid, muted }));
        }
    }

    pub(super) fn muted_by_server(&mut self, sid: &str, muted: bool) {
        let is_it = |track: &&Published| track.info().is_some_and(|info| info.sid == sid);
        let Some(track) = self.tracks.iter().find(is_it) else {
            return;
        };
        track.audio.set_muted(muted);
        let track_sid = sid.to_owned();
        self.emit(RoomEvent::LocalTrackMuted { track_sid, muted });
    }

    /// What the server has to know of our tracks on a resume.
    pub(super) fn tracks_to_sync(&self) -> Vec<proto::TrackPublishedResponse> {
        let known = self.tracks.iter().filter_map(|track| {
            let track_info = track.info()?.clone();
            Some(proto::TrackPublishedResponse {
                cid: track.audio.cid.clone(),
                track: Some(track_info),
            })
        });
        known.collect()
    }
}
