//! What the browser is told to forbid, on every answer.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use url::Url;

/// Everything that a page could ask for and JEX does not use is off.
const PERMISSIONS_POLICY: &str = "microphone=(self), autoplay=(self), accelerometer=(), \
    camera=(), clipboard-read=(), display-capture=(), encrypted-media=(), \
    fullscreen=(), gamepad=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), \
    local-fonts=(), magnetometer=(), midi=(), payment=(), picture-in-picture=(), \
    publickey-credentials-get=(), serial=(), storage-access=(), usb=(), window-management=(), \
    xr-spatial-tracking=()";

/// For answers that are no page: nothing may be loaded or run, should a browser show them.
const NOTHING: &str =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Adds what every answer carries; a policy that is there already stays.
pub fn harden(headers: &mut HeaderMap) {
    for (name, value) in [
        (
            HeaderName::from_static("permissions-policy"),
            PERMISSIONS_POLICY,
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(NOTHING));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// The policy of one page: scripts and styles of our own, the inline ones by their hash, and
/// connections to us and to LiveKit alone.
///
/// `scripts` and `styles` are sources such as `'sha256-…'`; `livekit` has every address that a caller may
/// be given.
pub fn page_policy(scripts: &[String], styles: &[String], livekit: &[Url]) -> HeaderValue {
    let with_self = |sources: &[String]| {
        let own = std::iter::once("'self'");
        let all: Vec<&str> = own.chain(sources.iter().map(String::as_str)).collect();
        all.join(" ")
    };
    let livekit: Vec<String> = livekit.iter().map(livekit_sources).collect();
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; img-src 'self'; connect-src 'self' {}; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        with_self(scripts),
        with_self(styles),
        livekit.join(" "),
    );
    HeaderValue::try_from(policy).expect("hashes and URLs are printable ASCII")
}

/// LiveKit's signalling address, and the HTTP form of it: livekit-client asks `/rtc/validate`
/// there for the reason when a connection fails (`createValidateUrl` in 2.23).
fn livekit_sources(livekit: &Url) -> String {
    let (ws, http) = match livekit.scheme() {
        "wss" | "https" => ("wss", "https"),
        _ => ("ws", "http"),
    };
    let host = livekit.host_str().unwrap_or_default();
    let port = livekit
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    format!("{ws}://{host}{port} {http}://{host}{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_reach_its_own_server_and_livekit_only() {
        let livekit = ["ws://127.0.0.1:7880".parse().unwrap()];

        let policy = page_policy(&["'sha256-abc='".into()], &[], &livekit);

        assert_eq!(
            policy,
            "default-src 'none'; script-src 'self' 'sha256-abc='; style-src 'self'; \
             img-src 'self'; connect-src 'self' ws://127.0.0.1:7880 http://127.0.0.1:7880; \
             frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        );
    }

    #[test]
    fn a_livekit_elsewhere_is_reached_over_tls_if_its_address_says_so() {
        let sources = |url: &str| livekit_sources(&url.parse().unwrap());

        assert_eq!(
            sources("wss://jex.livekit.cloud/path"),
            "wss://jex.livekit.cloud https://jex.livekit.cloud"
        );
        assert_eq!(
            sources("ws://nas.local:7880"),
            "ws://nas.local:7880 http://nas.local:7880"
        );
    }

    #[test]
    fn from_another_machine_livekit_is_behind_the_address_of_the_page() {
        let livekit =
            ["ws://127.0.0.1:7880", "wss://jex.local:8443"].map(|url| url.parse().unwrap());

        let policy = page_policy(&[], &[], &livekit);

        let policy = policy.to_str().unwrap();
        let sources = "connect-src 'self' ws://127.0.0.1:7880 http://127.0.0.1:7880 \
                       wss://jex.local:8443 https://jex.local:8443;";
        assert!(policy.contains(sources), "{policy}");
    }

    #[test]
    fn what_is_no_page_may_load_nothing_and_is_not_kept() {
        let mut headers = HeaderMap::new();

        harden(&mut headers);

        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], NOTHING);
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    }

    #[test]
    fn no_policy_allows_inline_code_or_evaluation() {
        let livekit = ["ws://127.0.0.1:7880".parse().unwrap()];

        let policy = page_policy(&[], &[], &livekit);

        assert!(!policy.to_str().unwrap().contains("unsafe"));
    }
}
