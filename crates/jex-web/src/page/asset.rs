//! One file of the page, ready to be sent.

use std::io::Write as _;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// Their names carry a hash of what is in them: they never change.
const IMMUTABLE_FOLDER: &str = "_next/static/";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Asked for again each time; the answer is short while nothing has changed.
const REVALIDATE: &str = "no-cache";
/// Smaller ones fit into one packet either way.
const WORTH_COMPRESSING: usize = 1_024;

/// A file with everything that its answers need.
#[derive(Debug)]
pub struct Asset {
    plain: Bytes,
    gzip: Option<Bytes>,
    content_type: HeaderValue,
    cache_control: HeaderValue,
    etag: HeaderValue,
    policy: Option<HeaderValue>,
}

impl Asset {
    /// `path` is relative to the page's folder; `policy` is the Content-Security-Policy of a page.
    pub fn new(path: &str, content: Vec<u8>, policy: Option<HeaderValue>) -> Self {
        let mime = mime_guess::from_path(path).first_or_octet_stream();
        let is_text = mime.type_() == mime_guess::mime::TEXT
            || matches!(mime.subtype().as_str(), "javascript" | "json" | "svg");
        let content_type = if is_text {
            format!("{}; charset=utf-8", mime.essence_str())
        } else {
            mime.essence_str().to_owned()
        };
        let cache_control = if path.starts_with(IMMUTABLE_FOLDER) {
            IMMUTABLE
        } else {
            REVALIDATE
        };
        // Weak: the compressed form has the same.
        let digest = URL_SAFE_NO_PAD.encode(&Sha256::digest(&content)[..16]);
        Self {
            gzip: is_text.then(|| gzip(&content)).flatten(),
            plain: content.into(),
            content_type: HeaderValue::try_from(content_type).expect("a MIME type is ASCII"),
            cache_control: HeaderValue::from_static(cache_control),
            etag: HeaderValue::try_from(format!("W/\"{digest}\"")).expect("base64 is ASCII"),
            policy,
        }
    }

    /// The answer to a request with `headers`. For HEAD the server leaves the body out.
    pub fn answer(&self, status: StatusCode, headers: &HeaderMap) -> Response {
        let unchanged = status == StatusCode::OK && self.is_known(headers);
        let compressed = self.gzip.as_ref().filter(|_| accepts_gzip(headers));
        let body = compressed.unwrap_or(&self.plain);
        let mut response = Response::new(Body::empty());
        let answer = response.headers_mut();
        answer.insert(header::CACHE_CONTROL, self.cache_control.clone());
        answer.insert(header::ETAG, self.etag.clone());
        if self.gzip.is_some() {
            let vary = HeaderValue::from_static("accept-encoding");
            answer.insert(header::VARY, vary);
        }
        if let Some(policy) = &self.policy {
            answer.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        }
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        answer.insert(header::CONTENT_TYPE, self.content_type.clone());
        answer.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        if compressed.is_some() {
            let encoding = HeaderValue::from_static("gzip");
            answer.insert(header::CONTENT_ENCODING, encoding);
        }
        *response.status_mut() = status;
        *response.body_mut() = Body::from(body.clone());
        response
    }

    /// The browser has this very file.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        list(headers, &header::IF_NONE_MATCH)
            .any(|known| known == "*" || known.as_bytes() == self.etag.as_bytes())
    }
}

/// Compressed, if that is worth it.
fn gzip(content: &[u8]) -> Option<Bytes> {
    if content.len() < WORTH_COMPRESSING {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(content).and_then(|()| encoder.finish());
    let compressed = written.expect("writing to memory does not fail");
    (compressed.len() < content.len()).then(|| compressed.into())
}

/// RFC 9110, 12.5.3: `gzip`, its old name or anything, unless with a weight of zero.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    list(headers, &header::ACCEPT_ENCODING).any(|coding| {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = parameters.trim().strip_prefix("q=");
        let refused = weight.is_some_and(|weight| weight.trim().parse() == Ok(0.0f32));
        matches!(name.trim(), "gzip" | "x-gzip" | "*") && !refused
    })
}

/// The members of a comma-separated header, wherever it stands.
fn list<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::http::HeaderName;

    use super::*;

    fn script() -> Asset {
        let content = "let answer = 42;\n".repeat(200).into_bytes();
        Asset::new("_next/static/chunks/a.js", content, None)
    }

    async fn ask(asset: &Asset, headers: &[(HeaderName, &str)]) -> (HeaderMap, StatusCode, Bytes) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let (parts, body) = asset.answer(StatusCode::OK, &map).into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (parts.headers, parts.status, body)
    }

    #[tokio::test]
    async fn text_goes_compressed_to_whom_it_suits() {
        let asset = script();

        for accepts in ["gzip", "br, gzip;q=0.5", "*", "deflate,gzip"] {
            let (headers, _, body) = ask(&asset, &[(header::ACCEPT_ENCODING, accepts)]).await;

            assert_eq!(headers[header::CONTENT_ENCODING], "gzip", "{accepts}");
            let mut plain = Vec::new();
            let mut decoder = flate2::read::GzDecoder::new(&body[..]);
            decoder.read_to_end(&mut plain).unwrap();
            assert_eq!(plain, asset.plain);
        }
        for accepts in ["", "br", "gzip;q=0", "identity", "gzipped"] {
            let (headers, _, body) = ask(&asset, &[(header::ACCEPT_ENCODING, accepts)]).await;

            assert!(!headers.contains_key(header::CONTENT_ENCODING), "{accepts}");
            assert_eq!(body, asset.plain);
            assert_eq!(headers[header::VARY], "accept-encoding");
        }
    }

    #[tokio::test]
    async fn a_browser_that_has_the_file_is_told_so() {
        let asset = script();
        let (first, _, _) = ask(&asset, &[]).await;
        let known = first[header::ETAG].to_str().unwrap().to_owned();

        let list = format!("\"other\", {known}");
        let (_, status, body) = ask(&asset, &[(header::IF_NONE_MATCH, &list)]).await;
        let (_, changed, _) = ask(&asset, &[(header::IF_NONE_MATCH, "\"other\"")]).await;

        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(changed, StatusCode::OK);
    }

    #[test]
    fn types_are_those_that_browsers_insist_on() {
        for (path, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("_next/a.js", "text/javascript; charset=utf-8"),
            ("_next/a.css", "text/css; charset=utf-8"),
            ("icon.svg", "image/svg+xml; charset=utf-8"),
            ("index.txt", "text/plain; charset=utf-8"),
            ("font.woff2", "font/woff2"),
            ("unknown", "application/octet-stream"),
        ] {
            let asset = Asset::new(path, Vec::new(), None);

            assert_eq!(asset.content_type, expected, "{path}");
        }
    }

    #[test]
    fn only_what_never_changes_is_kept_without_asking() {
        let kept = |path: &str| Asset::new(path, Vec::new(), None).cache_control;

        assert_eq!(kept("_next/static/chunks/a.js"), IMMUTABLE);
        assert_eq!(kept("index.html"), REVALIDATE);
        assert_eq!(kept("icon.svg"), REVALIDATE);
    }
}
