//! What the launcher is told.

use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    First,
    Second,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    pub stage: Stage,
    pub network: bool,
    pub readable: Vec<PathBuf>,
    /// Program and its arguments.
    pub command: Vec<OsString>,
}

const SECOND: &str = "--second-stage";

impl Arguments {
    /// The reason says what is wrong.
    pub fn read(mut from: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut read = Self {
            stage: Stage::First,
            network: false,
            readable: Vec::new(),
            command: Vec::new(),
        };
        while let Some(argument) = from.next() {
            match argument.to_str() {
                Some("--") => {
                    read.command = from.collect();
                    break;
                }
                Some(SECOND) => read.stage = Stage::Second,
                Some("--network") => read.network = true,
                Some("--readable") => {
                    let path = from.next().map(PathBuf::from);
                    let path = path.filter(|path| path.is_absolute());
                    read.readable
                        .push(path.ok_or("--readable wants an absolute path")?);
                }
                _ => return Err(format!("what is {}?", argument.display())),
            }
        }
        match read.command.is_empty() {
            true => Err(
                "usage: jex-mcp-launcher [--network] [--readable PATH]... -- PROGRAM [ARGUMENT]..."
                    .into(),
            ),
            false => Ok(read),
        }
    }

    pub fn for_second_stage(&self) -> Vec<OsString> {
        let mut arguments = vec![OsString::from(SECOND)];
        if self.network {
            arguments.push("--network".into());
        }
        for path in &self.readable {
            arguments.extend(["--readable".into(), path.into()]);
        }
        arguments.push("--".into());
        arguments.extend(self.command.iter().cloned());
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Arguments, String> {
        Arguments::read(arguments.iter().map(OsString::from))
    }

    #[test]
    fn the_second_stage_is_told_the_same() {
        let first = read(&[
            "--network",
            "--readable",
            "/srv",
            "--",
            "/bin/x",
            "--network",
        ])
        .unwrap();

        let second = Arguments::read(first.for_second_stage().into_iter()).unwrap();

        assert_eq!(second.stage, Stage::Second);
        assert_eq!(
            Arguments {
                stage: Stage::First,
                ..second
            },
            first
        );
    }

    #[test]
    fn mistakes_are_told() {
        assert!(read(&[]).unwrap_err().contains("usage"));
        assert!(
            read(&["--readable", "srv", "--", "/bin/x"])
                .unwrap_err()
                .contains("absolute")
        );
        assert!(
            read(&["--red", "--", "/bin/x"])
                .unwrap_err()
                .contains("--red")
        );
    }
}
