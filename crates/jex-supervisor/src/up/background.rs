//! `jex up --background`: the same in a session of its own, watched until it is ready.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::UpOptions;
use crate::log_file::{self, LogFile};
use crate::orphans::VARIABLE;
use crate::status::{ComponentStatus, State};
use crate::{Lock, SupervisorError, control};

/// Value of [`VARIABLE`] that tells the child what it is.
const CHILD: &str = "background";
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOK_AT_LOG_EVERY: Duration = Duration::from_secs(60);

pub fn is_child() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| value == CHILD)
}

/// Out of the terminal's session: closing the terminal does not end JEX.
pub fn detach() -> Result<(), SupervisorError> {
    nix::unistd::setsid()
        .map(drop)
        .map_err(|error| SupervisorError::System {
            what: "no session of its own",
            source: error.into(),
        })
}

/// Keeps the file small that [`start`] gave the child for its words.
pub async fn keep_log_small(path: PathBuf) {
    loop {
        tokio::time::sleep(LOOK_AT_LOG_EVERY).await;
        if let Err(error) = log_file::keep_small(&path) {
            tracing::warn!(%error, log = %path.display(), "cannot set aside the log");
        }
    }
}

/// Starts the same command again, shows what it says, and returns when it is ready or has failed.
pub fn start(options: &UpOptions) -> Result<(), SupervisorError> {
    // Said here rather than by the child, whose words are in a file.
    drop(Lock::take(&options.paths, "")?);
    let path = options.paths.log("jex");
    let unwritable = |error| SupervisorError::file("cannot write", &path)(error);
    LogFile::open(&path).map_err(unwritable)?;
    let log = File::options()
        .append(true)
        .open(&path)
        .map_err(unwritable)?;
    let mut said = File::open(&path).map_err(unwritable)?;
    said.seek(SeekFrom::End(0)).map_err(unwritable)?;
    let errors = log.try_clone().map_err(unwritable)?;
    let program = std::env::current_exe()
        .map_err(SupervisorError::system("this program does not find itself"))?;
    let mut args = std::env::args_os();
    let name = args.next().unwrap_or_else(|| "jex".into());
    let mut child = Command::new(program)
        .arg0(name)
        .args(args)
        .env(VARIABLE, CHILD)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(SupervisorError::system("it cannot be started"))?;
    loop {
        std::thread::sleep(LOOK_EVERY);
        let ended = child
            .try_wait()
            .map_err(SupervisorError::system("it cannot be waited for"))?;
        let status = control::status(&options.paths);
        let mut text = Vec::new();
        let _ = said.read_to_end(&mut text);
        let _ = std::io::stdout().write_all(&text);
        if ended.is_some() {
            return Err(SupervisorError::NotReady(format!(
                "JEX has ended before it was ready; {} has what it said.",
                path.display()
            )));
        }
        let Ok(status) = status else { continue };
        if status.ready {
            // Its last words, printed when everything was ready.
            std::thread::sleep(LOOK_EVERY);
            let mut text = Vec::new();
            let _ = said.read_to_end(&mut text);
            let _ = std::io::stdout().write_all(&text);
            return Ok(());
        }
        let failed = |one: &&ComponentStatus| one.essential && one.state == State::Failed;
        if let Some(component) = status.components.iter().find(failed) {
            return Err(SupervisorError::NotReady(format!(
                "{} has failed: {}\nIt is tried again now and then (`jex status`); `jex stop` ends \
                 JEX.",
                component.name,
                component.last_error.as_deref().unwrap_or("no reason given")
            )));
        }
    }
}
