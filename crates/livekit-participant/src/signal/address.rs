//! Where the signal connection goes, and what its address says.

use livekit_protocol::ReconnectReason;
use url::Url;

use crate::Error;

/// The newest version whose every feature is implemented here. From 18 on servers expect data
/// channels with fixed numbers in some modes, below 13 they do not say whether to come back.
const PROTOCOL: &str = "16";
/// What other clients may send us: 0 is plain text streams, and calls as packets of their own.
const CLIENT_PROTOCOL: &str = "0";

/// Why a connection is made.
pub(super) enum Purpose<'a> {
    Join {
        auto_subscribe: bool,
    },
    Resume {
        participant_sid: &'a str,
        reason: ReconnectReason,
    },
}

/// The address of the socket for a server's address.
pub(super) fn signal_url(server: &Url, purpose: &Purpose<'_>) -> Result<Url, Error> {
    let bad = || Error::Address(redacted(server));
    let scheme = match server.scheme() {
        "ws" | "http" => "ws",
        "wss" | "https" => "wss",
        _ => return Err(bad()),
    };
    let mut url = server.clone();
    url.set_scheme(scheme).map_err(|()| bad())?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(bad());
    }
    url.path_segments_mut()
        .map_err(|()| bad())?
        .pop_if_empty()
        .push("rtc");
    let auto_subscribe = matches!(
        purpose,
        Purpose::Join {
            auto_subscribe: true
        }
    );
    let mut query = url.query_pairs_mut();
    query
        .clear()
        .append_pair("sdk", "rust")
        .append_pair("version", env!("CARGO_PKG_VERSION"))
        .append_pair("os", std::env::consts::OS)
        .append_pair("protocol", PROTOCOL)
        .append_pair("client_protocol", CLIENT_PROTOCOL)
        .append_pair("auto_subscribe", if auto_subscribe { "1" } else { "0" })
        .append_pair("adaptive_stream", "0");
    if let Purpose::Resume {
        participant_sid,
        reason,
    } = purpose
    {
        query
            .append_pair("reconnect", "1")
            .append_pair("sid", participant_sid)
            .append_pair("reconnect_reason", &(*reason as i32).to_string());
    }
    drop(query);
    Ok(url)
}

/// The address as it may be shown: without a password, without a query.
pub(super) fn redacted(url: &Url) -> String {
    let mut url = url.clone();
    // Neither fails for an address that has a host; one that has none holds no password.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(server: &str) -> Result<Url, Error> {
        let purpose = Purpose::Join {
            auto_subscribe: false,
        };
        signal_url(&Url::parse(server).expect("an address"), &purpose)
    }

    #[test]
    fn the_path_of_a_proxy_is_kept_and_the_query_is_ours() {
        let url = url("https://example.org/livekit/?access_token=secret").expect("a socket");

        assert_eq!(url.scheme(), "wss");
        assert_eq!(url.path(), "/livekit/rtc");
        assert!(!url.as_str().contains("secret"));
        assert!(url.as_str().contains("protocol=16"));
    }

    #[test]
    fn a_resume_names_the_session() {
        let purpose = Purpose::Resume {
            participant_sid: "PA_x&y",
            reason: ReconnectReason::RrPublisherFailed,
        };

        let server = Url::parse("ws://127.0.0.1:7880").expect("an address");
        let url = signal_url(&server, &purpose).expect("a socket");

        let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(query["sid"], "PA_x&y");
        assert_eq!(query["reconnect"], "1");
        assert_eq!(query["reconnect_reason"], "2");
    }

    #[test]
    fn other_schemes_are_refused_and_passwords_not_shown() {
        for server in ["ftp://user:pass@host/", "unix:/run/x", "data:text,x"] {
            let error = url(server).expect_err("no LiveKit address");

            assert!(error.is_terminal());
            assert!(!error.to_string().contains("pass@"), "{error}");
        }
    }
}
