//! The database of n8n and of JEX: JEX's own, reached by a socket alone, or one that runs already.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jex_config::{own_database, secrets};
use nix::sys::signal::Signal;
use nix::unistd::{Uid, User, geteuid};

use super::{Backend, Stack};
use crate::SupervisorError;
use crate::component::{Component, Origin, Preparation, Probe, Process, StopPolicy, WarmUp};
use crate::database::{Cluster, Contents, MAJOR_VERSION_FILE};
use crate::units;

const NAME: &str = "postgresql";
/// Who it runs as where root runs JEX; Debian's package makes that user.
const ITS_USER: &str = "postgres";
/// Bytes that the address of a socket has room for.
const LONGEST_SOCKET: usize = 107;
const SOCKET: &str = ".s.PGSQL.5432";
/// Settings that keep it small and silent: the words of a conversation belong into no log.
const SETTINGS: [&str; 14] = [
    "listen_addresses=",
    "port=5432",
    "unix_socket_permissions=0700",
    "max_connections=40",
    "shared_buffers=64MB",
    "logging_collector=off",
    "log_destination=stderr",
    "log_statement=none",
    "log_min_duration_statement=-1",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
    "log_parameter_max_length_on_error=0",
    "jit=off",
    // A file of the log of changes that is used again holds old words until it is written over.
    "wal_recycle=off",
];

pub fn declare(stack: &Stack) -> Result<Option<Component>, SupervisorError> {
    let component = |origin, ready, warm_up| Component {
        name: NAME,
        depends_on: &[],
        uses: &[],
        origin,
        ready,
        warm_up,
    };
    let database = &stack.settings.database;
    let contents = || {
        WarmUp::Databases(Box::new(Contents {
            settings: stack.settings.clone(),
            paths: stack.paths.clone(),
        }))
    };
    match (&stack.backend, &database.url) {
        (Backend::Units(units), _) => Ok(units.postgresql.clone().map(|path| {
            let origin = Origin::Unit(units::unit_of(NAME));
            component(origin, Probe::Socket { path }, contents())
        })),
        (Backend::Children(_), Some(url)) => {
            let origin = Origin::External {
                address: url.clone(),
                key: "database.url",
            };
            let ready = Probe::Database {
                url: url.clone(),
                password: secrets::database_password(&stack.settings)?,
            };
            Ok(Some(component(origin, ready, contents())))
        }
        (Backend::Children(_), None) => {
            let socket_folder = stack.settings.postgresql_socket_folder(&stack.paths);
            let origin = Origin::Own(Box::new(process(stack)?));
            let ready = Probe::Database {
                url: own_database(ITS_USER, &socket_folder),
                password: None,
            };
            Ok(Some(component(origin, ready, contents())))
        }
    }
}

fn process(stack: &Stack) -> Result<Process, SupervisorError> {
    let folder = stack.settings.postgresql_folder(&stack.paths);
    let socket = folder.join("socket").join(SOCKET);
    if socket.as_os_str().len() > LONGEST_SOCKET {
        return Err(cannot(format!(
            "the path of its socket, {}, is too long. Set `database.folder` in jex.toml to a shorter one.",
            socket.display()
        )));
    }
    let programs = programs(stack, &folder.join("data"))?;
    let (user, guests) = users(geteuid())?;
    let cluster = Cluster {
        programs: programs.clone(),
        folder: folder.clone(),
        user: user.clone(),
        guests,
    };
    let mut process = Process::new(programs.join("postgres"))
        .arg("-D")
        .arg(cluster.data())
        .args(["-c", &unix_socket_directories(&cluster.socket_folder())]);
    for setting in SETTINGS {
        process = process.args(["-c", setting]);
    }
    process = process.env("HOME", folder).env("TZ", "UTC");
    process.user = user;
    process.env_removed = &["PG"];
    process.preparation = Preparation::Cluster(Box::new(cluster));
    // The first has it end every connection, write out what is in memory, and stop; the second leaves the
    // writing to the next start.
    process.stop = StopPolicy {
        steps: vec![
            (Signal::SIGINT, Duration::from_millis(4500)),
            (Signal::SIGQUIT, Duration::from_millis(300)),
        ],
    };
    // After it was killed it first goes through what it had not written out.
    process.start_limit = Duration::from_secs(600);
    Ok(process)
}

/// A list, in which a name is quoted.
fn unix_socket_directories(folder: &Path) -> String {
    let folder = folder.display().to_string().replace('"', "\"\"");
    format!("unix_socket_directories=\"{folder}\"")
}

/// Programs of the version that the data was made with: no other can read them.
fn programs(stack: &Stack, data: &Path) -> Result<PathBuf, SupervisorError> {
    let found = stack.part(NAME, &stack.parts.postgresql, "PostgreSQL")?;
    let Ok(version) = std::fs::read_to_string(data.join(MAJOR_VERSION_FILE)) else {
        return Ok(found.clone());
    };
    let version = version.trim();
    // Debian: /usr/lib/postgresql/15/bin
    let of = |folder: &Path| Some(folder.parent()?.file_name()?.to_str()?.to_owned());
    match of(found) {
        Some(other) if other != version && other.parse::<u32>().is_ok() => {
            let siblings = found.parent().and_then(Path::parent);
            let fitting = siblings.map(|all| all.join(version).join("bin"));
            fitting
                .filter(|folder| folder.join("postgres").exists())
                .ok_or_else(|| {
                    cannot(format!(
                        "its data in {} are of version {version}, and here is only {other}. Install version \
                         {version} (Debian: postgresql-{version}), or bring the data over with pg_upgrade.",
                        data.display()
                    ))
                })
        }
        _ => Ok(found.clone()),
    }
}

/// Who it runs as, if not as we do, and who may come in.
fn users(own: Uid) -> Result<(Option<User>, Vec<String>), SupervisorError> {
    let us = named(own)?;
    if !own.is_root() {
        return Ok((None, vec![us.name]));
    }
    let user = User::from_name(ITS_USER).ok().flatten().ok_or_else(|| {
        cannot(format!(
            "PostgreSQL refuses to be root, and there is no user `{ITS_USER}` here to run it as. Run `./dev \
             parts`, or `useradd --system {ITS_USER}`."
        ))
    })?;
    Ok((Some(user), vec![us.name, ITS_USER.into()]))
}

fn named(own: Uid) -> Result<User, SupervisorError> {
    User::from_uid(own).ok().flatten().ok_or_else(|| {
        cannot(format!(
            "PostgreSQL knows people by their names, and the user with the number {own} has none. Add it to \
             /etc/passwd."
        ))
    })
}

fn cannot(reason: String) -> SupervisorError {
    SupervisorError::CannotStart {
        component: NAME,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::tests::{process, stack};

    #[test]
    fn it_listens_on_its_socket_alone_and_logs_no_words() {
        let (_home, mut stack) = stack();
        stack.settings.database.folder = Some("/srv/pg".into());

        let process = process(declare(&stack).unwrap().unwrap());

        let args = format!("{:?}", process.args);
        assert!(args.contains("\"listen_addresses=\""), "{args}");
        assert!(args.contains("log_min_error_statement=panic"), "{args}");
        assert!(args.contains(r#"unix_socket_directories=\"/srv/pg/socket\""#));
        assert!(process.ports.is_empty());
    }

    #[test]
    fn data_are_served_by_the_version_that_made_them() {
        let (home, mut stack) = stack();
        let folder = home.path().join("pg");
        std::fs::create_dir_all(folder.join("data")).unwrap();
        std::fs::write(folder.join("data/PG_VERSION"), "14\n").unwrap();
        stack.settings.database.folder = Some(folder);

        let error = declare(&stack).unwrap_err().to_string();
        assert!(error.contains("postgresql-14"), "{error}");

        let older = home.path().join("postgresql/14/bin");
        std::fs::create_dir_all(&older).unwrap();
        std::fs::write(older.join("postgres"), "").unwrap();
        let process = process(declare(&stack).unwrap().unwrap());
        assert_eq!(process.program, older.join("postgres"));
    }

    #[test]
    fn a_path_too_long_for_a_socket_names_the_setting() {
        let (_home, mut stack) = stack();
        stack.settings.database.folder = Some(format!("/{}", "x".repeat(100)).into());

        let error = declare(&stack).unwrap_err().to_string();

        assert!(error.contains("`database.folder`"), "{error}");
    }

    #[test]
    fn one_that_runs_already_is_not_started() {
        let (_home, mut stack) = stack();
        stack.settings.database.url = Some("postgres://jex@localhost/jex".parse().unwrap());
        stack.parts.postgresql = None;

        let component = declare(&stack).unwrap().unwrap();

        assert!(matches!(component.origin, Origin::External { .. }));
        assert!(matches!(component.warm_up, WarmUp::Databases(_)));
    }
}
