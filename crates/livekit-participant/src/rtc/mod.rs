//! Peer connections: media and data, over ICE, DTLS, SRTP and SCTP.
//!
//! LiveKit uses two: what we publish goes out on one that we offer, what we receive comes in on
//! one that the server offers. Each is a task around a sans-IO [`str0m::Rtc`].
//!
//! * [`PeerConnection`]: the handle; [`PeerCommand`] in, [`PeerEvent`] out
//! * `driver`: the task
//! * `publisher`: what only the one that publishes does: offers, the 20 ms clock, data
//! * `subscriber`: what only the other one does: answers, audio in
//! * `sockets`, `network`: one UDP socket for each address of this machine
//! * `candidate`: the server's addresses as they arrive
//! * `sdp`: what a session description says about tracks

mod candidate;
mod driver;
mod network;
mod publisher;
mod sdp;
mod sockets;
mod subscriber;
#[cfg(test)]
mod tests;

pub(crate) use candidate::{on_loopback, parse_candidate};
pub(crate) use driver::{EVENT_QUEUE, Media, PeerCommand, PeerConnection, PeerEvent, Role};
pub(crate) use network::{local_addresses, without_loopback};
pub(crate) use sdp::received_tracks;
