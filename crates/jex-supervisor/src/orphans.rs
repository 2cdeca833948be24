//! Nothing outlives JEX, however it ends.
//!
//! A parent-death signal follows the thread that forked and misses grandchildren such as Ollama's
//! runner. So every process that JEX starts carries a mark in its environment, which what it
//! starts inherits. A keeper process blocks on a pipe that only JEX holds open; when the kernel
//! closes it, the keeper kills everything with the mark until nothing is left. The keeper is
//! a shell, so that neither `pkill jex` nor `pidof jex` finds it, and JEX starts another if it
//! dies. Should both be killed at once, the next `jex up` clears up before it starts anything.

use std::collections::{BTreeMap, BTreeSet};
use std::io::PipeWriter;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use procfs::process::Process;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use sha2::{Digest, Sha256};

use jex_config::Paths;

/// Variable with the mark: `<state folder, hashed>.<run>.<component>`.
pub const VARIABLE: &str = "JEX_RUN";

/// Kills until two looks in a row found nothing: something may fork between look and kill.
const KEEPER: &str = r#"
trap '' HUP INT TERM QUIT
while read -r _; do :; done
# Put together only here: the processes of this shell must not carry the mark themselves.
mark=$VARIABLE=$RUN
quiet=0
while [ "$quiet" -lt 2 ]; do
    found=
    for file in $(grep -lsaF "$mark" /proc/[0-9]*/environ); do
        process=${file#/proc/}
        process=${process%/environ}
        [ "$process" = "$$" ] || found="$found $process"
    done
    if [ -n "$found" ]; then
        quiet=0
        kill -9 $found 2>/dev/null
    else
        quiet=$((quiet + 1))
    fi
    sleep 0.1
done
"#;

/// What distinguishes this run's processes from all others.
#[derive(Debug, Clone)]
pub struct Mark {
    state: String,
    run: String,
}

impl Mark {
    /// A new one for a run on this state folder.
    pub fn new(paths: &Paths) -> Self {
        let digest = Sha256::digest(paths.state.as_os_str().as_encoded_bytes());
        let state = digest[..8].iter().map(|byte| format!("{byte:02x}"));
        Self {
            state: state.collect(),
            run: format!("{:016x}", rand::random::<u64>()),
        }
    }

    /// Value of [`VARIABLE`] for a component's processes.
    pub fn value(&self, component: &str) -> String {
        format!("{}.{}.{component}", self.state, self.run)
    }

    /// Matches what any run on this state folder started.
    fn any_run(&self) -> String {
        format!("{VARIABLE}={}.", self.state)
    }

    fn this_run(&self) -> String {
        format!("{VARIABLE}={}.{}.", self.state, self.run)
    }
}

/// Kills what earlier runs on the same state folder left behind. Returns how many there were.
pub fn kill_leftovers(mark: &Mark) -> usize {
    kill_all(&mark.any_run(), |_| true)
}

/// Kills whatever this run started.
pub fn kill_run(mark: &Mark) -> usize {
    kill_all(&mark.this_run(), |_| true)
}

/// Kills whatever one component of this run started.
pub fn kill_component(mark: &Mark, component: &str) -> usize {
    kill_all(&mark.this_run(), |name| name == component)
}

/// Processes of each component of this run and everything they started.
pub fn by_component(mark: &Mark) -> BTreeMap<String, Vec<Process>> {
    let mut found: BTreeMap<String, Vec<Process>> = BTreeMap::new();
    for (process, component) in marked(&mark.this_run()) {
        found.entry(component).or_default().push(process);
    }
    found
}

/// Kills, and waits until the kernel has taken back the files and ports of what it killed. The rest
/// of a mark, after `begin`, has to please `wanted`.
fn kill_all(begin: &str, wanted: impl Fn(&str) -> bool) -> usize {
    let deadline = Instant::now() + Duration::from_secs(2);
    let mut killed = BTreeSet::new();
    let mut quiet = 0;
    while quiet < 2 && Instant::now() < deadline {
        let mut found = marked(begin);
        found.retain(|(_, rest)| wanted(rest));
        if found.is_empty() {
            quiet += 1;
            // One that is starting another program shows no environment for a moment.
            std::thread::sleep(Duration::from_millis(10));
            continue;
        }
        quiet = 0;
        killed.extend(found.iter().map(|(process, _)| process.pid));
        let dying: Vec<OwnedFd> = found
            .iter()
            .filter_map(|(process, _)| kill_marked(process.pid, begin))
            .collect();
        for process in dying {
            wait_until_gone(&process, deadline);
        }
    }
    killed.len()
}

/// Kills a process that carries the mark; by what is returned one sees when it is gone.
fn kill_marked(pid: i32, begin: &str) -> Option<OwnedFd> {
    let handle = match pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(Errno::SRCH) => return None,
        Err(_) => {
            // A sandbox without such handles.
            let _ = kill_process(Pid::from_raw(pid)?, Signal::KILL);
            return None;
        }
    };
    // Its number may have become another's before there was a handle.
    rest_of_mark(pid, begin)?;
    pidfd_send_signal(&handle, Signal::KILL).ok()?;
    Some(handle)
}

/// A process loses its environment, by which it is found, before it closes its files.
fn wait_until_gone(process: &OwnedFd, deadline: Instant) {
    let left = deadline.saturating_duration_since(Instant::now());
    let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
    let _ = poll(&mut [PollFd::new(process.as_fd(), PollFlags::POLLIN)], left);
}

/// All processes but this one whose mark begins so, each with the rest of its mark.
fn marked(begin: &str) -> Vec<(Process, String)> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let Ok(all) = procfs::process::all_processes() else {
        return Vec::new();
    };
    all.flatten()
        .filter(|process| process.pid != own)
        .filter_map(|process| {
            let rest = rest_of_mark(process.pid, begin)?;
            Some((process, rest))
        })
        .collect()
}

/// What follows `begin` in the mark of a process; zombies have none.
fn rest_of_mark(pid: i32, begin: &str) -> Option<String> {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    environ
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(begin.as_bytes()))
        .map(|rest| String::from_utf8_lossy(rest).into_owned())
}

/// The process that clears up after JEX.
#[derive(Debug)]
pub struct Keeper {
    child: Child,
    /// Its other end tells the keeper that JEX lives.
    _alive: PipeWriter,
}

impl Keeper {
    pub fn start(mark: &Mark) -> std::io::Result<Self> {
        let (reader, alive) = std::io::pipe()?;
        let child = Command::new("/bin/sh")
            .args(["-c", KEEPER, "keeper"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("VARIABLE", VARIABLE)
            .env("RUN", mark.value(""))
            .stdin(reader)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A terminal's Ctrl-C is for JEX alone.
            .process_group(0)
            .current_dir("/")
            .spawn()?;
        Ok(Self {
            child,
            _alive: alive,
        })
    }

    /// Starts another one if it is gone.
    pub fn ensure_alive(&mut self, mark: &Mark) -> std::io::Result<()> {
        if self.child.try_wait()?.is_some() {
            tracing::warn!("the keeper process has ended; starting another");
            *self = Self::start(mark)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(home: &tempfile::TempDir) -> Paths {
        let root = home.path().to_owned();
        Paths::from_lookup(|name| (name == "HOME").then(|| root.clone())).unwrap()
    }

    /// A process whose child outlives it, as Ollama's runner does.
    fn start_family(mark: &Mark, component: &str) -> Child {
        Command::new("/bin/sh")
            .args(["-c", "sleep 1000 & exec sleep 1000"])
            .env(VARIABLE, mark.value(component))
            .spawn()
            .unwrap()
    }

    fn processes_of(mark: &Mark, component: &str) -> Vec<Process> {
        by_component(mark).remove(component).unwrap_or_default()
    }

    fn wait_for_count(mark: &Mark, component: &str, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while processes_of(mark, component).len() != count {
            assert!(Instant::now() < deadline, "never {count} of {component}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_component_is_killed_with_its_children_and_no_other() {
        let home = tempfile::tempdir().unwrap();
        let mark = Mark::new(&paths(&home));
        let mut one = start_family(&mark, "one");
        let mut two = start_family(&mark, "two");
        wait_for_count(&mark, "one", 2);
        wait_for_count(&mark, "two", 2);

        let killed = kill_component(&mark, "one");

        assert_eq!(killed, 2);
        assert_eq!(processes_of(&mark, "two").len(), 2);
        assert_eq!(kill_run(&mark), 2);
        one.wait().unwrap();
        two.wait().unwrap();
    }

    #[test]
    fn what_was_killed_holds_no_port_any_more() {
        let home = tempfile::tempdir().unwrap();
        let mark = Mark::new(&paths(&home));
        for _ in 0..10 {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let mut holder = Command::new("/bin/sh")
                // Much memory to give back, which comes before the files.
                .args([
                    "-c",
                    "x=$(head -c 30000000 /dev/zero | tr '\\0' x); sleep 1000",
                ])
                .env(VARIABLE, mark.value("redis"))
                .stdin(OwnedFd::from(listener))
                .spawn()
                .unwrap();
            let is_asleep =
                |process: &Process| process.stat().is_ok_and(|stat| stat.comm == "sleep");
            let deadline = Instant::now() + Duration::from_secs(5);
            while !processes_of(&mark, "redis").iter().any(is_asleep) {
                assert!(Instant::now() < deadline, "it never sleeps");
                std::thread::sleep(Duration::from_millis(5));
            }

            kill_component(&mark, "redis");

            assert!(std::net::TcpListener::bind(address).is_ok());
            holder.wait().unwrap();
        }
    }

    #[test]
    fn the_keeper_kills_when_its_pipe_closes() {
        let home = tempfile::tempdir().unwrap();
        let mark = Mark::new(&paths(&home));
        let mut family = start_family(&mark, "ollama");
        wait_for_count(&mark, "ollama", 2);
        let keeper = Keeper::start(&mark).unwrap();

        let Keeper { mut child, _alive } = keeper;
        drop(_alive);

        family.wait().unwrap();
        wait_for_count(&mark, "ollama", 0);
        child.wait().unwrap();
    }

    #[test]
    fn another_run_on_the_same_folder_finds_leftovers_and_a_stranger_does_not() {
        let home = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let first = Mark::new(&paths(&home));
        let mut family = start_family(&first, "redis");
        wait_for_count(&first, "redis", 2);

        assert_eq!(kill_leftovers(&Mark::new(&paths(&elsewhere))), 0);
        assert_eq!(kill_leftovers(&Mark::new(&paths(&home))), 2);

        family.wait().unwrap();
    }
}
