//! What follows from the settings: addresses of parts that JEX runs itself, and filled-in texts.

use url::Url;

use crate::{LlmProvider, Settings, TtsProvider};

/// The packaged model's name.
pub const DEMO_MODEL: &str = "jex-demo";
/// How the names of the rooms begin that JEX's page opens.
pub const TALK_ROOMS: &str = "talk-";
/// Loopback port of Coqui's server, as that chooses it itself.
pub(crate) const COQUI_PORT: u16 = 5002;
/// Measured: with anything longer the packaged model drifts into French.
const DEMO_INSTRUCTIONS: &str = "You are a helpful AI assistant named {name}.";
const INSTRUCTIONS: &str = "You are {name}, a helpful voice assistant. Everything you write is \
    spoken aloud: answer in one or two short sentences of plain spoken language, without lists, \
    markup or emoji. Answer in the language with the code \"{language}\".";

/// Whisper base hears "France is Paris" and "Francis Paris" alike; after whole sentences it goes by the grammar.
/// Measured, said by Piper: 11 and 14 of 60 wrong without, 6 after "Hello JEX.", none of 60 after this.
const STT_PROMPT: &str = "Hello {name}, how are you? I am fine, thank you.";

impl Settings {
    /// Signalling address of LiveKit, as callers on this machine reach it.
    pub fn livekit_ws_url(&self) -> Url {
        let own = || loopback("ws", self.livekit.port);
        self.livekit.url.clone().unwrap_or_else(own)
    }

    /// The addresses at which browsers may have to reach LiveKit: on this machine, and on others where the
    /// proxy in front of the page passes signalling on to JEX's own LiveKit.
    pub fn livekit_browser_urls(&self) -> Vec<Url> {
        let public = self.web.public_urls.iter().map(as_websocket);
        let public = public.filter(|_| self.livekit.url.is_none());
        std::iter::once(self.livekit_ws_url())
            .chain(public)
            .collect()
    }

    /// `tcp://host:port` of the Wyoming server for recognition.
    pub fn stt_url(&self) -> Url {
        self.stt
            .url
            .clone()
            .unwrap_or_else(|| loopback("tcp", self.stt.port))
    }

    /// Where the server for synthesis is: `tcp://host:port` of a Wyoming server, or the base address of
    /// Coqui's.
    pub fn tts_url(&self) -> Url {
        let here = || match self.tts.provider {
            TtsProvider::Coqui => loopback("http", COQUI_PORT),
            _ => loopback("tcp", self.tts.port),
        };
        self.tts.url.clone().unwrap_or_else(here)
    }

    /// Ollama's own API, without `/v1`.
    pub fn ollama_url(&self) -> Url {
        self.llm
            .url
            .clone()
            .unwrap_or_else(|| loopback("http", self.llm.port))
    }

    /// Base address of the OpenAI-compatible API, with `/v1` and without a slash at the end.
    pub fn llm_base_url(&self) -> Url {
        let mut url = self.ollama_url();
        let path = url.path().trim_end_matches('/').to_owned();
        let versioned = match self.llm.provider {
            LlmProvider::Ollama if !path.ends_with("/v1") => format!("{path}/v1"),
            _ => path,
        };
        url.set_path(&versioned);
        url
    }

    /// Base address of n8n.
    pub fn n8n_url(&self) -> Url {
        self.n8n
            .url
            .clone()
            .unwrap_or_else(|| loopback("http", self.n8n.port))
    }

    /// Whether the packaged model answers.
    pub fn model_is_demo(&self) -> bool {
        self.llm.model == DEMO_MODEL
    }

    /// The system message, filled in.
    pub fn instructions(&self) -> String {
        let text = match self.assistant.instructions.trim() {
            "" if self.model_is_demo() => DEMO_INSTRUCTIONS,
            "" => INSTRUCTIONS,
            own => own,
        };
        self.fill(text)
    }

    /// The first sentence, filled in.
    pub fn greeting(&self) -> String {
        self.fill(&self.assistant.greeting)
    }

    /// The last sentence, filled in.
    pub fn goodbye(&self) -> String {
        self.fill(&self.assistant.goodbye)
    }

    /// What Whisper takes for the text before, filled in. None where the owner's model may need none.
    pub fn stt_prompt(&self) -> Option<String> {
        match self.stt.prompt.trim() {
            "" if self.stt.model.is_empty() => Some(self.fill(STT_PROMPT)),
            "" => None,
            own => Some(self.fill(own)),
        }
    }

    /// "on this machine", or the host that the conversation's words are sent to.
    pub fn made_where(&self) -> String {
        let livekit = &self.livekit.url;
        let outside = [&self.stt.url, &self.llm.url, &self.tts.url, livekit]
            .into_iter()
            .flatten()
            .filter_map(Url::host_str)
            .find(|host| !is_loopback(host));
        outside.unwrap_or("on this machine").to_owned()
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{name}", &self.assistant.name)
            .replace("{language}", &self.assistant.language)
    }
}

fn as_websocket(https: &Url) -> Url {
    let mut url = https.clone();
    // Between these two schemes a change always succeeds.
    let _ = url.set_scheme("wss");
    url
}

fn loopback(scheme: &str, port: u16) -> Url {
    Url::parse(&format!("{scheme}://127.0.0.1:{port}"))
        .expect("a scheme and a port make an address")
}

/// Whether the name of a host means this machine alone.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_parts_are_on_loopback() {
        let settings = Settings::default();

        assert_eq!(settings.livekit_ws_url().as_str(), "ws://127.0.0.1:7880/");
        assert_eq!(
            settings.llm_base_url().as_str(),
            "http://127.0.0.1:11435/v1"
        );
        assert_eq!(settings.stt_url().as_str(), "tcp://127.0.0.1:10300");
        assert_eq!(settings.made_where(), "on this machine");
    }

    #[test]
    fn coqui_is_where_its_server_listens_by_itself() {
        let mut settings = Settings::default();
        settings.tts.provider = TtsProvider::Coqui;

        assert_eq!(settings.tts_url().as_str(), "http://127.0.0.1:5002/");
    }

    #[test]
    fn an_address_elsewhere_is_said() {
        let mut settings = Settings::default();
        settings.llm.url = Some("https://api.example.com/v1".parse().unwrap());
        settings.llm.provider = LlmProvider::OpenaiCompatible;

        assert_eq!(settings.made_where(), "api.example.com");
        assert_eq!(
            settings.llm_base_url().as_str(),
            "https://api.example.com/v1"
        );
    }

    #[test]
    fn a_media_server_elsewhere_hears_everything() {
        let mut settings = Settings::default();
        settings.livekit.url = Some("wss://example.livekit.cloud".parse().unwrap());

        assert!(settings.made_where().contains("example.livekit.cloud"));
    }

    #[test]
    fn browsers_elsewhere_reach_our_own_livekit_through_the_proxy() {
        let mut settings = Settings::default();
        settings.web.public_urls = vec!["https://jex.local:8443".parse().unwrap()];
        let urls = |settings: &Settings| {
            let urls = settings.livekit_browser_urls();
            urls.iter().map(Url::to_string).collect::<Vec<_>>()
        };

        assert_eq!(
            urls(&settings),
            ["ws://127.0.0.1:7880/", "wss://jex.local:8443/"]
        );
        settings.livekit.url = Some("wss://example.livekit.cloud".parse().unwrap());
        assert_eq!(urls(&settings), ["wss://example.livekit.cloud/"]);
    }

    #[test]
    fn whisper_knows_the_name_unless_the_model_is_the_owners() {
        let mut settings = Settings::default();
        settings.assistant.name = "Ada".into();
        assert!(settings.stt_prompt().unwrap().contains("Ada"));

        settings.stt.model = "/models/small".into();
        assert_eq!(settings.stt_prompt(), None);

        settings.stt.prompt = "{name}, call Zoë.".into();
        assert_eq!(settings.stt_prompt().unwrap(), "Ada, call Zoë.");
    }

    #[test]
    fn the_name_is_filled_in() {
        let mut settings = Settings::default();
        settings.assistant.name = "Ada".into();

        assert_eq!(settings.greeting(), "Hello, this is Ada. How can I help?");
        assert!(settings.instructions().contains("Ada"));
    }
}
