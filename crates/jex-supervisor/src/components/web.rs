//! The page's server. It waits for nothing: the page itself says what is not there yet.

use std::time::Duration;

use super::Stack;
use super::agent::health;
use crate::SupervisorError;
use crate::component::{Component, Interfaces, Origin, Probe, StopPolicy, WarmUp};

const NAME: &str = "web";

pub fn declare(stack: &Stack) -> Result<Component, SupervisorError> {
    let port = stack.settings.web.port;
    let process = stack.own(NAME, "jex-web")?;
    let mut process = process.port_on(Interfaces::BothLoopbacks, port, "web.port");
    process.stop = StopPolicy::terminate(Duration::from_secs(2));
    Ok(Component {
        name: NAME,
        depends_on: &[],
        uses: &["livekit"],
        origin: Origin::Own(Box::new(process)),
        ready: Probe::Http { url: health(port) },
        warm_up: WarmUp::None,
    })
}
