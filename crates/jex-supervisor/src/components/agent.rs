//! JEX's ear, mind and mouth. What it speaks with may still be starting: it says so aloud.

use std::time::Duration;

use url::Url;

use super::{NOWHERE_ELSE, Stack};
use crate::SupervisorError;
use crate::component::{Component, Probe, StopPolicy, WarmUp};

const NAME: &str = "agent";

pub fn declare(stack: &Stack) -> Result<Component, SupervisorError> {
    let port = stack.settings.agent.port;
    let origin = stack.origin(NAME, NOWHERE_ELSE, |children| {
        let mut process = children.own(NAME, "jex-agent")?.port(port, "agent.port");
        // It says goodbye for at most 4 s, and writes what was said in another.
        process.stop = StopPolicy::terminate(Duration::from_millis(5500));
        Ok(process)
    })?;
    Ok(Component {
        name: NAME,
        depends_on: &["livekit"],
        uses: &["ollama", "whisper", "piper", "coqui", "postgresql"],
        origin,
        ready: Probe::Http { url: health(port) },
        warm_up: WarmUp::None,
    })
}

/// Health endpoint of one of JEX's own programs.
pub(super) fn health(port: u16) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}/health")).expect("a port makes an address")
}
