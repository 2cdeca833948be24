//! Where JEX's files lie: the XDG base directories.

use std::path::{Path, PathBuf};

use crate::ConfigError;

/// The settings of a machine that JEX's NixOS module has set up.
const OF_MACHINE: &str = "/etc/jex/jex.toml";

/// Folders of one JEX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// `jex.toml`.
    pub config_file: PathBuf,
    /// Models.
    pub data: PathBuf,
    /// Secrets, logs, the parts' own files, the lock and the control socket.
    pub state: PathBuf,
    /// Built parts.
    pub cache: PathBuf,
}

impl Paths {
    /// From `XDG_*_HOME`, `JEX_CONFIG` and `HOME`.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| {
            let set = std::env::var_os(name).map(PathBuf::from);
            // `sudo` takes the variable away that the appliance has for everybody.
            let of_machine = || (name == "JEX_CONFIG").then(|| PathBuf::from(OF_MACHINE));
            set.or_else(|| of_machine().filter(|file| file.exists()))
        })
    }

    /// As [`Self::from_env`], from any lookup of variables.
    pub fn from_lookup(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Self, ConfigError> {
        // The specification: a relative path is to be ignored.
        let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
        let base = |name: &str, fallback: &str| match absolute(name) {
            Some(path) => Ok(path.join("jex")),
            None => absolute("HOME")
                .map(|home| home.join(fallback).join("jex"))
                .ok_or(ConfigError::NoHome { variable: "HOME" }),
        };
        let config_file = match variable("JEX_CONFIG") {
            // Absolute, so that processes with another working directory find the same one.
            Some(file) => std::path::absolute(&file).unwrap_or(file),
            None => base("XDG_CONFIG_HOME", ".config")?.join("jex.toml"),
        };
        Ok(Self {
            config_file,
            data: base("XDG_DATA_HOME", ".local/share")?,
            cache: base("XDG_CACHE_HOME", ".cache")?,
            state: base("XDG_STATE_HOME", ".local/state")?,
        })
    }

    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    pub fn log(&self, component: &str) -> PathBuf {
        self.logs().join(format!("{component}.log"))
    }

    pub fn secrets(&self) -> PathBuf {
        self.state.join("secrets")
    }

    /// Configuration files that JEX writes for the parts.
    pub fn run(&self) -> PathBuf {
        self.state.join("run")
    }

    /// Held by the JEX that runs.
    pub fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    /// Beside the lock, so that whoever sees one sees the other: `XDG_RUNTIME_DIR` is another one
    /// in a cron job, and gone after a logout.
    pub fn control_socket(&self) -> PathBuf {
        self.state.join("control.sock")
    }

    /// Of the JEX that systemd runs on this machine; there only while its supervisor runs. Tests set
    /// `JEX_TEST_MACHINE_SOCKET`.
    pub fn machine_socket(&self) -> PathBuf {
        std::env::var_os("JEX_TEST_MACHINE_SOCKET")
            .map_or_else(|| "/run/jex-supervisor/control.sock".into(), PathBuf::from)
    }

    /// Whether JEX's NixOS module has set this machine up: there, systemd runs JEX.
    pub fn is_appliance(&self) -> bool {
        Path::new(OF_MACHINE).exists() || self.machine_socket().exists()
    }

    pub fn models(&self) -> PathBuf {
        self.data.join("models")
    }

    /// `$JEX_PARTS`, or the file that `./dev parts` writes.
    pub fn parts_file(&self) -> PathBuf {
        std::env::var_os("JEX_PARTS").map_or_else(|| self.cache.join("parts.toml"), PathBuf::from)
    }
}

/// Creates `path` and its parents, `path` itself for the owner alone.
pub(crate) fn create_private_dir(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_is_enough() {
        let paths =
            Paths::from_lookup(|name| (name == "HOME").then(|| "/home/ada".into())).unwrap();

        assert_eq!(
            paths.config_file,
            Path::new("/home/ada/.config/jex/jex.toml")
        );
        assert_eq!(paths.control_socket().parent(), paths.lock().parent());
    }

    #[test]
    fn a_shell_without_a_session_finds_the_same_jex() {
        let with = |runtime: bool| {
            Paths::from_lookup(|name| match name {
                "HOME" => Some("/home/ada".into()),
                "XDG_RUNTIME_DIR" => runtime.then(|| "/tmp".into()),
                _ => None,
            })
        };

        assert_eq!(with(true).unwrap(), with(false).unwrap());
    }

    #[test]
    fn without_any_home_the_variable_is_named() {
        let error = Paths::from_lookup(|_| None).unwrap_err();

        assert!(error.to_string().contains("HOME"));
    }

    #[test]
    fn a_relative_xdg_path_is_ignored() {
        let lookup = |name: &str| match name {
            "HOME" => Some("/home/ada".into()),
            "XDG_STATE_HOME" => Some("state".into()),
            _ => None,
        };

        let paths = Paths::from_lookup(lookup).unwrap();

        assert_eq!(paths.state, Path::new("/home/ada/.local/state/jex"));
    }
}
