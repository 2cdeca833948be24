//! The browsers that were let in.
//!
//! The file is the only truth: it is read for each question, a kilobyte or two, so that what `jex pair` takes
//! away is gone at once. Of what a browser holds only the SHA-256 is in it.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{PairingError, file};

/// How long a browser stays paired: as long as browsers keep any cookie.
pub const LIFETIME: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// One browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Of the token that the browser holds, in hexadecimal.
    sha256: String,
    pub paired_at: Timestamp,
    /// Which one, in words.
    pub browser: String,
}

impl Session {
    /// What the owner calls it by.
    pub fn id(&self) -> &str {
        &self.sha256[..8]
    }

    fn is_of(&self, sha256: &str) -> bool {
        self.sha256.as_bytes().ct_eq(sha256.as_bytes()).into()
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now > self.paired_at && now.duration_since(self.paired_at).unsigned_abs() > LIFETIME
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    sessions: Vec<Session>,
}

/// Which browsers to take away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    All,
    /// By [`Session::id`].
    One(String),
}

impl Which {
    fn holds(&self, session: &Session) -> bool {
        match self {
            Self::All => true,
            Self::One(id) => session.id().eq_ignore_ascii_case(id),
        }
    }
}

/// The file of sessions.
#[derive(Debug, Clone)]
pub struct Sessions {
    file: PathBuf,
}

impl Sessions {
    pub fn of(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into() }
    }

    /// Every browser that was let in, the first one first. A file that is damaged lets nobody in.
    pub fn all(&self) -> Result<Vec<Session>, PairingError> {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(self.damaged("it is not text"));
            }
            Err(error) => return Err(PairingError::reading(&self.file, &error)),
        };
        let metadata =
            fs::metadata(&self.file).map_err(|error| PairingError::reading(&self.file, &error))?;
        if metadata.permissions().mode() & 0o022 != 0 {
            let path = self.file.clone();
            return Err(PairingError::Exposed { path });
        }
        let content: Content =
            serde_json::from_str(&text).map_err(|error| self.damaged(&error.to_string()))?;
        let is_hash = |session: &Session| {
            let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
            session.sha256.len() == 64 && session.sha256.bytes().all(hex)
        };
        if !content.sessions.iter().all(is_hash) {
            return Err(self.damaged("a session has no SHA-256"));
        }
        Ok(content.sessions)
    }

    /// Whether `token` is one that was given out, and not taken away or over since.
    pub fn admit(&self, token: &str, now: Timestamp) -> Result<bool, PairingError> {
        let sha256 = sha256(token);
        let all = self.all()?;
        Ok(all
            .iter()
            .any(|session| session.is_of(&sha256) && !session.is_over(now)))
    }

    /// Lets a browser in, and returns the token that it is to hold.
    pub fn add(
        &self,
        browser: &str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<String, PairingError> {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let session = Session {
            sha256: sha256(&token),
            paired_at: now,
            browser: browser.to_owned(),
        };
        self.change(|sessions| {
            sessions.retain(|session| !session.is_over(now));
            sessions.push(session);
        })?;
        Ok(token)
    }

    /// Takes browsers away, and returns them.
    pub fn forget(&self, which: &Which) -> Result<Vec<Session>, PairingError> {
        // Nothing is made where nothing is.
        if !self.all()?.iter().any(|session| which.holds(session)) {
            return Ok(Vec::new());
        }
        let mut taken = Vec::new();
        self.change(|sessions| {
            taken = sessions
                .extract_if(.., |session| which.holds(session))
                .collect();
        })?;
        Ok(taken)
    }

    /// Under a lock, so that the server and the owner's command do not undo one another's change.
    fn change(&self, change: impl FnOnce(&mut Vec<Session>)) -> Result<(), PairingError> {
        let folder = file::folder_of(&self.file);
        let writing = |error: &std::io::Error| PairingError::writing(&self.file, error);
        file::private_dir(folder).map_err(|error| writing(&error))?;
        let _lock = lock(folder).map_err(|error| writing(&error))?;
        let mut sessions = self.all()?;
        change(&mut sessions);
        let mut text =
            serde_json::to_string_pretty(&Content { sessions }).expect("sessions always serialise");
        text.push('\n');
        file::replace(&self.file, text.as_bytes()).map_err(|error| writing(&error))
    }

    fn damaged(&self, reason: &str) -> PairingError {
        PairingError::Damaged {
            path: self.file.clone(),
            reason: reason.to_owned(),
        }
    }
}

/// Held until it is dropped. The folder itself is locked: a file for it would have an owner of its own.
fn lock(folder: &Path) -> std::io::Result<File> {
    let folder = File::open(folder)?;
    folder.lock()?;
    Ok(folder)
}

fn sha256(token: &str) -> String {
    format!("{:x}", Sha256::digest(token))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    struct Home {
        sessions: Sessions,
        folder: tempfile::TempDir,
        rng: StdRng,
    }

    impl Home {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self {
                sessions: Sessions::of(folder.path().join("state/sessions.json")),
                folder,
                rng: StdRng::seed_from_u64(1),
            }
        }

        fn pair(&mut self, browser: &str) -> String {
            self.sessions.add(browser, at(0), &mut self.rng).unwrap()
        }

        fn write(&self, text: impl AsRef<[u8]>) {
            let file = self.folder.path().join("state/sessions.json");
            file::replace(&file, text.as_ref()).unwrap();
        }

        fn text(&self) -> String {
            fs::read_to_string(self.folder.path().join("state/sessions.json")).unwrap()
        }
    }

    /// So many days after the first pairing.
    fn at(days: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + days * 86_400).unwrap()
    }

    #[test]
    fn who_holds_the_token_is_admitted_and_nobody_else() {
        let mut home = Home::new();
        let (first, second) = (home.pair("Firefox"), home.pair("Safari"));

        let admits = |token: &str| home.sessions.admit(token, at(1)).unwrap();

        assert!(admits(&first) && admits(&second));
        assert!(!admits(""));
        assert!(!admits(&first[1..]));
        assert!(!admits(home.sessions.all().unwrap()[0].id()));
        assert!(!admits(&home.sessions.all().unwrap()[0].sha256));
    }

    #[test]
    fn the_file_holds_no_token() {
        let mut home = Home::new();

        let token = home.pair("Firefox");

        assert!(!home.text().contains(&token[..8]), "{}", home.text());
        assert!(home.text().contains("Firefox"));
        // 256 bits.
        assert_eq!(token.len(), 43);
    }

    #[test]
    fn without_a_file_nobody_is_admitted_and_none_is_made() {
        let home = Home::new();

        assert!(!home.sessions.admit("x", at(0)).unwrap());
        assert_eq!(home.sessions.forget(&Which::All).unwrap(), []);
        assert!(!home.folder.path().join("state").exists());
    }

    #[test]
    fn a_forgotten_browser_is_out_at_once_and_the_others_stay() {
        let mut home = Home::new();
        let (first, second) = (home.pair("Firefox"), home.pair("Safari"));
        let id = home.sessions.all().unwrap()[0].id().to_owned();

        let taken = home.sessions.forget(&Which::One(id.clone())).unwrap();

        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].browser, "Firefox");
        assert!(!home.sessions.admit(&first, at(0)).unwrap());
        assert!(home.sessions.admit(&second, at(0)).unwrap());
        assert_eq!(home.sessions.forget(&Which::One(id)).unwrap(), []);
        assert_eq!(home.sessions.forget(&Which::All).unwrap().len(), 1);
        assert!(!home.sessions.admit(&second, at(0)).unwrap());
    }

    #[test]
    fn a_session_ends_with_its_cookie_and_a_clock_that_is_behind_ends_none() {
        let mut home = Home::new();
        let token = home.pair("Firefox");

        let admits = |days| home.sessions.admit(&token, at(days)).unwrap();

        assert!(admits(-1_000) && admits(399) && admits(400));
        assert!(!admits(401));
    }

    #[test]
    fn a_damaged_file_is_an_error_with_the_remedy_and_stays_as_it_is() {
        let mut home = Home::new();
        let token = home.pair("Firefox");
        let whole = home.text();
        let broken = [
            String::new(),
            "{}".into(),
            "null".into(),
            whole[..whole.len() / 2].to_owned(),
            whole.replace("paired_at", "paired"),
            whole.replace("sha256", "sha1"),
            r#"{"sessions":[{"sha256":"","paired_at":"2026-01-01T00:00:00Z","browser":""}]}"#
                .into(),
        ];
        for text in &broken {
            home.write(text);

            for error in [
                home.sessions.admit(&token, at(0)).unwrap_err(),
                home.sessions.forget(&Which::All).unwrap_err(),
                home.sessions.add("", at(0), &mut home.rng).unwrap_err(),
            ] {
                let error = error.to_string();
                assert!(
                    error.contains("damaged") && error.contains("delete it"),
                    "{error}"
                );
            }
            assert_eq!(&home.text(), text);
        }
        home.write(b"\xff");
        assert!(home.sessions.admit(&token, at(0)).is_err());
    }

    #[test]
    fn a_file_that_others_can_change_admits_nobody() {
        let mut home = Home::new();
        let token = home.pair("Firefox");
        let file = home.folder.path().join("state/sessions.json");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o622)).unwrap();

        let error = home.sessions.admit(&token, at(0)).unwrap_err().to_string();

        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn changes_at_the_same_time_do_not_undo_one_another() {
        let home = Home::new();

        std::thread::scope(|scope| {
            for seed in 0..8 {
                let sessions = home.sessions.clone();
                scope.spawn(move || {
                    let mut rng = StdRng::seed_from_u64(seed);
                    for _ in 0..5 {
                        sessions.add("Firefox", at(0), &mut rng).unwrap();
                    }
                });
            }
        });

        assert_eq!(home.sessions.all().unwrap().len(), 40);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Pair,
        ForgetAll,
        /// One of those that are there, or were.
        Forget(prop::sample::Index),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Pair),
            1 => Just(Step::ForgetAll),
            3 => any::<prop::sample::Index>().prop_map(Step::Forget),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Beside the plainest model: a list of who was let in and whether it still is.
        #[test]
        fn after_any_steps_exactly_those_are_admitted_that_were_not_taken_away(
            steps in prop::collection::vec(step(), 0..12)
        ) {
            let mut home = Home::new();
            let mut model: Vec<(String, bool)> = Vec::new();
            for step in steps {
                match step {
                    Step::Pair => {
                        let token = home.pair("Firefox");
                        model.push((token, true));
                    }
                    Step::ForgetAll => {
                        home.sessions.forget(&Which::All).unwrap();
                        model.iter_mut().for_each(|(_, is_in)| *is_in = false);
                    }
                    Step::Forget(which) if !model.is_empty() => {
                        let at = which.index(model.len());
                        let (token, is_in) = &mut model[at];
                        let id = sha256(token)[..8].to_owned();
                        home.sessions.forget(&Which::One(id)).unwrap();
                        *is_in = false;
                    }
                    Step::Forget(_) => {}
                }
                for (token, is_in) in &model {
                    prop_assert_eq!(home.sessions.admit(token, at(0)).unwrap(), *is_in);
                }
            }
        }
    }
}
