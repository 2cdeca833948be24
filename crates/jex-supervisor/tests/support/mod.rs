//! A JEX of a test's own: other folders, other ports, in a process of its own.

#![allow(dead_code, reason = "each test binary uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "this is test code")]

pub mod appliance;
pub mod n8n;
pub mod registry;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jex_config::Paths;
use jex_supervisor::control;
use jex_supervisor::status::{ComponentStatus, StackStatus, State};
use tempfile::TempDir;

/// Parts that need none of JEX's own programs.
pub const PARTS: [&str; 5] = ["redis", "livekit", "ollama", "whisper", "piper"];

/// The example that starts some of the components; cargo builds it before the tests.
fn some_components() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let target = this.ancestors().nth(2).unwrap();
    let example = target.join("examples/some_components");
    assert!(example.exists(), "built by `cargo build --examples`");
    example
}

/// Folders, settings and ports.
pub struct Home {
    pub folder: TempDir,
    /// Of its PostgreSQL, which may be another user, who has to reach it.
    pub database: TempDir,
    pub ports: Ports,
    /// The file that names the parts.
    pub parts: PathBuf,
    /// Variables that are settings, and others.
    pub env: Vec<(String, String)>,
}

/// Free ones.
pub struct Ports {
    pub livekit: u16,
    pub rtc_tcp: u16,
    pub redis: u16,
    pub ollama: u16,
    pub whisper: u16,
    pub piper: u16,
    pub agent: u16,
    pub web: u16,
    pub n8n: u16,
    pub n8n_broker: u16,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Below the range that outgoing connections take theirs from; all held at once, so that no two are the same.
        let listeners: Vec<TcpListener> = (20_000..32_000)
            .filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok())
            .take(10)
            .collect();
        let port = |index: usize| listeners[index].local_addr().unwrap().port();
        let ports = Ports {
            livekit: port(0),
            rtc_tcp: port(1),
            redis: port(2),
            ollama: port(3),
            whisper: port(4),
            piper: port(5),
            agent: port(6),
            web: port(7),
            n8n: port(8),
            n8n_broker: port(9),
        };
        let home = Self {
            folder,
            database: reachable(),
            ports,
            parts: Self::parts_file(),
            env: Vec::new(),
        };
        std::fs::create_dir_all(home.paths().config_file.parent().unwrap()).unwrap();
        home
    }

    /// A setting by its key, as the environment has it.
    pub fn set(&mut self, key: &str, value: &str) {
        let name = format!("JEX_{}", key.to_uppercase().replace('.', "__"));
        self.env.push((name, value.into()));
    }

    /// As [`Self::set`], an address on this machine.
    pub fn set_address(&mut self, key: &str, scheme: &str, port: u16) {
        self.set(key, &format!("{scheme}://127.0.0.1:{port}"));
    }

    pub fn paths(&self) -> Paths {
        let root = self.folder.path().to_owned();
        Paths::from_lookup(|name| (name == "HOME").then(|| root.clone())).unwrap()
    }

    pub fn all_ports(&self) -> Vec<u16> {
        let Ports {
            livekit,
            rtc_tcp,
            redis,
            ollama,
            whisper,
            piper,
            agent,
            web,
            n8n,
            n8n_broker,
        } = self.ports;
        vec![
            livekit, rtc_tcp, redis, ollama, whisper, piper, agent, web, n8n, n8n_broker,
        ]
    }

    /// The parts that `./dev parts` made for this user.
    pub fn parts_file() -> PathBuf {
        Paths::from_env().unwrap().parts_file()
    }

    /// `jex.toml` before it is written, or as it is.
    pub fn write_settings(&self, more: &str) {
        let Ports {
            livekit,
            rtc_tcp,
            redis,
            ollama,
            whisper,
            piper,
            agent,
            web,
            n8n,
            n8n_broker,
        } = self.ports;
        let database = self.database.path().join("pg");
        let text = format!(
            "# The owner's own words.\n[livekit]\nport = {livekit}\nrtc_tcp_port = {rtc_tcp}\n\
             [redis]\nport = {redis}\n[stt]\nport = {whisper}\n[tts]\nport = {piper}\n\
             [agent]\nport = {agent}\n[web]\nport = {web}\n[database]\nfolder = {database:?}\n\
             [n8n]\nport = {n8n}\nbroker_port = {n8n_broker}\n[llm]\nport = {ollama}\n{more}\n"
        );
        std::fs::write(self.paths().config_file, text).unwrap();
    }

    fn command(&self, only: &[&str]) -> Command {
        if !self.paths().config_file.exists() {
            self.write_settings("");
        }
        let mut command = Command::new(some_components());
        command
            .args(only)
            .env("JEX_PARTS", &self.parts)
            .env("HOME", self.folder.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_STATE_HOME")
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XDG_RUNTIME_DIR")
            .envs(self.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// `jex up` with some of the components.
    pub fn up(&self, only: &[&str]) -> Stack {
        let child = self.command(only).spawn().unwrap();
        Stack {
            child,
            paths: self.paths(),
        }
    }

    /// `jex up --background`: how it ended and what it said.
    pub fn up_in_background(&self, only: &[&str]) -> (ExitStatus, String) {
        let output = self.command(only).arg("--background").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status, said)
    }

    /// A `jex up` that is expected to give up; returns what it said.
    pub fn up_in_vain(&self, only: &[&str]) -> String {
        let output = self.command(only).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    }
}

/// A folder that other users can get into.
fn reachable() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o755);
    tempfile::Builder::new()
        .permissions(mode)
        .tempdir()
        .unwrap()
}

/// A running stack; killed when dropped.
pub struct Stack {
    pub child: Child,
    pub paths: Paths,
}

impl Stack {
    pub fn status(&self) -> Option<StackStatus> {
        control::status(&self.paths).ok()
    }

    pub fn component(&self, name: &str) -> Option<ComponentStatus> {
        let status = self.status()?;
        status.components.into_iter().find(|one| one.name == name)
    }

    /// Waits until all is ready; fails with what is not.
    pub fn wait_ready(&mut self, limit: Duration) -> StackStatus {
        self.wait_for(limit, |status| status.ready)
    }

    pub fn wait_for(
        &mut self,
        limit: Duration,
        wanted: impl Fn(&StackStatus) -> bool,
    ) -> StackStatus {
        let deadline = Instant::now() + limit;
        loop {
            let status = self.status();
            if let Some(status) = status.clone().filter(&wanted) {
                return status;
            }
            let ended = self.child.try_wait().unwrap();
            if Instant::now() >= deadline || ended.is_some() {
                let _ = self.child.kill();
                let mut said = String::new();
                let mut out = self.child.stdout.take().unwrap();
                out.read_to_string(&mut said).unwrap();
                let mut errors = self.child.stderr.take().unwrap();
                errors.read_to_string(&mut said).unwrap();
                panic!("not so within {limit:?}: {status:#?}\n{said}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for the component to come into a state.
    pub fn wait_state(&mut self, name: &str, state: State, limit: Duration) -> ComponentStatus {
        let status = self.wait_for(limit, |status| {
            status
                .components
                .iter()
                .any(|one| one.name == name && one.state == state)
        });
        status
            .components
            .into_iter()
            .find(|one| one.name == name)
            .unwrap()
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Waits for the end; returns how it ended, what was said, and how long it took.
    pub fn wait_end(mut self, limit: Duration) -> (ExitStatus, String, Duration) {
        let start = Instant::now();
        let mut out = self.child.stdout.take().unwrap();
        let reading = std::thread::spawn(move || {
            let mut said = String::new();
            out.read_to_string(&mut said).map(|_| said)
        });
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                start.elapsed() < limit,
                "still there after {limit:?}: {:#?}",
                self.status()
            );
            std::thread::sleep(Duration::from_millis(10));
        };
        let took = start.elapsed();
        (status, reading.join().unwrap().unwrap(), took)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processes that carry the mark of a JEX in this home.
pub fn processes_in(home: &Home) -> Vec<String> {
    let folders = [home.folder.path(), home.database.path()].map(|path| path.to_str().unwrap());
    procfs::process::all_processes()
        .unwrap()
        .flatten()
        .filter(|process| {
            let environ = std::fs::read(format!("/proc/{}/environ", process.pid));
            let environ = environ.unwrap_or_default();
            let environ = String::from_utf8_lossy(&environ).into_owned();
            environ.contains("JEX_RUN=") && folders.iter().any(|folder| environ.contains(folder))
        })
        .map(|process| {
            let command = process.cmdline().unwrap_or_default().join(" ");
            format!("{} {command}", process.pid)
        })
        .collect()
}

/// Stacks of one test binary run one after the other: a machine may have two cores.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the packaged model write without an end; returns once it writes.
pub fn start_generating(ollama: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", ollama)).unwrap();
    let body = r#"{"model":"jex-demo","prompt":"Tell a long story.","options":{"num_predict":-1}}"#;
    let length = body.len();
    write!(
        stream,
        "POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    lines
        .find(|line| line.as_ref().unwrap().contains("\"response\""))
        .unwrap()
        .unwrap();
    stream
}

/// Everything that Redis answers to a command.
pub fn redis(port: u16, password: &str, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "AUTH {password}\r\n{command}\r\nQUIT\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

/// Every TCP and UDP address that the stack's processes listen on.
pub fn listeners(home: &Home) -> Vec<(String, SocketAddr)> {
    use procfs::net::TcpState;
    let tcp = procfs::net::tcp().unwrap().into_iter();
    let tcp = tcp.chain(procfs::net::tcp6().unwrap_or_default());
    let udp = procfs::net::udp().unwrap().into_iter();
    let udp = udp.chain(procfs::net::udp6().unwrap_or_default());
    let sockets: Vec<(u64, SocketAddr)> = tcp
        .filter(|entry| entry.state == TcpState::Listen)
        .map(|entry| (entry.inode, entry.local_address))
        .chain(udp.map(|entry| (entry.inode, entry.local_address)))
        .collect();
    let mut found = Vec::new();
    for process in processes_in(home) {
        let pid = process.split(' ').next().unwrap().parse().unwrap();
        let Ok(files) = procfs::process::Process::new(pid).and_then(|process| process.fd()) else {
            continue;
        };
        for file in files.flatten() {
            if let procfs::process::FDTarget::Socket(inode) = file.target {
                let here = sockets.iter().filter(|(socket, _)| *socket == inode);
                found.extend(here.map(|(_, address)| (process.clone(), *address)));
            }
        }
    }
    assert!(found.len() >= 6, "too few to be all: {found:?}");
    found
}

/// Waits until someone has asked something on a port and got no answer.
pub fn wait_for_unread_question(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(15);
    let is_unread =
        |entry: procfs::net::TcpNetEntry| entry.local_address.port() == port && entry.rx_queue > 0;
    while !procfs::net::tcp().unwrap().into_iter().any(is_unread) {
        assert!(Instant::now() < deadline, "nobody asks");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The process that clears up after a `jex up`.
pub fn keeper_of(jex: u32) -> nix::unistd::Pid {
    let jex = i32::try_from(jex).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let keeper = procfs::process::all_processes()
            .unwrap()
            .flatten()
            .filter(|process| process.stat().is_ok_and(|stat| stat.ppid == jex))
            .find(|process| {
                let command = process.cmdline().unwrap_or_default();
                command.last().is_some_and(|last| last == "keeper")
            });
        if let Some(keeper) = keeper {
            return nix::unistd::Pid::from_raw(keeper.pid);
        }
        assert!(Instant::now() < deadline, "it has no keeper");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Exit status of `tests/in-namespace`.
const NOT_ALLOWED: i32 = 125;
const IN_NAMESPACE: &str = "JEX_TEST_IN_NAMESPACE";

/// Whether this process has a network of its own, with the address 10.99.0.1 and no way out.
pub fn in_namespace_with_one_address() -> bool {
    std::env::var_os(IN_NAMESPACE).is_some()
}

/// Runs one test of this binary there. Where this machine allows no namespaces it passes: `tests/all` tells so at its end.
pub fn again_in_namespace(test: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/in-namespace");
    let status = Command::new(script)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(IN_NAMESPACE, "1")
        .status()
        .unwrap();
    assert!(status.success() || status.code() == Some(NOT_ALLOWED));
}

/// Runs `ip` (iproute2).
pub fn ip(args: &[&str]) {
    let path = std::env::var("PATH").unwrap() + ":/usr/sbin:/sbin";
    let status = Command::new("ip").args(args).env("PATH", path).status();
    assert!(status.unwrap().success(), "ip {args:?}");
}

/// Body of an answer from this machine.
pub fn http_get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
