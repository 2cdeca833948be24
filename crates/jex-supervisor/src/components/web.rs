//! The page's server. It waits for nothing: the page itself says what is not there yet.

use std::time::Duration;

use super::agent::health;
use super::{NOWHERE_ELSE, Stack};
use crate::SupervisorError;
use crate::component::{Component, Interfaces, Probe, StopPolicy, WarmUp};

const NAME: &str = "web";

pub fn declare(stack: &Stack) -> Result<Component, SupervisorError> {
    let port = stack.settings.web.port;
    let origin = stack.origin(NAME, NOWHERE_ELSE, |children| {
        let process = children.own(NAME, "jex-web")?;
        let mut process = process.port_on(Interfaces::BothLoopbacks, port, "web.port");
        process.stop = StopPolicy::terminate(Duration::from_secs(2));
        Ok(process)
    })?;
    Ok(Component {
        name: NAME,
        depends_on: &[],
        uses: &["livekit", "postgresql"],
        origin,
        ready: Probe::Http { url: health(port) },
        warm_up: WarmUp::None,
    })
}
