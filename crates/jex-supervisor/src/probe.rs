//! Asks a component whether it answers.

use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::Connection as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use url::Url;

use crate::component::Probe;
use crate::{database, http, speech};

/// Longest wait for one answer. A recogniser at work may take its time.
const LIMIT: Duration = Duration::from_secs(10);
/// Between two questions to one that is ready.
const EVERY: Duration = Duration::from_secs(5);
/// As [`EVERY`], to one beyond this machine.
const EVERY_ELSEWHERE: Duration = Duration::from_secs(30);

/// It answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    pub version: Option<String>,
}

/// It does not, or says that it is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    pub reason: String,
    /// There is something that answers, only not with "ready".
    pub alive: bool,
}

/// How long to wait between two questions to one that is ready.
pub fn pause(probe: &Probe) -> Duration {
    match probe {
        Probe::Http { url } | Probe::Wyoming { url } | Probe::Connect { url }
            if !http::is_local(url) =>
        {
            EVERY_ELSEWHERE
        }
        _ => EVERY,
    }
}

/// The port of this machine on which whoever is asked listens.
pub fn port(probe: &Probe) -> Option<u16> {
    match probe {
        Probe::Http { url } | Probe::Wyoming { url } | Probe::Connect { url } => {
            url.port_or_known_default().filter(|_| http::is_local(url))
        }
        Probe::Redis { port, .. } => Some(*port),
        Probe::Socket { .. } | Probe::Database { .. } => None,
    }
}

/// Asks once.
pub async fn ask(probe: &Probe) -> Result<Answer, Silence> {
    let asking = async {
        match probe {
            Probe::Http { url } => ask_http(url).await,
            Probe::Wyoming { url } => speech::version(url, LIMIT)
                .await
                .map(|version| Answer { version })
                .map_err(|reason| Silence {
                    reason,
                    alive: false,
                }),
            Probe::Redis { port, password } => ask_redis(*port, password)
                .await
                .map_err(|error| silent(&error)),
            Probe::Connect { url } if http::is_local(url) => {
                connect(url).await.map_err(|error| silent(&error))
            }
            Probe::Connect { url } => any_answer(url).await.map_err(|error| silent(&error)),
            Probe::Socket { path } => connect_unix(path).await.map_err(|error| silent(&error)),
            Probe::Database { url, password } => {
                ask_database(url, password.as_ref()).await.map_err(|error| {
                    let alive = database::is_starting(&error);
                    Silence {
                        alive,
                        ..silent(&error)
                    }
                })
            }
        }
    };
    tokio::time::timeout(LIMIT, asking)
        .await
        .unwrap_or_else(|_| {
            Err(Silence {
                reason: format!("no answer within {} s", LIMIT.as_secs()),
                alive: false,
            })
        })
}

fn silent(error: &dyn std::error::Error) -> Silence {
    Silence {
        reason: http::reason(error),
        alive: false,
    }
}

async fn ask_http(url: &Url) -> Result<Answer, Silence> {
    let client = http::client(url).map_err(|error| silent(&error))?;
    let response = client
        .get(url.clone())
        .send()
        .await
        .map_err(|error| silent(&error.without_url()))?;
    let status = response.status();
    let body = response.text().await.unwrap_or_default();
    let fields: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    if status.is_success() {
        let version = fields["version"].as_str().map(str::to_owned);
        return Ok(Answer { version });
    }
    let said = fields["state"].as_str().unwrap_or_default();
    let reason = match said {
        "" => format!("it answers {status}"),
        said => format!("it says \"{said}\""),
    };
    Err(Silence {
        reason,
        alive: true,
    })
}

async fn connect(url: &Url) -> std::io::Result<Answer> {
    let host = url.host_str().unwrap_or("127.0.0.1");
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = url
        .port_or_known_default()
        .ok_or_else(|| std::io::Error::other("the address names no port"))?;
    TcpStream::connect((host, port)).await?;
    Ok(Answer::default())
}

/// By HTTP, since a proxy may be the only way there; whatever is said will do.
async fn any_answer(url: &Url) -> reqwest::Result<Answer> {
    let answer = http::client(url)?.head(url.clone()).send().await;
    answer.map_err(reqwest::Error::without_url)?;
    Ok(Answer::default())
}

async fn connect_unix(path: &Path) -> std::io::Result<Answer> {
    UnixStream::connect(path).await?;
    Ok(Answer::default())
}

async fn ask_database(url: &Url, password: Option<&SecretString>) -> sqlx::Result<Answer> {
    let mut connection = database::connect(url, password).await?;
    let version = database::version(&mut connection).await?;
    connection.close().await?;
    Ok(Answer {
        version: Some(version),
    })
}

async fn ask_redis(port: u16, password: &SecretString) -> std::io::Result<Answer> {
    let reply = redis(port, password, "INFO server").await?;
    let version = reply
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"))
        .map(|version| version.trim().to_owned());
    Ok(Answer { version })
}

/// Empties JEX's own Redis.
pub async fn empty_redis(port: u16, password: &SecretString) -> std::io::Result<()> {
    let emptying = tokio::time::timeout(LIMIT, redis(port, password, "FLUSHALL"));
    emptying.await?.map(drop)
}

/// Runs one inline command and returns everything that was answered.
async fn redis(port: u16, password: &SecretString, command: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let lines = format!("AUTH {}\r\n{command}\r\nQUIT\r\n", password.expose_secret());
    stream.write_all(lines.as_bytes()).await?;
    let mut reply = String::new();
    stream.take(64 * 1024).read_to_string(&mut reply).await?;
    match reply.lines().find(|line| line.starts_with('-')) {
        None if reply.ends_with("+OK\r\n") => Ok(reply),
        None => Err(std::io::Error::other("Redis broke off")),
        Some(refusal) => Err(std::io::Error::other(format!(
            "Redis refuses: {}",
            refusal.trim_start_matches('-')
        ))),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::json;

    use super::*;

    async fn serve(app: Router) -> Url {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/health", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        url.parse().unwrap()
    }

    #[tokio::test]
    async fn an_answer_tells_its_version() {
        let body = json!({ "state": "ready", "version": "0.1.0" });
        let url = serve(Router::new().route("/health", get(async || Json(body)))).await;

        let answer = ask(&Probe::Http { url }).await.unwrap();

        assert_eq!(answer.version.as_deref(), Some("0.1.0"));
    }

    #[tokio::test]
    async fn one_that_is_not_ready_is_alive_and_says_why() {
        let body = json!({ "state": "registering" });
        let app = Router::new().route(
            "/health",
            get(async || (StatusCode::SERVICE_UNAVAILABLE, Json(body))),
        );
        let url = serve(app).await;

        let silence = ask(&Probe::Http { url }).await.unwrap_err();

        assert!(silence.alive);
        assert_eq!(silence.reason, "it says \"registering\"");
    }

    #[tokio::test]
    async fn nobody_there_is_said() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("tcp://{}", listener.local_addr().unwrap());
        drop(listener);

        let probe = Probe::Wyoming {
            url: url.parse().unwrap(),
        };
        let silence = ask(&probe).await.unwrap_err();

        assert!(!silence.alive);
        assert!(silence.reason.contains("refused"), "{}", silence.reason);
    }
}
