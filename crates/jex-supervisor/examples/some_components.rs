//! `jex up` with some of the components only: `some_components redis livekit [--background]`.
//!
//! Settings, folders and parts are the usual ones (`jex.toml`, XDG, `JEX_*`). The tests of this crate run it.

use std::process::ExitCode;

use jex_config::{LoadOptions, Paths};
use jex_supervisor::{UpOptions, up};

fn main() -> ExitCode {
    let (flags, names): (Vec<_>, Vec<_>) =
        { std::env::args().skip(1) }.partition(|word| word.starts_with("--"));
    let paths = match Paths::from_env() {
        Ok(paths) => paths,
        Err(error) => return failed(&error),
    };
    let options = UpOptions {
        load: LoadOptions::default(),
        paths,
        background: flags.iter().any(|flag| flag == "--background"),
        only: Some(names),
    };
    match up(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}
