//! LiveKit's Redis: an instance of JEX's own, on loopback, with a password.

use std::time::Duration;

use jex_config::secrets;
use secrecy::{ExposeSecret, SecretString};

use super::{NOWHERE_ELSE, Stack};
use crate::SupervisorError;
use crate::component::{Component, ConfigFile, Probe, Process, Requirement, StopPolicy, WarmUp};

const NAME: &str = "redis";

pub fn declare(stack: &Stack) -> Result<Option<Component>, SupervisorError> {
    let settings = &stack.settings;
    // Someone else's LiveKit brings its own.
    if settings.livekit.url.is_some() {
        return Ok(None);
    }
    let port = settings.redis.port;
    let password = secrets::redis_password(&stack.paths)?;
    Ok(Some(Component {
        name: NAME,
        depends_on: &[],
        uses: &[],
        origin: stack.origin(NAME, NOWHERE_ELSE, |_| process(stack, port, &password))?,
        ready: Probe::Redis { port, password },
        warm_up: WarmUp::None,
    }))
}

fn process(stack: &Stack, port: u16, password: &SecretString) -> Result<Process, SupervisorError> {
    let program = stack.part(NAME, &stack.parts.redis_server, "redis-server")?;
    let folder = stack.paths.state.join(NAME);
    let config = stack.paths.run().join("redis.conf");
    let mut process = Process::new(program.clone())
        .arg(config.as_os_str())
        .port(port, "redis.port");
    process.files = vec![ConfigFile {
        path: config,
        contents: configuration(port, &folder.display().to_string(), password),
    }];
    process.requirement = Some(Requirement {
        version: (6, 2),
        read: version,
        remedy: "Debian has a newer one since 12, Ubuntu since 22.10; https://redis.io has it for \
                 others. Then run `./dev parts` again.",
    });
    process.folders = vec![folder];
    process.stop = StopPolicy::terminate(Duration::from_secs(1));
    Ok(process)
}

/// Out of `Redis server v=7.0.15 sha=…`.
fn version(printed: &str) -> Option<(u32, u32)> {
    let mut numbers = printed.split_once(" v=")?.1.split(['.', ' ']);
    let mut number = || numbers.next()?.parse().ok();
    Some((number()?, number()?))
}

/// Nothing is kept on disk: rooms do not outlive LiveKit. The process must not write its title
/// over its environment, by which JEX finds it: `set-proc-title` came with Redis 6.2.
fn configuration(port: u16, folder: &str, password: &SecretString) -> SecretString {
    let password = password.expose_secret();
    format!(
        "bind 127.0.0.1\nport {port}\nprotected-mode yes\nrequirepass \"{password}\"\n\
         dir \"{folder}\"\nsave \"\"\nappendonly no\ndaemonize no\nset-proc-title no\n\
         databases 1\nmaxmemory 256mb\nmaxmemory-policy noeviction\n"
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_redis_prints() {
        let debian = "Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64 build=a3";

        assert_eq!(version(debian), Some((6, 0)));
        assert_eq!(version("Valkey server v=8.1.4 sha=0"), Some((8, 1)));
        assert_eq!(version("no such thing"), None);
    }
}
