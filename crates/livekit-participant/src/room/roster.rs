//! Who is in the room, from the server's updates. No I/O: updates in, events out.

use std::collections::HashMap;

use livekit_protocol as proto;
use livekit_protocol::participant_info::State;

use super::{DisconnectReason, Participant, RoomEvent, TrackInfo};

/// The others in the room, by identity.
#[derive(Debug, Default)]
pub(crate) struct Roster(HashMap<String, Entry>);

#[derive(Debug)]
struct Entry {
    participant: Participant,
    /// Rises with every change of one participant's session.
    version: u32,
}

impl Roster {
    pub fn participants(&self) -> impl Iterator<Item = &Participant> {
        self.0.values().map(|entry| &entry.participant)
    }

    pub fn get(&self, identity: &str) -> Option<&Participant> {
        self.0.get(identity).map(|entry| &entry.participant)
    }

    /// Whose a track is.
    pub fn track(&self, sid: &str) -> Option<(&Participant, &TrackInfo)> {
        self.participants().find_map(|participant| {
            let track = participant.tracks.iter().find(|track| track.sid == sid)?;
            Some((participant, track))
        })
    }

    /// Takes in news about one participant.
    pub fn update(&mut self, info: &proto::ParticipantInfo) -> Vec<RoomEvent> {
        let mut events = Vec::new();
        if info.state == State::Disconnected as i32 {
            // Of an earlier session of someone who is back already.
            let is_current = self
                .get(&info.identity)
                .is_some_and(|known| known.sid == info.sid);
            if is_current {
                self.leave(&info.identity, info.disconnect_reason().into(), &mut events);
            }
            return events;
        }
        match self.0.get(&info.identity) {
            Some(entry) if entry.participant.sid == info.sid => {
                if info.version >= entry.version {
                    self.change(info, &mut events);
                }
            }
            Some(_) => {
                // Joined again; the end of the session before was not told.
                let reason = DisconnectReason::SignalClose;
                self.leave(&info.identity, reason, &mut events);
                self.join(info, &mut events);
            }
            None => self.join(info, &mut events),
        }
        events
    }

    /// Takes in a list of everyone: who is not in it has left unnoticed.
    pub fn replace(&mut self, infos: &[proto::ParticipantInfo]) -> Vec<RoomEvent> {
        let is_listed = |sid: &str| infos.iter().any(|info| info.sid == sid);
        let gone: Vec<String> = self
            .participants()
            .filter(|participant| !is_listed(&participant.sid))
            .map(|participant| participant.identity.clone())
            .collect();
        let mut events = Vec::new();
        for identity in gone {
            self.leave(&identity, DisconnectReason::SignalClose, &mut events);
        }
        events.extend(infos.iter().flat_map(|info| self.update(info)));
        events
    }

    fn join(&mut self, info: &proto::ParticipantInfo, events: &mut Vec<RoomEvent>) {
        let participant = Participant::from(info);
        let entry = Entry {
            participant: participant.clone(),
            version: info.version,
        };
        self.0.insert(info.identity.clone(), entry);
        events.push(RoomEvent::ParticipantJoined(participant.clone()));
        for track in &participant.tracks {
            events.push(RoomEvent::TrackPublished {
                participant: participant.clone(),
                track: track.clone(),
            });
        }
    }

    fn leave(&mut self, identity: &str, reason: DisconnectReason, events: &mut Vec<RoomEvent>) {
        let Some(Entry { participant, .. }) = self.0.remove(identity) else {
            return;
        };
        for track in &participant.tracks {
            events.push(RoomEvent::TrackUnpublished {
                participant: participant.clone(),
                track: track.clone(),
            });
        }
        events.push(RoomEvent::ParticipantLeft(participant, reason));
    }

    fn change(&mut self, info: &proto::ParticipantInfo, events: &mut Vec<RoomEvent>) {
        let Some(entry) = self.0.get_mut(&info.identity) else {
            return;
        };
        let now = Participant::from(info);
        let before = std::mem::replace(&mut entry.participant, now.clone());
        entry.version = info.version;
        let changed = changed_attributes(&before.attributes, &now.attributes);
        if !changed.is_empty() {
            let participant = now.clone();
            events.push(RoomEvent::AttributesChanged {
                participant,
                changed,
            });
        }
        for track in &before.tracks {
            if !now.tracks.iter().any(|other| other.sid == track.sid) {
                events.push(RoomEvent::TrackUnpublished {
                    participant: now.clone(),
                    track: track.clone(),
                });
            }
        }
        for track in &now.tracks {
            match before.tracks.iter().find(|other| other.sid == track.sid) {
                None => events.push(RoomEvent::TrackPublished {
                    participant: now.clone(),
                    track: track.clone(),
                }),
                Some(other) if other.muted != track.muted => events.push(RoomEvent::TrackMuted {
                    participant: now.clone(),
                    track_sid: track.sid.clone(),
                    muted: track.muted,
                }),
                Some(_) => {}
            }
        }
    }
}

/// New and different ones; those that are gone as empty.
fn changed_attributes(
    before: &HashMap<String, String>,
    now: &HashMap<String, String>,
) -> HashMap<String, String> {
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    let set = now
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value));
    gone.map(|name| (name.clone(), String::new()))
        .chain(set.map(|(name, value)| (name.clone(), value.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn info(identity: &str, sid: &str, version: u32) -> proto::ParticipantInfo {
        proto::ParticipantInfo {
            identity: identity.to_owned(),
            sid: sid.to_owned(),
            version,
            state: State::Active as i32,
            ..proto::ParticipantInfo::default()
        }
    }

    fn with_track(
        mut info: proto::ParticipantInfo,
        sid: &str,
        muted: bool,
    ) -> proto::ParticipantInfo {
        info.tracks.push(proto::TrackInfo {
            sid: sid.to_owned(),
            muted,
            ..proto::TrackInfo::default()
        });
        info
    }

    fn names(events: &[RoomEvent]) -> Vec<&'static str> {
        let name = |event: &RoomEvent| match event {
            RoomEvent::ParticipantJoined(_) => "joined",
            RoomEvent::ParticipantLeft(..) => "left",
            RoomEvent::AttributesChanged { .. } => "attributes",
            RoomEvent::TrackPublished { .. } => "published",
            RoomEvent::TrackUnpublished { .. } => "unpublished",
            RoomEvent::TrackMuted { .. } => "muted",
            _ => "other",
        };
        events.iter().map(name).collect()
    }

    #[test]
    fn an_older_update_that_comes_late_changes_nothing() {
        let mut roster = Roster::default();

        roster.update(&info("anna", "PA_1", 1));
        roster.update(&with_track(info("anna", "PA_1", 3), "TR_1", false));
        let events = roster.update(&info("anna", "PA_1", 2));

        assert_eq!(names(&events), [""; 0]);
        assert!(roster.track("TR_1").is_some());
    }

    #[test]
    fn the_end_of_an_earlier_session_does_not_end_the_present_one() {
        let mut roster = Roster::default();
        let mut ended = info("anna", "PA_1", 9);
        ended.state = State::Disconnected as i32;

        roster.update(&info("anna", "PA_1", 1));
        let again = roster.update(&info("anna", "PA_2", 1));
        let late = roster.update(&ended);

        assert_eq!(names(&again), ["left", "joined"]);
        assert_eq!(names(&late), [""; 0]);
        assert_eq!(roster.get("anna").map(|p| p.sid.as_str()), Some("PA_2"));
    }

    #[test]
    fn tracks_mutes_and_attributes_are_told() {
        let mut roster = Roster::default();
        let mut last = info("anna", "PA_1", 4);
        last.attributes.insert("mood".to_owned(), "good".to_owned());

        roster.update(&info("anna", "PA_1", 1));
        let published = roster.update(&with_track(info("anna", "PA_1", 2), "TR_1", false));
        let muted = roster.update(&with_track(info("anna", "PA_1", 3), "TR_1", true));
        let unpublished = roster.update(&last);

        assert_eq!(names(&published), ["published"]);
        assert_eq!(names(&muted), ["muted"]);
        assert_eq!(names(&unpublished), ["attributes", "unpublished"]);
    }

    #[test]
    fn who_is_not_on_the_full_list_has_left() {
        let mut roster = Roster::default();
        roster.update(&with_track(info("anna", "PA_1", 1), "TR_1", false));
        roster.update(&info("ben", "PA_2", 1));

        let events = roster.replace(&[info("ben", "PA_2", 1), info("cleo", "PA_3", 1)]);

        assert_eq!(names(&events), ["unpublished", "left", "joined"]);
    }

    fn any_info() -> impl Strategy<Value = proto::ParticipantInfo> {
        let tracks = proptest::collection::vec((0_u8..3, any::<bool>()), 0..3);
        (
            0_u8..3,
            0_u8..3,
            any::<u32>(),
            any::<i32>(),
            tracks,
            "[ab]{0,1}",
        )
            .prop_map(|(identity, sid, version, state, tracks, attribute)| {
                let mut info = info(&format!("p{identity}"), &format!("PA_{sid}"), version % 4);
                info.state = state % 5;
                info.attributes.insert(attribute.clone(), attribute);
                tracks.into_iter().fold(info, |info, (track, muted)| {
                    with_track(info, &format!("TR_{track}"), muted)
                })
            })
    }

    proptest! {
        /// A listener that believes every event knows exactly who is there and what they publish.
        #[test]
        fn events_tell_everything(updates in proptest::collection::vec(any_info(), 0..40)) {
            let mut roster = Roster::default();
            let mut believed: HashMap<String, Vec<String>> = HashMap::new();

            for update in &updates {
                for event in roster.update(update) {
                    match event {
                        RoomEvent::ParticipantJoined(p) => {
                            let tracks = p.tracks.iter().map(|t| t.sid.clone()).collect();
                            believed.insert(p.identity, tracks);
                        }
                        RoomEvent::ParticipantLeft(p, _) => { believed.remove(&p.identity); }
                        RoomEvent::TrackPublished { participant, track } => {
                            believed.entry(participant.identity).or_default().push(track.sid);
                        }
                        RoomEvent::TrackUnpublished { participant, track } => {
                            let tracks = believed.entry(participant.identity).or_default();
                            tracks.retain(|sid| *sid != track.sid);
                        }
                        _ => {}
                    }
                }
            }

            let sorted = |mut sids: Vec<String>| { sids.sort(); sids.dedup(); sids };
            let actual: HashMap<String, Vec<String>> = roster.participants()
                .map(|p| (p.identity.clone(), sorted(p.tracks.iter().map(|t| t.sid.clone()).collect())))
                .collect();
            let believed: HashMap<String, Vec<String>> =
                believed.into_iter().map(|(p, tracks)| (p, sorted(tracks))).collect();
            prop_assert_eq!(believed, actual);
        }
    }
}
