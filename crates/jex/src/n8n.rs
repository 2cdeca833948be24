//! `jex n8n`: the way to the workflows' editor, and how the workflows that came with JEX are.

use std::fmt::Write as _;
use std::path::PathBuf;

use jex_config::{Paths, Settings, secrets};
use jex_supervisor::control;
use jex_supervisor::provision::{EMAIL, Provision, Record, password_hash};
use jex_supervisor::status::ComponentStatus;
use secrecy::ExposeSecret;

use crate::cli::N8nCommand;
use crate::exit;

/// Runs one of the subcommands. Returns the exit status.
pub fn run(command: &N8nCommand, settings: &Settings, paths: &Paths) -> anyhow::Result<u8> {
    let text = match command {
        N8nCommand::Open => open(settings, paths)?,
        N8nCommand::PasswordHash => {
            let password = secrets::n8n_owner_password(settings, paths)?;
            format!("{}\n", password_hash(&password))
        }
        N8nCommand::Status { json: true } => {
            let records = Provision::outcomes(settings, paths)?;
            format!("{}\n", serde_json::to_string_pretty(&records)?)
        }
        N8nCommand::Status { json: false } => {
            let part = control::status(paths).ok().and_then(|status| {
                let mut components = status.components.into_iter();
                components.find(|component| component.name == "n8n")
            });
            status(
                settings,
                part.as_ref(),
                &Provision::outcomes(settings, paths)?,
            )
        }
    };
    exit::say(&text);
    Ok(exit::SUCCESS)
}

/// The tunnel, and the login: shown once, since terminals are looked at and recorded.
fn open(settings: &Settings, paths: &Paths) -> anyhow::Result<String> {
    let url = settings.n8n_url();
    if settings.n8n.url.is_some() {
        return Ok(format!(
            "n8n is at {url} (`n8n.url`), with whatever login it has there.\n"
        ));
    }
    let file = secrets::n8n_owner_password_file(settings, paths);
    let password = secrets::n8n_owner_password(settings, paths)?;
    let mut text = way_in(settings.n8n.port, &user(), &host());
    if was_shown(settings, paths) {
        let _ = writeln!(
            text,
            "\n  E-mail    {EMAIL}\n  Password  shown before; it is in {}",
            file.display()
        );
        return Ok(text);
    }
    let password = password.expose_secret();
    let _ = writeln!(
        text,
        "\n  E-mail    {EMAIL}\n  Password  {password}\n\nIt is shown this once, and stays in {}, which only you \
         can read.",
        file.display()
    );
    std::fs::create_dir_all(&paths.state)?;
    std::fs::write(shown(paths), "")?;
    Ok(text)
}

fn way_in(port: u16, user: &str, host: &str) -> String {
    format!(
        "n8n's editor listens on this machine alone: open http://localhost:{port} here. From another computer, run \
         there\n\n  ssh -N -L {port}:127.0.0.1:{port} {user}@{host}\n\nand open the same address there while that \
         runs.\n"
    )
}

fn shown(paths: &Paths) -> PathBuf {
    paths.state.join("n8n-login-shown")
}

/// A password that was made anew after that is another one.
fn was_shown(settings: &Settings, paths: &Paths) -> bool {
    let when = |file: PathBuf| {
        std::fs::metadata(file)
            .and_then(|file| file.modified())
            .ok()
    };
    let shown = when(shown(paths));
    shown.is_some() && shown >= when(secrets::n8n_owner_password_file(settings, paths))
}

fn user() -> String {
    // Root may not come in by SSH where JEX set the machine up.
    if let Ok(user) = std::env::var("SUDO_USER") {
        return user;
    }
    nix::unistd::User::from_uid(nix::unistd::getuid())
        .ok()
        .flatten()
        .map_or_else(|| "you".into(), |user| user.name)
}

fn host() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "this-machine".into())
}

fn status(settings: &Settings, part: Option<&ComponentStatus>, records: &[Record]) -> String {
    let url = settings.n8n_url();
    let mut text = match part {
        None => "n8n: JEX is not running (`jex up` starts it).\n".to_owned(),
        Some(part) => {
            let detail = part.detail.as_ref().or(part.last_error.as_ref());
            let detail = detail.filter(|_| !part.state.is_ready());
            let detail = detail.map_or_else(String::new, |detail| format!(": {detail}"));
            format!("n8n: {}{detail}, at {url}\n", part.state)
        }
    };
    if settings.n8n.url.is_some() {
        text.push_str("JEX imports nothing into an n8n of someone else (`n8n.url`).\n");
        return text;
    }
    if records.is_empty() {
        text.push_str("No workflow was imported yet.\n");
        return text;
    }
    let width = records
        .iter()
        .map(|one| one.name.chars().count())
        .max()
        .unwrap_or(0);
    text.push('\n');
    for Record { name, outcome, .. } in records {
        let _ = writeln!(text, "  {name:<width$}  {}", outcome.words());
    }
    text
}

#[cfg(test)]
mod tests {
    use jex_supervisor::provision::Outcome;
    use jex_supervisor::status::State;

    use super::*;

    fn home() -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let paths = Paths::from_lookup(|name| (name == "HOME").then(|| root.clone())).unwrap();
        (folder, paths)
    }

    #[test]
    fn the_login_is_shown_once() {
        let (_home, paths) = home();
        let settings = Settings::default();
        secrets::ensure_secrets(&settings, &paths).unwrap();
        let password = secrets::n8n_owner_password(&settings, &paths).unwrap();

        let first = open(&settings, &paths).unwrap();
        let second = open(&settings, &paths).unwrap();

        assert!(first.contains("ssh -N -L 5690:127.0.0.1:5690"), "{first}");
        assert!(first.contains(password.expose_secret()), "{first}");
        assert!(!second.contains(password.expose_secret()), "{second}");
        assert!(second.contains("n8n-owner-password"), "{second}");
    }

    #[test]
    fn each_workflow_says_how_it_is() {
        let record = |name: &str, outcome| Record {
            file: name.to_lowercase(),
            name: name.into(),
            id: None,
            digest: String::new(),
            pending: None,
            given: String::new(),
            tagged: true,
            published: true,
            outcome,
            absent: false,
        };
        let mut part = ComponentStatus::new("n8n");
        part.state = State::Warming;
        part.detail = Some("provisioning 4 of 9".into());

        let text = status(
            &Settings::default(),
            Some(&part),
            &[
                record("Timer", Outcome::Unchanged),
                record("To-do list", Outcome::SwitchedOff),
            ],
        );

        let expected = "\
n8n: warming: provisioning 4 of 9, at http://127.0.0.1:5690/

  Timer       as it came
  To-do list  switched off by you
";
        assert_eq!(text, expected);
    }
}
