//! Models out of a registry, on a real Ollama. The registry is a stand-in that serves the packaged
//! model under another name by the registry protocol, so that no test needs the outside.

#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jex_config::{Parts, Paths};
use jex_supervisor::status::State;
use jex_supervisor::{control, models};
use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};
use support::{Home, turn};

const START: Duration = Duration::from_secs(90);
const CONFIG: &[u8] = br#"{"model_format":"gguf","model_family":"llama"}"#;

/// A registry with the model `library/small`.
#[derive(Clone)]
struct Registry(Arc<Inner>);

struct Inner {
    weights: Vec<u8>,
    weights_digest: String,
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
    fn start() -> Self {
        let parts = Parts::load(&Paths::from_env().unwrap()).unwrap();
        let mut weights = std::fs::read(parts.model_gguf.unwrap()).unwrap();
        // The same model, but other bytes: Ollama tells models apart by their bytes.
        weights.extend([0; 64]);
        let registry = Self(Arc::new(Inner {
            weights_digest: digest(&weights),
            weights,
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

    fn model(&self) -> String {
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

fn in_memory(ollama: u16) -> String {
    support::http_get(ollama, "/api/ps")
}

#[test]
fn a_pull_that_broke_off_goes_on_where_it_was() {
    let _turn = turn();
    let registry = Registry::start();
    registry.0.stalls.store(true, Ordering::Relaxed);
    let home = Home::new();
    home.write_settings(&format!("model = \"{}\"", registry.model()));
    let mut stack = home.up(&["ollama"]);
    // A single `pulling` line ends with the size of the whole.
    stack.wait_for(START, |status| {
        let detail = status.components[0].detail.clone().unwrap_or_default();
        let percent = detail.strip_prefix("pulling ").unwrap_or_default();
        let percent = percent.split(' ').next().unwrap_or_default();
        percent.parse::<u32>().is_ok_and(|percent| percent >= 40)
    });
    stack.signal(Signal::SIGTERM);
    stack.wait_end(Duration::from_secs(10));
    registry.0.stalls.store(false, Ordering::Relaxed);

    let mut stack = home.up(&["ollama"]);
    stack.wait_ready(START);

    let starts = registry.0.starts.lock().unwrap().clone();
    assert_eq!(starts.first(), Some(&0));
    assert!(starts.last().unwrap() > &30_000_000, "{starts:?}");
    assert!(in_memory(home.ports.ollama).contains("library/small"));
}

#[test]
fn another_model_is_taken_while_jex_runs() {
    let _turn = turn();
    let registry = Registry::start();
    let home = Home::new();
    let mut stack = home.up(&["ollama"]);
    let before = stack.wait_ready(START);
    assert!(in_memory(home.ports.ollama).contains("jex-demo"));

    models::write_model(&home.paths().config_file, &registry.model()).unwrap();
    control::reload(&home.paths()).unwrap();
    stack.wait_state("ollama", State::Warming, Duration::from_secs(5));
    let after = stack.wait_ready(START);

    assert_eq!(before.components[0].pid, after.components[0].pid);
    let loaded = in_memory(home.ports.ollama);
    assert!(loaded.contains("library/small"), "{loaded}");
    assert!(!loaded.contains("jex-demo"), "{loaded}");
    let settings = std::fs::read_to_string(home.paths().config_file).unwrap();
    assert!(
        settings.starts_with("# The owner's own words."),
        "{settings}"
    );

    let loaded = jex_config::check_file(&home.paths().config_file).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread();
    let list = { runtime }
        .enable_all()
        .build()
        .unwrap()
        .block_on(models::list(&models::wanted(
            &loaded.settings,
            &home.paths(),
            &Parts::default(),
        )))
        .unwrap();
    assert_eq!(list.len(), 2, "{list:?}");
    let chosen = list.iter().find(|model| model.chosen).unwrap();
    assert!(chosen.name.contains("library/small") && chosen.loaded);
    let demo = list.iter().find(|model| !model.chosen).unwrap();
    assert!(demo.name.contains("jex-demo") && !demo.loaded);
    for model in &list {
        assert!(model.size_bytes > 90_000_000 && model.memory_bytes > model.size_bytes);
        assert_eq!(model.fits, Some(true), "{model:?}");
    }
}

#[test]
fn a_model_that_is_nowhere_is_named_with_the_remedy_and_ollama_stays_of_use() {
    let _turn = turn();
    let registry = Registry::start();
    let home = Home::new();
    let wrong = registry.model().replace("small", "smal");
    home.write_settings(&format!("model = \"{wrong}\""));
    let mut stack = home.up(&["ollama"]);

    let ollama = stack.wait_state("ollama", State::Failed, START);
    let error = ollama.last_error.unwrap();
    assert!(error.contains("has no model of this name"), "{error}");
    assert!(
        error.contains(&wrong) && error.contains("jex model list"),
        "{error}"
    );

    // The way out that the message names.
    models::write_model(&home.paths().config_file, "jex-demo").unwrap();
    control::reload(&home.paths()).unwrap();
    let after = stack.wait_ready(START);
    assert_eq!(after.components[0].pid, ollama.pid);
}

#[test]
fn a_model_that_the_disk_has_no_room_for_is_not_pulled() {
    let _turn = turn();
    let registry = Registry::start();
    let mut home = Home::new();
    home.write_settings(&format!("model = \"{}\"", registry.model()));
    home.env
        .push(("JEX_TEST_DISK_FREE_BYTES".into(), "600000000".into()));
    let mut stack = home.up(&["ollama"]);

    let ollama = stack.wait_state("ollama", State::Failed, START);

    let error = ollama.last_error.unwrap();
    assert!(error.contains("too little disk for http://"), "{error}");
    assert!(error.contains("600 MB free"), "{error}");
    assert_eq!(*registry.0.starts.lock().unwrap(), [0; 0]);
}

#[test]
fn a_model_that_does_not_fit_is_not_loaded() {
    let _turn = turn();
    let mut home = Home::new();
    home.env
        .push(("JEX_TEST_AVAILABLE_BYTES".into(), "400000000".into()));
    let mut stack = home.up(&["ollama"]);

    let ollama = stack.wait_state("ollama", State::Failed, START);

    let error = ollama.last_error.unwrap();
    assert!(error.contains("jex-demo needs about"), "{error}");
    assert!(error.contains("400 MB are free"), "{error}");
    assert!(error.contains("llm.context_tokens"), "{error}");
    assert!(!in_memory(home.ports.ollama).contains("jex-demo"));
}
