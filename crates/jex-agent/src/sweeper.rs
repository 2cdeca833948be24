//! Callers who wait: rooms with a person and no agent that lives, through LiveKit's server APIs.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jex_config::TALK_ROOMS;
use livekit_participant::ParticipantKind;
use livekit_participant::server_api::{AgentDispatch, ApiError, ParticipantInfo, RoomService};
use url::Url;

/// Empty: LiveKit offers every new room, whoever created it.
pub const AGENT_NAME: &str = "";
/// From our track to the caller's loudspeaker.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Attribute of our participants: whose agent it is.
const INSTALLATION: &str = "jex.installation";

/// Whose callers are ours.
#[derive(Debug, Clone)]
pub struct Clientele {
    /// Of all processes of one installation at most one lives at a time.
    pub installation: String,
    /// Others have rooms on this LiveKit, too.
    pub is_shared: bool,
}

impl Clientele {
    /// Whether to take a room. On a LiveKit of our own each one; on a shared one those that our
    /// page opened, and those that somebody asks for, saying why in the job's `metadata`.
    pub fn takes(&self, room: &str, metadata: &str) -> bool {
        !self.is_shared || room.starts_with(TALK_ROOMS) || !metadata.is_empty()
    }

    /// What tells our participants from those of others.
    pub fn attributes(&self) -> HashMap<String, String> {
        HashMap::from([(INSTALLATION.to_owned(), self.installation.clone())])
    }

    /// Whether a person is there and no agent. One of ours does not count: the rooms that are
    /// held are known, any other agent of ours is what a killed process left behind.
    fn is_unserved(&self, participants: &[ParticipantInfo]) -> bool {
        let is_person = |participant: &ParticipantInfo| {
            matches!(
                participant.kind,
                ParticipantKind::Standard | ParticipantKind::Sip
            )
        };
        let is_agent_of_others = |participant: &ParticipantInfo| {
            participant.kind == ParticipantKind::Agent
                && participant.is_active
                && participant.attributes.get(INSTALLATION) != Some(&self.installation)
        };
        participants.iter().any(is_person) && !participants.iter().any(is_agent_of_others)
    }
}

/// Looks for rooms that wait, and asks for their jobs.
pub struct Sweeper {
    rooms: Arc<RoomService>,
    dispatch: Arc<AgentDispatch>,
    clientele: Clientele,
}

impl Sweeper {
    pub fn new(url: &Url, api_key: &str, api_secret: &str, clientele: Clientele) -> Self {
        Self {
            rooms: Arc::new(RoomService::new(url, api_key, api_secret)),
            dispatch: Arc::new(AgentDispatch::new(url, api_key, api_secret)),
            clientele,
        }
    }

    /// Tells of the rooms that wait, if any do.
    pub fn sweep(&self, found: impl FnOnce(Vec<String>) + Send + 'static) {
        let service = self.rooms.clone();
        let clientele = self.clientele.clone();
        tokio::spawn(async move {
            match waiting_rooms(&service, &clientele).await {
                Ok(rooms) if rooms.is_empty() => {}
                Ok(rooms) => found(rooms),
                Err(error) => tracing::debug!(%error, "could not list the rooms"),
            }
        });
    }

    /// Sends everyone away, once the last words have come out of their loudspeakers.
    pub fn close(&self, room: String) {
        let service = self.rooms.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LAST_WORDS).await;
            if let Err(error) = service.delete_room(&room).await {
                tracing::warn!(room, %error, "could not close the room");
            }
        });
    }

    pub fn ask_for(&self, room: String) {
        let dispatch = self.dispatch.clone();
        tokio::spawn(async move {
            if let Err(error) = dispatch.create(&room, AGENT_NAME, "").await {
                tracing::warn!(room, %error, "could not ask for a job");
            }
        });
    }
}

/// The newest first: after a LiveKit that was killed, the list names rooms whose callers are gone.
async fn waiting_rooms(
    service: &RoomService,
    clientele: &Clientele,
) -> Result<Vec<String>, ApiError> {
    let mut rooms = service.list_rooms().await?;
    rooms.retain(|room| clientele.takes(&room.name, ""));
    rooms.sort_by_key(|room| Reverse(room.created_at));
    let mut waiting = Vec::new();
    for room in rooms {
        match service.list_participants(&room.name).await {
            Ok(participants) if clientele.is_unserved(&participants) => waiting.push(room.name),
            Ok(_) => {}
            // The others' callers do not wait for it.
            Err(error) => {
                tracing::debug!(room = room.name, %error, "could not list who is in the room");
            }
        }
    }
    Ok(waiting)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn clientele(is_shared: bool) -> Clientele {
        Clientele {
            installation: "ours".into(),
            is_shared,
        }
    }

    fn participant(kind: ParticipantKind) -> ParticipantInfo {
        ParticipantInfo {
            sid: "PA_1".into(),
            identity: "somebody".into(),
            name: String::new(),
            kind,
            metadata: String::new(),
            attributes: HashMap::new(),
            joined_at: SystemTime::UNIX_EPOCH,
            is_active: true,
        }
    }

    fn caller() -> ParticipantInfo {
        participant(ParticipantKind::Standard)
    }

    fn agent_of(installation: &str) -> ParticipantInfo {
        let clientele = Clientele {
            installation: installation.into(),
            is_shared: true,
        };
        ParticipantInfo {
            attributes: clientele.attributes(),
            ..participant(ParticipantKind::Agent)
        }
    }

    #[test]
    fn a_caller_beside_what_a_killed_agent_left_behind_waits() {
        let ours = clientele(false);

        assert!(ours.is_unserved(&[caller()]));
        assert!(ours.is_unserved(&[caller(), agent_of("ours")]));
        assert!(!ours.is_unserved(&[agent_of("ours")]), "nobody is there");
    }

    #[test]
    fn a_caller_with_an_agent_of_somebody_else_does_not_wait() {
        let ours = clientele(true);
        let still_joining = ParticipantInfo {
            is_active: false,
            ..agent_of("theirs")
        };

        assert!(!ours.is_unserved(&[caller(), agent_of("theirs")]));
        assert!(!ours.is_unserved(&[caller(), participant(ParticipantKind::Agent)]));
        assert!(ours.is_unserved(&[caller(), still_joining]));
    }

    #[test]
    fn on_a_shared_livekit_only_our_own_rooms_are_taken_unless_asked() {
        assert!(clientele(false).takes("meeting", ""));
        assert!(!clientele(true).takes("meeting", ""));
        assert!(clientele(true).takes("talk-1", ""));
        assert!(clientele(true).takes("meeting", "the owner wants JEX here"));
    }
}
