//! Values and combinations that cannot work.

use std::collections::BTreeMap;
use std::path::Path;

use url::{Host, Url};

use crate::resolve::{COQUI_PORT, DEMO_MODEL};
use crate::{LlmProvider, Settings, TtsProvider};

mod database;
mod history;
mod public_urls;
#[cfg(test)]
mod tests;

/// What is wrong, and with which keys: the named one first, then those that it clashes with.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub keys: Vec<&'static str>,
    pub reason: String,
    pub remedy: String,
}

type Check = Result<(), Fault>;

pub fn validate(settings: &Settings) -> Check {
    assistant(settings)?;
    texts(settings)?;
    language(settings)?;
    model(settings)?;
    addresses(settings)?;
    public_urls::check(&settings.web.public_urls)?;
    database::check(settings)?;
    speech(settings)?;
    durations(settings)?;
    files(settings)?;
    media(settings)?;
    history::check(settings)?;
    distinct_ports(settings)
}

fn fault(keys: &[&'static str], reason: impl Into<String>, remedy: impl Into<String>) -> Check {
    Err(Fault {
        keys: keys.to_vec(),
        reason: reason.into(),
        remedy: remedy.into(),
    })
}

fn within<T: PartialOrd + Copy + std::fmt::Display>(
    key: &'static str,
    value: T,
    (least, most): (T, T),
    remedy: &str,
) -> Check {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    fault(
        &[key],
        format!("is {value}, but must be between {least} and {most}"),
        remedy,
    )
}

fn assistant(settings: &Settings) -> Check {
    let name = &settings.assistant.name;
    if name.trim().is_empty() {
        return fault(&["assistant.name"], "is empty", "Name it, such as \"JEX\".");
    }
    Ok(())
}

/// Texts that the settings are filled into.
fn texts(settings: &Settings) -> Check {
    let assistant = &settings.assistant;
    for (key, text) in [
        ("assistant.instructions", &assistant.instructions),
        ("assistant.greeting", &assistant.greeting),
        ("assistant.goodbye", &assistant.goodbye),
        ("stt.prompt", &settings.stt.prompt),
    ] {
        let known = ["name", "language"];
        if let Some(unknown) = placeholders(text).find(|name| !known.contains(name)) {
            return fault(
                &[key],
                format!("holds {{{unknown}}}, which stands for nothing"),
                "{name} and {language} are what is filled in.",
            );
        }
    }
    Ok(())
}

/// The words in braces: `{name}`. Braces around anything else (JSON, say) are left alone.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('}')?.0))
        .filter(|name| {
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            !name.is_empty() && name.chars().all(plain)
        })
}

fn language(settings: &Settings) -> Check {
    let language = &settings.assistant.language;
    let mut subtags = language.split('-');
    let primary = subtags.next().unwrap_or_default();
    let letters =
        (2..=3).contains(&primary.len()) && primary.chars().all(|c| c.is_ascii_alphabetic());
    let subtag =
        |tag: &str| (1..=8).contains(&tag.len()) && tag.chars().all(|c| c.is_ascii_alphanumeric());
    if !letters || !subtags.all(subtag) {
        return fault(
            &["assistant.language"],
            format!("is \"{language}\", which is no language code"),
            "Use a code such as \"en\", \"de\" or \"pt-BR\".",
        );
    }
    if primary.eq_ignore_ascii_case("en") {
        return Ok(());
    }
    let (stt, tts) = (&settings.stt, &settings.tts);
    if stt.url.is_none() && stt.model.is_empty() {
        return fault(
            &["assistant.language", "stt.model"],
            format!("is \"{language}\", but the packaged Whisper model knows English only"),
            "Name the folder of another model by `stt.model`, or a server by `stt.url`.",
        );
    }
    if tts.provider == TtsProvider::Wyoming && tts.url.is_none() && tts.voice.is_empty() {
        return fault(
            &["assistant.language", "tts.voice"],
            format!("is \"{language}\", but the packaged voice speaks English only"),
            "Name another voice by `tts.voice`, or set `tts.provider` to \"espeak-ng\".",
        );
    }
    Ok(())
}

fn model(settings: &Settings) -> Check {
    let llm = &settings.llm;
    let compatible = llm.provider == LlmProvider::OpenaiCompatible;
    if llm.model.trim().is_empty() {
        return fault(
            &["llm.model"],
            "is empty",
            "Name a model; \"jex-demo\" is the packaged one.",
        );
    }
    if compatible && llm.url.is_none() {
        return fault(
            &["llm.url", "llm.provider"],
            "is missing, and llm.provider is \"openai-compatible\"",
            "Set it to the base address of the server, such as \"https://api.example.com/v1\".",
        );
    }
    if compatible && llm.model == DEMO_MODEL {
        return fault(
            &["llm.model", "llm.provider"],
            format!("is \"{DEMO_MODEL}\", which only JEX's own Ollama has"),
            "Name a model that the server at `llm.url` offers.",
        );
    }
    within(
        "llm.context_tokens",
        llm.context_tokens,
        (512, 1_048_576),
        "4096 is a good start; more needs more memory.",
    )?;
    let most = llm.context_tokens / 2;
    if !(1..=most).contains(&llm.max_answer_tokens) {
        return fault(
            &["llm.max_answer_tokens", "llm.context_tokens"],
            format!(
                "is {}, but must be between 1 and half of llm.context_tokens ({most})",
                llm.max_answer_tokens
            ),
            "Make it smaller, or the context larger.",
        );
    }
    within(
        "llm.temperature",
        llm.temperature,
        (0.0, 2.0),
        "0 is the most predictable, 0.7 is lively.",
    )
}

fn addresses(settings: &Settings) -> Check {
    let speech: &[_] = match settings.tts.provider {
        TtsProvider::Coqui => &["http", "https"],
        _ => &["tcp"],
    };
    let allowed = [
        ("stt.url", &settings.stt.url, &["tcp"][..]),
        ("tts.url", &settings.tts.url, speech),
        ("llm.url", &settings.llm.url, &["http", "https"]),
        ("livekit.url", &settings.livekit.url, &["ws", "wss"]),
    ];
    for (key, url, schemes) in allowed {
        if let Some(url) = url {
            address(key, url, schemes)?;
        }
    }
    browser_can_be_let_to(&settings.livekit.url)
}

/// A Content-Security-Policy has no word for an IPv6 address: browsers drop the source, and with it
/// the page's way to LiveKit.
fn browser_can_be_let_to(livekit: &Option<Url>) -> Check {
    match livekit.as_ref().and_then(Url::host) {
        Some(Host::Ipv6(ip)) => fault(
            &["livekit.url"],
            format!("names the IPv6 address {ip}, to which a browser lets no page connect"),
            "Name the host: 127.0.0.1 on this machine, else its name or IPv4 address.",
        ),
        _ => Ok(()),
    }
}

fn address(key: &'static str, url: &Url, schemes: &[&str]) -> Check {
    if !schemes.contains(&url.scheme()) {
        let reason = format!("begins with {}:", url.scheme());
        let remedy = format!("It must begin with {}://.", schemes.join(":// or "));
        return fault(&[key], reason, remedy);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return fault(&[key], "names no host", "Write it as scheme://host:port.");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return fault(
            &[key],
            "holds a user, a password or a query",
            "Leave only scheme://host:port/path; a secret belongs into a file of its own.",
        );
    }
    if url.scheme() == "tcp" && url.port().is_none() {
        return fault(&[key], "names no port", "Write it as tcp://host:port.");
    }
    let secure = schemes
        .iter()
        .find(|scheme| scheme.ends_with('s') && scheme.len() > 2);
    if secure.is_none_or(|secure| *secure != url.scheme()) && !is_near(url) {
        let remedy = match secure {
            Some(secure) => format!("Use {secure}://."),
            None => "Reach that server through a tunnel that encrypts, such as WireGuard.".into(),
        };
        let reason = "would send what is said over the internet unencrypted";
        return fault(&[key], reason, remedy);
    }
    Ok(())
}

/// Whether the address is on this machine or in a private network.
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => {
            let [first, second, ..] = ip.octets();
            // 100.64.0.0/10 is what Tailscale and other overlay networks use.
            let shared = first == 100 && (64..128).contains(&second);
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || shared
        }
        Some(Host::Ipv6(ip)) => {
            ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        Some(Host::Domain(name)) => near_name(name),
        // Schemes that the URL standard does not know keep their host as text.
        None => false,
    }
}

fn near_name(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<std::net::IpAddr>() {
        let host = if ip.is_ipv6() {
            format!("[{ip}]")
        } else {
            ip.to_string()
        };
        return Url::parse(&format!("http://{host}")).is_ok_and(|url| is_near(&url));
    }
    let local = [".local", ".lan", ".home.arpa", ".internal", ".localhost"];
    !name.contains('.') || local.iter().any(|suffix| name.ends_with(suffix))
}

fn speech(settings: &Settings) -> Check {
    if settings.tts.provider == TtsProvider::EspeakNg && settings.tts.url.is_some() {
        return fault(
            &["tts.url", "tts.provider"],
            "is set, but tts.provider \"espeak-ng\" is a program, not a server",
            "Remove the address, or set `tts.provider` to \"wyoming\".",
        );
    }
    within(
        "tts.speed_percent",
        settings.tts.speed_percent,
        (50, 200),
        "100 is the voice's own pace; less is slower.",
    )
}

fn durations(settings: &Settings) -> Check {
    let conversation = &settings.conversation;
    within(
        "conversation.endpointing_ms",
        conversation.endpointing_ms,
        (100, 5000),
        "600 is a good start; less answers sooner and interrupts more.",
    )?;
    within(
        "conversation.barge_in_ms",
        conversation.barge_in_ms,
        (100, 5000),
        "300 is a good start; less is stopped by coughs.",
    )?;
    for (key, ms) in [
        ("stt.timeout_ms", settings.stt.timeout_ms),
        ("tts.timeout_ms", settings.tts.timeout_ms),
        (
            "llm.first_token_timeout_ms",
            settings.llm.first_token_timeout_ms,
        ),
    ] {
        within(key, ms, (500, 600_000), "It is in milliseconds.")?;
    }
    within(
        "agent.max_conversations",
        settings.agent.max_conversations,
        (1, 100),
        "4 is the default; each takes about a tenth of a core beside the models.",
    )
}

fn files(settings: &Settings) -> Check {
    let livekit = &settings.livekit;
    for (key, file) in [
        ("llm.api_key_file", &settings.llm.api_key_file),
        ("livekit.api_key_file", &livekit.api_key_file),
        ("livekit.api_secret_file", &livekit.api_secret_file),
        ("web.page", &settings.web.page),
        ("database.folder", &settings.database.folder),
        ("database.password_file", &settings.database.password_file),
        ("n8n.api_key_file", &settings.n8n.api_key_file),
        ("n8n.webhook_token_file", &settings.n8n.webhook_token_file),
        ("n8n.workflows", &settings.n8n.workflows),
    ] {
        // Not shown: it may be a secret that was pasted where the name of its file belongs.
        if file.as_deref().is_some_and(|file| !file.is_absolute()) {
            let from_home = file
                .as_deref()
                .is_some_and(|file| file.starts_with(Path::new("~")));
            let remedy = match from_home {
                true => "Write the home directory out: /home/you/….",
                false => "Write the whole path, beginning with /. A secret itself never goes here.",
            };
            return fault(&[key], "is no absolute path", remedy);
        }
    }
    if livekit.api_key_file.is_some() != livekit.api_secret_file.is_some() {
        return fault(
            &["livekit.api_key_file", "livekit.api_secret_file"],
            "and `livekit.api_secret_file` go together, but only one is set",
            "Set both, or none to let JEX make its own.",
        );
    }
    Ok(())
}

fn media(settings: &Settings) -> Check {
    let livekit = &settings.livekit;
    let (first, last) = (livekit.rtc_udp_port_start, livekit.rtc_udp_port_end);
    let keys = ["livekit.rtc_udp_port_end", "livekit.rtc_udp_port_start"];
    if first == 0 || first > last || last - first < 9 {
        return fault(
            &keys,
            format!("is {last}, which leaves no range of at least 10 ports from {first} on"),
            "Each participant needs two; 50000 to 50200 is the default.",
        );
    }
    match livekit.node_ip {
        Some(ip) if ip.is_unspecified() || ip.is_multicast() => fault(
            &["livekit.node_ip"],
            format!("is {ip}, which is no address of a machine"),
            "Leave it out: JEX finds this machine's address and follows when it changes.",
        ),
        _ => Ok(()),
    }
}

fn distinct_ports(settings: &Settings) -> Check {
    let own = |url: &Option<Url>, key, port| url.is_none().then_some((key, port));
    let livekit = &settings.livekit;
    let voice = match settings.tts.provider {
        TtsProvider::Wyoming => own(&settings.tts.url, "tts.port", settings.tts.port),
        TtsProvider::Coqui => own(&settings.tts.url, "tts.provider", COQUI_PORT),
        TtsProvider::EspeakNg => None,
    };
    let ports = [
        own(&livekit.url, "livekit.port", livekit.port),
        own(&livekit.url, "livekit.rtc_tcp_port", livekit.rtc_tcp_port),
        own(&livekit.url, "redis.port", settings.redis.port),
        own(&settings.llm.url, "llm.port", settings.llm.port),
        own(&settings.stt.url, "stt.port", settings.stt.port),
        voice,
        Some(("agent.port", settings.agent.port)),
        Some(("web.port", settings.web.port)),
        own(&settings.n8n.url, "n8n.port", settings.n8n.port),
        own(
            &settings.n8n.url,
            "n8n.broker_port",
            settings.n8n.broker_port,
        ),
    ];
    let mut taken = BTreeMap::new();
    for (key, port) in ports.into_iter().flatten() {
        if port == 0 {
            return fault(&[key], "is 0", "Choose a port between 1 and 65535.");
        }
        if let Some(other) = taken.insert(port, key) {
            return fault(
                &[key, other],
                format!("and `{other}` are both port {port}"),
                "Give one of them another port.",
            );
        }
    }
    Ok(())
}
