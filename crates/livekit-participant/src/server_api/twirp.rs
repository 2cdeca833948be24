//! One Twirp call: a protobuf message out, one back, or an error that can be told apart.

use std::time::Duration;

use livekit_token::VideoGrants;
use prost::Message;
use serde::Deserialize;
use url::Url;

use crate::token::{self, TokenError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Also covers the time that the server takes: it creates a room before it answers.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes. A room with a thousand participants is far below.
const MAX_ANSWER: usize = 8 << 20;

/// A call to the server's APIs failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("cannot reach LiveKit at {url}: {reason}")]
    Unreachable { url: Url, reason: String },
    #[error("LiveKit at {url} did not answer {method} within {} s", TIMEOUT.as_secs())]
    TimedOut { url: Url, method: &'static str },
    /// The server understood and said no. `code` is Twirp's, such as `not_found`.
    #[error("LiveKit refused {method}: {message} ({code})")]
    Refused {
        method: &'static str,
        code: String,
        message: String,
    },
    /// Something answered that does not speak LiveKit's API.
    #[error("{url} does not answer {method} as LiveKit would: {reason}")]
    Malformed {
        url: Url,
        method: &'static str,
        reason: String,
    },
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("cannot set up an HTTP client: {0}")]
    Client(String),
}

impl ApiError {
    /// The room, participant or dispatch is not there (any more).
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "not_found")
    }

    /// The key or the secret is not the server's.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused { code, .. }
            if code == "unauthenticated" || code == "permission_denied")
    }
}

/// Twirp's error body.
#[derive(Deserialize)]
struct Refusal {
    code: String,
    #[serde(default)]
    msg: String,
}

/// A client of one server.
pub(super) struct Client {
    base: Url,
    api_key: String,
    api_secret: String,
    http: Result<reqwest::Client, String>,
}

impl Client {
    /// `url` is the server's address, as `ws`, `wss`, `http` or `https`.
    pub(super) fn new(url: &Url, api_key: &str, api_secret: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build();
        Self {
            base: http_url(url),
            api_key: api_key.to_owned(),
            api_secret: api_secret.to_owned(),
            http: http.map_err(|error| error.to_string()),
        }
    }

    /// Calls `method`, written `Service/Method`, with a token that grants `grants`.
    pub(super) async fn call<Request, Answer>(
        &self,
        method: &'static str,
        grants: VideoGrants,
        request: Request,
    ) -> Result<Answer, ApiError>
    where
        Request: Message,
        Answer: Message + Default,
    {
        let http = self
            .http
            .as_ref()
            .map_err(|e| ApiError::Client(e.clone()))?;
        let token = token::own_token(&self.api_key, &self.api_secret, grants)?;
        let address = format!(
            "{}/twirp/livekit.{method}",
            self.base.as_str().trim_end_matches('/')
        );
        let response = http
            .post(address)
            .bearer_auth(token)
            .header("content-type", "application/protobuf")
            .body(request.encode_to_vec())
            .send()
            .await
            .map_err(|error| self.transport_error(method, &error))?;
        let status = response.status();
        let body = self.read(method, response).await?;
        if status.is_success() {
            return Answer::decode(body.as_slice())
                .map_err(|error| self.malformed(method, error.to_string()));
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(Refusal { code, msg }) => Err(ApiError::Refused {
                method,
                code,
                message: msg,
            }),
            // The token check answers before Twirp does, in plain text.
            Err(_) if matches!(status.as_u16(), 401 | 403) => Err(ApiError::Refused {
                method,
                code: "unauthenticated".into(),
                message: "the API key or its secret is not the server's".into(),
            }),
            Err(_) => Err(self.malformed(method, format!("HTTP status {status}"))),
        }
    }

    async fn read(
        &self,
        method: &'static str,
        mut response: reqwest::Response,
    ) -> Result<Vec<u8>, ApiError> {
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.transport_error(method, &error))?
        {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(self.malformed(method, format!("more than {MAX_ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn transport_error(&self, method: &'static str, error: &reqwest::Error) -> ApiError {
        let url = self.base.clone();
        if error.is_timeout() && !error.is_connect() {
            return ApiError::TimedOut { url, method };
        }
        ApiError::Unreachable {
            url,
            reason: innermost(error),
        }
    }

    fn malformed(&self, method: &'static str, reason: String) -> ApiError {
        ApiError::Malformed {
            url: self.base.clone(),
            method,
            reason,
        }
    }
}

/// reqwest's own words say only that sending failed; the cause is at the end of the chain.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// The HTTP form of a server's address; signalling addresses are `ws` and `wss`.
fn http_url(url: &Url) -> Url {
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        other => other,
    };
    let mut http = url.clone();
    // Between the four schemes a change always succeeds; any other stays and fails on use.
    let _ = http.set_scheme(scheme);
    http
}

#[cfg(test)]
mod tests {
    use livekit_protocol as lk;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const SECRET: &str = "a secret of at least thirty-two characters";

    async fn call(url: &str) -> Result<lk::ListRoomsResponse, ApiError> {
        let client = Client::new(&url.parse().unwrap(), "key", SECRET);
        let request = lk::ListRoomsRequest::default();
        client
            .call("RoomService/ListRooms", VideoGrants::default(), request)
            .await
    }

    /// A server that answers its first request with `answer`, whatever was asked.
    async fn server(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answer).await;
            let _ = socket.shutdown().await;
            let _ = socket.read(&mut request).await;
        });
        url
    }

    #[test]
    fn signalling_addresses_become_http_ones() {
        let http = |url: &str| http_url(&url.parse().unwrap()).to_string();

        assert_eq!(http("ws://127.0.0.1:7880"), "http://127.0.0.1:7880/");
        assert_eq!(http("wss://x.livekit.cloud/a"), "https://x.livekit.cloud/a");
        assert_eq!(http("https://livekit.test/"), "https://livekit.test/");
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_unreachable_with_the_cause() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);

        let error = call(&url).await.unwrap_err();

        assert!(matches!(error, ApiError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains("refused"), "{error}");
    }

    #[tokio::test]
    async fn a_twirp_error_keeps_its_code() {
        let url = server(
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 53\r\n\r\n\
              {\"code\":\"not_found\",\"msg\":\"requested room not there\"}",
        )
        .await;

        let error = call(&url).await.unwrap_err();

        assert!(error.is_not_found(), "{error}");
    }

    #[tokio::test]
    async fn a_wrong_key_is_told_apart_though_the_answer_is_plain_text() {
        let url = server(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 7\r\n\r\ninvalid").await;

        let error = call(&url).await.unwrap_err();

        assert!(error.is_unauthorized(), "{error}");
    }

    #[tokio::test]
    async fn another_kind_of_server_is_malformed_not_a_panic() {
        let answers: [&[u8]; 3] = [
            b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>",
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
        ];
        for answer in answers {
            let url = server(answer).await;

            let error = call(&url).await.unwrap_err();

            assert!(matches!(error, ApiError::Malformed { .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_off_is_an_error() {
        let url = server(b"HTTP/1.1 200 OK\r\ncontent-length: 600\r\n\r\nabc").await;

        let error = call(&url).await.unwrap_err();

        assert!(matches!(error, ApiError::Unreachable { .. }), "{error}");
    }
}
