//! One child process from start to end.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use secrecy::ExposeSecret;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::component::{Preparation, Process, Requirement, StopPolicy};
use crate::log_file::{LastLines, LogFile, capture};
use crate::orphans::{self, Mark, VARIABLE};
use crate::{SupervisorError, probe, provision};

/// Prefixes of variables by which systemd speaks with JEX alone.
const FROM_SYSTEMD: [&str; 3] = ["JOURNAL_STREAM", "NOTIFY_SOCKET", "WATCHDOG_"];
/// Longest wait for the end of what was killed: the kernel may be busy with it, a disk for example.
const DIES_WITHIN: Duration = Duration::from_secs(1);
/// Longest wait for a program to say its version.
const SAYS_VERSION_WITHIN: Duration = Duration::from_secs(5);

/// A component's process.
#[derive(Debug)]
pub struct Running {
    child: Child,
    group: Pid,
    pub pid: u32,
    pub last_lines: LastLines,
    name: &'static str,
    mark: Mark,
    ended: bool,
}

impl Running {
    /// Writes the files, prepares, starts.
    pub async fn start(
        name: &'static str,
        process: &Process,
        log: &Path,
        mark: &Mark,
    ) -> Result<Self, SupervisorError> {
        for folder in &process.folders {
            make_private(folder).map_err(SupervisorError::file("cannot make", folder))?;
        }
        for file in &process.files {
            write_private(&file.path, file.contents.expose_secret())
                .map_err(SupervisorError::file("cannot write", &file.path))?;
        }
        match &process.preparation {
            Preparation::None => {}
            Preparation::EmptyRedis { port, password } => probe::empty_redis(*port, password)
                .await
                .map_err(SupervisorError::system("Redis cannot be emptied"))?,
            Preparation::Cluster(cluster) => cluster.prepare(&mark.value(name)).await?,
            Preparation::OwnersHash { password, file } => {
                write_private(file, &provision::password_hash(password))
                    .map_err(SupervisorError::file("cannot write", file))?;
            }
        }
        let log = LogFile::open(log).map_err(SupervisorError::file("cannot write", log))?;
        let (reader, writer) =
            std::io::pipe().map_err(SupervisorError::system("no pipe for a log"))?;
        let errors = writer
            .try_clone()
            .map_err(SupervisorError::system("no pipe for a log"))?;
        let mut command = Command::new(&process.program);
        let removed = || process.env_removed.iter().chain(&FROM_SYSTEMD);
        for (variable, _) in std::env::vars_os() {
            let text = variable.to_string_lossy();
            if removed().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&variable);
            }
        }
        if let Some(user) = &process.user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        let child = command
            .args(&process.args)
            .envs(&process.env)
            .env(VARIABLE, mark.value(name))
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(errors)
            // A terminal's Ctrl-C is for JEX alone: it ends them in order.
            .process_group(0)
            .spawn()
            .map_err(SupervisorError::file("cannot start", &process.program))?;
        // The command holds the writers; the pipe has to end with the last process of the component.
        drop(command);
        let pid = child.id().unwrap_or_default();
        let last_lines = LastLines::default();
        tokio::spawn(capture(OwnedFd::from(reader), log, last_lines.clone()));
        Ok(Self {
            child,
            group: Pid::from_raw(i32::try_from(pid).unwrap_or_default()),
            pid,
            last_lines,
            name,
            mark: mark.clone(),
            ended: false,
        })
    }

    /// Returns when the process has ended by itself, whatever it started killed.
    pub async fn ended(&mut self) -> String {
        let said = match self.child.wait().await {
            Ok(status) => how(status),
            Err(error) => format!("cannot be waited for: {error}"),
        };
        self.clear_up().await;
        said
    }

    /// Asks it to end, step by step, until it has; kills at once when `now` is cancelled.
    pub async fn stop(&mut self, policy: &StopPolicy, now: &CancellationToken) {
        for (signal, wait) in &policy.steps {
            if now.is_cancelled() {
                break;
            }
            self.signal(*signal);
            tokio::select! {
                _ = self.child.wait() => break,
                () = tokio::time::sleep(*wait) => {}
                () = now.cancelled() => break,
            }
        }
        self.clear_up().await;
        let dying = tokio::time::timeout(DIES_WITHIN, self.child.wait());
        if dying.await.is_err() {
            let name = self.name;
            tracing::error!(
                component = name,
                pid = self.pid,
                "it was killed and has not ended"
            );
        }
    }

    /// Nothing of it may go on: Ollama's runner would keep its memory.
    async fn clear_up(&mut self) {
        self.ended = true;
        let (mark, name) = (self.mark.clone(), self.name);
        let clearing = tokio::task::spawn_blocking(move || orphans::kill_component(&mark, name));
        if let Ok(killed @ 1..) = clearing.await {
            tracing::info!(component = name, killed, "killed what it left behind");
        }
        // What has done away with its environment.
        let _ = killpg(self.group, Signal::SIGKILL);
    }

    fn signal(&self, signal: Signal) {
        if self.child.id().is_none() {
            // It has ended: its number may be another's by now.
            return;
        }
        // The leader decides for the rest of its group.
        if let Err(error) = nix::sys::signal::kill(self.group, signal)
            && error != nix::errno::Errno::ESRCH
        {
            tracing::warn!(component = self.name, %signal, %error, "cannot send a signal");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            let _ = killpg(self.group, Signal::SIGKILL);
        }
    }
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit status {code}"),
        (None, Some(9)) => "was killed (signal 9; `dmesg` tells if memory ran out)".into(),
        (None, Some(signal)) => {
            let name = Signal::try_from(signal).map_or("", Signal::as_str);
            format!("was ended by signal {signal} {name}")
                .trim_end()
                .into()
        }
        (None, None) => "ended".into(),
    }
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

/// Never readable for others, not even for a moment.
fn write_private(path: &Path, contents: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        make_private(folder)?;
    }
    let scratch = path.with_added_extension("new");
    let _ = std::fs::remove_file(&scratch);
    let mut file = std::fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&scratch)?;
    file.write_all(contents.as_bytes())?;
    std::fs::rename(&scratch, path)
}

/// Why the program will not do. One that does not tell its version is given a try.
pub async fn unfit(name: &str, process: &Process, mark: &Mark) -> Option<String> {
    let Requirement {
        version: (major, minor),
        read,
        remedy,
    } = process.requirement?;
    let there = read(&printed(name, process, &["--version"], mark).await?)?;
    (there < (major, minor)).then(|| {
        let program = process.program.display();
        format!(
            "{program} is version {}.{}, but {major}.{minor} or newer is needed. {remedy}",
            there.0, there.1
        )
    })
}

/// Last word of the first line that the program prints about its version.
pub async fn version(name: &str, process: &Process, mark: &Mark) -> Option<String> {
    let text = printed(name, process, process.version_args?, mark).await?;
    // "livekit-server version 1.13.1"
    let word = text.lines().next()?.split_whitespace().next_back()?;
    Some(word.to_owned())
}

async fn printed(name: &str, process: &Process, args: &[&str], mark: &Mark) -> Option<String> {
    let output = Command::new(&process.program)
        .args(args)
        .env(VARIABLE, mark.value(name))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(SAYS_VERSION_WITHIN, output);
    let output = output.await.ok()?.ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_with_a_secret_is_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/livekit.yaml");

        write_private(&path, "first").unwrap();
        write_private(&path, "second").unwrap();

        assert_eq!(std::fs::read_to_string(&path).unwrap(), "second");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
