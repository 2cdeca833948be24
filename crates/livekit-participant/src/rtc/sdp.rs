//! What the server's offer says about tracks.

use std::collections::HashMap;

/// The tracks that an offer carries: media section (mid) to track.
///
/// Newer servers say it beside the offer (`named`), older ones in `a=msid:<stream> <track>`.
/// Sections that are not active carry nothing, whatever they carried before.
pub(crate) fn received_tracks(
    sdp: &str,
    named: &HashMap<String, String>,
) -> HashMap<String, String> {
    let mut tracks = HashMap::new();
    for section in sections(sdp) {
        let (Some(mid), true) = (section.mid, section.is_audio && section.is_sent) else {
            continue;
        };
        let track = named.get(mid).map(String::as_str).or(section.track);
        if let Some(track) = track.filter(|track| track.starts_with("TR_")) {
            tracks.insert(mid.to_owned(), track.to_owned());
        }
    }
    tracks
}

struct Section<'a> {
    is_audio: bool,
    /// Whether the server sends in it.
    is_sent: bool,
    mid: Option<&'a str>,
    track: Option<&'a str>,
}

fn sections(sdp: &str) -> impl Iterator<Item = Section<'_>> {
    let mut sections = Vec::new();
    for line in sdp.lines().map(str::trim_end) {
        if let Some(media) = line.strip_prefix("m=") {
            sections.push(Section {
                is_audio: media.starts_with("audio "),
                // What RFC 8866 assumes when nothing is said.
                is_sent: true,
                mid: None,
                track: None,
            });
            continue;
        }
        let Some(section) = sections.last_mut() else {
            continue;
        };
        match line
            .strip_prefix("a=")
            .map(|line| line.split_once(':').unwrap_or((line, "")))
        {
            Some(("mid", mid)) => section.mid = Some(mid.trim()),
            Some(("msid", msid)) => section.track = msid.split_whitespace().nth(1),
            Some(("inactive" | "recvonly", _)) => section.is_sent = false,
            _ => {}
        }
    }
    sections.into_iter()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OFFER: &str = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=msid:PA_x|ms TR_one\r\na=sendrecv\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:2\r\na=msid:PA_x|ms TR_two\r\na=inactive\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\na=msid:PA_x|ms TR_film\r\n";

    fn map(entries: &[(&str, &str)]) -> HashMap<String, String> {
        entries
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn tracks_are_those_of_active_audio_sections() {
        assert_eq!(received_tracks(OFFER, &map(&[])), map(&[("1", "TR_one")]));
    }

    #[test]
    fn what_stands_beside_the_offer_wins_since_sections_are_used_again() {
        let named = map(&[("1", "TR_newer"), ("2", "TR_old"), ("3", "TR_film")]);

        assert_eq!(received_tracks(OFFER, &named), map(&[("1", "TR_newer")]));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "([mas]=[a-z0-9: |_]{0,20}(\r\n|\n|\r)?){0,40}|\\PC{0,200}") {
            let _ = received_tracks(&text, &map(&[("1", "TR_x")]));
        }
    }
}
