//! The socket, and the task that moves bytes between it, the protocol and the application.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use url::Url;

use super::WorkerOptions;
use super::exchange::{Config, Event, Input, Output};
use super::handle::Command;
use super::job::{JobRequest, WorkerEvent};
use super::protocol::Protocol;
use crate::{crypto, token};

const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// A closing handshake is a courtesy; the server notices a closed socket as well.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest message that is read, in bytes. A job carries a room's metadata: 64 kB at most by
/// the server's default.
const MAX_MESSAGE: usize = 1 << 20;

/// Boxed: it is large, and handed around.
type Socket = Box<WebSocketStream<MaybeTlsStream<TcpStream>>>;
type Dialling = Pin<Box<dyn Future<Output = Result<Socket, String>> + Send>>;

/// Everything that a worker's task holds.
struct Connection {
    options: WorkerOptions,
    protocol: Protocol,
    socket: Option<Socket>,
    dialling: Option<Dialling>,
    answers: mpsc::WeakUnboundedSender<Command>,
    events: mpsc::UnboundedSender<WorkerEvent>,
    registered: watch::Sender<bool>,
}

enum Happened {
    Dialled(Result<Socket, String>),
    Read(Option<Result<Message, WsError>>),
    Command(Option<Command>),
    Deadline,
}

/// Runs a worker until it is closed.
pub(super) async fn run(
    options: WorkerOptions,
    mut commands: mpsc::UnboundedReceiver<Command>,
    answers: mpsc::WeakUnboundedSender<Command>,
    events: mpsc::UnboundedSender<WorkerEvent>,
    registered: watch::Sender<bool>,
) {
    let config = Config {
        agent_name: options.agent_name.clone(),
        version: options.version.clone(),
        max_jobs: options.max_jobs,
    };
    let mut connection = Connection {
        protocol: Protocol::new(config, Instant::now(), rand::random()),
        options,
        socket: None,
        dialling: None,
        answers,
        events,
        registered,
    };
    connection.handle(Input::Tick).await;
    while !connection.protocol.is_closed() {
        let deadline = connection.protocol.next_deadline();
        let happened = tokio::select! {
            dialled = dialled(&mut connection.dialling) => Happened::Dialled(dialled),
            message = read(&mut connection.socket) => Happened::Read(message),
            command = commands.recv() => Happened::Command(command),
            () = sleep_until(deadline) => Happened::Deadline,
        };
        connection.happened(happened).await;
    }
}

impl Connection {
    async fn happened(&mut self, happened: Happened) {
        match happened {
            Happened::Dialled(Ok(socket)) => {
                self.dialling = None;
                self.socket = Some(socket);
                self.handle(Input::Connected).await;
            }
            Happened::Dialled(Err(reason)) => {
                self.dialling = None;
                self.handle(Input::Disconnected(reason)).await;
            }
            Happened::Read(Some(Ok(Message::Binary(bytes)))) => {
                self.handle(Input::Received(&bytes)).await;
            }
            Happened::Read(Some(Ok(Message::Close(_))) | None) => {
                self.lost("the server closed the connection".into()).await;
            }
            // Pings are answered by the socket itself; the server writes no text.
            Happened::Read(Some(Ok(_))) => {}
            Happened::Read(Some(Err(error))) => {
                self.lost(format!("the connection broke: {error}")).await;
            }
            Happened::Command(Some(command)) => self.command(command).await,
            // The last handle is gone.
            Happened::Command(None) => self.handle(Input::Close).await,
            Happened::Deadline => self.handle(Input::Tick).await,
        }
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Answer {
                job_id,
                acceptance,
                done,
            } => {
                self.handle(Input::Answer(job_id, acceptance)).await;
                let _ = done.send(());
            }
            Command::UpdateJob { job_id, status } => {
                self.handle(Input::UpdateJob(job_id, status)).await;
            }
            Command::Drain => self.handle(Input::Drain).await,
            Command::Close { done } => {
                self.handle(Input::Close).await;
                let _ = done.send(());
            }
        }
    }

    async fn lost(&mut self, reason: String) {
        self.socket = None;
        self.handle(Input::Disconnected(reason)).await;
    }

    /// Tells the protocol what happened and does what it asks for.
    async fn handle(&mut self, input: Input<'_>) {
        self.protocol.set_load((self.options.load)());
        self.protocol.handle(Instant::now(), input);
        self.note_registered();
        while let Some(output) = self.protocol.poll() {
            match output {
                Output::Dial => self.dialling = Some(Box::pin(dial(self.options.clone()))),
                Output::HangUp => self.hang_up().await,
                Output::Send(bytes) => {
                    if let Err(reason) = self.send(bytes).await {
                        self.socket = None;
                        let now = Instant::now();
                        self.protocol.handle(now, Input::Disconnected(reason));
                        self.note_registered();
                    }
                }
                Output::Tell(event) => self.tell(event),
            }
        }
    }

    /// Before the event that tells of it: whoever gets that may ask.
    fn note_registered(&self) {
        let is_registered = self.protocol.is_registered();
        self.registered
            .send_if_modified(|known| std::mem::replace(known, is_registered) != is_registered);
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        let Some(socket) = &mut self.socket else {
            // Was lost while this was in line.
            return Ok(());
        };
        match timeout(SEND_TIMEOUT, socket.send(Message::binary(bytes))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the connection broke: {error}")),
            Err(_) => Err("the server takes nothing any more".into()),
        }
    }

    async fn hang_up(&mut self) {
        self.dialling = None;
        if let Some(mut socket) = self.socket.take() {
            let _ = timeout(CLOSE_TIMEOUT, socket.as_mut().close(None)).await;
        }
    }

    fn tell(&self, event: Event) {
        let event = match event {
            Event::Registered {
                worker_id,
                server_version,
            } => WorkerEvent::Registered {
                worker_id,
                server_version,
            },
            Event::Lost { reason } => WorkerEvent::Lost { reason },
            Event::Offered(offer) => {
                WorkerEvent::JobRequested(JobRequest::new(offer, self.answers.clone()))
            }
            Event::Assigned {
                job_id,
                room_name,
                url,
                token,
            } => WorkerEvent::JobAssigned {
                job_id,
                room_name,
                url,
                token,
            },
            Event::Terminated { job_id } => WorkerEvent::JobTerminated { job_id },
            Event::Drained => WorkerEvent::Drained,
        };
        // An application that does not listen any more is told nothing; offers are then
        // rejected as they are dropped.
        let _ = self.events.send(event);
    }
}

async fn dialled(dialling: &mut Option<Dialling>) -> Result<Socket, String> {
    match dialling {
        Some(dialling) => dialling.await,
        None => pending().await,
    }
}

async fn read(socket: &mut Option<Socket>) -> Option<Result<Message, WsError>> {
    match socket {
        Some(socket) => socket.next().await,
        None => pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

async fn dial(options: WorkerOptions) -> Result<Socket, String> {
    let token = token::worker_token(&options.api_key, &options.api_secret)
        .map_err(|error| error.to_string())?;
    let url = agent_url(&options.url);
    let mut request = url
        .as_str()
        .into_client_request()
        .map_err(|error| format!("{url} is no address of a LiveKit server: {error}"))?;
    let bearer = format!("Bearer {token}")
        .parse()
        .expect("a JWT is printable ASCII");
    request.headers_mut().insert("authorization", bearer);
    crypto::install();
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let connecting = connect_async_with_config(request, Some(config), true);
    match timeout(DIAL_TIMEOUT, connecting).await {
        Ok(Ok((socket, _))) => Ok(Box::new(socket)),
        Ok(Err(WsError::Http(response))) if matches!(response.status().as_u16(), 401 | 403) => {
            Err(format!("{url} refuses the API key or its secret"))
        }
        Ok(Err(error)) => Err(format!("cannot connect to {url}: {error}")),
        Err(_) => {
            let seconds = DIAL_TIMEOUT.as_secs();
            Err(format!("{url} does not answer within {seconds} s"))
        }
    }
}

/// Where workers register at a server.
fn agent_url(server: &Url) -> Url {
    let mut url = server.clone();
    let scheme = match server.scheme() {
        "http" => "ws",
        "https" => "wss",
        other => other,
    };
    // Between the four schemes a change always succeeds; any other stays and fails on use.
    let _ = url.set_scheme(scheme);
    let path = format!("{}/agent", server.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_register_below_the_servers_own_path() {
        let agent = |url: &str| agent_url(&url.parse().unwrap()).to_string();

        assert_eq!(agent("ws://127.0.0.1:7880"), "ws://127.0.0.1:7880/agent");
        assert_eq!(agent("https://x.test/a/"), "wss://x.test/a/agent");
    }
}
