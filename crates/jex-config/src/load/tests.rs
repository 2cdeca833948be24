//! The layers, their order and their errors.

use proptest::prelude::*;

use super::*;
use crate::{Settings, ToolPolicy};

fn with_file(text: &str) -> Result<Loaded, ConfigError> {
    with(text, &[], &[])
}

fn with(
    text: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Loaded, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jex.toml");
    std::fs::write(&file, text).unwrap();
    let owned = |(key, value): &(&str, &str)| (key.to_string(), value.to_string());
    let flags: Vec<_> = flags.iter().map(owned).collect();
    let environment: Vec<_> = environment.iter().map(owned).collect();
    load_from(&file, &environment, &flags)
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(with_file("").unwrap().settings, Settings::default());
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let loaded = with(
        "[llm]\nmodel = \"file\"\nport = 1111\ncontext_tokens = 2048\n",
        &[("JEX_LLM__MODEL", "env"), ("JEX_LLM__PORT", "2222")],
        &[("llm.model", "flag")],
    )
    .unwrap();

    let llm = &loaded.settings.llm;
    assert_eq!(
        (llm.model.as_str(), llm.port, llm.context_tokens),
        ("flag", 2222, 2048)
    );
    assert_eq!(loaded.origin("llm.model"), Origin::Flag);
    assert_eq!(
        loaded.origin("llm.port"),
        Origin::Environment("JEX_LLM__PORT".into())
    );
    assert!(matches!(
        loaded.origin("llm.context_tokens"),
        Origin::File(_)
    ));
    assert_eq!(loaded.origin("tts.port"), Origin::Default);
}

#[test]
fn a_list_is_written_in_any_layer() {
    let expected = ["https://jex.local/", "https://192.168.1.20/"];
    let file = "[web]\npublic_urls = [\"https://jex.local\", \"https://192.168.1.20\"]\n";
    let plain = "https://jex.local, https://192.168.1.20";
    let quoted = "[\"https://jex.local\", \"https://192.168.1.20\"]";
    for loaded in [
        with_file(file),
        with("", &[("JEX_WEB__PUBLIC_URLS", plain)], &[]),
        with("", &[("JEX_WEB__PUBLIC_URLS", quoted)], &[]),
        with("", &[], &[("web.public_urls", plain)]),
    ] {
        let urls = loaded.unwrap().settings.web.public_urls;

        let urls: Vec<&str> = urls.iter().map(url::Url::as_str).collect();
        assert_eq!(urls, expected);
    }
    let taken_back = with(file, &[("JEX_WEB__PUBLIC_URLS", "")], &[]).unwrap();
    assert!(taken_back.settings.web.public_urls.is_empty());
}

#[test]
fn a_bad_member_of_a_list_is_told_by_the_lists_name() {
    for text in [
        "[web]\npublic_urls = [\"https://jex.local\", \"jex\"]\n",
        "[web]\npublic_urls = [7]\n",
        "[web]\npublic_urls = \"https://jex.local\"\n",
    ] {
        let message = with_file(text).unwrap_err().to_string();

        assert!(message.contains("`web.public_urls`"), "{message}");
        assert!(message.contains("a list of addresses"), "{message}");
        assert!(message.contains("line 2"), "{message}");
    }
}

#[test]
fn an_unknown_key_names_file_key_and_the_nearest() {
    let message = with_file("[llm]\nmodle = \"x\"\n").unwrap_err().to_string();

    assert!(message.contains("jex.toml"), "{message}");
    assert!(message.contains("`llm.modle`"), "{message}");
    assert!(message.contains("`llm.model`"), "{message}");
}

#[test]
fn a_wrong_type_names_variable_and_key() {
    let error = with("", &[("JEX_WEB__PORT", "many")], &[])
        .unwrap_err()
        .to_string();

    assert!(error.contains("$JEX_WEB__PORT"), "{error}");
    assert!(error.contains("web.port"), "{error}");
}

#[test]
fn a_secret_in_the_file_is_refused() {
    let error = with_file("[llm]\napi_key = \"sk-123\"\n").unwrap_err();

    assert!(
        matches!(error, ConfigError::SecretInSettings { .. }),
        "{error}"
    );
    assert!(!error.to_string().contains("sk-123"));
}

#[test]
fn a_broken_file_names_the_line() {
    let error = with_file("[llm]\nmodel = \n").unwrap_err().to_string();

    assert!(error.contains("line 2"), "{error}");
}

#[test]
fn variables_that_are_no_settings_are_left_alone() {
    let environment = [
        ("JEX_PARTS", "/x"),
        ("JEX_TEST_OUT", "/y"),
        ("PATH", "/bin"),
    ];

    assert!(with("", &environment, &[]).is_ok());
}

#[test]
fn a_variable_without_a_section_is_named() {
    let error = with("", &[("JEX_MODEL", "x")], &[])
        .unwrap_err()
        .to_string();

    assert!(
        error.contains("JEX_MODEL") && error.contains("JEX_SECTION__KEY"),
        "{error}"
    );
}

#[test]
fn a_model_named_by_a_number_stays_text() {
    let loaded = with("", &[("JEX_LLM__MODEL", "7")], &[]).unwrap();

    assert_eq!(loaded.settings.llm.model, "7");
}

#[test]
fn a_switch_is_true_or_false_in_a_variable_too() {
    let loaded = with("", &[("JEX_LLM__DOWNLOAD", "false")], &[]).unwrap();
    assert!(!loaded.settings.llm.download);

    let error = with("", &[("JEX_LLM__DOWNLOAD", "no")], &[]).unwrap_err();
    assert!(error.to_string().contains("true or false"), "{error}");
}

#[test]
fn a_clash_of_ports_names_the_key() {
    let error = with_file("[web]\nport = 7880\n").unwrap_err().to_string();

    assert!(error.contains("port 7880"), "{error}");
}

fn message(text: &str) -> String {
    with_file(text).unwrap_err().to_string()
}

#[test]
fn errors_in_the_file_name_the_line() {
    for (text, line) in [
        ("[llm]\n\nmodle = \"x\"\n", "line 3"),
        ("[llm]\nport = \"x\"\n", "line 2"),
        ("\n\n[lllm]\n", "line 3"),
        ("llm.api_key = \"x\"\n", "line 1"),
        ("[web]\nport = 7880\n", "line 2"),
        ("# only this\nllm = 1\n", "line 2"),
    ] {
        assert!(message(text).contains(line), "{}", message(text));
    }
}

#[test]
fn a_clash_with_a_default_is_placed_where_someone_set_a_value() {
    let message = message("[livekit]\nport = 3000\n");

    assert!(message.contains("jex.toml, line 2"), "{message}");
    assert!(message.contains("`livekit.port`"), "{message}");
}

#[test]
fn a_wrong_value_says_what_belongs_there() {
    let port = message("[web]\nport = 70000\n");
    assert!(port.contains("between 1 and 65535"), "{port}");
    assert!(port.contains("By default it is 3000"), "{port}");

    let choice = message("[tts]\nprovider = \"espeak\"\n");
    assert!(choice.contains("Did you mean \"espeak-ng\"?"), "{choice}");

    let address = message("[llm]\nurl = \"nowhere\"\n");
    assert!(address.contains("an address"), "{address}");
    assert!(address.contains("http://192.168.1.20:11434"), "{address}");
}

#[test]
fn a_section_that_is_a_value_is_explained() {
    let message = message("llm = \"llama\"\n");

    assert!(message.contains("is a section"), "{message}");
}

#[test]
fn a_secret_in_a_variable_is_refused_too() {
    let error = with("", &[("JEX_LLM__API_KEY", "sk-1")], &[]).unwrap_err();
    let message = error.to_string();

    assert!(message.contains("$JEX_LLM__API_KEY"), "{message}");
    assert!(message.contains("`llm.api_key_file`"), "{message}");
    assert!(!message.contains("sk-1"), "{message}");
}

#[test]
fn a_typo_in_a_flag_is_named() {
    let error = with("", &[], &[("web.prot", "1")]).unwrap_err().to_string();

    assert!(
        error.contains("--set: there is no setting `web.prot`"),
        "{error}"
    );
    assert!(error.contains("`web.port`"), "{error}");
}

#[test]
fn an_empty_variable_takes_an_optional_setting_back() {
    let file = "[llm]\nseed = 7\n";

    let loaded = with(file, &[("JEX_LLM__SEED", "")], &[]).unwrap();

    assert_eq!(loaded.settings.llm.seed, None);
    assert_eq!(with_file(file).unwrap().settings.llm.seed, Some(7));
}

#[test]
fn the_template_of_a_first_start_loads() {
    let loaded = with_file(&crate::default_toml()).unwrap();

    assert_eq!(loaded.settings, Settings::default());
    assert!(
        loaded
            .values
            .iter()
            .all(|value| value.origin == Origin::Default)
    );
}

#[test]
fn flags_reach_other_processes_as_variables() {
    let greeting = "He said \"hi\"\nand left";
    let flags = [
        ("web.port", "3001"),
        ("assistant.greeting", greeting),
        ("llm.seed", ""),
    ];
    let first = with("[llm]\nseed = 1\n", &[], &flags).unwrap();

    let variables = first.flags_as_variables();
    let borrowed: Vec<_> = variables
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let second = with("[llm]\nseed = 1\n", &borrowed, &[]).unwrap();

    assert_eq!(second.settings, first.settings);
}

/// Settings with every kind of value, all of them valid.
fn any_settings() -> impl Strategy<Value = Settings> {
    let texts = ("[^{}\\p{C}]{0,20}", "\\PC{0,20}", "[a-z]{1,12}");
    let numbers = (1u16..1000, 100u64..5000, any::<Option<i64>>(), 0.0f32..2.0);
    (texts, numbers, any::<bool>()).prop_map(
        |((greeting, model, host), (port, ms, seed, heat), x)| {
            let mut settings = Settings::default();
            settings.assistant.greeting = greeting;
            settings.llm.model = format!("m{model}");
            settings.llm.url = x.then(|| format!("http://{host}:{port}/").parse().unwrap());
            settings.web.port = port;
            settings.conversation.endpointing_ms = ms;
            settings.llm.download = x;
            settings.llm.seed = seed;
            settings.llm.temperature = heat;
            settings.web.page = x.then(|| format!("/{host}").into());
            settings
        },
    )
}

proptest! {
    #[test]
    fn no_file_makes_us_panic(text in "\\PC*") {
        let _ = with_file(&text);
    }

    #[test]
    fn no_value_of_any_key_makes_us_panic(
        field in prop::sample::select(schema::fields()),
        value in "(\\PC*|[0-9.-]{1,20}|\"\\PC*\"|\\[\\]|\\{\\})",
    ) {
        let _ = with_file(&format!("[{}]\n{} = {value}\n", field.section(), field.name()));
        let _ = with("", &[], &[(&field.key, &value)]);
    }

    #[test]
    fn no_variable_makes_us_panic(name in "JEX_[A-Z_]{0,20}", value in "\\PC*") {
        let _ = with("", &[(&name, &value)], &[]);
    }

    #[test]
    fn settings_come_through_the_environment_as_through_the_file(settings in any_settings()) {
        let written = table(&settings);
        let plain = |field: &Field| plain(&super::written(&written, &field.key).unwrap_or_default());
        let variables: Vec<_> = schema::fields()
            .iter()
            .map(|field| (field.variable(), plain(field)))
            .collect();
        let borrowed: Vec<_> = variables.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();

        let from_environment = with("", &borrowed, &[]).unwrap();
        let from_file = with_file(&written.to_string()).unwrap();

        prop_assert_eq!(&from_environment.settings, &settings);
        prop_assert_eq!(&from_file.settings, &settings);
    }
}

#[test]
fn a_policy_is_put_together_from_all_layers() {
    let file = "[tools]\npolicy = { timer = \"allow\", notes = \"ask\" }\n";

    let loaded = with(
        file,
        &[("JEX_TOOLS__POLICY", "{ notes = \"never\" }")],
        &[("tools.policy.add_to_list", "allow")],
    )
    .unwrap();

    let policy = &loaded.settings.tools.policy;
    let policy: Vec<_> = policy
        .iter()
        .map(|(name, policy)| (name.as_str(), *policy))
        .collect();
    assert_eq!(
        policy,
        [
            ("add_to_list", ToolPolicy::Allow),
            ("notes", ToolPolicy::Never),
            ("timer", ToolPolicy::Allow)
        ]
    );
    assert_eq!(loaded.origin("tools.policy"), Origin::Flag);
}

#[test]
fn a_policy_that_is_none_is_told() {
    let error = with_file("[tools.policy]\ntimer = \"alow\"\n")
        .unwrap_err()
        .to_string();

    assert!(error.contains("`tools.policy.timer`"), "{error}");
    assert!(
        error.contains("line 2") && error.contains("\"allow\""),
        "{error}"
    );
}

#[test]
fn a_server_is_a_section_of_its_own() {
    let file = "[[tools.mcp]]\nname = \"files\"\ncommand = [\"/usr/bin/files\", \"/srv\"]\n";

    let loaded = with_file(file).unwrap();

    assert_eq!(loaded.settings.tools.mcp[0].command[1], "/srv");
    let error = with_file(&format!("{file}nettwork = true\n"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("nettwork"), "{error}");
}
