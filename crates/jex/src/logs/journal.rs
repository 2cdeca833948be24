//! `jex logs` on an appliance: what systemd's journal has of the parts' units.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Context;
use jex_supervisor::{components, units};

use super::LINES_OF_ONE;
use crate::cli::LogsArgs;
use crate::exit;

/// Becomes `journalctl`. Returns the exit status where the part is unknown.
pub fn run(args: &LogsArgs) -> anyhow::Result<u8> {
    let mut command = match journalctl(args) {
        Ok(command) => command,
        Err(unknown) => {
            exit::complain(&unknown);
            return Ok(exit::FAILURE);
        }
    };
    Err(command.exec()).context("journalctl, which belongs to systemd, cannot be run")
}

fn journalctl(args: &LogsArgs) -> Result<Command, String> {
    let names: Vec<&str> = { components::NAMES.into_iter() }
        .chain([units::SUPERVISOR])
        .collect();
    let shown: Vec<&str> = match &args.component {
        None => names,
        Some(wanted) if names.contains(&wanted.as_str()) => vec![wanted],
        Some(wanted) => {
            let known = names.join(", ");
            return Err(format!(
                "there is no part `{wanted}`. There are: {known}; `journalctl` has the rest."
            ));
        }
    };
    let mut command = Command::new("journalctl");
    command.arg("--no-pager").arg("--lines");
    command.arg(args.lines.unwrap_or(LINES_OF_ONE).to_string());
    if args.follow {
        command.arg("--follow");
    }
    for name in shown {
        command.arg("--unit").arg(units::unit_of(name));
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args_for(component: Option<&str>, follow: bool) -> Result<Vec<String>, String> {
        let args = LogsArgs {
            component: component.map(str::to_owned),
            follow,
            lines: None,
        };
        let command = journalctl(&args)?;
        let args = command.get_args();
        Ok(args.map(|arg| arg.to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn a_part_is_followed_by_its_unit() {
        let args = args_for(Some("whisper"), true).unwrap();

        let expected = "--no-pager --lines 200 --follow --unit wyoming-faster-whisper-jex.service";
        assert_eq!(args.join(" "), expected);
    }

    #[test]
    fn without_a_part_all_are_shown_and_the_supervisor_too() {
        let args = args_for(None, false).unwrap().join(" ");

        assert!(args.contains("postgresql.service") && args.contains("jex-supervisor.service"));
        assert!(!args.contains("--follow"));
    }

    #[test]
    fn an_unknown_part_is_told_with_those_that_there_are() {
        let error = args_for(Some("wisper"), false).unwrap_err();

        assert!(error.contains("`wisper`") && error.contains("whisper, piper"));
    }
}
