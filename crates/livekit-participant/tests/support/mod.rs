//! A real livekit-server on loopback, of a test's own.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use url::Url;

pub const API_KEY: &str = "test-key";
pub const API_SECRET: &str = "a test secret of at least thirty-two characters";

/// A running server; it is killed when the test ends.
pub struct LivekitServer {
    port: u16,
    config: String,
    process: Option<Child>,
    log: Arc<Mutex<Vec<String>>>,
}

impl LivekitServer {
    /// Starts a server on free ports and waits until it answers.
    pub async fn start() -> Self {
        let (port, rtc_tcp, rtc_udp) = (free_port(), free_port(), free_port());
        // `node_ip` and the loopback candidate keep it from asking anyone outside for an address.
        let config = format!(
            "port: {port}\n\
             bind_addresses: [\"127.0.0.1\"]\n\
             rtc:\n  tcp_port: {rtc_tcp}\n  udp_port: {rtc_udp}\n  node_ip: 127.0.0.1\n  \
             use_external_ip: false\n  enable_loopback_candidate: true\n\
             keys:\n  {API_KEY}: {API_SECRET}\n\
             logging:\n  level: debug\n  json: true\n"
        );
        let mut server = Self {
            port,
            config,
            process: None,
            log: Arc::default(),
        };
        server.restart().await;
        server
    }

    pub fn url(&self) -> Url {
        Url::parse(&format!("ws://127.0.0.1:{}", self.port)).unwrap()
    }

    /// Waits until the server has logged a line with all of `parts`.
    #[allow(dead_code, reason = "not every test file asks")]
    pub async fn logged(&self, parts: &[&str]) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let has_all = |line: &String| parts.iter().all(|part| line.contains(part));
        while !self.log.lock().unwrap().iter().any(has_all) {
            assert!(Instant::now() < deadline, "not logged: {parts:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGKILL: no goodbye to anyone.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// SIGTERM: the server says goodbye to everyone and ends. The first one alone would wait for
    /// them to leave by themselves.
    #[allow(dead_code, reason = "not every test file does")]
    pub async fn shut_down(&mut self) {
        let mut process = self.process.take().expect("it runs");
        let pid = Pid::from_raw(process.id().cast_signed());
        kill(pid, Signal::SIGTERM).unwrap();
        self.logged(&["exit requested"]).await;
        kill(pid, Signal::SIGTERM).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "livekit-server does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts the server anew on the same ports, without memory of what was.
    pub async fn restart(&mut self) {
        self.kill();
        let program = program();
        let process = Command::new(&program)
            .args(["--config-body", &self.config])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut process =
            process.unwrap_or_else(|e| panic!("{} does not run: {e}", program.display()));
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        // What an earlier life said is old news.
        self.log = Arc::default();
        let log = self.log.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                log.lock().unwrap().push(line);
            }
        });
        self.process = Some(process);
        let address = format!("127.0.0.1:{}", self.port);
        let deadline = Instant::now() + Duration::from_secs(20);
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            assert!(Instant::now() < deadline, "livekit-server does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for LivekitServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn program() -> PathBuf {
    std::env::var_os("LIVEKIT_SERVER")
        .expect("these tests need a livekit-server: set LIVEKIT_SERVER to the path of one")
        .into()
}

/// Below the range that outgoing connections take theirs from, and each given once: the server binds it later.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Other test programs, which may run too, begin elsewhere.
        let step = std::process::id()
            .wrapping_mul(97)
            .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + u16::try_from(step % 12_000).unwrap();
        let address = (Ipv4Addr::UNSPECIFIED, port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return port;
        }
    }
}
