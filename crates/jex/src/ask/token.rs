//! The way into a room, from the page's server, as any caller gets it.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(5);

/// A place in a room of one's own.
#[derive(Debug, Clone, Deserialize)]
pub struct Ticket {
    pub server_url: Url,
    pub participant_token: String,
    pub room_name: String,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("JEX is not running: nothing answers on {address}.")]
    NotRunning { address: String },
    #[error("{address} gave no room ({status}): {message}")]
    Refused {
        address: String,
        status: u16,
        message: String,
        remedy: String,
    },
    #[error("{address} does not answer as JEX does: {reason}.")]
    Stranger { address: String, reason: String },
}

impl TokenError {
    /// What to do about it.
    pub fn remedy(&self) -> &str {
        match self {
            Self::NotRunning { .. } => {
                "`jex up` starts it; if it runs on another port, set `web.port` to that."
            }
            Self::Refused { remedy, .. } if !remedy.is_empty() => remedy,
            Self::Refused { .. } => "`jex status` shows which part is not well.",
            Self::Stranger { .. } => {
                "Another program may have taken the port: set `web.port` to a free one."
            }
        }
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: RefusalDetail,
}

#[derive(Deserialize)]
struct RefusalDetail {
    message: String,
    #[serde(default)]
    remedy: String,
}

/// Asks the page's server on this machine's `port`.
pub async fn request(port: u16) -> Result<Ticket, TokenError> {
    let address = format!("http://127.0.0.1:{port}");
    let stranger = |reason: String| TokenError::Stranger {
        address: address.clone(),
        reason,
    };
    // A proxy must never see a request to this machine.
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .build();
    let client = client.map_err(|error| stranger(error.to_string()))?;
    let reply = client
        .post(format!("{address}/api/token"))
        .json(&serde_json::json!({ "participant_name": "jex ask" }))
        .send()
        .await
        .map_err(|error| match error.is_connect() {
            true => TokenError::NotRunning {
                address: address.clone(),
            },
            false if error.is_timeout() => stranger("no reply came in time".into()),
            false => stranger(error.to_string()),
        })?;
    let status = reply.status();
    let body = reply
        .bytes()
        .await
        .map_err(|error| stranger(error.to_string()))?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|error| stranger(error.to_string()));
    }
    match serde_json::from_slice::<Refusal>(&body) {
        Ok(refusal) => Err(TokenError::Refused {
            address,
            status: status.as_u16(),
            message: refusal.error.message,
            remedy: refusal.error.remedy,
        }),
        Err(_) => Err(stranger(format!("it says {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that gives every request the same reply; returns its port.
    async fn replying(status: &'static str, body: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let length = body.len();
                let reply = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
                let _ = stream.write_all(reply.as_bytes()).await;
            }
        });
        port
    }

    #[tokio::test]
    async fn a_ticket_is_read() {
        let body = r#"{"server_url":"ws://127.0.0.1:7880","participant_token":"t","room_name":"talk-1","expires_in_seconds":300}"#;

        let ticket = request(replying("200 OK", body).await).await.unwrap();

        assert_eq!(ticket.room_name, "talk-1");
        assert_eq!(ticket.server_url.port(), Some(7880));
    }

    #[tokio::test]
    async fn a_refusal_is_told_with_its_remedy() {
        let body = r#"{"error":{"code":"x","message":"LiveKit is away.","remedy":"Wait."}}"#;

        let error = request(replying("503 Service Unavailable", body).await)
            .await
            .unwrap_err();

        assert!(error.to_string().contains("LiveKit is away."), "{error}");
        assert_eq!(error.remedy(), "Wait.");
    }

    #[tokio::test]
    async fn nobody_on_the_port_means_that_jex_does_not_run() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);

        let error = request(port).await.unwrap_err();

        assert!(matches!(error, TokenError::NotRunning { .. }), "{error}");
        assert!(error.remedy().contains("jex up"));
    }

    #[tokio::test]
    async fn another_program_on_the_port_is_told_apart() {
        for (status, body) in [("200 OK", "<html>"), ("404 Not Found", "no")] {
            let error = request(replying(status, body).await).await.unwrap_err();

            assert!(matches!(error, TokenError::Stranger { .. }), "{error}");
        }
    }
}
