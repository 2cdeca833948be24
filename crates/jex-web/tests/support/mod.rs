//! The real binary with a real livekit-server beside it, and a raw socket to talk to it.

#![allow(dead_code, reason = "not every test file uses all of it")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[path = "../../../livekit-participant/tests/support/mod.rs"]
pub mod livekit;

use livekit::{API_KEY, API_SECRET, LivekitServer};

/// The page that most tests serve: a small export with inline scripts, as Next.js writes it.
pub const INDEX: &str = "<!DOCTYPE html><html><head><script src=\"/_next/static/chunks/a.js\" \
    async=\"\"></script></head><body><p>Talk</p><script>(self.__next_f=[]).push([0])</script>\
    <script>self.__next_f.push([1,\"a < b\"])</script></body></html>";

/// A running jex-web; it is killed when the test ends.
pub struct Web {
    pub port: u16,
    /// Where the agent would be.
    pub agent_port: u16,
    pub livekit: Option<LivekitServer>,
    process: Child,
    log: Arc<Mutex<String>>,
    folder: tempfile::TempDir,
}

/// Where other machines open the page, in the tests that let them.
pub const PUBLIC: [&str; 2] = ["jex.test", "192.0.2.20:8443"];

impl Web {
    /// With a livekit-server that runs.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let livekit = runtime.block_on(LivekitServer::start());
        Self::launch(Some(livekit), "", "")
    }

    /// With nobody where livekit-server should be.
    pub fn start_alone() -> Self {
        Self::launch(None, "", "")
    }

    /// With the database at this address.
    pub fn start_with_database(address: &str) -> Self {
        Self::launch(None, "", &format!("[database]\nurl = {address:?}\n"))
    }

    /// Open to other machines at [`PUBLIC`], with a livekit-server that runs.
    pub fn start_public() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let livekit = runtime.block_on(LivekitServer::start());
        Self::launch(Some(livekit), &public_urls(), "")
    }

    /// Open to other machines, with nobody where livekit-server should be.
    pub fn start_public_alone() -> Self {
        Self::launch(None, &public_urls(), "")
    }

    fn launch(livekit: Option<LivekitServer>, web: &str, more: &str) -> Self {
        let livekit_port = match &livekit {
            Some(livekit) => livekit.url().port().unwrap(),
            None => free_port(),
        };
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page");
        write(&page.join("index.html"), INDEX);
        write(&page.join("404.html"), "<p>Nothing here</p>");
        write(&page.join("icon.svg"), "<svg/>");
        let script = "let answer = 42;\n".repeat(200);
        write(&page.join("_next/static/chunks/a.js"), &script);
        let port = free_port();
        let agent_port = free_port();
        let config = folder.path().join("jex.toml");
        write(
            &config,
            &format!(
                "[web]\n{web}port = {port}\npage = {page:?}\n[livekit]\nport = {livekit_port}\n\
                 [agent]\nport = {agent_port}\n{more}"
            ),
        );
        secrets(folder.path());
        let log = Arc::new(Mutex::new(String::new()));
        let mut web = Self {
            port,
            agent_port,
            livekit,
            process: spawn(folder.path(), &log),
            log,
            folder,
        };
        web.wait_until_it_listens();
        web
    }

    /// Ends it as systemd does, and starts it again on the same files.
    pub fn restart(&mut self) {
        self.terminate();
        self.ended_after();
        self.process = spawn(self.folder.path(), &self.log);
        self.wait_until_it_listens();
    }

    /// Where it keeps its files.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state/jex")
    }

    /// The address that `jex pair` would show.
    pub fn pairing_address(&self) -> String {
        let file = self.state().join("run/pairing-address");
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }

    /// The one-time code in it.
    pub fn code(&self) -> String {
        let address = self.pairing_address();
        address.split_once('#').unwrap().1.to_owned()
    }

    /// A request that the proxy passes on from a browser on another machine.
    pub fn afar(&self, method: &str, path: &str, headers: &[&str], body: Option<&[u8]>) -> Answer {
        let request = request_under(PUBLIC[0], method, path, headers, body);
        self.raw(&request).expect("an answer")
    }

    fn wait_until_it_listens(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", self.log());
            assert!(Instant::now() < deadline, "does not listen: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        // It listens a moment before it serves.
        assert_eq!(self.get("/health", &[]).status, 200);
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends `request` as it is and reads one answer; `None` if the connection is closed without.
    pub fn raw(&self, request: &[u8]) -> Option<Answer> {
        let mut socket = self.connect();
        // The server may refuse and close before it has read everything.
        let _ = socket.write_all(request);
        let has_body = !request.starts_with(b"HEAD");
        Answer::read(&mut BufReader::new(&mut socket), has_body)
    }

    pub fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        socket
    }

    /// A request without a body, as a browser sends it.
    pub fn get(&self, path: &str, headers: &[&str]) -> Answer {
        self.request("GET", path, headers, None)
    }

    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: Option<&[u8]>,
    ) -> Answer {
        let request = request(self.port, method, path, headers, body);
        self.raw(&request).expect("an answer")
    }

    /// A request for a token that is as it should be.
    pub fn token(&self, body: &str) -> Answer {
        let json = "content-type: application/json";
        self.request("POST", "/api/token", &[json], Some(body.as_bytes()))
    }

    /// Still there, still well, and nothing has panicked.
    pub fn assert_well(&mut self) {
        assert_eq!(self.process.try_wait().unwrap(), None, "{}", self.log());
        assert_eq!(self.get("/health", &[]).status, 200);
        let log = self.log();
        assert!(!log.contains("panicked"), "{log}");
    }

    pub fn terminate(&self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    }

    /// Waits for the end; how long it took.
    pub fn ended_after(&mut self) -> Duration {
        let began = Instant::now();
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.log());
        began.elapsed()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(folder: &Path, log: &Arc<Mutex<String>>) -> Child {
    let mut process = command(folder, &folder.join("jex.toml"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let kept = log.clone();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let mut kept = kept.lock().unwrap();
            kept.push_str(&line);
            kept.push('\n');
        }
    });
    process
}

fn public_urls() -> String {
    let urls = PUBLIC.map(|authority| format!("https://{authority}"));
    format!("public_urls = {urls:?}\n")
}

/// jex-web with folders of its own and none of the caller's settings.
pub fn command(folder: &Path, config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jex-web"));
    command
        .arg("--config")
        .arg(config)
        .env_clear()
        .env("HOME", folder)
        .env("XDG_STATE_HOME", folder.join("state"))
        .env("JEX_PARTS", folder.join("parts.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

pub fn write(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// What signs LiveKit's tokens, where jex-web below `folder` looks for it.
pub fn secrets(folder: &Path) {
    let secrets = folder.join("state/jex/secrets");
    secret(&secrets.join("livekit-api-key"), API_KEY);
    secret(&secrets.join("livekit-api-secret"), API_SECRET);
}

fn secret(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    file.write_all(content.as_bytes()).unwrap();
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A request as a browser on our own page sends it, but for what `headers` adds.
pub fn request(
    port: u16,
    method: &str,
    path: &str,
    headers: &[&str],
    body: Option<&[u8]>,
) -> Vec<u8> {
    request_under(&format!("localhost:{port}"), method, path, headers, body)
}

/// As [`request`], sent to another name.
pub fn request_under(
    host: &str,
    method: &str,
    path: &str,
    headers: &[&str],
    body: Option<&[u8]>,
) -> Vec<u8> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    if let Some(body) = body {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    let mut request = request.into_bytes();
    request.extend_from_slice(body.unwrap_or_default());
    request
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads one answer, framed by its Content-Length.
    pub fn read(stream: &mut impl BufRead, has_body: bool) -> Option<Self> {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok()?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':')?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Self {
            status,
            headers,
            body: Vec::new(),
        };
        let length = answer.header("content-length");
        let length = length.map_or(0, |length| length.parse().unwrap());
        if has_body {
            answer.body = vec![0; length];
            stream.read_exact(&mut answer.body).ok()?;
        }
        Some(answer)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Nothing that could be a token.
    pub fn gives_a_token(&self) -> bool {
        let text = self.text();
        text.contains("participant_token") || text.contains("eyJ")
    }
}
