//! The real binary on a socket that another process listens on, as systemd does.
#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, socket};
use nix::unistd::Pid;
use support::{Answer, command, free_port, request, write};

/// Settings and files of a jex-web that is started on sockets that are there already.
struct Unit {
    folder: tempfile::TempDir,
    port: u16,
}

impl Unit {
    fn on(port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page");
        write(&page.join("index.html"), "<p>Talk</p>");
        let settings = format!("[web]\nport = {port}\npage = {page:?}\n");
        write(&folder.path().join("jex.toml"), &settings);
        support::secrets(folder.path());
        Self { folder, port }
    }

    /// Starts it as systemd does: the sockets are its file descriptors from 3 on.
    fn start(&self, first: OwnedFd, second: Option<OwnedFd>) -> Child {
        let web = command(self.folder.path(), &self.folder.path().join("jex.toml"));
        // A shell puts them in their places, and stays the same process as what it starts.
        let (count, places) = match second {
            None => (1, "3<&0"),
            Some(_) => (2, "3<&0 4<&1"),
        };
        let script = format!(
            "export LISTEN_PID=$$ LISTEN_FDS={count}; exec \"$0\" \"$@\" {places} 0</dev/null 1>/dev/null"
        );
        let mut shell = Command::new("/bin/sh");
        shell
            .arg("-c")
            .arg(script)
            .arg(web.get_program())
            .args(web.get_args());
        shell.env_clear();
        for (name, value) in web.get_envs() {
            shell.env(name, value.unwrap());
        }
        shell.stdin(Stdio::from(first)).stderr(Stdio::piped());
        match second {
            Some(second) => shell.stdout(Stdio::from(second)),
            None => shell.stdout(Stdio::null()),
        };
        shell.spawn().unwrap()
    }

    /// What a start says that has to fail.
    fn refuses(&self, socket: OwnedFd) -> String {
        let output = self.start(socket, None).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let unit = format!("ListenStream=127.0.0.1:{}", self.port);
        assert!(log.contains(&unit), "no remedy: {log}");
        log
    }

    /// Connects and asks, and does not wait for the answer.
    fn ask(&self) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let asked = request(self.port, "GET", "/health", &["Connection: close"], None);
        stream.write_all(&asked).unwrap();
        BufReader::new(stream)
    }
}

fn answers(mut stream: BufReader<TcpStream>) -> bool {
    Answer::read(&mut stream, true).is_some_and(|answer| answer.status == 200)
}

fn copy(listener: &TcpListener) -> OwnedFd {
    listener.try_clone().unwrap().into()
}

fn end(mut process: Child) -> String {
    let pid = Pid::from_raw(i32::try_from(process.id()).unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    let mut log = String::new();
    process
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    assert!(process.wait().unwrap().success(), "{log}");
    log
}

#[test]
fn it_serves_the_sockets_that_it_is_given() {
    let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = v4.local_addr().unwrap().port();
    let Ok(v6) = TcpListener::bind(("::1", port)) else {
        // A machine without IPv6 on loopback.
        return;
    };
    let unit = Unit::on(port);

    let process = unit.start(copy(&v4), Some(v6.into()));

    assert!(answers(unit.ask()));
    let mut stream = TcpStream::connect(("::1", port)).unwrap();
    let asked = format!("GET /health HTTP/1.1\r\nHost: [::1]:{port}\r\n\r\n");
    stream.write_all(asked.as_bytes()).unwrap();
    assert!(answers(BufReader::new(stream)));
    let log = end(process);
    assert_eq!(
        log.matches("listening where systemd did").count(),
        2,
        "{log}"
    );
}

#[test]
fn who_connects_while_it_is_down_is_answered_when_it_is_back() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let unit = Unit::on(socket.local_addr().unwrap().port());
    let first = unit.start(copy(&socket), None);
    assert!(answers(unit.ask()));

    end(first);
    let waiting: Vec<_> = (0..20).map(|_| unit.ask()).collect();
    let second = unit.start(copy(&socket), None);

    assert!(waiting.into_iter().all(answers));
    end(second);
}

/// Ends those who go on until it is, also when the test fails.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_request_is_lost_while_it_is_restarted_again_and_again() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let unit = Unit::on(socket.local_addr().unwrap().port());
    let over = AtomicBool::new(false);

    let (asked, lost) = std::thread::scope(|scope| {
        let until_the_end = Over(&over);
        let callers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (mut asked, mut lost) = (0, 0);
                    while !over.load(Ordering::Relaxed) {
                        asked += 1;
                        lost += u32::from(!answers(unit.ask()));
                    }
                    (asked, lost)
                })
            })
            .collect();
        for _ in 0..5 {
            let process = unit.start(copy(&socket), None);
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(300) {
                assert!(answers(unit.ask()));
            }
            end(process);
        }
        drop(until_the_end);
        // Those that wait for an answer now get one, too.
        let last = unit.start(copy(&socket), None);
        let counts = callers.into_iter().map(|caller| caller.join().unwrap());
        let counts = counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        end(last);
        counts
    });

    assert!(asked > 50, "only {asked}");
    assert_eq!(lost, 0, "of {asked}");
}

#[test]
fn a_socket_of_the_wrong_kind_is_an_error_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let unit = Unit::on(free_port());
    let tcp = |address: &str| -> OwnedFd { TcpListener::bind(address).unwrap().into() };

    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(unit.refuses(udp.into()).contains("is no TCP socket"));
    let unix = UnixListener::bind(folder.path().join("socket")).unwrap();
    assert!(unit.refuses(unix.into()).contains("is no TCP socket"));
    let file = File::create_new(folder.path().join("file")).unwrap();
    assert!(unit.refuses(file.into()).contains("is no TCP socket"));
    let deaf = deaf(unit.port);
    assert!(unit.refuses(deaf).contains("does not listen"));
    let open = tcp(&format!("0.0.0.0:{}", unit.port));
    assert!(unit.refuses(open).contains("which is no loopback address"));
    let elsewhere = tcp("127.0.0.1:0");
    assert!(unit.refuses(elsewhere).contains("not on `web.port`"));
}

/// Bound, but nobody can connect.
fn deaf(port: u16) -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let SocketAddr::V4(address) = address else {
        unreachable!("an IPv4 address");
    };
    bind(
        std::os::fd::AsRawFd::as_raw_fd(&socket),
        &SockaddrIn::from(address),
    )
    .unwrap();
    socket
}
