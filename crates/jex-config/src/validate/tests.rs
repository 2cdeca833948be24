//! Each impossible value, and its neighbours that work.

use super::*;

/// The key at fault after `change`, or "".
fn faulty(change: impl FnOnce(&mut Settings)) -> &'static str {
    let mut settings = Settings::default();
    change(&mut settings);
    validate(&settings).map_or_else(|fault| fault.keys[0], |()| "")
}

fn url(text: &str) -> Option<Url> {
    Some(text.parse().unwrap())
}

#[test]
fn the_defaults_work() {
    assert_eq!(faulty(|_| {}), "");
}

#[test]
fn each_impossible_value_names_its_key() {
    type Change = fn(&mut Settings);
    let cases: &[(&str, Change)] = &[
        ("assistant.name", |s| s.assistant.name = " ".into()),
        ("assistant.greeting", |s| {
            s.assistant.greeting = "Hi, {nmae}".into()
        }),
        ("assistant.language", |s| {
            s.assistant.language = "English".into()
        }),
        ("assistant.language", |s| s.assistant.language = "de".into()),
        ("llm.model", |s| s.llm.model.clear()),
        ("llm.url", |s| {
            s.llm.provider = LlmProvider::OpenaiCompatible
        }),
        ("llm.context_tokens", |s| s.llm.context_tokens = 100),
        ("llm.max_answer_tokens", |s| s.llm.max_answer_tokens = 4096),
        ("llm.max_answer_tokens", |s| s.llm.max_answer_tokens = 0),
        ("llm.temperature", |s| s.llm.temperature = f32::NAN),
        ("llm.temperature", |s| s.llm.temperature = 2.1),
        ("tts.speed_percent", |s| s.tts.speed_percent = 0),
        ("stt.prompt", |s| s.stt.prompt = "Hi, {nmae}".into()),
        ("stt.url", |s| s.stt.url = url("http://localhost:1")),
        ("stt.url", |s| s.stt.url = url("tcp://localhost")),
        ("tts.url", |s| s.tts.url = url("http://localhost:5002")),
        ("tts.url", |s| {
            s.tts.provider = TtsProvider::Coqui;
            s.tts.url = url("tcp://localhost:10200")
        }),
        ("tts.url", |s| {
            s.tts.provider = TtsProvider::Coqui;
            s.tts.url = url("http://voices.example.com")
        }),
        ("web.port", |s| {
            s.tts.provider = TtsProvider::Coqui;
            s.web.port = 5002
        }),
        ("livekit.url", |s| s.livekit.url = url("https://localhost")),
        ("livekit.url", |s| s.livekit.url = url("ws://[::1]:7880")),
        ("llm.url", |s| s.llm.url = url("http://me:secret@localhost")),
        ("conversation.endpointing_ms", |s| {
            s.conversation.endpointing_ms = 99
        }),
        ("agent.max_conversations", |s| s.agent.max_conversations = 0),
        ("llm.api_key_file", |s| {
            s.llm.api_key_file = Some("sk-pasted".into())
        }),
        ("livekit.api_key_file", |s| {
            s.livekit.api_key_file = Some("/key".into())
        }),
        ("livekit.rtc_udp_port_end", |s| {
            s.livekit.rtc_udp_port_start = 60_000
        }),
        ("livekit.node_ip", |s| {
            s.livekit.node_ip = "0.0.0.0".parse().ok()
        }),
        ("web.port", |s| s.web.port = 0),
        ("web.public_urls", |s| {
            s.web.public_urls.extend(url("http://jex.local"))
        }),
    ];

    for (key, change) in cases {
        assert_eq!(faulty(*change), *key);
    }
}

#[test]
fn a_pasted_secret_is_not_repeated() {
    let mut settings = Settings::default();
    settings.llm.api_key_file = Some("sk-pasted".into());

    let fault = validate(&settings).unwrap_err();

    assert!(!format!("{fault:?}").contains("sk-pasted"), "{fault:?}");
}

#[test]
fn the_internet_is_reached_encrypted_only() {
    for far in ["http://api.example.com/v1", "http://8.8.8.8"] {
        assert_eq!(faulty(|s| s.llm.url = url(far)), "llm.url", "{far}");
    }
    for tcp in ["tcp://speech.example.com:10300", "tcp://8.8.8.8:10300"] {
        assert_eq!(faulty(|s| s.stt.url = url(tcp)), "stt.url", "{tcp}");
    }
    assert_eq!(
        faulty(|s| s.livekit.url = url("ws://example.com")),
        "livekit.url"
    );
    for fine in [
        "https://api.example.com/v1",
        "http://192.168.1.20:11434",
        "http://localhost:1",
        "http://nas:1",
        "http://nas.local:1",
        "http://[::1]:1",
        "http://100.100.1.1:1",
    ] {
        assert_eq!(faulty(|s| s.llm.url = url(fine)), "", "{fine}");
    }
    for fine in ["tcp://127.0.0.1:1", "tcp://[fd00::1]:1", "tcp://nas:10300"] {
        assert_eq!(faulty(|s| s.stt.url = url(fine)), "", "{fine}");
    }
}

#[test]
fn two_components_on_one_port_are_both_named() {
    let mut settings = Settings::default();
    settings.livekit.port = settings.web.port;

    let fault = validate(&settings).unwrap_err();

    assert_eq!(fault.keys, ["web.port", "livekit.port"]);
}

#[test]
fn the_port_of_a_part_that_runs_elsewhere_is_free() {
    let change = |s: &mut Settings| {
        s.llm.url = url("http://localhost:11434");
        s.llm.port = s.web.port;
    };

    assert_eq!(faulty(change), "");
}

#[test]
fn another_language_works_with_another_model_and_voice() {
    let change = |s: &mut Settings| {
        s.assistant.language = "pt-BR".into();
        s.stt.model = "/models/small".into();
        s.tts.provider = TtsProvider::EspeakNg;
    };

    assert_eq!(faulty(change), "");
}

#[test]
fn coqui_speaks_every_language_here_and_elsewhere() {
    for server in [
        None,
        url("http://192.168.1.20:5002"),
        url("https://voices.example.com/coqui"),
    ] {
        let change = |s: &mut Settings| {
            s.assistant.language = "de".into();
            s.stt.model = "/models/small".into();
            s.tts.provider = TtsProvider::Coqui;
            s.tts.url = server.clone();
            // JEX's own Piper is not there.
            s.tts.port = s.web.port;
        };

        assert_eq!(faulty(change), "", "{server:?}");
    }
}

#[test]
fn braces_that_are_no_placeholder_are_left_alone() {
    let json = "Answer as {\"text\": 1} for {name}, {}".to_owned();

    assert_eq!(faulty(|s| s.assistant.instructions = json), "");
}
