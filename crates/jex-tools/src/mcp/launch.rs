//! Starting a server in its sandbox.
//!
//! `jex-mcp-launcher` makes the sandbox and becomes the server; it needs namespaces of the kernel, and says so with
//! exit status 125 where it cannot have them.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::ToolError;
use crate::error::Origin;

/// Exit status of the launcher: this machine gives no sandbox.
const NO_SANDBOX: i32 = 125;
/// By this variable JEX's supervisor finds what belongs to it; the launcher keeps it to itself.
const MARK: &str = "JEX_RUN";
/// Longest line of a server's own log that is kept, in bytes.
const LONGEST_LINE: u64 = 2000;

/// What to start and what it may see.
#[derive(Debug, Clone)]
pub struct LaunchOptions {
    /// `jex-mcp-launcher`.
    pub launcher: PathBuf,
    /// Program by its whole path, and arguments.
    pub command: Vec<String>,
    pub network: bool,
    /// Beside the system's programs and libraries.
    pub readable: Vec<PathBuf>,
    /// Lines `NAME=value`.
    pub environment_file: Option<PathBuf>,
}

/// Starts the same server each time.
#[derive(Debug, Clone)]
pub struct Launch(LaunchOptions);

impl Launch {
    pub fn new(options: LaunchOptions) -> Self {
        Self(options)
    }

    /// Starts it. What it writes to its log goes to ours.
    pub(super) fn start(
        &self,
        name: &str,
        origin: &Origin,
    ) -> Result<(Launched, ChildStdout, ChildStdin), ToolError> {
        let options = &self.0;
        let mut command = Command::new(&options.launcher);
        if options.network {
            command.arg("--network");
        }
        for path in &options.readable {
            command.arg("--readable").arg(path);
        }
        command.arg("--").args(&options.command);
        // Nothing of ours: a variable may hold a secret.
        command.env_clear();
        if let Some(mark) = std::env::var_os(MARK) {
            command.env(MARK, mark);
        }
        if let Some(file) = &options.environment_file {
            command.envs(environment(file).map_err(|reason| origin.unreachable(reason))?);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal is for JEX.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                origin.no_sandbox(format!("{}: {error}", options.launcher.display()))
            })?;
        let (Some(output), Some(input), Some(errors)) =
            (child.stdout.take(), child.stdin.take(), child.stderr.take())
        else {
            return Err(origin.unreachable("it has no pipes"));
        };
        let last_line = Arc::default();
        tokio::spawn(log(name.to_owned(), errors, Arc::clone(&last_line)));
        Ok((Launched { child, last_line }, output, input))
    }
}

/// A server that runs; it is killed when this is dropped.
pub struct Launched {
    child: Child,
    last_line: Arc<Mutex<String>>,
}

impl Launched {
    /// After it closed its pipes.
    pub(super) async fn why_it_ended(&mut self, origin: &Origin, otherwise: String) -> ToolError {
        let status = timeout(Duration::from_secs(2), self.child.wait()).await;
        let last_line = self
            .last_line
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match status {
            Ok(Ok(status)) if status.code() == Some(NO_SANDBOX) => origin.no_sandbox(last_line),
            Ok(Ok(status)) if last_line.is_empty() => {
                origin.unreachable(format!("it ended ({status})"))
            }
            Ok(Ok(status)) => origin.unreachable(format!("it ended ({status}): {last_line}")),
            _ => origin.unreachable(otherwise),
        }
    }
}

async fn log(server: String, errors: ChildStderr, last: Arc<Mutex<String>>) {
    let mut errors = BufReader::new(errors);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut errors)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .await
        {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = crate::text::one_line(&String::from_utf8_lossy(&line), 500);
        if !text.is_empty() {
            tracing::debug!(server, "{text}");
            *last.lock().unwrap_or_else(PoisonError::into_inner) = text;
        }
    }
}

/// Reads `NAME=value` lines of a file that is for the owner's eyes alone.
fn environment(file: &Path) -> Result<Vec<(OsString, OsString)>, String> {
    let failed = |reason: String| format!("its environment file {}: {reason}", file.display());
    let metadata = std::fs::metadata(file).map_err(|error| failed(error.to_string()))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(failed("others than you can read it: `chmod 600` it".into()));
    }
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    text.lines()
        .map(str::trim)
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| match line.split_once('=') {
            Some((name, value)) if !name.is_empty() && name != MARK => {
                Ok((name.trim().into(), value.into()))
            }
            _ => Err(failed(format!("line {} is no NAME=value", number + 1))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn an_environment_file_is_lines_of_name_and_value() {
        let read = environment(file("# a key\nKEY=a=b\n\n", 0o600).path()).unwrap();

        assert_eq!(read, [("KEY".into(), "a=b".into())]);
    }

    #[test]
    fn what_is_wrong_with_it_is_told_without_its_text() {
        let open = environment(file("KEY=secret\n", 0o644).path()).unwrap_err();
        let none = environment(file("KEY=x\nsecret\n", 0o600).path()).unwrap_err();

        assert!(open.contains("chmod 600"), "{open}");
        assert!(
            none.contains("line 2") && !none.contains("secret\n"),
            "{none}"
        );
    }
}
