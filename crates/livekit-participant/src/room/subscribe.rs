//! What we hear: asked for on the signal connection, then offered by the server.

use std::collections::HashMap;

use livekit_protocol as proto;

use super::session::Session;
use super::{RemoteAudio, RoomEvent, TrackInfo, TrackSource};
use crate::rtc::{Media, PeerCommand, Role};
use crate::signal::Request;

/// Wishes about tracks that are gone are forgotten when there are more than this.
const MAX_WISHES: usize = 256;

/// Whether a track is to be heard.
pub(super) struct Wish {
    track_sid: String,
    subscribed: bool,
    /// What it is, whatever its id: another session of its publisher gives it another one.
    what: Option<(String, TrackSource, String)>,
}

/// A track that the server sends.
pub(super) struct Heard {
    media: Media,
    /// Waits here until it is known whose it is.
    audio: Option<RemoteAudio>,
}

impl Session {
    pub(super) fn subscribe(&mut self, track_sid: &str, subscribed: bool) {
        let what = {
            let members = self.shared.members();
            let found = members.roster.track(track_sid);
            found.map(|(participant, track)| what(&participant.identity, track))
        };
        self.wishes.retain(|wish| wish.track_sid != track_sid);
        self.forget_old_wishes();
        self.wishes.push(Wish {
            track_sid: track_sid.to_owned(),
            subscribed,
            what,
        });
        if self.is_up() {
            self.send_subscription(&[track_sid.to_owned()], subscribed);
        }
    }

    /// A track appeared that is the one that was wished for, under another id.
    pub(super) fn subscribe_again(&mut self, identity: &str, track: &TrackInfo) {
        let what = what(identity, track);
        let is_it = |wish: &&mut Wish| wish.what.as_ref() == Some(&what);
        let Some(wish) = self.wishes.iter_mut().find(is_it) else {
            return;
        };
        if wish.track_sid == track.sid {
            return;
        }
        wish.track_sid.clone_from(&track.sid);
        let subscribed = wish.subscribed;
        if self.is_up() {
            self.send_subscription(std::slice::from_ref(&track.sid), subscribed);
        }
    }

    /// Sends every wish again.
    pub(super) fn restore_subscriptions(&self) {
        for subscribed in [true, false] {
            let wishes = self
                .wishes
                .iter()
                .filter(|wish| wish.subscribed == subscribed);
            let sids: Vec<String> = wishes.map(|wish| wish.track_sid.clone()).collect();
            if !sids.is_empty() {
                self.send_subscription(&sids, subscribed);
            }
        }
    }

    /// The wishes that differ from what the server would do by itself.
    pub(super) fn subscription_to_sync(&self) -> proto::UpdateSubscription {
        let subscribe = !self.options.auto_subscribe;
        let wishes = self
            .wishes
            .iter()
            .filter(|wish| wish.subscribed == subscribe);
        proto::UpdateSubscription {
            track_sids: wishes.map(|wish| wish.track_sid.clone()).collect(),
            subscribe,
            participant_tracks: Vec::new(),
        }
    }

    fn send_subscription(&self, track_sids: &[String], subscribe: bool) {
        let participant_tracks = {
            let members = self.shared.members();
            let by_participant = track_sids.iter().filter_map(|sid| {
                let (participant, _) = members.roster.track(sid)?;
                Some(proto::ParticipantTracks {
                    participant_sid: participant.sid.clone(),
                    track_sids: vec![sid.clone()],
                })
            });
            by_participant.collect()
        };
        self.link
            .request(Request::Subscription(proto::UpdateSubscription {
                track_sids: track_sids.to_vec(),
                subscribe,
                participant_tracks,
            }));
    }

    fn forget_old_wishes(&mut self) {
        if self.wishes.len() < MAX_WISHES {
            return;
        }
        let members = self.shared.members();
        self.wishes
            .retain(|wish| members.roster.track(&wish.track_sid).is_some());
    }

    /// The server says what it sends from now on: media section to track.
    pub(super) fn receive_tracks(&mut self, tracks: &HashMap<String, String>) {
        let gone = self
            .heard
            .keys()
            .filter(|sid| !tracks.values().any(|track| track == *sid));
        let gone: Vec<String> = gone.cloned().collect();
        for sid in gone {
            self.stop_hearing(&sid);
        }
        for sid in tracks.values() {
            if self.heard.contains_key(sid) {
                continue;
            }
            match RemoteAudio::new(sid) {
                Ok((audio, media)) => {
                    let audio = Some(audio);
                    self.heard.insert(sid.clone(), Heard { media, audio });
                }
                Err(error) => tracing::error!(%error, sid, "a track cannot be heard"),
            }
        }
        let routes = tracks.iter().filter_map(|(mid, sid)| {
            let heard = self.heard.get(sid)?;
            Some((mid.clone(), heard.media.clone()))
        });
        let routes = PeerCommand::Routes(routes.collect());
        self.link.peer(Role::Subscriber).send(routes);
        self.announce_heard();
    }

    /// Hands over audio whose publisher is known. The offer may come before the update.
    pub(super) fn announce_heard(&mut self) {
        let mut events = Vec::new();
        {
            let members = self.shared.members();
            for (sid, heard) in &mut self.heard {
                let Some((participant, track)) = members.roster.track(sid) else {
                    continue;
                };
                if let Some(audio) = heard.audio.take() {
                    events.push(RoomEvent::TrackSubscribed {
                        participant: participant.clone(),
                        track: track.clone(),
                        audio,
                    });
                }
            }
        }
        for event in events {
            self.emit(event);
        }
    }

    pub(super) fn stop_hearing(&mut self, track_sid: &str) {
        let Some(heard) = self.heard.remove(track_sid) else {
            return;
        };
        // The connection's task holds the other end until it learns of the new routes.
        let routes = PeerCommand::Unroute(heard.media);
        self.link.peer(Role::Subscriber).send(routes);
        if heard.audio.is_none() {
            let track_sid = track_sid.to_owned();
            self.emit(RoomEvent::TrackUnsubscribed { track_sid });
        }
    }

    pub(super) fn stop_hearing_all(&mut self) {
        let all: Vec<String> = self.heard.keys().cloned().collect();
        for sid in all {
            self.stop_hearing(&sid);
        }
    }
}

fn what(identity: &str, track: &TrackInfo) -> (String, TrackSource, String) {
    (identity.to_owned(), track.source, track.name.clone())
}
