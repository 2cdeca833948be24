//! What only the publishing connection does: offers, the 20 ms clock of our tracks, data out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::RtcError;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::format::Codec;
use str0m::media::{Direction, Frequency, MediaKind, MediaTime, Mid};

use super::driver::{Driver, LOSSY, PeerEvent, RELIABLE};
use crate::audio::EncodedAudio;
use crate::room::LocalAudio;

const FRAME: Duration = Duration::from_millis(20);
/// A clock that is behind by more frames than this was asleep: they are left out, not sent in a
/// burst.
const MAX_FRAMES_AT_ONCE: u64 = 5;
/// Packets that are handed to the channel before the server has all of those before. Few, since
/// each is kept until then; many, since the server may take 200 ms to say so.
const MAX_IN_FLIGHT: usize = 256;
/// The stream that the tracks belong to, for players that keep streams in step.
const STREAM: &str = "voice";

pub(super) struct Publisher {
    tracks: Vec<Track>,
    /// Sections of tracks that are no longer published.
    stopped: Vec<Mid>,
    pending: Option<Pending>,
    /// Whether an answer has accepted the data channels.
    has_channels: bool,
    reliable: Option<ChannelId>,
    outbox: VecDeque<Vec<u8>>,
    /// Packets that the channel took and that may not have arrived yet.
    in_flight: usize,
    /// Somebody waits for all data to have arrived.
    flushes: bool,
    next_frame: Instant,
}

struct Track {
    audio: Arc<LocalAudio>,
    /// Its media section, once an answer has accepted it.
    mid: Option<Mid>,
    /// Nothing was sent since: receivers may adapt their delay here.
    paused: bool,
}

/// An offer that waits for its answer. Until then str0m has changed nothing.
struct Pending {
    id: u32,
    offer: SdpPendingOffer,
    has_channels: bool,
    /// By our own id of the track.
    mids: Vec<(String, Mid)>,
}

impl Publisher {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            tracks: Vec::new(),
            stopped: Vec::new(),
            pending: None,
            has_channels: false,
            reliable: None,
            outbox: VecDeque::new(),
            in_flight: 0,
            flushes: false,
            next_frame: now,
        }
    }

    pub(super) fn publish(&mut self, audio: Arc<LocalAudio>) {
        self.tracks.push(Track {
            audio,
            mid: None,
            paused: true,
        });
    }

    pub(super) fn unpublish(&mut self, cid: &str) {
        let gone = self.tracks.extract_if(.., |track| track.audio.cid == cid);
        self.stopped.extend(gone.filter_map(|track| track.mid));
    }

    pub(super) fn queue(&mut self, packet: Vec<u8>) {
        self.outbox.push_back(packet);
    }

    pub(super) fn flush(&mut self) {
        self.flushes = true;
    }

    pub(super) fn channel_opened(&mut self, id: ChannelId) {
        self.reliable = Some(id);
    }

    pub(super) fn channel_closed(&mut self, id: ChannelId) {
        if self.reliable == Some(id) {
            self.reliable = None;
        }
    }

    pub(super) fn is_negotiating(&self) -> bool {
        self.pending.is_some()
    }

    /// When the next frame is due, if there is a track to send it on.
    pub(super) fn next_frame(&self) -> Option<Instant> {
        let sends = self.tracks.iter().any(|track| track.mid.is_some());
        sends.then_some(self.next_frame)
    }
}

impl Driver {
    /// Offers everything that is to be published. An offer that is still out is taken back.
    pub(super) fn offer(&mut self, id: u32, ice_restart: bool) {
        let publisher = &mut self.publisher;
        publisher.pending = None;
        let mut api = self.rtc.sdp_api();
        if !publisher.has_channels {
            api.add_channel_with_config(channel(RELIABLE, true, Reliability::Reliable));
            let once = Reliability::MaxRetransmits { retransmits: 0 };
            api.add_channel_with_config(channel(LOSSY, false, once));
        }
        let mut mids = Vec::new();
        for track in publisher.tracks.iter().filter(|track| track.mid.is_none()) {
            // The server finds the track by the second token of msid.
            let cid = track.audio.cid.clone();
            let stream = Some(STREAM.to_owned());
            let kind = MediaKind::Audio;
            let mid = api.add_media(kind, Direction::SendOnly, stream, Some(cid.clone()), None);
            mids.push((cid, mid));
        }
        for mid in publisher.stopped.drain(..) {
            api.set_direction(mid, Direction::Inactive);
        }
        if ice_restart {
            api.ice_restart(true);
        }
        let Some((offer, pending)) = api.apply() else {
            self.news.push_back(PeerEvent::NothingToOffer { id });
            return;
        };
        publisher.pending = Some(Pending {
            id,
            offer: pending,
            has_channels: true,
            mids,
        });
        let sdp = offer.to_sdp_string();
        if ice_restart {
            self.expect_new_candidates();
        }
        self.news.push_back(PeerEvent::Offer { id, sdp });
    }

    /// Puts the server's answer into force. Answers to an offer that was taken back are old news.
    pub(super) fn answered(&mut self, id: u32, sdp: &str) {
        let Some(pending) = self.publisher.pending.take_if(|pending| pending.id == id) else {
            return;
        };
        let result = SdpAnswer::from_sdp_string(sdp)
            .map_err(|error| error.to_string())
            .and_then(|answer| {
                let api = self.rtc.sdp_api();
                api.accept_answer(pending.offer, answer)
                    .map_err(|error| error.to_string())
            });
        if result.is_ok() {
            self.has_remote = true;
            self.publisher.has_channels |= pending.has_channels;
            for (cid, mid) in pending.mids {
                let mut tracks = self.publisher.tracks.iter_mut();
                match tracks.find(|track| track.audio.cid == cid) {
                    Some(track) => track.mid = Some(mid),
                    // Unpublished while the offer was out.
                    None => self.publisher.stopped.push(mid),
                }
            }
        }
        self.news.push_back(PeerEvent::Answered { id, result });
    }

    /// Sends the frames that are due. While nothing can be sent, time goes on without them.
    pub(super) fn play_audio(&mut self, now: Instant) -> Result<(), RtcError> {
        let due = frames_due(self.publisher.next_frame, now);
        if due == 0 {
            return Ok(());
        }
        self.publisher.next_frame += FRAME * u32::try_from(due).unwrap_or(u32::MAX);
        let connected = self.is_connected();
        let to_send = if !connected {
            0
        } else if due > MAX_FRAMES_AT_ONCE {
            1
        } else {
            due
        };
        for index in 0..self.publisher.tracks.len() {
            self.play_track(index, to_send, due, now)?;
        }
        Ok(())
    }

    fn play_track(
        &mut self,
        index: usize,
        send: u64,
        due: u64,
        now: Instant,
    ) -> Result<(), RtcError> {
        let track = &mut self.publisher.tracks[index];
        let Some(mid) = track.mid else {
            return Ok(());
        };
        if send < due {
            track.audio.skip(due - send);
            track.paused = true;
        }
        for _ in 0..send {
            let track = &mut self.publisher.tracks[index];
            let Some(packet) = track.audio.next_packet() else {
                track.paused = true;
                continue;
            };
            let resumes = std::mem::replace(&mut track.paused, false);
            self.write_audio(mid, packet, resumes, now);
            self.drain()?;
        }
        Ok(())
    }

    fn write_audio(&mut self, mid: Mid, packet: EncodedAudio, resumes: bool, now: Instant) {
        let Some(writer) = self.rtc.writer(mid) else {
            return;
        };
        let is_opus = |codec| codec == Codec::Opus;
        let mut formats = writer.payload_params();
        let Some(pt) = formats.find(|p| is_opus(p.spec().codec)).map(|p| p.pt()) else {
            return;
        };
        drop(formats);
        let time = MediaTime::new(packet.rtp_time, Frequency::FORTY_EIGHT_KHZ);
        let written = writer
            .audio_level(packet.level_dbov, packet.voiced)
            .start_of_talkspurt(resumes)
            .write(pt, now, time, packet.payload);
        if let Err(error) = written {
            tracing::debug!(%error, "a frame was not sent");
        }
    }

    pub(super) fn look_whether_arrived(&mut self) {
        let channel = self.publisher.reliable.and_then(|id| self.rtc.channel(id));
        // What is buffered includes what was sent and not acknowledged.
        let arrived = channel.is_some_and(|mut channel| channel.buffered_amount() == 0);
        if arrived && std::mem::take(&mut self.publisher.in_flight) > 0 {
            self.news.push_back(PeerEvent::Arrived);
        }
    }

    /// Hands over as much data as the channel takes; the rest follows when it has room.
    pub(super) fn write_data(&mut self) -> Result<(), RtcError> {
        let Some(id) = self.publisher.reliable.filter(|_| self.is_connected()) else {
            return Ok(());
        };
        while self.publisher.in_flight < MAX_IN_FLIGHT
            && let Some(packet) = self.publisher.outbox.front()
        {
            let Some(mut channel) = self.rtc.channel(id) else {
                return Ok(());
            };
            match channel.write(true, packet) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    tracing::debug!(%error, "the data channel takes nothing now");
                    return Ok(());
                }
            }
            self.publisher.outbox.pop_front();
            self.publisher.in_flight += 1;
            self.news.push_back(PeerEvent::Sent);
            self.drain()?;
        }
        Ok(())
    }

    pub(super) fn look_whether_flushed(&mut self) {
        let Publisher {
            outbox,
            in_flight,
            flushes,
            ..
        } = &mut self.publisher;
        if *flushes && outbox.is_empty() && *in_flight == 0 {
            *flushes = false;
            self.news.push_back(PeerEvent::Flushed);
        }
    }
}

fn frames_due(next: Instant, now: Instant) -> u64 {
    let Some(late) = now.checked_duration_since(next) else {
        return 0;
    };
    u64::try_from(late.as_micros() / FRAME.as_micros()).unwrap_or(u64::MAX) + 1
}

fn channel(label: &str, ordered: bool, reliability: Reliability) -> ChannelConfig {
    ChannelConfig {
        label: label.to_owned(),
        ordered,
        reliability,
        // Told to the server in band.
        negotiated: None,
        protocol: String::new(),
    }
}
