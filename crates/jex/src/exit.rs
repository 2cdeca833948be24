//! What a command leaves behind: its exit status, and words on stdout and stderr.

use std::io::{ErrorKind, Write};

use anstyle::AnsiColor;

pub const SUCCESS: u8 = 0;
pub const FAILURE: u8 = 1;
/// JEX is not running.
pub const NOT_RUNNING: u8 = 3;
/// Ctrl-C, as shells have it.
pub const CANCELLED: u8 = 130;

/// Prints to stdout, in colours on a terminal only.
pub fn say(text: &str) {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `jex … | head` has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => complain(&format!("cannot print: {error}.")),
        Ok(()) => {}
    }
}

/// Says what went wrong and what to do.
pub fn complain(message: &str) {
    let red = AnsiColor::Red.on_default().bold();
    let text = format!("{red}jex:{red:#} {}\n", message.trim_end());
    // With stderr closed there is nobody left to tell.
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Says what is not as it should be, though it works.
pub fn warn(message: &str) {
    let yellow = AnsiColor::Yellow.on_default().bold();
    let text = format!("{yellow}note:{yellow:#} {}\n", message.trim_end());
    let _ = anstream::stderr().write_all(text.as_bytes());
}
