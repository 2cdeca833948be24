//! The exported page, held in memory.
//!
//! The folder is read once, at start: what is served is exactly what was hashed for the
//! Content-Security-Policy, and no request reaches the file system, whatever its path says.
//!
//! * [`load`]: reads the folder
//! * `asset`: one file, ready to be sent
//! * `inline`: the inline scripts and styles of a page

mod asset;
mod inline;
pub mod load;

use std::collections::HashMap;

use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;

use crate::refusal::Refusal;
use asset::Asset;

/// The page's files by their path, without a slash at the start.
#[derive(Debug)]
pub struct Page {
    assets: HashMap<String, Asset>,
    not_found: Option<Asset>,
}

impl Page {
    /// Answers a request for `path`, as it is in the request target.
    pub fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response {
        if method != Method::GET && method != Method::HEAD {
            let allow = [("allow", "GET, HEAD")];
            return (allow, Refusal::method_not_allowed()).into_response();
        }
        match (self.find(path), &self.not_found) {
            (Some(asset), _) => asset.answer(StatusCode::OK, headers),
            (None, Some(not_found)) => not_found.answer(StatusCode::NOT_FOUND, headers),
            (None, None) => Refusal::not_found().into_response(),
        }
    }

    /// The file of that name, or the page: `/x` is `x.html` or `x/index.html`.
    fn find(&self, path: &str) -> Option<&Asset> {
        let path = percent_decode_str(path.strip_prefix('/')?)
            .decode_utf8()
            .ok()?;
        if path.is_empty() {
            return self.assets.get("index.html");
        }
        let page = path.strip_suffix('/').unwrap_or(&path);
        let exact = self.assets.get(path.as_ref());
        exact
            .or_else(|| self.assets.get(&format!("{page}.html")))
            .or_else(|| self.assets.get(&format!("{page}/index.html")))
    }
}
