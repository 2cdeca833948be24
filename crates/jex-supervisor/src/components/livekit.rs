//! The media server: signalling on loopback, media on this machine's address, nothing outside.

use std::net::IpAddr;
use std::time::Duration;

use jex_config::secrets;
use nix::sys::signal::Signal;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use super::Stack;
use crate::SupervisorError;
use crate::component::{
    Component, ConfigFile, Interfaces, Preparation, Probe, Process, StopPolicy, WarmUp,
};

const NAME: &str = "livekit";

pub fn declare(stack: &Stack) -> Result<Component, SupervisorError> {
    let settings = &stack.settings;
    let elsewhere = (&settings.livekit.url, "livekit.url");
    Ok(Component {
        name: NAME,
        depends_on: &["redis"],
        uses: &[],
        origin: stack.origin(NAME, elsewhere, |children| process(stack, children.node_ip))?,
        ready: Probe::Http {
            url: http(&settings.livekit_ws_url()),
        },
        warm_up: WarmUp::None,
    })
}

fn process(stack: &Stack, node_ip: IpAddr) -> Result<Process, SupervisorError> {
    let settings = &stack.settings;
    let program = stack.part(NAME, &stack.parts.livekit_server, "livekit-server")?;
    let password = secrets::redis_password(&stack.paths)?;
    let config = stack.paths.run().join("livekit.yaml");
    let mut process = Process::new(program.clone())
        .arg("--config")
        .arg(config.as_os_str())
        .port(settings.livekit.port, "livekit.port")
        .port_on(
            Interfaces::All,
            settings.livekit.rtc_tcp_port,
            "livekit.rtc_tcp_port",
        );
    process.files = vec![ConfigFile {
        path: config,
        // JSON is YAML.
        contents: configuration(stack, node_ip)?.to_string().into(),
    }];
    process.env_removed = &["LIVEKIT_", "NODE_IP", "UDP_PORT", "REDIS_"];
    // A room that Redis still maps to the server's former life takes nobody in for seconds.
    process.preparation = Preparation::EmptyRedis {
        port: settings.redis.port,
        password,
    };
    process.version_args = Some(&["--version"]);
    // The first SIGTERM waits for participants, a browser among them, without limit.
    process.stop = StopPolicy {
        steps: vec![
            (Signal::SIGTERM, Duration::from_millis(300)),
            (Signal::SIGTERM, Duration::from_secs(3)),
        ],
    };
    Ok(process)
}

fn configuration(stack: &Stack, node_ip: IpAddr) -> Result<Value, SupervisorError> {
    let settings = &stack.settings.livekit;
    let keys = secrets::livekit_credentials(&stack.settings, &stack.paths)?;
    let password = secrets::redis_password(&stack.paths)?;
    let mut rtc = json!({
        "tcp_port": settings.rtc_tcp_port,
        "port_range_start": settings.rtc_udp_port_start,
        "port_range_end": settings.rtc_udp_port_end,
        "use_external_ip": false,
        // Set, it keeps the server itself from asking Google's and Twilio's STUN servers.
        "node_ip": node_ip.to_string(),
        // An empty list would hand browsers those same servers. Nobody answers here, and nothing
        // is needed: both ends know their addresses.
        "stun_servers": [format!("127.0.0.1:{}", settings.port)],
        // Every candidate is offered under `node_ip`, so one on loopback makes sense only when
        // that is all there is.
        "enable_loopback_candidate": node_ip.is_loopback(),
    });
    // Chosen by JEX it is an address of this machine: no socket is needed on any other. Set by
    // the owner it may be the outer address of a router.
    if settings.node_ip.is_none() {
        rtc["ips"] = json!({ "includes": [one_address(node_ip)] });
    }
    Ok(json!({
        "port": settings.port,
        "bind_addresses": ["127.0.0.1"],
        "keys": { keys.api_key: keys.api_secret.expose_secret() },
        "redis": {
            "address": format!("127.0.0.1:{}", stack.settings.redis.port),
            "password": password.expose_secret(),
        },
        "rtc": rtc,
        "room": {
            "auto_create": true,
            // A room that nobody came to, and one that its caller left: in seconds.
            "empty_timeout": 60,
            "departure_timeout": 20,
        },
        "logging": { "level": "info", "pion_level": "error", "json": false },
    }))
}

fn one_address(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}/32"),
        IpAddr::V6(address) => format!("{address}/128"),
    }
}

/// The same place by HTTP: LiveKit answers `GET /`.
fn http(signalling: &Url) -> Url {
    let text = signalling.as_str();
    let swapped = text
        .strip_prefix("wss://")
        .map(|rest| format!("https://{rest}"))
        .or_else(|| {
            text.strip_prefix("ws://")
                .map(|rest| format!("http://{rest}"))
        });
    swapped
        .and_then(|swapped| Url::parse(&swapped).ok())
        .unwrap_or_else(|| signalling.clone())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::components::tests::{children, process, stack};

    fn written(stack: &Stack) -> Value {
        let process = process(declare(stack).unwrap());
        serde_json::from_str(process.files[0].contents.expose_secret()).unwrap()
    }

    #[test]
    fn no_stun_server_outside_is_ever_named() {
        let (_home, stack) = stack();

        let config = written(&stack);

        assert_eq!(config["rtc"]["stun_servers"], json!(["127.0.0.1:7880"]));
        assert_eq!(config["rtc"]["node_ip"], "192.168.1.5");
        assert_eq!(config["rtc"]["use_external_ip"], false);
        assert_eq!(config["bind_addresses"], json!(["127.0.0.1"]));
    }

    #[test]
    fn without_a_network_media_is_offered_on_loopback() {
        let (_home, mut stack) = stack();
        children(&mut stack).node_ip = Ipv4Addr::LOCALHOST.into();

        let rtc = &written(&stack)["rtc"];

        assert_eq!(rtc["enable_loopback_candidate"], true);
        assert_eq!(rtc["ips"]["includes"], json!(["127.0.0.1/32"]));
    }

    #[test]
    fn an_address_of_a_router_does_not_filter_this_machines() {
        let (_home, mut stack) = stack();
        stack.settings.livekit.node_ip = Some(Ipv4Addr::new(203, 0, 113, 7).into());
        children(&mut stack).node_ip = Ipv4Addr::new(203, 0, 113, 7).into();

        let rtc = &written(&stack)["rtc"];

        assert_eq!(rtc["node_ip"], "203.0.113.7");
        assert!(rtc.get("ips").is_none());
    }

    #[test]
    fn the_probe_goes_where_signalling_goes() {
        let cloud = Url::parse("wss://example.livekit.cloud/").unwrap();

        assert_eq!(http(&cloud).as_str(), "https://example.livekit.cloud/");
    }
}
