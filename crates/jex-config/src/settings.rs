//! The settings tree. One struct for the whole of JEX; every field has a default, so an empty
//! `jex.toml` is a complete one. Addresses that are `None` mean "JEX runs this part itself".
//!
//! The doc comments of the fields are what the owner reads in `jex.toml` and in error messages
//! (see [`crate::schema`]). An optional field ends with an `Example:` line, since it has no
//! default to show.

mod database;
mod n8n;

use std::net::IpAddr;
use std::path::PathBuf;

pub use database::Database;
pub use n8n::N8n;
use serde::{Deserialize, Serialize};
use url::Url;

mod history;

pub use history::History;

/// Everything the owner can decide.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub assistant: Assistant,
    pub conversation: Conversation,
    pub stt: Stt,
    pub llm: Llm,
    pub tts: Tts,
    pub livekit: Livekit,
    pub redis: Redis,
    pub agent: Agent,
    pub web: Web,
    pub history: History,
    pub database: Database,
    pub n8n: N8n,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assistant {
    /// Name the assistant goes by, on the page and in its instructions.
    pub name: String,
    /// BCP 47 language of the conversation, such as `en` or `de`. What JEX says of its own accord
    /// when something fails is English in any.
    pub language: String,
    /// What the model is told before every conversation; empty: JEX's own words. `{name}` and
    /// `{language}` stand for those settings.
    pub instructions: String,
    /// First sentence of a conversation; empty for none. `{name}` stands for the name.
    pub greeting: String,
    /// Last sentence when JEX ends the conversation; empty for none.
    pub goodbye: String,
}

/// When the assistant may speak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conversation {
    /// Silence after speech that ends the caller's turn, in milliseconds.
    pub endpointing_ms: u64,
    /// Speech over an answer that stops it, in milliseconds.
    pub barge_in_ms: u64,
}

/// Which speech recognition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SttProvider {
    /// A Wyoming server such as wyoming-faster-whisper.
    Wyoming,
}

/// Speech to text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stt {
    /// Which protocol the recogniser speaks: `wyoming`.
    pub provider: SttProvider,
    /// Address of a server that runs already (`tcp://host:port`); absent: JEX runs Whisper itself.
    /// Example: `"tcp://192.168.1.20:10300"`
    pub url: Option<Url>,
    /// Loopback port of JEX's own Whisper.
    pub port: u16,
    /// Name or folder of the Whisper model; empty: the packaged English one.
    pub model: String,
    /// Text that JEX's own Whisper takes for what was said just before, so that it knows names and how
    /// people talk here; `{name}` stands for the assistant's. Empty: a greeting for the packaged model,
    /// none for another.
    /// Example: `"Hello {name}, is the light on in Zoë's room? Yes, it is on."`
    pub prompt: String,
    /// Longest wait for a transcript, in milliseconds.
    pub timeout_ms: u64,
}

/// Which language model API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LlmProvider {
    /// Ollama, run by JEX or elsewhere.
    Ollama,
    /// Any server with OpenAI's streaming chat API; needs `llm.url`.
    OpenaiCompatible,
}

/// The language model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Llm {
    /// Which API answers: `ollama`, or `openai-compatible` for any server with OpenAI's streaming
    /// chat API (needs `llm.url`).
    pub provider: LlmProvider,
    /// Base address of a server that runs already; absent: JEX runs Ollama itself.
    /// For Ollama without `/v1`, for OpenAI-compatible servers with it.
    /// Example: `"http://192.168.1.20:11434"`
    pub url: Option<Url>,
    /// Loopback port of JEX's own Ollama.
    pub port: u16,
    /// Name of the model. `jex-demo` is the packaged small one.
    pub model: String,
    /// Whether JEX's own Ollama may download the model when it is not here: `true` or `false`.
    pub download: bool,
    /// File that holds the API key, for providers that want one.
    /// Example: `"/home/ada/.config/jex/llm-api-key"`
    pub api_key_file: Option<PathBuf>,
    /// Tokens of context that the model is loaded with and that a conversation may fill.
    pub context_tokens: u32,
    /// Longest answer, in tokens.
    pub max_answer_tokens: u32,
    /// Variety of the answers, 0 to 2: 0 is the most predictable, 0.7 is lively.
    pub temperature: f32,
    /// Fixed seed for repeatable answers.
    /// Example: `1`
    pub seed: Option<i64>,
    /// Longest wait for the first token, in milliseconds.
    pub first_token_timeout_ms: u64,
}

/// Which speech synthesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TtsProvider {
    /// A Wyoming server such as wyoming-piper.
    Wyoming,
    /// Coqui's server, `tts-server`.
    Coqui,
    /// espeak-ng alone: robotic, but needs nothing.
    EspeakNg,
}

/// Text to speech.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tts {
    /// Who speaks: `wyoming` for Piper, `coqui` for a server of Coqui's (`tts-server`), or `espeak-ng`:
    /// robotic, but needs nothing else.
    pub provider: TtsProvider,
    /// Address of a server that runs already: `tcp://host:port` for `wyoming`, `http://host:port` for
    /// `coqui`. Absent: JEX runs Piper itself. It starts no Coqui; on an appliance that is at
    /// `http://127.0.0.1:5002`.
    /// Example: `"tcp://192.168.1.20:10200"`
    pub url: Option<Url>,
    /// Loopback port of JEX's own Piper.
    pub port: u16,
    /// Voice; empty: the packaged one. For `coqui`: one of the model's speakers; empty: the server's own.
    pub voice: String,
    /// Pace of JEX's own Piper, in percent of the voice's own. The packaged one hurries: at 80 its words
    /// are told apart.
    pub speed_percent: u32,
    /// Longest wait for the first audio of a sentence, in milliseconds.
    pub timeout_ms: u64,
}

/// The media server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Livekit {
    /// Address of a LiveKit that runs already (`ws://` or `wss://`); absent: JEX runs its own.
    /// Others may use it as well: there JEX takes only the rooms that its own page opens.
    /// Example: `"wss://example.livekit.cloud"`
    pub url: Option<Url>,
    /// Loopback port of signalling.
    pub port: u16,
    /// Port of media over TCP, on all interfaces.
    pub rtc_tcp_port: u16,
    /// First port of media over UDP, on all interfaces.
    pub rtc_udp_port_start: u16,
    /// Last port of media over UDP.
    pub rtc_udp_port_end: u16,
    /// Address that media is offered on; absent: this machine's current one.
    /// Example: `"192.168.1.20"`
    pub node_ip: Option<IpAddr>,
    /// File with the API key; absent: made on first start.
    /// Example: `"/home/ada/.config/jex/livekit-api-key"`
    pub api_key_file: Option<PathBuf>,
    /// File with the API secret; absent: made on first start.
    /// Example: `"/home/ada/.config/jex/livekit-api-secret"`
    pub api_secret_file: Option<PathBuf>,
}

/// LiveKit's Redis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// Loopback port of JEX's own Redis.
    pub port: u16,
}

/// The agent process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Agent {
    /// Loopback port of the agent's health endpoint.
    pub port: u16,
    /// Conversations held at once.
    pub max_conversations: u32,
}

/// The page's server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// Loopback port of the page.
    pub port: u16,
    /// Addresses under which browsers on other machines open the page, such as
    /// `["https://jex.local", "https://192.168.1.20"]`, through a proxy on this machine that ends TLS and
    /// leaves the name that was asked for as it is. Such a browser is let in once, with `jex pair`.
    pub public_urls: Vec<Url>,
    /// Folder of the exported page; absent: the one that `./dev parts` made.
    /// Example: `"/opt/jex/page"`
    pub page: Option<PathBuf>,
}

impl Default for Assistant {
    fn default() -> Self {
        Self {
            name: "JEX".into(),
            language: "en".into(),
            instructions: String::new(),
            greeting: "Hello, this is {name}. How can I help?".into(),
            goodbye: "Goodbye.".into(),
        }
    }
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            endpointing_ms: 600,
            barge_in_ms: 300,
        }
    }
}

impl Default for Stt {
    fn default() -> Self {
        Self {
            provider: SttProvider::Wyoming,
            url: None,
            port: 10300,
            model: String::new(),
            prompt: String::new(),
            timeout_ms: 20_000,
        }
    }
}

impl Default for Llm {
    fn default() -> Self {
        Self {
            provider: LlmProvider::Ollama,
            url: None,
            port: 11435,
            model: "jex-demo".into(),
            download: true,
            api_key_file: None,
            context_tokens: 4096,
            max_answer_tokens: 200,
            temperature: 0.0,
            seed: None,
            first_token_timeout_ms: 60_000,
        }
    }
}

impl Default for Tts {
    fn default() -> Self {
        Self {
            provider: TtsProvider::Wyoming,
            url: None,
            port: 10200,
            voice: String::new(),
            speed_percent: 80,
            timeout_ms: 15_000,
        }
    }
}

impl Default for Livekit {
    fn default() -> Self {
        Self {
            url: None,
            port: 7880,
            rtc_tcp_port: 7881,
            rtc_udp_port_start: 50_000,
            rtc_udp_port_end: 50_200,
            node_ip: None,
            api_key_file: None,
            api_secret_file: None,
        }
    }
}

impl Default for Redis {
    fn default() -> Self {
        Self { port: 6390 }
    }
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            port: 7890,
            max_conversations: 4,
        }
    }
}

impl Default for Web {
    fn default() -> Self {
        Self {
            port: 3000,
            public_urls: Vec::new(),
            page: None,
        }
    }
}
