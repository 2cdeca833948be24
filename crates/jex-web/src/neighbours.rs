//! Asks LiveKit and the agent how they are.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Serialize;
use url::Url;

/// Both are on this machine or a fast connection away; the page asks every few seconds.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Whether rooms can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Livekit {
    Ready,
    Unreachable,
}

/// Whether someone answers in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Agent {
    Ready,
    /// It runs, but LiveKit does not know it (yet).
    Registering,
    Unreachable,
}

/// The processes that the page depends on.
#[derive(Debug, Clone)]
pub struct Neighbours {
    http: reqwest::Client,
    livekit: Url,
    agent: Url,
}

impl Neighbours {
    /// `livekit` is its signalling address; `agent` the one of the agent's health endpoint.
    pub fn new(livekit: &Url, agent: Url) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self {
            http,
            livekit: root_over_http(livekit),
            agent,
        })
    }

    /// livekit-server answers `GET /` with 200 while it is well.
    pub async fn livekit(&self) -> Livekit {
        match self.status(&self.livekit).await {
            Some(StatusCode::OK) => Livekit::Ready,
            _ => Livekit::Unreachable,
        }
    }

    pub async fn livekit_is_ready(&self) -> bool {
        self.livekit().await == Livekit::Ready
    }

    /// The agent answers 200 while it is registered with LiveKit, 503 before.
    pub async fn agent(&self) -> Agent {
        match self.status(&self.agent).await {
            Some(StatusCode::OK) => Agent::Ready,
            Some(StatusCode::SERVICE_UNAVAILABLE) => Agent::Registering,
            _ => Agent::Unreachable,
        }
    }

    /// What the agent says of its tools, in JSON; `None` where it does not answer.
    pub async fn tools(&self) -> Option<bytes::Bytes> {
        let mut url = self.agent.clone();
        url.set_path("/tools");
        let answer = self.http.get(url).send().await.ok()?;
        answer.error_for_status().ok()?.bytes().await.ok()
    }

    async fn status(&self, url: &Url) -> Option<StatusCode> {
        let answer = self.http.get(url.clone()).send().await.ok()?;
        Some(answer.status())
    }
}

fn root_over_http(livekit: &Url) -> Url {
    let mut url = livekit.clone();
    let scheme = match livekit.scheme() {
        "wss" | "https" => "https",
        _ => "http",
    };
    // Between these schemes a change always succeeds.
    let _ = url.set_scheme(scheme);
    url.set_path("/");
    url
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers every request with `status`; nobody, if there is none.
    async fn server(status: Option<u16>) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/health", listener.local_addr().unwrap());
        if let Some(status) = status {
            let status = axum::http::StatusCode::from_u16(status).unwrap();
            let router = Router::new().fallback(get(move || async move { status }));
            tokio::spawn(async move { axum::serve(listener, router).await });
        }
        url.parse().unwrap()
    }

    #[tokio::test]
    async fn each_answer_has_its_meaning() {
        for (status, livekit, agent) in [
            (Some(200), Livekit::Ready, Agent::Ready),
            (Some(503), Livekit::Unreachable, Agent::Registering),
            (Some(404), Livekit::Unreachable, Agent::Unreachable),
            (None, Livekit::Unreachable, Agent::Unreachable),
        ] {
            let url = server(status).await;
            let neighbours = Neighbours::new(&url, url.clone()).unwrap();

            assert_eq!(neighbours.livekit().await, livekit, "{status:?}");
            assert_eq!(neighbours.agent().await, agent, "{status:?}");
        }
    }

    #[test]
    fn livekit_is_asked_over_http_at_its_root() {
        let root = |url: &str| root_over_http(&url.parse().unwrap()).to_string();

        assert_eq!(root("ws://127.0.0.1:7880/x"), "http://127.0.0.1:7880/");
        assert_eq!(
            root("wss://jex.livekit.cloud"),
            "https://jex.livekit.cloud/"
        );
    }
}
