//! Where the files of pairing lie.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jex_config::Paths;

const ADDRESS: &str = "pairing-address";
const SESSIONS: &str = "sessions.json";
/// The appliance's unit has `RuntimeDirectory=jex-web`, `StateDirectory=jex-web` and `DynamicUser=yes`.
const APPLIANCE_RUN: &str = "run/jex-web";
const APPLIANCE_STATE: &str = "var/lib/private/jex-web";
/// What others than root can see of it.
const APPLIANCE_LINK: &str = "var/lib/jex-web";

/// Both files of one JEX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The whole address that lets one browser in.
    pub address: PathBuf,
    /// The browsers that were let in.
    pub sessions: PathBuf,
    /// Whether this is the appliance's JEX, which runs as a user of its own.
    pub of_appliance: bool,
}

impl Places {
    /// For the server itself: the folders that systemd made for it, else those of the user.
    pub fn of_service(paths: &Paths, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let run = folder(&variable, "RUNTIME_DIRECTORY").unwrap_or_else(|| paths.run());
        let state = folder(&variable, "STATE_DIRECTORY").unwrap_or_else(|| paths.state.clone());
        Self {
            address: run.join(ADDRESS),
            sessions: state.join(SESSIONS),
            of_appliance: false,
        }
    }

    /// For the owner's command: those of the appliance, where this is one, else those of the user's own JEX.
    /// `root` is `/`.
    pub fn of_owner(paths: &Paths, root: &Path) -> Self {
        let (run, state) = (root.join(APPLIANCE_RUN), root.join(APPLIANCE_STATE));
        // The state stays while the unit is stopped. The link may lead where we may not look.
        if run.is_dir() || root.join(APPLIANCE_LINK).is_symlink() {
            return Self {
                address: run.join(ADDRESS),
                sessions: state.join(SESSIONS),
                of_appliance: true,
            };
        }
        Self::of_service(paths, |_| None)
    }
}

/// systemd names several with colons between them; JEX's unit has one.
fn folder(variable: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    let folders = variable(name)?;
    std::env::split_paths(&folders)
        .next()
        .filter(|folder| folder.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> Paths {
        Paths::from_lookup(|name| (name == "HOME").then(|| "/home/ada".into())).unwrap()
    }

    #[test]
    fn a_service_uses_the_folders_that_systemd_made() {
        let places = Places::of_service(&paths(), |name| match name {
            "RUNTIME_DIRECTORY" => Some("/run/jex-web:/run/other".into()),
            "STATE_DIRECTORY" => Some("/var/lib/jex-web".into()),
            _ => None,
        });

        assert_eq!(places.address, Path::new("/run/jex-web/pairing-address"));
        assert_eq!(places.sessions, Path::new("/var/lib/jex-web/sessions.json"));
    }

    #[test]
    fn a_jex_of_ones_own_and_its_owner_mean_the_same_files() {
        let empty = tempfile::tempdir().unwrap();

        let service = Places::of_service(&paths(), |_| None);

        assert_eq!(Places::of_owner(&paths(), empty.path()), service);
        assert!(service.address.starts_with("/home/ada/.local/state/jex"));
        assert!(service.sessions.starts_with("/home/ada/.local/state/jex"));
    }

    #[test]
    fn on_the_appliance_the_owner_means_the_unit_whether_it_runs_or_not() {
        let running = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(running.path().join("run/jex-web")).unwrap();
        let stopped = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(stopped.path().join("var/lib")).unwrap();
        let link = stopped.path().join("var/lib/jex-web");
        std::os::unix::fs::symlink("private/jex-web", link).unwrap();

        for root in [running.path(), stopped.path()] {
            let places = Places::of_owner(&paths(), root);

            assert!(places.of_appliance);
            assert_eq!(places.address, root.join("run/jex-web/pairing-address"));
            let sessions = root.join("var/lib/private/jex-web/sessions.json");
            assert_eq!(places.sessions, sessions);
        }
    }
}
