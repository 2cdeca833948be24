//! What a server can do in its sandbox, and what it cannot.
#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

/// Any that is not root's; nothing on this machine belongs to it.
const ORDINARY: u32 = 54_321;

/// A folder that everyone may enter, with the launcher in it.
struct Place {
    folder: tempfile::TempDir,
    launcher: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let launcher = folder.path().join("launcher");
        // By another process: a child that another test starts meanwhile would hold ours open, and it could not be run.
        let copied = Command::new("cp")
            .args([Path::new(env!("CARGO_BIN_EXE_jex-mcp-launcher")), &launcher])
            .status();
        assert!(copied.unwrap().success());
        open(folder.path());
        open(&launcher);
        Self { folder, launcher }
    }

    /// A shell in the sandbox, started by root or by someone else.
    fn shell(&self, by: Option<u32>, options: &[&str], script: &str) -> Command {
        let mut command = Command::new(&self.launcher);
        command.args(options).args(["--", "/bin/sh", "-c", script]);
        if let Some(user) = by {
            command.uid(user).gid(user);
        }
        command
            .env("SECRET_OF_JEX", "hidden")
            .env("JEX_RUN", "mark")
            .env_remove("PWD");
        command.stdin(Stdio::null());
        command
    }

    fn says(&self, by: Option<u32>, options: &[&str], script: &str) -> String {
        let output = self.shell(by, options, script).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{script}: {output:?}");
        said.trim().to_owned()
    }
}

fn open(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Both ways where we are root, else the only one.
fn ways() -> Vec<Option<u32>> {
    match geteuid().is_root() {
        true => vec![None, Some(ORDINARY)],
        false => vec![None],
    }
}

#[test]
fn it_is_nobody_and_can_become_nobody_else() {
    let place = Place::new();

    for by in ways() {
        let script = "id -u; id -G; grep -E '^(CapEff|CapPrm|CapInh|NoNewPrivs):' /proc/self/status | tr -d ' \\t'";
        let said = place.says(by, &[], script);
        let none = "0000000000000000";
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines[0], "65534", "{said}");
        assert!(lines[1].split(' ').all(|group| group == "65534"), "{said}");
        assert_eq!(
            lines[2..],
            [
                &format!("CapInh:{none}"),
                &format!("CapPrm:{none}"),
                &format!("CapEff:{none}"),
                "NoNewPrivs:1"
            ]
        );
    }
}

#[test]
fn it_has_no_network_unless_it_may() {
    let place = Place::new();
    let script =
        "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' | LC_ALL=C sort | tr '\\n' ' '";
    let mut here: Vec<_> = nix::net::if_::if_nameindex()
        .unwrap()
        .iter()
        .map(|interface| interface.name().to_string_lossy().into_owned())
        .collect();
    here.sort();

    for by in ways() {
        assert_eq!(place.says(by, &[], script), "lo");
        assert_eq!(place.says(by, &["--network"], script), here.join(" "));
    }
}

#[test]
fn it_reaches_no_server_of_this_machine() {
    let place = Place::new();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let script = format!(
        "bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}' 2>/dev/null && echo reached || echo not"
    );

    for by in ways() {
        assert_eq!(place.says(by, &[], &script), "not");
        assert_eq!(place.says(by, &["--network"], &script), "reached");
    }
}

#[test]
fn it_sees_the_system_and_what_it_may_read_and_can_write_to_nothing() {
    let place = Place::new();
    let shown = place.folder.path().join("shown");
    std::fs::create_dir(&shown).unwrap();
    std::fs::write(shown.join("file"), "words").unwrap();
    std::fs::set_permissions(&shown, std::fs::Permissions::from_mode(0o777)).unwrap();
    std::fs::write(place.folder.path().join("secret"), "hidden").unwrap();
    let shown = shown.to_str().unwrap();
    let parent = place.folder.path().display();
    let script = format!(
        "cat {shown}/file; echo; ls {parent}; ls -A / | tr '\\n' ' '; echo
         for at in {shown}/new /usr/new /etc/new /new /dev/new; do touch $at 2>/dev/null && echo wrote $at; done
         mount -o remount,rw /usr 2>/dev/null && echo remounted
         echo x >/tmp/own && cat /tmp/own"
    );

    for by in ways() {
        let said = place.says(by, &["--readable", shown], &script);

        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines[..2], ["words", "shown"], "{said}");
        assert_eq!(lines[3..], ["x"], "{said}");
        let root: Vec<_> = lines[2].split(' ').collect();
        for hidden in ["root", "home", "var", "srv", "sys", "boot", "mnt"] {
            assert!(!root.contains(&hidden), "{said}");
        }
    }
    assert!(!Path::new("/tmp/own").exists());
}

#[test]
fn it_sees_only_its_own_processes_and_nothing_of_our_environment() {
    let place = Place::new();

    for by in ways() {
        let script = "ls /proc | grep -c '^[0-9]'; env | cut -d= -f1 | sort | tr '\\n' ' '; echo; hostname 2>/dev/null || uname -n";
        let mut command = place.shell(by, &[], script);
        // As the agent starts it.
        command
            .env_clear()
            .env("JEX_RUN", "mark")
            .env("KEY", "given");
        let said = String::from_utf8(command.output().unwrap().stdout).unwrap();

        let lines: Vec<_> = said.lines().collect();
        assert!(lines[0].parse::<u32>().unwrap() <= 4, "{said}");
        let variables: Vec<_> = lines[1]
            .split_whitespace()
            .filter(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name))
            .collect();
        assert_eq!(variables, ["HOME", "KEY", "LANG", "PATH"], "{said}");
    }
}

#[test]
fn what_it_ends_with_is_passed_on() {
    let place = Place::new();

    let status = place.shell(None, &[], "exit 7").status().unwrap();

    assert_eq!(status.code(), Some(7));
}

#[test]
fn a_program_that_is_not_shown_is_told() {
    let place = Place::new();
    let program = place.folder.path().join("program");
    std::fs::copy("/bin/true", &program).unwrap();

    let output = Command::new(&place.launcher)
        .arg("--")
        .arg(&program)
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(127));
    assert!(said(&output).contains("`readable`"), "{output:?}");
}

#[test]
fn it_ends_with_its_launcher() {
    let place = Place::new();
    let life = place.folder.path().join("life");
    std::fs::create_dir(&life).unwrap();
    let pipe = life.join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::from_bits_truncate(0o666)).unwrap();
    let script = format!(
        "trap '' TERM HUP INT; exec 3<{}; sleep 600 & wait",
        pipe.display()
    );
    let mut launcher = place
        .shell(None, &["--readable", life.to_str().unwrap()], &script)
        .spawn()
        .unwrap();
    // Opens when the script reads.
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();

    kill(Pid::from_raw(launcher.id() as i32), Signal::SIGKILL).unwrap();
    launcher.wait().unwrap();

    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        use std::io::Write;
        match writer.write_all(b"x") {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
            _ => assert!(Instant::now() < deadline, "it lives on"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_machine_that_gives_none_is_told_and_the_server_is_not_started() {
    if !geteuid().is_root() {
        println!("SKIPPED: only root can take the right to namespaces away");
        return;
    }
    let place = Place::new();
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", "-sys_admin", "--inh-caps", "-all", "--"]);
    command
        .arg(&place.launcher)
        .args(["--", "/bin/echo", "started"]);

    let output = command.output().unwrap();

    assert_eq!(output.status.code(), Some(125), "{output:?}");
    assert!(said(&output).contains("no sandbox"), "{output:?}");
    assert_eq!(output.stdout, b"");
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
