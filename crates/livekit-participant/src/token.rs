//! Access tokens: short-lived HS256 JWTs that say who may do what in which room.
//!
//! The claims are LiveKit's (<https://docs.livekit.io/frontends/authentication/tokens/>); the
//! encoding is `livekit-token`'s.

use std::collections::HashMap;
use std::time::Duration;

use livekit_token::{AccessToken, VideoGrants};

/// How long the tokens live that this crate makes for its own requests.
const OWN_TTL: Duration = Duration::from_secs(60);

/// A token could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a LiveKit token: {0}")]
pub struct TokenError(#[from] livekit_token::AccessTokenError);

/// A kind of track that a participant may publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishSource {
    Microphone,
    Camera,
    ScreenShare,
    ScreenShareAudio,
}

impl PublishSource {
    fn claim(self) -> &'static str {
        match self {
            Self::Microphone => "microphone",
            Self::Camera => "camera",
            Self::ScreenShare => "screen_share",
            Self::ScreenShareAudio => "screen_share_audio",
        }
    }
}

/// Who joins which room, and what they may do there.
#[derive(Debug, Clone)]
pub struct RoomTokenOptions {
    /// Unique in the room; a second participant with the same one replaces the first.
    pub identity: String,
    /// Name shown to others; may be empty.
    pub name: String,
    /// The only room that the token opens.
    pub room: String,
    /// How long the token can be used to join. The server adds a minute for clocks that differ.
    pub ttl: Duration,
    /// Joins as an agent: shown as one, and does not keep a room open by itself.
    pub kind_agent: bool,
    pub can_publish: bool,
    /// What may be published; empty means anything, if `can_publish`.
    pub can_publish_sources: Vec<PublishSource>,
    pub can_subscribe: bool,
    pub can_publish_data: bool,
    /// Needed for attributes of one's own, such as an agent's state.
    pub can_update_own_metadata: bool,
    /// Not shown to the other participants.
    pub hidden: bool,
    pub metadata: String,
    pub attributes: HashMap<String, String>,
}

impl Default for RoomTokenOptions {
    /// Five minutes, an ordinary participant that may publish, subscribe and send data.
    /// Identity and room are empty and have to be given.
    fn default() -> Self {
        Self {
            identity: String::new(),
            name: String::new(),
            room: String::new(),
            ttl: Duration::from_secs(300),
            kind_agent: false,
            can_publish: true,
            can_publish_sources: Vec::new(),
            can_subscribe: true,
            can_publish_data: true,
            can_update_own_metadata: false,
            hidden: false,
            metadata: String::new(),
            attributes: HashMap::new(),
        }
    }
}

/// A token that opens one room.
///
/// # Errors
/// When the key, the secret, the identity or the room is empty.
pub fn room_token(
    api_key: &str,
    api_secret: &str,
    options: RoomTokenOptions,
) -> Result<String, TokenError> {
    let sources = options.can_publish_sources.iter();
    let grants = VideoGrants {
        room_join: true,
        room: options.room,
        can_publish: Some(options.can_publish),
        can_publish_sources: sources.map(|source| source.claim().to_owned()).collect(),
        can_subscribe: Some(options.can_subscribe),
        can_publish_data: Some(options.can_publish_data),
        can_update_own_metadata: Some(options.can_update_own_metadata),
        hidden: options.hidden,
        agent: options.kind_agent,
        ..VideoGrants::default()
    };
    let mut token = AccessToken::with_api_key(api_key, api_secret)
        .with_ttl(options.ttl)
        .with_identity(&options.identity)
        .with_name(&options.name)
        .with_metadata(&options.metadata)
        .with_attributes(&options.attributes)
        .with_grants(grants);
    if options.kind_agent {
        token = token.with_kind("agent");
    }
    Ok(token.to_jwt()?)
}

/// A token for one connection of a worker to `/agent`.
pub(crate) fn worker_token(api_key: &str, api_secret: &str) -> Result<String, TokenError> {
    let grants = VideoGrants {
        agent: true,
        ..VideoGrants::default()
    };
    own_token(api_key, api_secret, grants)
}

/// A token for one request to the server's APIs.
pub(crate) fn own_token(
    api_key: &str,
    api_secret: &str,
    grants: VideoGrants,
) -> Result<String, TokenError> {
    let token = AccessToken::with_api_key(api_key, api_secret)
        .with_ttl(OWN_TTL)
        .with_grants(grants);
    Ok(token.to_jwt()?)
}

#[cfg(test)]
mod tests {
    use livekit_token::TokenVerifier;

    use super::*;

    const SECRET: &str = "a secret of at least thirty-two characters";

    fn caller() -> RoomTokenOptions {
        RoomTokenOptions {
            identity: "caller-1".into(),
            room: "talk-1".into(),
            can_publish_sources: vec![PublishSource::Microphone],
            ..RoomTokenOptions::default()
        }
    }

    #[test]
    fn a_callers_token_opens_one_room_for_the_microphone_and_nothing_more() {
        let token = room_token("key", SECRET, caller()).unwrap();

        let claims = TokenVerifier::with_api_key("key", SECRET)
            .verify(&token)
            .unwrap();
        assert_eq!(claims.sub, "caller-1");
        assert_eq!(claims.kind, "");
        let expected = VideoGrants {
            room_join: true,
            room: "talk-1".into(),
            can_publish: Some(true),
            can_publish_sources: vec!["microphone".into()],
            can_subscribe: Some(true),
            can_publish_data: Some(true),
            can_update_own_metadata: Some(false),
            ..VideoGrants::default()
        };
        assert_eq!(claims.video, expected);
    }

    #[test]
    fn a_token_ends_when_its_time_is_over() {
        let options = RoomTokenOptions {
            ttl: Duration::from_secs(300),
            ..caller()
        };

        let token = room_token("key", SECRET, options).unwrap();

        let claims = livekit_token::Claims::from_unverified(&token).unwrap();
        assert!((299..=300).contains(&(claims.exp - claims.nbf)));
    }

    #[test]
    fn an_agents_token_says_so_twice_as_older_clients_read_only_one() {
        let options = RoomTokenOptions {
            kind_agent: true,
            can_update_own_metadata: true,
            ..caller()
        };

        let token = room_token("key", SECRET, options).unwrap();

        let claims = livekit_token::Claims::from_unverified(&token).unwrap();
        assert_eq!(claims.kind, "agent");
        assert!(claims.video.agent);
    }

    #[test]
    fn a_token_without_room_identity_or_secret_is_refused() {
        let nowhere = RoomTokenOptions {
            room: String::new(),
            ..caller()
        };
        let nobody = RoomTokenOptions {
            identity: String::new(),
            ..caller()
        };

        assert!(room_token("key", SECRET, nowhere).is_err());
        assert!(room_token("key", SECRET, nobody).is_err());
        assert!(room_token("key", "", caller()).is_err());
    }
}
