//! A stand-in for the models' registry: it serves the packaged model under another name by the registry protocol,
//! so that no test needs the outside.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jex_config::{Parts, Paths};
use sha2::{Digest, Sha256};

const CONFIG: &[u8] = br#"{"model_format":"gguf","model_family":"llama"}"#;

/// A registry with the model `library/small`.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    weights: Vec<u8>,
    weights_digest: String,
    /// How often its manifest was asked for.
    asked: AtomicUsize,
    /// Where each request for the weights began.
    starts: Mutex<Vec<usize>>,
    /// While set, a download stalls half-way.
    stalls: AtomicBool,
    address: Mutex<Option<SocketAddr>>,
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

impl Registry {
    pub fn start() -> Self {
        let parts = Parts::load(&Paths::from_env().unwrap()).unwrap();
        let mut weights = std::fs::read(parts.model_gguf.unwrap()).unwrap();
        // The same model, but other bytes: Ollama tells models apart by their bytes.
        weights.extend([0; 64]);
        let registry = Self(Arc::new(Inner {
            weights_digest: digest(&weights),
            weights,
            asked: AtomicUsize::new(0),
            starts: Mutex::default(),
            stalls: AtomicBool::new(false),
            address: Mutex::default(),
        }));
        let app = Router::new()
            .route("/v2/library/small/manifests/latest", get(manifest))
            .route("/v2/library/small/blobs/{digest}", get(redirect).head(size))
            .route("/elsewhere/{digest}", get(blob))
            .with_state(registry.clone());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        *registry.0.address.lock().unwrap() = Some(listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        registry
    }

    fn port(&self) -> u16 {
        self.0.address.lock().unwrap().unwrap().port()
    }

    /// From now on a download stalls half-way, or goes on.
    pub fn stall(&self, stalls: bool) {
        self.0.stalls.store(stalls, Ordering::Relaxed);
    }

    /// Where each request for the weights began.
    pub fn starts(&self) -> Vec<usize> {
        self.0.starts.lock().unwrap().clone()
    }

    pub fn was_asked(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed) > 0
    }

    /// Its name, for Ollama.
    pub fn model(&self) -> String {
        format!("http://127.0.0.1:{}/library/small", self.port())
    }

    fn bytes(&self, digest_wanted: &str) -> Option<&[u8]> {
        let inner = &self.0;
        if digest_wanted == inner.weights_digest {
            Some(&inner.weights)
        } else {
            (digest_wanted == digest(CONFIG)).then_some(CONFIG)
        }
    }
}

async fn manifest(Shared(registry): Shared<Registry>) -> String {
    registry.0.asked.fetch_add(1, Ordering::Relaxed);
    serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": digest(CONFIG),
            "size": CONFIG.len(),
        },
        "layers": [{
            "mediaType": "application/vnd.ollama.image.model",
            "digest": registry.0.weights_digest,
            "size": registry.0.weights.len(),
        }],
    })
    .to_string()
}

async fn size(Shared(registry): Shared<Registry>, Path(digest): Path<String>) -> Response {
    let Some(bytes) = registry.bytes(&digest) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    ([(header::CONTENT_LENGTH, bytes.len())], ()).into_response()
}

/// As real registries do: the bytes are on another host.
async fn redirect(Shared(registry): Shared<Registry>, Path(digest): Path<String>) -> Response {
    let there = format!("http://localhost:{}/elsewhere/{digest}", registry.port());
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, there)]).into_response()
}

async fn blob(
    Shared(registry): Shared<Registry>,
    Path(digest): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(bytes) = registry.bytes(&digest) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let range = headers.get(header::RANGE).map(|range| {
        let range = range.to_str().unwrap().strip_prefix("bytes=").unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let end = end.parse().map_or(bytes.len(), |last: usize| last + 1);
        (start.parse::<usize>().unwrap(), end)
    });
    let (start, end) = range.unwrap_or((0, bytes.len()));
    if digest == registry.0.weights_digest {
        registry.0.starts.lock().unwrap().push(start);
    }
    let stalls = registry.0.stalls.load(Ordering::Relaxed) && bytes.len() > 1_000_000;
    let part = bytes[start..end].to_vec();
    let chunks: Vec<Vec<u8>> = part.chunks(1 << 20).map(<[u8]>::to_vec).collect();
    let half = chunks.len() / 2;
    let stream = async_stream(chunks, stalls.then_some(half));
    let status = range.map_or(StatusCode::OK, |_| StatusCode::PARTIAL_CONTENT);
    let length = [(header::CONTENT_LENGTH, end - start)];
    (status, length, Body::from_stream(stream)).into_response()
}

/// The chunks; after so many of them nothing more comes.
fn async_stream(
    chunks: Vec<Vec<u8>>,
    stall_after: Option<usize>,
) -> impl futures::Stream<Item = std::io::Result<Vec<u8>>> {
    let numbered = chunks.into_iter().enumerate();
    futures::stream::unfold(numbered, move |mut numbered| async move {
        let (number, chunk) = numbered.next()?;
        if stall_after.is_some_and(|after| number >= after) {
            std::future::pending::<()>().await;
        }
        Some((Ok(chunk), numbered))
    })
}
