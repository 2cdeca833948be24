//! LiveKit's Redis: an instance of JEX's own, on loopback, with a password.

use std::time::Duration;

use jex_config::secrets;
use secrecy::{ExposeSecret, SecretString};

use super::Stack;
use crate::SupervisorError;
use crate::component::{Component, ConfigFile, Origin, Probe, Process, StopPolicy, WarmUp};

const NAME: &str = "redis";

pub fn declare(stack: &Stack) -> Result<Option<Component>, SupervisorError> {
    let settings = &stack.settings;
    // Someone else's LiveKit brings its own.
    if settings.livekit.url.is_some() {
        return Ok(None);
    }
    let program = stack.part(NAME, &stack.parts.redis_server, "redis-server")?;
    let password = secrets::redis_password(&stack.paths)?;
    let folder = stack.paths.state.join(NAME);
    let config = stack.paths.run().join("redis.conf");
    let port = settings.redis.port;
    let mut process = Process::new(program.clone())
        .arg(config.as_os_str())
        .port(port, "redis.port");
    process.files = vec![ConfigFile {
        path: config,
        contents: configuration(port, &folder.display().to_string(), &password),
    }];
    process.folders = vec![folder];
    process.stop = StopPolicy::terminate(Duration::from_secs(1));
    Ok(Some(Component {
        name: NAME,
        depends_on: &[],
        uses: &[],
        origin: Origin::Own(Box::new(process)),
        ready: Probe::Redis { port, password },
        warm_up: WarmUp::None,
    }))
}

/// Nothing is kept on disk: rooms do not outlive LiveKit. The process must not write its title
/// over its environment, by which JEX finds it.
fn configuration(port: u16, folder: &str, password: &SecretString) -> SecretString {
    let password = password.expose_secret();
    format!(
        "bind 127.0.0.1\nport {port}\nprotected-mode yes\nrequirepass \"{password}\"\n\
         dir \"{folder}\"\nsave \"\"\nappendonly no\ndaemonize no\nset-proc-title no\n\
         databases 1\nmaxmemory 256mb\nmaxmemory-policy noeviction\n"
    )
    .into()
}
