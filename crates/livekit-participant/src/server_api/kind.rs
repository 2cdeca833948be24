//! What sort of participant someone is.

use livekit_protocol::participant_info::Kind;

/// What sort of participant someone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParticipantKind {
    /// A person, in a browser or an app.
    Standard,
    /// Brings a stream into the room.
    Ingress,
    /// Records or forwards the room.
    Egress,
    /// A telephone.
    Sip,
    Agent,
    /// A connector or bridge to another service, or a kind that is newer than this crate.
    Other,
}

impl From<Kind> for ParticipantKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Standard => Self::Standard,
            Kind::Ingress => Self::Ingress,
            Kind::Egress => Self::Egress,
            Kind::Sip => Self::Sip,
            Kind::Agent => Self::Agent,
            Kind::Connector | Kind::Bridge => Self::Other,
        }
    }
}
