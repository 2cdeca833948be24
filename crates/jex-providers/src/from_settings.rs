//! The providers that the settings name.

use std::sync::Arc;
use std::time::Duration;

use jex_config::parts::Parts;
use jex_config::{ConfigError, LlmProvider, Settings, SttProvider, TtsProvider};

use crate::openai::{OpenAiFlavor, OpenAiLanguageModel, OpenAiOptions};
use crate::wyoming::{WyomingEndpoint, WyomingSpeechToText, WyomingTextToSpeech};
use crate::{
    CoquiOptions, CoquiTextToSpeech, EspeakNg, FallbackTextToSpeech, LanguageModel, ProviderError,
    SpeechToText, TextToSpeech,
};

/// What the packaged Whisper model is called; the server knows only its folder.
const PACKAGED_WHISPER: &str = "base";
/// The packaged Piper voice.
const PACKAGED_VOICE: &str = "en_US-joe-medium";
/// From one token to the next. A machine that needs longer for a word cannot hold a conversation.
const STALL_LIMIT: Duration = Duration::from_secs(20);

/// Everything that a conversation needs.
pub struct Providers {
    pub stt: Arc<dyn SpeechToText>,
    pub llm: Arc<dyn LanguageModel>,
    /// The configured voice; espeak-ng stands in for it by itself.
    pub tts: Arc<dyn TextToSpeech>,
    /// espeak-ng alone.
    pub announcer: Arc<dyn TextToSpeech>,
    /// "on this machine", or where the conversation's words are sent to.
    pub made_where: String,
}

/// Why the settings name no usable providers.
#[derive(Debug, thiserror::Error)]
pub enum ProvidersError {
    #[error(transparent)]
    Settings(#[from] ConfigError),
    #[error(transparent)]
    Address(#[from] ProviderError),
}

impl Providers {
    /// Contacts nobody: a provider that is down says so when it is used.
    pub fn from_settings(settings: &Settings, parts: &Parts) -> Result<Self, ProvidersError> {
        let espeak = Parts::require(&parts.espeak_ng, "espeak-ng")?;
        let announcer: Arc<dyn TextToSpeech> = Arc::new(EspeakNg::new(
            espeak.to_owned(),
            &settings.assistant.language,
        ));
        Ok(Self {
            stt: stt(settings)?,
            llm: llm(settings)?,
            tts: tts(settings, &announcer)?,
            announcer,
            made_where: settings.made_where(),
        })
    }
}

fn stt(settings: &Settings) -> Result<Arc<dyn SpeechToText>, ProvidersError> {
    let stt = &settings.stt;
    match stt.provider {
        SttProvider::Wyoming => {
            let remedy = remedy("whisper", "stt.url", stt.url.is_some());
            let endpoint = WyomingEndpoint::new(&settings.stt_url(), "Whisper", &remedy)?;
            let language = primary_language(&settings.assistant.language);
            let limit = Duration::from_millis(stt.timeout_ms);
            let whisper = WyomingSpeechToText::new(endpoint, language, limit);
            let packaged = stt.url.is_none() && stt.model.is_empty();
            Ok(Arc::new(match packaged {
                true => whisper.with_model_name(PACKAGED_WHISPER),
                false => whisper,
            }))
        }
    }
}

fn llm(settings: &Settings) -> Result<Arc<dyn LanguageModel>, ProvidersError> {
    let llm = &settings.llm;
    let model = OpenAiLanguageModel::new(OpenAiOptions {
        flavor: match llm.provider {
            LlmProvider::Ollama => OpenAiFlavor::Ollama,
            LlmProvider::OpenaiCompatible => OpenAiFlavor::Compatible,
        },
        base_url: settings.llm_base_url(),
        model: llm.model.clone(),
        api_key: jex_config::secrets::llm_api_key(settings)?,
        temperature: llm.temperature,
        seed: llm.seed,
        first_token_limit: Duration::from_millis(llm.first_token_timeout_ms),
        stall_limit: STALL_LIMIT,
    })?;
    Ok(Arc::new(model))
}

fn tts(
    settings: &Settings,
    announcer: &Arc<dyn TextToSpeech>,
) -> Result<Arc<dyn TextToSpeech>, ProvidersError> {
    let tts = &settings.tts;
    let voice: Arc<dyn TextToSpeech> = match tts.provider {
        TtsProvider::EspeakNg => return Ok(announcer.clone()),
        TtsProvider::Coqui => Arc::new(CoquiTextToSpeech::new(CoquiOptions::from_settings(
            settings,
        ))?),
        TtsProvider::Wyoming => {
            let remedy = remedy("piper", "tts.url", tts.url.is_some());
            let endpoint = WyomingEndpoint::new(&settings.tts_url(), "Piper", &remedy)?;
            let voice = match (tts.voice.as_str(), &tts.url) {
                ("", None) => Some(PACKAGED_VOICE.to_owned()),
                ("", Some(_)) => None,
                (voice, _) => Some(voice.to_owned()),
            };
            let limit = Duration::from_millis(tts.timeout_ms);
            Arc::new(WyomingTextToSpeech::new(endpoint, voice, limit))
        }
    };
    Ok(Arc::new(FallbackTextToSpeech::new(
        voice,
        announcer.clone(),
    )))
}

impl CoquiOptions {
    /// How the settings have Coqui's server asked.
    pub fn from_settings(settings: &Settings) -> Self {
        let tts = &settings.tts;
        Self {
            base_url: settings.tts_url(),
            speaker: Some(tts.voice.clone()).filter(|voice| !voice.is_empty()),
            language: primary_language(&settings.assistant.language),
            limit: Duration::from_millis(tts.timeout_ms),
            remedy: remedy("coqui", "tts.url", tts.url.is_some()),
        }
    }
}

/// Whisper and XTTS know languages without regions.
fn primary_language(tag: &str) -> Option<String> {
    let primary = tag.split(['-', '_']).next().unwrap_or_default();
    (!primary.is_empty()).then(|| primary.to_lowercase())
}

fn remedy(component: &str, key: &str, configured: bool) -> String {
    match configured {
        true => format!("Check `{key}` in jex.toml and that the server runs there."),
        false => format!("See `jex status` and `jex logs {component}`."),
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn parts() -> Parts {
        Parts {
            espeak_ng: Some("/usr/bin/espeak-ng".into()),
            ..Parts::default()
        }
    }

    fn url(text: &str) -> Option<Url> {
        Some(Url::parse(text).expect("a URL"))
    }

    #[test]
    fn the_default_settings_name_the_packaged_parts() {
        let providers = Providers::from_settings(&Settings::default(), &parts()).expect("usable");

        assert_eq!(providers.stt.name(), "base (Wyoming)");
        assert_eq!(providers.llm.name(), "jex-demo (Ollama)");
        assert_eq!(providers.tts.name(), "en_US-joe-medium (Wyoming)");
        assert_eq!(providers.announcer.name(), "espeak-ng (en)");
        assert_eq!(providers.made_where, "on this machine");
    }

    #[test]
    fn servers_elsewhere_choose_their_own_model_and_voice() {
        let mut settings = Settings::default();
        settings.assistant.language = "pt-BR".into();
        settings.stt.url = url("tcp://10.0.0.2:10300");
        settings.tts.url = url("tcp://10.0.0.2:10200");
        settings.llm.provider = LlmProvider::OpenaiCompatible;
        settings.llm.url = url("https://models.example/v1");
        settings.llm.model = "large".into();

        let providers = Providers::from_settings(&settings, &parts()).expect("usable");

        assert_eq!(providers.stt.name(), "Wyoming");
        assert_eq!(providers.tts.name(), "Wyoming");
        assert_eq!(providers.llm.name(), "large (models.example)");
        assert_eq!(providers.announcer.name(), "espeak-ng (pt-br)");
        assert_ne!(providers.made_where, "on this machine");
        assert_eq!(primary_language("pt-BR").as_deref(), Some("pt"));
    }

    #[test]
    fn coqui_is_asked_for_the_speaker_and_the_language() {
        let mut settings = Settings::default();
        settings.tts.provider = TtsProvider::Coqui;
        settings.assistant.language = "pt-BR".into();
        let unnamed = Providers::from_settings(&settings, &parts()).expect("usable");
        settings.tts.voice = "Ana Florence".into();
        let named = Providers::from_settings(&settings, &parts()).expect("usable");

        assert_eq!(unnamed.tts.name(), "Coqui");
        assert_eq!(named.tts.name(), "Ana Florence (Coqui)");
        let options = CoquiOptions::from_settings(&settings);
        assert_eq!(options.base_url.as_str(), "http://127.0.0.1:5002/");
        assert_eq!(options.speaker.as_deref(), Some("Ana Florence"));
        assert_eq!(options.language.as_deref(), Some("pt"));
    }

    #[test]
    fn espeak_ng_alone_is_both_voices() {
        let mut settings = Settings::default();
        settings.tts.provider = TtsProvider::EspeakNg;

        let providers = Providers::from_settings(&settings, &parts()).expect("usable");

        assert_eq!(providers.tts.name(), "espeak-ng (en)");
    }

    #[test]
    fn what_is_missing_or_wrong_is_said_with_its_remedy() {
        let mut settings = Settings::default();
        let missing = Providers::from_settings(&settings, &Parts::default()).err();
        settings.stt.url = url("http://127.0.0.1:10300");
        let wrong = Providers::from_settings(&settings, &parts()).err();

        let said = |error: Option<ProvidersError>| error.map(|e| e.to_string()).unwrap_or_default();
        let (missing, wrong) = (said(missing), said(wrong));
        assert!(
            missing.contains("espeak-ng") && missing.contains("./dev parts"),
            "{missing}"
        );
        assert!(wrong.contains("tcp://host:port"), "{wrong}");
    }
}
