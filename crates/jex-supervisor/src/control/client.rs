//! The end of `jex status`, `jex stop` and the rest.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jex_config::Paths;

use super::{Command, Reloading, Reply, at};
use crate::status::StackStatus;
use crate::{Lock, SupervisorError};

const LIMIT: Duration = Duration::from_secs(10);

/// Asks for the state of everything.
pub fn status(paths: &Paths) -> Result<StackStatus, SupervisorError> {
    ask(paths, &Command::Status, |reply| match reply {
        Reply::Status(status) => Ok(status),
        other => Err(other),
    })
}

/// Asks it to end; see [`wait_until_stopped`].
pub fn stop(paths: &Paths) -> Result<(), SupervisorError> {
    ask(paths, &Command::Stop, |reply| match reply {
        Reply::Stopping { .. } => Ok(()),
        other => Err(other),
    })
}

/// Asks it to take the settings as they are now. From then on it is not ready until it has done
/// what they say.
pub fn reload(paths: &Paths) -> Result<Reloading, SupervisorError> {
    ask(paths, &Command::Reload, |reply| match reply {
        Reply::Reloading(reloading) => Ok(reloading),
        other => Err(other),
    })
}

/// Whether JEX is systemd's business here: no `jex up` of this user runs, and the machine is an
/// appliance.
pub fn systemd_runs_it(paths: &Paths) -> bool {
    Lock::holder(paths).is_none() && paths.is_appliance()
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

/// To the JEX of this user, else to that of this machine.
fn connect(paths: &Paths) -> Result<(UnixStream, PathBuf), SupervisorError> {
    let unreachable = |path, error: &std::io::Error| SupervisorError::Control {
        path,
        reason: error.to_string(),
    };
    let nobody = |error: &std::io::Error| {
        matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::ConnectionRefused
        )
    };
    let own = paths.control_socket();
    match at(&own, |path| UnixStream::connect(path)) {
        Ok(stream) => return Ok((stream, own)),
        Err(error) if !nobody(&error) => return Err(unreachable(own, &error)),
        Err(_) => {}
    }
    if let Some(pid) = Lock::holder(paths) {
        return Err(SupervisorError::StartingOrEnding { pid });
    }
    let machines = paths.machine_socket();
    match UnixStream::connect(&machines) {
        Ok(stream) => Ok((stream, machines)),
        Err(error) if nobody(&error) && paths.is_appliance() => {
            Err(SupervisorError::SupervisorDown)
        }
        Err(error) if nobody(&error) => Err(SupervisorError::NotRunning),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Err(SupervisorError::NotAllowed)
        }
        Err(error) => Err(unreachable(machines, &error)),
    }
}

/// `expect` gives a reply back that answers something else.
fn ask<T>(
    paths: &Paths,
    command: &Command,
    expect: impl FnOnce(Reply) -> Result<T, Reply>,
) -> Result<T, SupervisorError> {
    let (mut stream, path) = connect(paths)?;
    let failed = |reason: String| SupervisorError::Control {
        path: path.clone(),
        reason,
    };
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
    let reply = serde_json::from_str(&reply)
        .map_err(|error| failed(format!("its answer is not understood: {error}")))?;
    match expect(reply) {
        Ok(expected) => Ok(expected),
        Err(Reply::Error { error }) => Err(SupervisorError::Refused(error)),
        Err(reply) => Err(failed(format!("it answers something else: {reply:?}"))),
    }
}
