//! `POST /api/pair`: gives a browser a session for the one-time code.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jex_pairing::{Code, PairingError, Places, Sessions, address};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::guard::Name;
use crate::rate::Bucket;
use crate::refusal::Refusal;
use crate::state::App;
use crate::{body, browser, door};

/// Somebody who mistypes the code is not stopped, and at this pace 69 bits are never guessed.
const BURST: u32 = 10;
const REFILL: Duration = Duration::from_secs(2);

/// The code in force, and who came in by those before it.
#[derive(Debug)]
pub struct Pairing {
    pub sessions: Sessions,
    address: PathBuf,
    public: Url,
    code: Mutex<Code>,
    tries: Mutex<Bucket>,
}

impl Pairing {
    /// Shows a fresh code, for browsers that open the page at `public`.
    pub fn begin(places: Places, public: Url, now: Instant) -> Result<Self, PairingError> {
        let sessions = Sessions::of(places.sessions);
        // Now, rather than when the first browser asks.
        let paired = sessions.all()?.len();
        let code = Code::random(&mut rand::rng());
        address::show(&places.address, &public, &code)?;
        tracing::info!(paired, file = %places.address.display(), "wrote the pairing address");
        Ok(Self {
            sessions,
            address: places.address,
            public,
            code: Mutex::new(code),
            tries: Mutex::new(Bucket::new(BURST, REFILL, now)),
        })
    }

    /// Takes the address away: the code of a server that has ended opens nothing.
    pub fn end(&self) {
        if let Err(error) = address::hide(&self.address) {
            tracing::warn!("{error}");
        }
    }

    fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.take(now)
    }

    /// The token for a browser that shows the code, which then is another one. `None` for a wrong code.
    fn pair(&self, typed: &str, browser: &str) -> Result<Option<String>, PairingError> {
        // Held to the end: of two that show the same code at once, one is let in.
        let mut code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        if !Code::parse(typed).is_some_and(|typed| typed.is(&code)) {
            return Ok(None);
        }
        let token = self
            .sessions
            .add(browser, Timestamp::now(), &mut rand::rng())?;
        *code = Code::random(&mut rand::rng());
        if let Err(error) = address::show(&self.address, &self.public, &code) {
            tracing::error!("the next pairing code cannot be shown: {error}");
        }
        Ok(Some(token))
    }
}

#[derive(Deserialize)]
struct Ask {
    code: String,
}

/// Answers the request.
pub async fn answer(State(app): State<App>, request: Request) -> Response {
    match pair(&app, request).await {
        Ok(token) => {
            let cookie = [(header::SET_COOKIE, door::set_cookie(&token))];
            (cookie, Json(json!({"paired": true}))).into_response()
        }
        Err(refusal) => {
            tracing::warn!(code = refusal.code, "paired no browser");
            refusal.into_response()
        }
    }
}

async fn pair(app: &App, request: Request) -> Result<String, Refusal> {
    // This machine's own browser needs no session.
    let (Name::Public(_), Some(pairing)) = (Name::of(&request), app.pairing.clone()) else {
        return Err(Refusal::not_found());
    };
    let browser = browser_of(request.headers());
    let body = body::read_json(request).await?;
    let ask: Ask = serde_json::from_slice(&body).map_err(|_| no_code())?;
    pairing
        .admit(Instant::now())
        .map_err(|wait| too_many().after(wait))?;
    match on_a_thread(pairing, ask.code, browser.clone()).await {
        Ok(Some(token)) => {
            tracing::info!(browser, "paired a browser");
            Ok(token)
        }
        Ok(None) => Err(wrong_code()),
        Err(error) => Err(door::closed(error)),
    }
}

/// Files are written to the disk itself, which takes its time.
async fn on_a_thread(
    pairing: Arc<Pairing>,
    code: String,
    browser: String,
) -> Result<Option<String>, PairingError> {
    let work = tokio::task::spawn_blocking(move || pairing.pair(&code, &browser));
    work.await.expect("pairing does not panic")
}

fn browser_of(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT);
    browser::name(
        agent
            .and_then(|agent| agent.to_str().ok())
            .unwrap_or_default(),
    )
}

fn no_code() -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "malformed",
        "The request holds no code.",
        "Send a JSON object such as {\"code\": \"…\"}.",
    )
}

fn wrong_code() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "wrong_code",
        "This code does not open JEX: it is mistyped, or it has let a browser in already.",
        "Use the one that is shown now.",
    )
}

fn too_many() -> Refusal {
    Refusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many",
        "Too many codes were tried in a short time.",
        "Wait a few seconds.",
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn begin(folder: &Path) -> Result<Pairing, PairingError> {
        let places = Places {
            address: folder.join("run/pairing-address"),
            sessions: folder.join("state/sessions.json"),
            of_appliance: false,
        };
        Pairing::begin(places, "https://jex.local".parse().unwrap(), Instant::now())
    }

    fn shown(pairing: &Pairing) -> String {
        let address = address::read(&pairing.address).unwrap();
        let (page, code) = address.split_once('#').unwrap();
        assert_eq!(page, "https://jex.local/pair");
        code.to_owned()
    }

    #[test]
    fn a_code_opens_once_and_another_one_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let pairing = begin(folder.path()).unwrap();
        let first = shown(&pairing);

        let token = pairing.pair(&first, "Firefox").unwrap().unwrap();

        assert!(pairing.sessions.admit(&token, Timestamp::now()).unwrap());
        assert_eq!(pairing.pair(&first, "Firefox").unwrap(), None);
        let second = shown(&pairing);
        assert_ne!(first, second);
        assert!(pairing.pair(&second, "Safari").unwrap().is_some());
    }

    #[test]
    fn a_wrong_code_opens_nothing_and_leaves_the_right_one_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let pairing = begin(folder.path()).unwrap();

        for wrong in ["", "BCDF-GHJK-LMNP-QRST", "x"] {
            assert_eq!(pairing.pair(wrong, "Firefox").unwrap(), None);
        }

        assert!(pairing.pair(&shown(&pairing), "Firefox").unwrap().is_some());
    }

    #[test]
    fn of_many_that_show_the_same_code_at_once_one_is_let_in() {
        let folder = tempfile::tempdir().unwrap();
        let pairing = begin(folder.path()).unwrap();
        let code = shown(&pairing);

        let tries: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| pairing.pair(&code, "Firefox").unwrap()))
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });

        assert_eq!(tries.iter().flatten().count(), 1);
        assert_eq!(pairing.sessions.all().unwrap().len(), 1);
    }

    #[test]
    fn each_start_has_its_own_code_and_its_end_takes_it_away() {
        let folder = tempfile::tempdir().unwrap();
        let first = begin(folder.path()).unwrap();
        let code = shown(&first);

        let second = begin(folder.path()).unwrap();

        assert_ne!(shown(&second), code);
        assert_eq!(second.pair(&code, "Firefox").unwrap(), None);
        second.end();
        assert!(address::read(&second.address).is_err());
    }

    #[test]
    fn a_browser_that_cannot_be_kept_is_not_let_in_and_the_code_stays() {
        let folder = tempfile::tempdir().unwrap();
        let pairing = begin(folder.path()).unwrap();
        let code = shown(&pairing);
        let file = folder.path().join("state/sessions.json");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "{").unwrap();

        assert!(pairing.pair(&code, "Firefox").is_err());

        std::fs::remove_file(&file).unwrap();
        assert!(pairing.pair(&code, "Firefox").unwrap().is_some());
    }

    #[test]
    fn a_damaged_file_is_told_at_start() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("state")).unwrap();
        std::fs::write(folder.path().join("state/sessions.json"), "{").unwrap();

        let error = begin(folder.path()).unwrap_err().to_string();

        assert!(error.contains("damaged"), "{error}");
        assert!(!folder.path().join("run").exists(), "no door is opened");
    }

    #[test]
    fn tries_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let pairing = begin(folder.path()).unwrap();
        let now = Instant::now();

        let let_through = (0..100).filter(|_| pairing.admit(now).is_ok()).count();

        assert_eq!(let_through, 10);
    }
}
