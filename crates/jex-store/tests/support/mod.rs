//! A real PostgreSQL of the tests' own, in a temporary folder.
//!
//! As root it runs as the user `postgres`, since it refuses root. It ends with the test process, however that ends: a
//! small shell waits for our end of its pipe to close.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const OF_DEBIAN: &str = "/usr/lib/postgresql";
const REMEDY: &str =
    "Install it (Debian: apt-get install postgresql), or put its programs on PATH.";
/// On a busy machine.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// Runs its server until it is told or closed, and then takes the folder away.
const KEEPER: &str = r#"
"$@" >"$LOG" 2>&1 &
server=$!
echo "$server"
read -r how
[ "$how" = killed ] || kill -s INT "$server"
wait "$server"
[ -n "$how" ] || rm -rf "$FOLDER"
echo ended
"#;

/// A server and its data.
pub struct Postgres {
    folder: tempfile::TempDir,
    /// Beside it, or elsewhere when a test wants a small disk.
    data: PathBuf,
    programs: PathBuf,
    server: Option<Server>,
    options: Vec<String>,
}

struct Server {
    keeper: Child,
    said: BufReader<std::process::ChildStdout>,
    pid: u32,
}

impl Postgres {
    /// A fresh one, started. Its log holds a little only, as an owner's should.
    pub fn start() -> Self {
        Self::start_with(None, &[])
    }

    /// With its data in `data`, and options such as `wal_recycle=off`.
    pub fn start_with(data: Option<&Path>, options: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("jex-pg").tempdir().unwrap();
        let data = data.map_or_else(|| folder.path().join("data"), Path::to_owned);
        let programs = programs();
        let mut postgres = Self {
            folder,
            data,
            programs,
            server: None,
            options: options.iter().map(|option| option.to_string()).collect(),
        };
        give(postgres.folder.path());
        postgres.init();
        postgres.run();
        postgres
    }

    fn init(&self) {
        let made = self
            .program("initdb")
            .args([
                "--username=jex",
                "--auth=trust",
                "--no-sync",
                "--encoding=UTF8",
                "--no-locale",
                "-D",
            ])
            .arg(&self.data)
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }

    /// Starts it again.
    pub fn run(&mut self) {
        let mut command = self.program("sh");
        command
            .args(["-c", KEEPER, "keeper"])
            .arg(self.programs.join("postgres"));
        command
            .arg("-D")
            .arg(&self.data)
            .arg("-k")
            .arg(self.folder.path());
        let ours = [
            "listen_addresses=",
            "max_connections=50",
            "unix_socket_permissions=0777",
        ];
        for option in ours
            .into_iter()
            .chain(self.options.iter().map(String::as_str))
        {
            command.arg("-c").arg(option);
        }
        command
            .env("LOG", self.log())
            .env("FOLDER", self.folder.path());
        let mut keeper = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(keeper.stdout.take().unwrap());
        let mut pid = String::new();
        said.read_line(&mut pid).unwrap();
        let pid = pid.trim().parse().unwrap();
        self.server = Some(Server { keeper, said, pid });
        self.wait_until_ready();
    }

    fn wait_until_ready(&self) {
        let began = Instant::now();
        loop {
            let asked = self
                .program("pg_isready")
                .args(["--quiet", "--username=jex", "--dbname=postgres", "--host"])
                .arg(self.folder.path())
                .status()
                .unwrap();
            if asked.success() {
                return;
            }
            let log = std::fs::read_to_string(self.log()).unwrap_or_default();
            assert!(
                began.elapsed() < STARTS_WITHIN,
                "PostgreSQL does not start: {log}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it as its owner would.
    pub fn stop(&mut self) {
        self.end("stop");
    }

    /// Ends it as a power cut would, with all its processes.
    pub fn kill(&mut self) {
        self.signal("KILL");
        self.end("killed");
    }

    /// For all its processes: `STOP` has it hang, `CONT` go on.
    pub fn signal(&self, signal: &str) {
        let pid = self.server.as_ref().unwrap().pid;
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        let mut kill = Command::new("kill");
        // The first of them starts the others.
        kill.args(["-s", signal, &pid.to_string()])
            .args(children.split_whitespace());
        let _ = kill.stderr(Stdio::null()).status().unwrap();
    }

    fn end(&mut self, how: &str) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        let _ = writeln!(server.keeper.stdin.take().unwrap(), "{how}");
        let mut said = String::new();
        let _ = server.said.read_line(&mut said);
        let _ = server.keeper.wait();
    }

    /// Whether the server is still there.
    pub fn runs(&self) -> bool {
        let pid = self.server.as_ref().map(|server| server.pid);
        let state = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/stat"));
        pid.and_then(|pid| state(pid).ok())
            .is_some_and(|stat| !stat.contains(") Z "))
    }

    /// Address of a database that is made for the caller.
    pub fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("jex{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("create database {name}"));
        self.address(&name)
    }

    pub fn address(&self, database: &str) -> String {
        self.address_as("jex", database)
    }

    pub fn address_as(&self, user: &str, database: &str) -> String {
        let folder = self.folder.path().display();
        format!("postgres://{user}@localhost:5432/{database}?host={folder}")
    }

    /// Runs SQL as the database's owner, who may do anything. Returns what it selects.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let done = self
            .program("psql")
            .args([
                "--no-psqlrc",
                "--quiet",
                "--tuples-only",
                "--no-align",
                "--username=jex",
            ])
            .args([
                "--set=ON_ERROR_STOP=1",
                "--dbname",
                database,
                "--command",
                sql,
                "--host",
            ])
            .arg(self.folder.path())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{sql}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8(done.stdout).unwrap()
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn program(&self, name: &str) -> Command {
        use std::os::unix::process::CommandExt as _;
        let ours = self.programs.join(name);
        let mut command = Command::new(if ours.exists() { ours } else { name.into() });
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some((uid, gid)) = user() {
            command.uid(uid).gid(gid);
        }
        for name in [
            "PGHOST",
            "PGPORT",
            "PGUSER",
            "PGDATABASE",
            "PGOPTIONS",
            "PGPASSFILE",
        ] {
            command.env_remove(name);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.end("stop");
    }
}

/// For PostgreSQL's own user, where we are root.
pub fn give(folder: &Path) {
    if let Some((uid, gid)) = user() {
        std::os::unix::fs::chown(folder, Some(uid), Some(gid)).unwrap();
    }
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711)).unwrap();
}

/// The one that tests share which do not hurt it.
pub fn shared() -> &'static Postgres {
    static SHARED: OnceLock<Postgres> = OnceLock::new();
    SHARED.get_or_init(Postgres::start)
}

/// Where initdb and postgres lie together.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("postgres"));
    let on_path =
        on_path.filter_map(|program| program.canonicalize().ok()?.parent().map(Path::to_owned));
    let mut of_debian: Vec<(u32, PathBuf)> = std::fs::read_dir(OF_DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    of_debian.sort();
    on_path
        .chain(of_debian.into_iter().rev().map(|(_, folder)| folder))
        .find(|folder| folder.join("initdb").exists() && folder.join("psql").exists())
        .unwrap_or_else(|| {
            panic!(
                "There is no PostgreSQL on this machine, and these tests need a real one. {REMEDY}"
            )
        })
}

/// Who PostgreSQL is to be, where we are root: by `getent`, so that no library is needed for it.
fn user() -> Option<(u32, u32)> {
    static USER: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    *USER.get_or_init(|| {
        if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
            return None;
        }
        let line = Command::new("getent")
            .args(["passwd", "postgres"])
            .output()
            .unwrap();
        let line = String::from_utf8(line.stdout).unwrap();
        let mut fields = line.split(':').skip(2).map(str::parse);
        let (Some(Ok(uid)), Some(Ok(gid))) = (fields.next(), fields.next()) else {
            panic!("PostgreSQL refuses to run as root, and there is no user `postgres`. {REMEDY}");
        };
        Some((uid, gid))
    })
}
