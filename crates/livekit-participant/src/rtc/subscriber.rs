//! What only the receiving connection does: answers, audio in.

use std::collections::HashMap;

use str0m::change::SdpOffer;
use str0m::media::Mid;
use str0m::rtp::RtpPacket;
use tokio::sync::mpsc::error::TrySendError;

use super::driver::{Driver, Media, PeerEvent};
use crate::audio::RtpAudio;

impl Driver {
    /// Accepts the server's offer.
    pub(super) fn accept(&mut self, id: u32, sdp: &str) {
        let result = SdpOffer::from_sdp_string(sdp)
            .map_err(|error| error.to_string())
            .and_then(|offer| {
                let answer = self.rtc.sdp_api().accept_offer(offer);
                answer.map_err(|error| error.to_string())
            })
            .map(|answer| answer.to_sdp_string());
        if result.is_ok() {
            self.has_remote = true;
            self.expect_new_candidates();
        }
        self.news.push_back(PeerEvent::Answer { id, result });
    }

    pub(super) fn set_routes(&mut self, routes: HashMap<String, Media>) {
        self.routes = routes
            .into_iter()
            .map(|(mid, media)| (Mid::from(mid.as_str()), media))
            .collect();
    }

    pub(super) fn audio_arrived(&mut self, packet: &RtpPacket) {
        // Padding alone: a probe of the network.
        if packet.payload.is_empty() {
            return;
        }
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_rx(&packet.header.ssrc) else {
            return;
        };
        let mid = stream.mid();
        let Some(route) = self.routes.get(&mid) else {
            return;
        };
        let audio = RtpAudio {
            seq: *packet.seq_no,
            rtp_time: packet.time.numer(),
            payload: packet.payload.to_vec(),
            arrived: packet.timestamp,
        };
        match route.try_send(audio) {
            // A listener that does not listen must not hold up the others.
            Ok(()) | Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Closed(_)) => {
                self.routes.remove(&mid);
            }
        }
    }
}
