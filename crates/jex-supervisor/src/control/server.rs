//! The end of `jex up`, or of the supervisor on an appliance.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use super::{Command, Reply, at};
use crate::SupervisorError;

/// Longer questions are no questions.
const LONGEST_BYTES: u64 = 4096;
const PATIENCE: Duration = Duration::from_secs(5);

/// A question, and where the answer goes.
#[derive(Debug)]
pub struct Request {
    pub command: Command,
    pub reply: oneshot::Sender<Reply>,
}

/// Who may ask, beside root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The user that this process belongs to.
    Owner,
    /// The members of its group, too.
    Group,
}

/// Listens; questions come out of the receiver.
pub fn listen(path: &Path, access: Access) -> Result<mpsc::Receiver<Request>, SupervisorError> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(SupervisorError::file("cannot make", folder))?;
    }
    // The lock, or the unit, is ours: whoever left it is gone.
    let _ = std::fs::remove_file(path);
    let listener = at(path, |path| UnixListener::bind(path))
        .map_err(SupervisorError::file("cannot listen on", path))?;
    let mode = match access {
        Access::Owner => 0o600,
        Access::Group => 0o660,
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(SupervisorError::file("cannot protect", path))?;
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(answer(stream, sender.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept on the control socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
    Ok(receiver)
}

async fn answer(stream: UnixStream, requests: mpsc::Sender<Request>) {
    let talking = async {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        (&mut stream)
            .take(LONGEST_BYTES)
            .read_line(&mut line)
            .await?;
        let reply = match serde_json::from_str(line.trim()) {
            Ok(command) => ask(command, &requests).await,
            Err(error) => Reply::Error {
                error: format!("JEX does not understand: {error}. Is it another version?"),
            },
        };
        let mut text = serde_json::to_string(&reply)?;
        text.push('\n');
        stream.get_mut().write_all(text.as_bytes()).await
    };
    if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, talking).await {
        tracing::debug!(%error, "a control connection broke off");
    }
}

async fn ask(command: Command, requests: &mpsc::Sender<Request>) -> Reply {
    let (reply, answer) = oneshot::channel();
    let busy = || Reply::Error {
        error: "JEX is ending.".into(),
    };
    if requests.send(Request { command, reply }).await.is_err() {
        return busy();
    }
    answer.await.unwrap_or_else(|_| busy())
}
