//! The socket's life: handshake, first message, frames, pings, goodbye.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::{SinkExt, StreamExt};
use livekit_protocol as proto;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use url::Url;

use super::address::{Purpose, redacted, signal_url};
use super::message::{Request, Response, decode, encode, left};
use crate::Error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// A closing handshake is a courtesy.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest message that is read, in bytes: a room of a thousand participants with attributes.
const MAX_MESSAGE: usize = 4 << 20;
/// Longest part of an error page that is shown, in bytes.
const MAX_ERROR_TEXT: usize = 300;
/// Messages between the socket's task and the session's.
const QUEUE: usize = 64;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A signal connection. Dropping it closes the socket after what was sent has gone out.
pub(crate) struct Signal {
    requests: mpsc::UnboundedSender<Request>,
    responses: mpsc::Receiver<Response>,
    /// Whether the server is on this machine, reached by loopback.
    pub is_loopback: bool,
    task: JoinHandle<()>,
}

impl Signal {
    /// Joins: a new session.
    pub async fn join(
        server: &Url,
        token: &str,
        auto_subscribe: bool,
    ) -> Result<(Self, Box<proto::JoinResponse>), Error> {
        let purpose = Purpose::Join { auto_subscribe };
        let mut socket = dial(server, token, &purpose).await?;
        let mut early = Vec::new();
        let wait = first_message(&mut socket, &mut early, |response| match response {
            Response::Join(join) => Ok(join),
            other => Err(Box::new(other)),
        });
        let join = wait.await?;
        let keepalive = Keepalive::from(&join);
        Ok((Self::spawn(socket, early, keepalive), Box::new(join)))
    }

    /// Goes on with a session that lost its connection.
    pub async fn resume(
        server: &Url,
        token: &str,
        participant_sid: &str,
        reason: proto::ReconnectReason,
        keepalive: Keepalive,
    ) -> Result<(Self, proto::ReconnectResponse), Error> {
        let purpose = Purpose::Resume {
            participant_sid,
            reason,
        };
        let mut socket = dial(server, token, &purpose).await?;
        let mut early = Vec::new();
        let wait = first_message(&mut socket, &mut early, |response| match response {
            Response::Reconnect(response) => Ok(response),
            other => Err(Box::new(other)),
        });
        let response = wait.await?;
        Ok((Self::spawn(socket, early, keepalive), response))
    }

    fn spawn(socket: Socket, early: Vec<Response>, keepalive: Keepalive) -> Self {
        let is_loopback = peer_is_loopback(&socket);
        let (requests, outbox) = mpsc::unbounded_channel();
        let (inbox, responses) = mpsc::channel(QUEUE);
        let task = tokio::spawn(async move {
            for response in early {
                if inbox.send(response).await.is_err() {
                    return;
                }
            }
            if let Err(reason) = carry(socket, outbox, inbox, keepalive).await {
                tracing::debug!(reason, "the signal connection ended");
            }
        });
        Self {
            requests,
            responses,
            is_loopback,
            task,
        }
    }

    /// Queues a message. Once the connection is gone it goes nowhere; [`Self::next`] tells.
    pub fn send(&self, request: Request) {
        let _ = self.requests.send(request);
    }

    /// The server's next message, `None` when the connection is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<Response> {
        self.responses.recv().await
    }

    /// Closes after what was sent has gone out.
    pub async fn close(self) {
        drop(self.requests);
        let _ = timeout(2 * CLOSE_TIMEOUT, self.task).await;
    }
}

/// How the socket is kept alive, as the server wants it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keepalive {
    interval: Duration,
    /// Without any message for this long, the connection counts as lost.
    timeout: Duration,
}

impl From<&proto::JoinResponse> for Keepalive {
    fn from(join: &proto::JoinResponse) -> Self {
        let seconds = |value: i32, default: u64| match u64::try_from(value) {
            Ok(seconds @ 1..=300) => Duration::from_secs(seconds),
            _ => Duration::from_secs(default),
        };
        // The defaults are those of livekit-server.
        let interval = seconds(join.ping_interval, 5);
        Self {
            interval,
            timeout: seconds(join.ping_timeout, 15).max(2 * interval),
        }
    }
}

async fn dial(server: &Url, token: &str, purpose: &Purpose<'_>) -> Result<Socket, Error> {
    let address = redacted(server);
    let unreachable = |error: WsError| Error::Unreachable {
        address: address.clone(),
        reason: error.to_string(),
    };
    let url = signal_url(server, purpose)?;
    let mut request = url.as_str().into_client_request().map_err(unreachable)?;
    let bearer = HeaderValue::try_from(format!("Bearer {token}"));
    let mut bearer = bearer.map_err(|_| Error::TokenFormat)?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, bearer);
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let connect = connect_async_with_config(request, Some(limits), true);
    match timeout(CONNECT_TIMEOUT, connect).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(WsError::Http(response))) => {
            let status = response.status().as_u16();
            let body = response.into_body().unwrap_or_default();
            let body = &body[..body.len().min(MAX_ERROR_TEXT)];
            let message = String::from_utf8_lossy(body).trim().to_owned();
            Err(refusal(address, status, message))
        }
        Ok(Err(error)) => Err(unreachable(error)),
        Err(_) => Err(Error::Timeout {
            step: "connecting to LiveKit",
            after: CONNECT_TIMEOUT,
        }),
    }
}

fn refusal(address: String, status: u16, message: String) -> Error {
    match status {
        401 | 403 => Error::Refused {
            address,
            status,
            message,
        },
        _ => Error::Status {
            address,
            status,
            message,
        },
    }
}

/// Waits for the message that opens a connection. Others that come before it are kept.
async fn first_message<T>(
    socket: &mut Socket,
    early: &mut Vec<Response>,
    pick: impl Fn(Response) -> Result<T, Box<Response>>,
) -> Result<T, Error> {
    let answer = async {
        loop {
            let frame = match socket.next().await {
                Some(Ok(Message::Binary(frame))) => frame,
                Some(Ok(Message::Close(_))) | None => {
                    return Err(Error::Protocol("the connection was closed at once".into()));
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(Error::Protocol(error.to_string())),
            };
            let response = decode(&frame).map_err(|error| Error::Protocol(error.to_string()))?;
            let Some(response) = response else { continue };
            match pick(response).map_err(|other| *other) {
                Ok(wanted) => return Ok(wanted),
                Err(Response::Leave(leave)) => return Err(left(&leave)),
                Err(other) if early.len() < QUEUE => early.push(other),
                Err(_) => {}
            }
        }
    };
    timeout(ANSWER_TIMEOUT, answer)
        .await
        .unwrap_or(Err(Error::Timeout {
            step: "LiveKit's answer",
            after: ANSWER_TIMEOUT,
        }))
}

/// Moves frames until one side is gone.
async fn carry(
    socket: Socket,
    mut requests: mpsc::UnboundedReceiver<Request>,
    responses: mpsc::Sender<Response>,
    keepalive: Keepalive,
) -> Result<(), String> {
    let (mut sink, mut stream) = socket.split();
    let mut ping = interval(keepalive.interval);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut silent_until = Instant::now() + keepalive.timeout;
    let mut round_trip = Duration::ZERO;
    loop {
        let request = tokio::select! {
            request = requests.recv() => match request {
                Some(request) => request,
                None => break,
            },
            _ = ping.tick() => Request::PingReq(proto::Ping {
                timestamp: unix_milliseconds(),
                rtt: milliseconds(round_trip),
            }),
            frame = stream.next() => {
                let frame = match frame {
                    Some(Ok(Message::Binary(frame))) => frame,
                    Some(Ok(Message::Close(_))) | None => return Err("closed by the server".into()),
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => return Err(error.to_string()),
                };
                silent_until = Instant::now() + keepalive.timeout;
                let decoded = decode(&frame);
                tracing::trace!(?decoded, "signal");
                match decoded {
                    Ok(Some(Response::PongResp(pong))) => round_trip = since(pong.last_ping_timestamp),
                    Ok(Some(response)) => if responses.send(response).await.is_err() {
                        break;
                    },
                    Ok(None) => {}
                    // The next one may be right.
                    Err(error) => tracing::warn!(%error, "skipping a signal message"),
                }
                continue;
            }
            () = sleep_until(silent_until) => {
                return Err(format!("nothing heard for {:?}", keepalive.timeout));
            }
        };
        let frame = Message::Binary(encode(request).into());
        timeout(SEND_TIMEOUT, sink.send(frame))
            .await
            .map_err(|_| format!("could not send for {SEND_TIMEOUT:?}"))?
            .map_err(|error| error.to_string())?;
    }
    let _ = timeout(CLOSE_TIMEOUT, sink.close()).await;
    Ok(())
}

fn peer_is_loopback(socket: &Socket) -> bool {
    let peer = match socket.get_ref() {
        MaybeTlsStream::Plain(tcp) => tcp.peer_addr(),
        MaybeTlsStream::Rustls(tls) => tls.get_ref().0.peer_addr(),
        _ => return false,
    };
    peer.is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
}

fn unix_milliseconds() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    milliseconds(since)
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// How long ago a moment of our clock was; nothing for one that we cannot have sent.
fn since(sent: i64) -> Duration {
    let elapsed = unix_milliseconds().saturating_sub(sent);
    Duration::from_millis(u64::try_from(elapsed).unwrap_or_default())
}
