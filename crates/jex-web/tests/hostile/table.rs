//! The table of hostile requests.

use super::support::request;
use super::{address, content, wire};

pub const JSON: &str = "Content-Type: application/json";

/// A request and the statuses that are right for it. 0 stands for a connection that is closed
/// without an answer, where what came is no HTTP.
pub struct Case {
    pub name: String,
    pub request: Vec<u8>,
    pub right: &'static [u16],
}

pub struct Cases {
    pub port: u16,
    all: Vec<Case>,
}

impl Cases {
    pub fn add(&mut self, name: impl Into<String>, right: &'static [u16], request: Vec<u8>) {
        let name = name.into();
        self.all.push(Case {
            name,
            request,
            right,
        });
    }

    /// A request for a token that is good but for `headers` and `body`.
    pub fn token(
        &mut self,
        name: impl Into<String>,
        right: &'static [u16],
        headers: &[&str],
        body: &[u8],
    ) {
        let request = request(self.port, "POST", "/api/token", headers, Some(body));
        self.add(name, right, request);
    }

    /// Text with `PORT` in it, as it is.
    pub fn raw(&mut self, name: impl Into<String>, right: &'static [u16], text: &str) {
        let request = text.replace("PORT", &self.port.to_string());
        self.add(name, right, request.into_bytes());
    }
}

/// Everything above.
pub fn table(port: u16) -> Vec<Case> {
    let mut cases = Cases {
        port,
        all: Vec::new(),
    };
    address::wrong_hosts(&mut cases);
    address::wrong_origins(&mut cases);
    address::wrong_methods(&mut cases);
    content::wrong_types(&mut cases);
    content::wrong_bodies(&mut cases);
    content::wrong_lengths(&mut cases);
    wire::wrong_syntax(&mut cases);
    wire::wrong_sizes(&mut cases);
    address::wrong_paths(&mut cases);
    cases.all
}
