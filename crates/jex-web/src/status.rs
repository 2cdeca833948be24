//! `GET /api/status`: how far the parts of JEX are, asked of whoever runs them over its control socket.
//!
//! Where this server may not ask, as on an appliance, nothing is said: the socket also takes orders.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use jex_config::Paths;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::state::App;

const PATIENCE: Duration = Duration::from_secs(2);
/// More is no answer.
const LONGEST_BYTES: u64 = 1 << 20;

/// The sockets that may be there, the nearest first.
#[derive(Debug, Clone)]
pub struct Supervisor {
    sockets: [PathBuf; 2],
}

/// What the page is told of the answer: no numbers of processes.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    components: Vec<Component>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Component {
    name: String,
    /// As `jex status` has it.
    state: String,
    /// What it is doing, or why it failed.
    detail: Option<String>,
    #[serde(default, skip_serializing)]
    last_error: Option<String>,
}

impl Component {
    /// The first line of the reason: the rest is of its log.
    fn told(mut self) -> Self {
        let reason = self.last_error.take().filter(|_| self.state == "failed");
        if let Some(reason) = reason.as_deref().and_then(|reason| reason.lines().next()) {
            let own_words = format!("{} cannot start: ", self.name);
            let reason = reason.strip_prefix(&own_words).unwrap_or(reason);
            self.detail = Some(reason.to_owned());
        }
        self
    }
}

pub async fn answer(State(app): State<App>) -> Json<Status> {
    Json(app.supervisor.status().await)
}

impl Supervisor {
    pub fn new(paths: &Paths) -> Self {
        Self {
            sockets: [paths.control_socket(), paths.machine_socket()],
        }
    }

    async fn status(&self) -> Status {
        for socket in &self.sockets {
            match tokio::time::timeout(PATIENCE, ask(socket)).await {
                Ok(Ok(status)) => return status,
                Ok(Err(error)) => {
                    tracing::debug!(socket = %socket.display(), %error, "nobody to ask")
                }
                Err(_) => tracing::debug!(socket = %socket.display(), "no answer"),
            }
        }
        Status::default()
    }
}

/// A line of JSON asks, a line of JSON answers.
async fn ask(socket: &Path) -> std::io::Result<Status> {
    let mut stream = connect(socket).await?;
    stream.write_all(b"{\"command\":\"status\"}\n").await?;
    let mut line = String::new();
    let answer = BufReader::new(stream).take(LONGEST_BYTES);
    BufReader::new(answer).read_line(&mut line).await?;
    let status: Status = serde_json::from_str(&line)?;
    let components = status.components.into_iter().map(Component::told).collect();
    Ok(Status { components })
}

/// By a short path that leads there: a socket's address holds 107 bytes (`sun_path` of `unix(7)`).
async fn connect(socket: &Path) -> std::io::Result<UnixStream> {
    let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else {
        return Err(std::io::ErrorKind::InvalidInput.into());
    };
    let folder = File::open(folder)?;
    let short = format!("/proc/self/fd/{}", folder.as_raw_fd());
    UnixStream::connect(Path::new(&short).join(name)).await
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    fn supervisor(folder: &Path) -> Supervisor {
        let at = |name: &str| folder.join(name).join("control.sock");
        Supervisor {
            sockets: [at("own"), at("machine")],
        }
    }

    /// Answers one question with `line`; returns the question.
    async fn answers(socket: &Path, line: &'static str) -> tokio::task::JoinHandle<String> {
        std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
        let listener = UnixListener::bind(socket).unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut asked = String::new();
            stream.read_line(&mut asked).await.unwrap();
            stream.write_all(line.as_bytes()).await.unwrap();
            asked
        })
    }

    #[tokio::test]
    async fn whoever_runs_jex_says_how_far_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let supervisor = supervisor(folder.path());
        let told = "{\"components\":[{\"name\":\"n8n\",\"state\":\"warming\",\"pid\":7,\
            \"detail\":\"provisioning 4 of 9\"},{\"name\":\"web\",\"state\":\"ready\",\"last_error\":\"old\"},\
            {\"name\":\"ollama\",\"state\":\"failed\",\"last_error\":\"ollama cannot start: its port is taken.\\nlog\"}],\"ready\":true}\n";
        let asked = answers(&supervisor.sockets[1], told).await;

        let status = supervisor.status().await;

        assert_eq!(asked.await.unwrap(), "{\"command\":\"status\"}\n");
        assert_eq!(
            serde_json::to_value(status).unwrap(),
            serde_json::json!({"components": [
                {"name": "n8n", "state": "warming", "detail": "provisioning 4 of 9"},
                {"name": "web", "state": "ready", "detail": null},
                {"name": "ollama", "state": "failed", "detail": "its port is taken."},
            ]})
        );
    }

    #[tokio::test]
    async fn where_nobody_can_be_asked_nothing_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let supervisor = supervisor(folder.path());
        assert_eq!(supervisor.status().await, Status::default());

        let _asked = answers(&supervisor.sockets[0], "{\"error\":\"JEX is ending.\"}\n").await;

        assert_eq!(supervisor.status().await, Status::default());
    }
}
