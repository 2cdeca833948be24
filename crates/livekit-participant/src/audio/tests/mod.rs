//! Voice through bad networks, in virtual time.

mod bad_networks;
mod hostile_packets;
mod loss;
mod network;
mod pauses;
mod sending;
