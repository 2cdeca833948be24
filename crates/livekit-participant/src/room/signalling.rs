//! What the server says on the signal connection.

use std::time::Instant;

use livekit_protocol as proto;

use super::session::{Phase, Session};
use super::{DisconnectReason, Participant, RoomEvent};
use crate::Error;
use crate::rtc::{PeerCommand, Role, parse_candidate, received_tracks};
use crate::signal::{Response, is_final, left};

impl Session {
    pub(super) fn response(&mut self, response: Response) {
        match response {
            Response::Offer(offer) => self.offered(offer),
            Response::Answer(answer) => {
                if let Some(id) = self.link.negotiation.answered(answer.id) {
                    let answer = PeerCommand::Answer {
                        id,
                        sdp: answer.sdp,
                    };
                    self.link.peer(Role::Publisher).send(answer);
                }
            }
            Response::Trickle(trickle) => {
                let role = match trickle.target() {
                    proto::SignalTarget::Publisher => Role::Publisher,
                    proto::SignalTarget::Subscriber => Role::Subscriber,
                };
                if let Some(candidate) = parse_candidate(&trickle.candidate_init) {
                    self.link.way_to_server(role, candidate);
                }
            }
            Response::Update(update) => self.members_changed(&update.participants),
            Response::TrackPublished(response) => self.track_accepted(response),
            Response::TrackUnpublished(response) => self.track_removed(&response.track_sid),
            Response::Mute(mute) => self.muted_by_server(&mute.sid, mute.muted),
            Response::TrackSubscribed(subscribed) => {
                let track_sid = subscribed.track_sid;
                self.emit(RoomEvent::LocalTrackSubscribed { track_sid });
            }
            Response::SubscriptionResponse(response) => {
                let (track, error) = (&response.track_sid, response.err());
                tracing::warn!(track, ?error, "the server refused a subscription");
            }
            Response::RequestResponse(response) => self.request_answered(response),
            Response::RefreshToken(token) => self.token = token,
            Response::RoomUpdate(update) => {
                if let Some(room) = update.room {
                    self.shared.members().room_name = room.name;
                }
            }
            Response::RoomMoved(moved) => self.moved(moved),
            Response::Leave(leave) => self.told_to_leave(&leave),
            // Of use to players of video, or to people who look at them.
            _ => {}
        }
    }

    /// The server's offer: what we will receive.
    fn offered(&mut self, offer: proto::SessionDescription) {
        let tracks = received_tracks(&offer.sdp, &offer.mid_to_track_id);
        self.receive_tracks(&tracks);
        self.link.peer(Role::Subscriber).send(PeerCommand::Accept {
            id: offer.id,
            sdp: offer.sdp.clone(),
        });
        self.link.offer = Some(offer);
    }

    fn members_changed(&mut self, infos: &[proto::ParticipantInfo]) {
        let events = {
            let mut members = self.shared.members();
            let (own, others): (Vec<_>, Vec<_>) = infos
                .iter()
                .cloned()
                .partition(|info| info.sid == self.link.participant_sid);
            if let Some(own) = own.first() {
                members.local = Participant::from(own);
            }
            // After a resume one update names everyone, us too.
            let lists_all = !own.is_empty() && std::mem::take(&mut self.link.expects_list);
            if lists_all {
                members.roster.replace(&others)
            } else {
                let local = members.local.identity.clone();
                // An earlier session of ours.
                let others = others.iter().filter(|info| info.identity != local);
                let roster = &mut members.roster;
                others.flat_map(|info| roster.update(info)).collect()
            }
        };
        self.tell(events);
    }

    /// Passes on what became of participants, and what follows from it.
    pub(super) fn tell(&mut self, events: Vec<RoomEvent>) {
        for event in events {
            match &event {
                RoomEvent::ParticipantLeft(participant, _) => {
                    self.text.sender_left(&participant.sid, Instant::now());
                    self.calls.participant_left(&participant.identity);
                    self.link.last_received.remove(&participant.sid);
                }
                RoomEvent::TrackUnpublished { track, .. } => self.stop_hearing(&track.sid),
                RoomEvent::TrackPublished { participant, track } => {
                    self.subscribe_again(&participant.identity, track);
                }
                _ => {}
            }
            self.emit(event);
        }
        self.announce_heard();
    }

    fn moved(&mut self, moved: proto::RoomMovedResponse) {
        if !moved.token.is_empty() {
            self.token = moved.token;
        }
        if let Some(participant) = &moved.participant {
            self.link.participant_sid.clone_from(&participant.sid);
        }
        let join = proto::JoinResponse {
            room: moved.room,
            participant: moved.participant,
            other_participants: moved.other_participants,
            ..proto::JoinResponse::default()
        };
        let events = self.take_in(&join);
        self.tell(events);
    }

    fn request_answered(&mut self, response: proto::RequestResponse) {
        use proto::request_response::{Reason, Request};
        let reason = response.reason();
        if matches!(reason, Reason::Ok | Reason::Queued) {
            self.attributes.accepted(response.request_id);
            return;
        }
        let message = if response.message.is_empty() {
            reason.as_str_name().to_owned()
        } else {
            response.message
        };
        let what = match &response.request {
            Some(Request::AddTrack(_)) => "publishing a track",
            _ => "changing attributes",
        };
        let error = match reason {
            Reason::NotAllowed => Error::NotAllowed { what, message },
            _ => Error::Rejected { what, message },
        };
        match response.request {
            Some(Request::AddTrack(track)) => self.track_refused(&track.cid, error),
            _ => self.attributes.refused(response.request_id, error),
        }
    }

    fn told_to_leave(&mut self, leave: &proto::LeaveRequest) {
        use proto::leave_request::Action;
        let reason = DisconnectReason::from(leave.reason());
        let action = leave.action();
        tracing::info!(?reason, ?action, "the server says goodbye");
        if let Phase::Joining { .. } = self.phase {
            self.fail_joining(left(leave));
        } else if is_final(leave) {
            self.end(reason, false);
        } else if action == Action::Resume {
            self.signal_lost();
        } else {
            self.broken("the server asks to join anew", &format!("{reason:?}"));
        }
    }
}
