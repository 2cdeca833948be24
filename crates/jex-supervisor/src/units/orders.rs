//! What is answered on the control socket of an appliance: how everything is, and who takes orders instead.

use crate::control::{Command, Reply};
use crate::status::StackStatus;

pub fn answer(command: &Command, status: impl FnOnce() -> StackStatus) -> Reply {
    let refuse = |error: &str| Reply::Error {
        error: error.into(),
    };
    match command {
        Command::Status => Reply::Status(status()),
        Command::Stop => refuse(
            "systemd runs JEX on this machine. `sudo systemctl stop jex-agent` keeps it from \
             answering, `sudo systemctl start jex-agent` lets it again.",
        ),
        Command::Reload => refuse(
            "systemd runs JEX on this machine, with the settings of its NixOS configuration: change \
             `services.jex` there, then run `sudo nixos-rebuild switch`.",
        ),
    }
}
