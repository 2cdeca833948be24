//! The language model: JEX's own Ollama with its own model folder, or an API elsewhere.

use std::time::Duration;

use jex_config::LlmProvider;
use jex_config::secrets;

use super::{Backend, Stack};
use crate::component::{Component, ModelWanted, Probe, Process, StopPolicy, WarmUp};
use crate::{SupervisorError, models};

const NAME: &str = "ollama";

pub fn declare(stack: &Stack) -> Result<Component, SupervisorError> {
    let settings = &stack.settings;
    let llm = &settings.llm;
    let address = settings.ollama_url();
    let version = address.join("api/version");
    let ready = match (llm.provider, version) {
        (LlmProvider::Ollama, Ok(url)) => Probe::Http { url },
        _ => Probe::Connect { url: address },
    };
    let warm_up = match llm.provider {
        LlmProvider::Ollama => WarmUp::Model(wanted(stack)),
        // Every token there is paid for.
        LlmProvider::OpenaiCompatible => WarmUp::None,
    };
    if llm.url.is_some() && matches!(stack.backend, Backend::Children(_)) {
        // A key that cannot be read is said now, not in the first conversation. Units are given
        // their own.
        secrets::llm_api_key(settings)?;
    }
    Ok(Component {
        name: NAME,
        depends_on: &[],
        uses: &[],
        origin: stack.origin(NAME, (&llm.url, "llm.url"), |_| process(stack))?,
        ready,
        warm_up,
    })
}

fn wanted(stack: &Stack) -> ModelWanted {
    let wanted = models::wanted(&stack.settings, &stack.paths, &stack.parts);
    match &stack.backend {
        Backend::Units(units) if wanted.is_jexs_own() => ModelWanted {
            folder: Some(units.models.clone()),
            in_memory: units.in_memory,
            ..wanted
        },
        _ => wanted,
    }
}

fn process(stack: &Stack) -> Result<Process, SupervisorError> {
    let llm = &stack.settings.llm;
    let program = stack.part(NAME, &stack.parts.ollama, "ollama")?;
    let mut process = Process::new(program.clone())
        .arg("serve")
        .env("OLLAMA_HOST", format!("127.0.0.1:{}", llm.port))
        .env("OLLAMA_MODELS", stack.paths.models())
        .env("OLLAMA_NO_CLOUD", "1")
        // Keys of the owner's other Ollama, and its settings, are none of ours.
        .env("HOME", stack.paths.state.join(NAME))
        .env("OLLAMA_KEEP_ALIVE", "-1")
        .env("OLLAMA_MAX_LOADED_MODELS", "1")
        .env("OLLAMA_CONTEXT_LENGTH", llm.context_tokens.to_string())
        // One slot: it keeps the conversation's prompt, a second one would cost another context.
        .env("OLLAMA_NUM_PARALLEL", "1")
        .env("OLLAMA_NOHISTORY", "1")
        // At its start it would throw away downloads that were broken off.
        .env("OLLAMA_NOPRUNE", "1")
        .port(llm.port, "llm.port");
    process.env_removed = &["OLLAMA_"];
    process.folders = vec![stack.paths.models(), stack.paths.state.join(NAME)];
    process.stop = StopPolicy::terminate(Duration::from_millis(1800));
    Ok(process)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::tests::{process, stack};

    #[test]
    fn it_is_private_and_has_the_conversations_context() {
        let (_home, mut stack) = stack();
        stack.settings.llm.context_tokens = 8192;

        let process = process(declare(&stack).unwrap());

        assert_eq!(process.env["OLLAMA_HOST"], "127.0.0.1:11435");
        assert_eq!(process.env["OLLAMA_NO_CLOUD"], "1");
        assert_eq!(process.env["OLLAMA_KEEP_ALIVE"], "-1");
        assert_eq!(process.env["OLLAMA_CONTEXT_LENGTH"], "8192");
        assert_eq!(
            process.env["OLLAMA_MODELS"],
            stack.paths.models().as_os_str()
        );
    }

    #[test]
    fn a_paid_api_is_not_warmed_up() {
        let (_home, mut stack) = stack();
        stack.settings.llm.provider = LlmProvider::OpenaiCompatible;
        stack.settings.llm.url = Some("https://api.example.com/v1".parse().unwrap());

        let component = declare(&stack).unwrap();

        assert!(matches!(component.warm_up, WarmUp::None));
        assert!(matches!(component.ready, Probe::Connect { .. }));
    }
}
