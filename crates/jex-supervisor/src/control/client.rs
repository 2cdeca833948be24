//! The end of `jex status`, `jex stop` and the rest.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use jex_config::Paths;

use super::{Command, Reloading, Reply, at};
use crate::status::StackStatus;
use crate::{Lock, SupervisorError};

const LIMIT: Duration = Duration::from_secs(10);

/// Asks for the state of everything.
pub fn status(paths: &Paths) -> Result<StackStatus, SupervisorError> {
    match ask(paths, &Command::Status)? {
        Reply::Status(status) => Ok(status),
        reply => Err(strange(paths, &reply)),
    }
}

/// Asks it to end; see [`wait_until_stopped`].
pub fn stop(paths: &Paths) -> Result<(), SupervisorError> {
    match ask(paths, &Command::Stop)? {
        Reply::Stopping { .. } => Ok(()),
        reply => Err(strange(paths, &reply)),
    }
}

/// Asks it to take the settings as they are now. From then on it is not ready until it has done
/// what they say.
pub fn reload(paths: &Paths) -> Result<Reloading, SupervisorError> {
    match ask(paths, &Command::Reload)? {
        Reply::Reloading(reloading) => Ok(reloading),
        reply => Err(strange(paths, &reply)),
    }
}

/// Returns `true` once JEX has ended, `false` if it has not within `limit`.
pub fn wait_until_stopped(paths: &Paths, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while Lock::holder(paths).is_some() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

fn ask(paths: &Paths, command: &Command) -> Result<Reply, SupervisorError> {
    let path = paths.control_socket();
    let failed = |reason: String| SupervisorError::Control {
        path: path.clone(),
        reason,
    };
    let mut stream =
        at(&path, |path| UnixStream::connect(path)).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => match Lock::holder(paths) {
                Some(pid) => SupervisorError::StartingOrEnding { pid },
                None => SupervisorError::NotRunning,
            },
            _ => failed(error.to_string()),
        })?;
    let mut talking = || -> std::io::Result<String> {
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        let mut line = serde_json::to_string(command)?;
        line.push('\n');
        stream.write_all(line.as_bytes())?;
        let mut reply = String::new();
        BufReader::new(&stream).read_line(&mut reply)?;
        Ok(reply)
    };
    let reply = talking().map_err(|error| failed(error.to_string()))?;
    match serde_json::from_str(&reply) {
        Ok(Reply::Error { error }) => Err(SupervisorError::Refused(error)),
        Ok(reply) => Ok(reply),
        Err(error) => Err(failed(format!("its answer is not understood: {error}"))),
    }
}

fn strange(paths: &Paths, reply: &Reply) -> SupervisorError {
    SupervisorError::Control {
        path: paths.control_socket(),
        reason: format!("it answers something else: {reply:?}"),
    }
}
