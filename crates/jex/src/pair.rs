//! `jex pair`: lets a browser on another machine in, lists those that are, takes them away.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::Path;

use anstyle::AnsiColor;
use anyhow::{Context as _, anyhow, bail};
use jex_config::{LoadOptions, Paths};
use jex_pairing::{PairingError, Places, Session, Sessions, Which, address};
use jex_supervisor::SupervisorError;
use jiff::tz::TimeZone;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::cli::PairArgs;
use crate::exit;

/// Prints what is asked for. Returns the exit status.
pub fn run(args: &PairArgs, options: &LoadOptions, paths: &Paths) -> anyhow::Result<u8> {
    let places = Places::of_owner(paths, Path::new("/"));
    let sessions = Sessions::of(&places.sessions);
    let text = match &args.forget {
        Some(id) => forget(&sessions, id).map_err(|error| explained(error, &places))?,
        None if args.list => {
            let all = sessions.all().map_err(anyhow::Error::from);
            list(&all.map_err(|error| explained(error, &places))?)
        }
        None => invite(&places, options)?,
    };
    exit::say(&text);
    Ok(exit::SUCCESS)
}

fn invite(places: &Places, options: &LoadOptions) -> anyhow::Result<String> {
    let address = match address::read(&places.address) {
        Ok(address) => address,
        Err(PairingError::Missing { .. }) => return Err(no_address(places, options)?),
        Err(error) => return Err(explained(error.into(), places)),
    };
    if !std::io::stdout().is_terminal() {
        return Ok(format!("{address}\n"));
    }
    let code = qr(&address)?;
    Ok(format!(
        "Open this address in the browser that is to use JEX. It lets one browser in, once.\n\n  \
         {address}\n\n{code}"
    ))
}

/// Why no address is shown.
fn no_address(places: &Places, options: &LoadOptions) -> anyhow::Result<anyhow::Error> {
    if places.of_appliance {
        return Ok(anyhow!(
            "JEX's page lets no other machine in: it does not run, or `web.public_urls` is empty. Look \
             at `systemctl status jex-web`."
        ));
    }
    let settings = jex_config::load(options)?.settings;
    if settings.web.public_urls.is_empty() {
        return Ok(anyhow!(
            "there is nothing to pair: only this machine's own browsers can open the page, and they need \
             no code. `web.public_urls` in jex.toml opens it to others."
        ));
    }
    Ok(SupervisorError::NotRunning.into())
}

/// With what to do on the appliance, where the files belong to JEX's own user.
fn explained(error: anyhow::Error, places: &Places) -> anyhow::Error {
    match error.downcast_ref() {
        Some(PairingError::Forbidden { .. }) if places.of_appliance => {
            anyhow!("{error} Put `sudo` before the command.")
        }
        _ => error,
    }
}

fn forget(sessions: &Sessions, id: &str) -> anyhow::Result<String> {
    let which = match id {
        "all" => Which::All,
        id => Which::One(id.to_owned()),
    };
    let taken = sessions.forget(&which)?;
    if taken.is_empty() && which != Which::All {
        bail!("no paired browser has the ID {id}. `jex pair --list` shows them.");
    }
    let mut text = String::new();
    for session in &taken {
        let _ = writeln!(text, "{} is not let in any more.", session.browser);
    }
    if taken.is_empty() {
        text.push_str("No browser was paired.\n");
    }
    Ok(text)
}

fn list(all: &[Session]) -> String {
    if all.is_empty() {
        return "No browser is paired. `jex pair` lets one in.\n".into();
    }
    let bold = anstyle::Style::new().bold();
    let mut text = format!("{bold}{:<8}  {:<16}  BROWSER{bold:#}\n", "ID", "PAIRED");
    for session in all {
        let at = session.paired_at.to_zoned(TimeZone::system());
        let at = at.strftime("%Y-%m-%d %H:%M");
        let _ = writeln!(text, "{}  {at}  {}", session.id(), session.browser);
    }
    text
}

/// For a terminal of either colour: light parts are drawn and dark ones left, in colours of its own where
/// it has them.
fn qr(address: &str) -> anyhow::Result<String> {
    let code = QrCode::new(address).context("the address is too long for a QR code")?;
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build();
    let style = AnsiColor::BrightWhite.on(AnsiColor::Black);
    let lines = drawn
        .lines()
        .map(|line| format!("{style}{line}{style:#}\n"));
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    fn paired(folder: &Path, browsers: &[&str]) -> Sessions {
        let sessions = Sessions::of(folder.join("sessions.json"));
        let mut rng = StdRng::seed_from_u64(1);
        for browser in browsers {
            sessions
                .add(browser, Timestamp::UNIX_EPOCH, &mut rng)
                .unwrap();
        }
        sessions
    }

    #[test]
    fn each_paired_browser_has_a_line_with_the_id_that_takes_it_away() {
        let folder = tempfile::tempdir().unwrap();
        let sessions = paired(folder.path(), &["Firefox on Android", "Safari on macOS"]);

        let listed = list(&sessions.all().unwrap());

        let line = listed.lines().find(|line| line.contains("Safari")).unwrap();
        let id = line.split_whitespace().next().unwrap();
        let said = forget(&sessions, id).unwrap();
        assert_eq!(said, "Safari on macOS is not let in any more.\n");
        assert_eq!(sessions.all().unwrap().len(), 1);
    }

    #[test]
    fn all_of_them_go_at_once_and_an_unknown_id_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let sessions = paired(folder.path(), &["Firefox", "Safari"]);

        let unknown = forget(&sessions, "12345678").unwrap_err().to_string();
        assert!(unknown.contains("12345678") && unknown.contains("--list"));
        assert_eq!(forget(&sessions, "all").unwrap().lines().count(), 2);
        assert_eq!(
            forget(&sessions, "all").unwrap(),
            "No browser was paired.\n"
        );
        assert!(list(&[]).contains("No browser is paired"));
    }

    /// What a camera sees of a terminal that draws in white on black.
    fn scanned(drawn: &str) -> String {
        const PIXELS: usize = 4;
        let lines: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
        let is_light = |x: usize, y: usize| match lines[y / 2][x] {
            '\u{2588}' => true,
            '\u{2580}' => y.is_multiple_of(2),
            '\u{2584}' => !y.is_multiple_of(2),
            _ => false,
        };
        let (width, height) = (lines[0].len() * PIXELS, lines.len() * 2 * PIXELS);
        let mut seen = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
            if is_light(x / PIXELS, y / PIXELS) {
                255
            } else {
                0
            }
        });
        seen.detect_grids()[0].decode().unwrap().1
    }

    #[test]
    fn a_camera_reads_the_address_off_the_terminal() {
        for address in [
            "https://jex.local/pair#WDJB-MJHT-KQRS-ZXCV",
            "https://192.168.100.200:8443/pair#BCDF-GHJK-LMNP-QRST",
        ] {
            let drawn = anstream::adapter::strip_str(&qr(address).unwrap()).to_string();

            assert_eq!(scanned(&drawn), address);
        }
    }

    #[test]
    fn the_qr_code_fits_a_plain_console() {
        let address = "https://192.168.100.200:8443/pair#WDJB-MJHT-KQRS-ZXCV";

        let drawn = anstream::adapter::strip_str(&qr(address).unwrap()).to_string();

        let lines: Vec<&str> = drawn.lines().collect();
        assert!(lines.len() <= 24, "{} lines", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= 80));
        // The quiet zone around it is light, so it is drawn.
        assert!(lines[0].chars().all(|c| c == '\u{2588}'));
    }

    #[test]
    fn on_the_appliance_who_may_not_read_is_told_of_sudo() {
        let forbidden = || PairingError::Forbidden {
            path: "/run/jex-web/pairing-address".into(),
        };
        let places = |of_appliance| Places {
            address: "/run/jex-web/pairing-address".into(),
            sessions: "/var/lib/private/jex-web/sessions.json".into(),
            of_appliance,
        };

        let there = explained(forbidden().into(), &places(true)).to_string();
        let here = explained(forbidden().into(), &places(false)).to_string();

        assert!(there.contains("sudo") && there.contains("pairing-address"));
        assert!(!here.contains("sudo"));
    }
}
