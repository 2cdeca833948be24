//! What systemd hears of the real binary.
#![allow(clippy::unwrap_used, reason = "this is test code")]

mod support;

use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{command, free_port, secrets, write};

fn hear(socket: &UnixDatagram) -> String {
    let mut message = [0; 256];
    let length = socket.recv(&mut message).expect("a message within 10 s");
    String::from_utf8(message[..length].to_vec()).unwrap()
}

#[test]
fn systemd_hears_that_it_is_ready_alive_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("notify.sock");
    let systemd = UnixDatagram::bind(&heard).unwrap();
    systemd
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let page = folder.path().join("page");
    write(&page.join("index.html"), "");
    let config = folder.path().join("jex.toml");
    let port = free_port();
    write(&config, &format!("[web]\nport = {port}\npage = {page:?}\n"));
    secrets(folder.path());
    let mut process = command(folder.path(), &config)
        .env("NOTIFY_SOCKET", &heard)
        .env("WATCHDOG_USEC", "200000")
        // Names no journal that is there: the log must go on without it.
        .env("JOURNAL_STREAM", "1:1")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();

    assert!(hear(&systemd).contains("READY=1"));
    for _ in 0..3 {
        assert!(hear(&systemd).contains("WATCHDOG=1"));
    }
    let pid = Pid::from_raw(i32::try_from(process.id()).unwrap());
    kill(pid, Signal::SIGTERM).unwrap();

    while !hear(&systemd).contains("STOPPING=1") {}
    assert!(process.wait().unwrap().success());
}
