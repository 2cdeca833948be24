//! The addresses under which other machines open the page.

use url::{Host, Url};

use super::{Check, fault};
use crate::resolve::is_loopback;

const KEY: &[&str] = &["web.public_urls"];
const SHAPE: &str = "Write each as https://host or https://host:port.";

pub fn check(urls: &[Url]) -> Check {
    urls.iter().try_for_each(one)
}

fn one(url: &Url) -> Check {
    if url.scheme() != "https" {
        return fault(
            KEY,
            format!("holds an address that begins with {}:", url.scheme()),
            "Browsers give the microphone to https:// pages only: let a proxy such as Caddy end TLS.",
        );
    }
    // Not shown: it may be a password.
    if !url.username().is_empty() || url.password().is_some() {
        return fault(KEY, "holds an address with a user or a password", SHAPE);
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return fault(
            KEY,
            format!("holds {url}, which has more behind the host"),
            SHAPE,
        );
    }
    match url.host() {
        // A Content-Security-Policy has no word for it: the page would have no way to LiveKit.
        Some(Host::Ipv6(ip)) => fault(
            KEY,
            format!(
                "holds the IPv6 address {ip}, under which a browser lets no page reach LiveKit"
            ),
            "Use the machine's name or its IPv4 address.",
        ),
        // With a port, it may be one that leads from another machine, or out of a virtual one.
        Some(_) if url.port().is_none() && url.host_str().is_some_and(means_this_machine) => fault(
            KEY,
            format!("holds {url}, which means this machine alone"),
            "Leave it out: under that name the page is there already, at http://localhost.",
        ),
        _ => Ok(()),
    }
}

fn means_this_machine(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    is_loopback(host) || host.ends_with(".localhost") || host == "0.0.0.0"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(url: &str) -> String {
        check(&[url.parse().unwrap()]).map_or_else(|fault| fault.reason, |()| String::new())
    }

    #[test]
    fn a_name_or_an_ipv4_address_over_tls_works() {
        for fine in [
            "https://jex.local",
            "https://jex.local/",
            "https://192.168.1.20",
            "https://jex.example.com:8443",
            "https://localhost:8443",
        ] {
            assert_eq!(reason(fine), "", "{fine}");
        }
        assert_eq!(check(&[]), Ok(()));
    }

    #[test]
    fn what_is_no_bare_https_address_is_refused() {
        for (url, why) in [
            ("http://jex.local", "begins with http:"),
            ("ftp://jex.local", "begins with ftp:"),
            ("https://jex.local/page", "more behind the host"),
            ("https://jex.local/?a", "more behind the host"),
            ("https://jex.local/#a", "more behind the host"),
            ("https://me@jex.local", "a user"),
            ("https://me:pw@jex.local", "a user"),
            ("https://[fd00::1]", "IPv6"),
            ("https://localhost", "this machine alone"),
            ("https://localhost.", "this machine alone"),
            ("https://a.localhost", "this machine alone"),
            ("https://127.0.0.2", "this machine alone"),
            ("https://0.0.0.0", "this machine alone"),
        ] {
            assert!(reason(url).contains(why), "{url}: {}", reason(url));
        }
    }

    #[test]
    fn one_bad_address_among_good_ones_is_found() {
        let urls = ["https://jex.local", "http://192.168.1.20"].map(|url| url.parse().unwrap());

        assert!(check(&urls).is_err());
    }

    #[test]
    fn a_password_is_not_repeated() {
        assert!(!reason("https://me:hunter2@jex.local").contains("hunter2"));
    }
}
