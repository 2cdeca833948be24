//! Makes a sandbox and becomes an MCP server in it.
//!
//! ```text
//! jex-mcp-launcher [--network] [--readable PATH]... -- /path/of/program [ARGUMENT]...
//! ```
//!
//! The server is an unprivileged process that can gain nothing: its own processes are all it sees, its own root holds
//! the system's programs and libraries and the paths named, read-only, a `/tmp` of its own, and no network unless
//! `--network`. Its environment is ours without the mark of JEX, so whoever starts this clears it.
//!
//! Exit status 125: this machine gives no sandbox, for the reason on stderr. 127: the program could not be started.
//! Otherwise the server's own.
//!
//! Two stages, since a process is not in the process namespace that it makes, only its children are.

mod arguments;
mod identity;
mod root;

use std::convert::Infallible;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode};

use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;

use arguments::{Arguments, Stage};

const NO_SANDBOX: u8 = 125;
const CANNOT_START: u8 = 127;
/// JEX's supervisor kills by this mark what it started; the server is killed with us.
const MARK: &str = "JEX_RUN";

/// What failed, and why.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("this machine gives no sandbox: {what}: {reason}. {}", remedy())]
    Sandbox { what: String, reason: String },
    #[error(
        "{program} cannot be started in the sandbox: {reason}. Name what it needs by `readable`."
    )]
    Start {
        program: String,
        reason: std::io::Error,
    },
    #[error("{0}")]
    Usage(String),
}

fn remedy() -> &'static str {
    match identity::is_root() {
        true => "Root needs the capability CAP_SYS_ADMIN for it, which a container usually lacks",
        false => {
            "It needs user namespaces: sysctl user.max_user_namespaces, and on Ubuntu \
                  kernel.apparmor_restrict_unprivileged_userns=0"
        }
    }
}

/// Says which step the kernel refused.
fn step<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> Result<T, Refusal> {
    result.map_err(|error| Refusal::Sandbox {
        what: what.to_owned(),
        reason: error.to_string(),
    })
}

fn main() -> ExitCode {
    let refusal = match Arguments::read(std::env::args_os().skip(1)) {
        Ok(arguments) => match arguments.stage {
            Stage::First => match first(&arguments) {
                Ok(code) => return code,
                Err(refusal) => refusal,
            },
            Stage::Second => match second(&arguments) {
                Err(refusal) => refusal,
                Ok(never) => match never {},
            },
        },
        Err(usage) => Refusal::Usage(usage),
    };
    eprintln!("{refusal}");
    ExitCode::from(match refusal {
        Refusal::Start { .. } => CANNOT_START,
        _ => NO_SANDBOX,
    })
}

/// Leaves the machine's namespaces and waits for the server, which is the child.
fn first(arguments: &Arguments) -> Result<ExitCode, Refusal> {
    let mut flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if !arguments.network {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    if identity::is_root() {
        step("namespaces", unshare(flags))?;
    } else {
        let own = identity::Own::now();
        step("namespaces", unshare(flags | CloneFlags::CLONE_NEWUSER))?;
        step("a user of its own", own.becomes(0, "/proc/self"))?;
    }
    let myself = step("this program", std::env::current_exe())?;
    let status = Command::new(myself)
        .args(arguments.for_second_stage())
        .status();
    let status = step("a process of its own", status)?;
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    Ok(ExitCode::from(
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
    ))
}

/// The first process in there: lays out the root, gives up what it has, becomes the server.
fn second(arguments: &Arguments) -> Result<Infallible, Refusal> {
    let old_proc = root::lay_out(arguments)?;
    step("its name", nix::unistd::sethostname("sandbox"))?;
    step("an unprivileged user", identity::give_up(&old_proc))?;
    drop(old_proc);
    step("no new privileges", prctl::set_no_new_privs())?;
    // The launcher may be killed: the server must not go on without it.
    step(
        "an end with its launcher",
        prctl::set_pdeathsig(Signal::SIGKILL),
    )?;
    let (program, rest) = arguments
        .command
        .split_first()
        .ok_or_else(|| Refusal::Usage("no program".into()))?;
    let reason = Command::new(program)
        .args(rest)
        .env_remove(MARK)
        .env("PATH", root::PATH)
        .env("HOME", "/tmp")
        .env("LANG", "C.UTF-8")
        .exec();
    Err(Refusal::Start {
        program: program.to_string_lossy().into_owned(),
        reason,
    })
}
