//! Speech recognition: wyoming-faster-whisper with a model that is there already.

use std::num::NonZero;
use std::time::Duration;

use super::Stack;
use crate::SupervisorError;
use crate::component::{Component, Probe, Process, StopPolicy, WarmUp};

const NAME: &str = "whisper";
/// More threads than this make a short utterance no faster.
const MOST_THREADS: usize = 4;

pub fn declare(stack: &Stack) -> Result<Component, SupervisorError> {
    let stt = &stack.settings.stt;
    let url = stack.settings.stt_url();
    let ready = Probe::Wyoming { url: url.clone() };
    let warm_up = match &stack.parts.espeak_ng {
        Some(espeak_ng) => WarmUp::Transcription {
            url,
            espeak_ng: espeak_ng.clone(),
        },
        // The agent, which cannot do without it, says so.
        None => WarmUp::None,
    };
    Ok(Component {
        name: NAME,
        depends_on: &[],
        uses: &[],
        origin: stack.origin(NAME, (&stt.url, "stt.url"), |_| process(stack))?,
        ready,
        warm_up,
    })
}

fn process(stack: &Stack) -> Result<Process, SupervisorError> {
    let stt = &stack.settings.stt;
    let program = stack.part(NAME, &stack.parts.whisper, "wyoming-faster-whisper")?;
    let model = match stt.model.as_str() {
        "" => stack
            .part(NAME, &stack.parts.whisper_model, "the Whisper model")?
            .clone()
            .into_os_string(),
        named => named.into(),
    };
    let folder = stack.paths.data.join(NAME);
    let threads = std::thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(MOST_THREADS);
    let mut process = Process::new(program.clone())
        .args(["--uri", &format!("tcp://127.0.0.1:{}", stt.port)])
        .arg("--model")
        .arg(model)
        .arg("--data-dir")
        .arg(folder.as_os_str())
        .args(["--language", language(&stack.settings.assistant.language)])
        .args(["--compute-type", "int8", "--beam-size", "5"])
        // Without it, noise is given the 30 s that Whisper thinks in, and comes back as words.
        .arg("--vad-filter")
        .args(["--cpu-threads", &threads.to_string()])
        .args(["--stt-library", "faster-whisper", "--local-files-only"])
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_HUB_DISABLE_TELEMETRY", "1")
        .env("ORT_DISABLE_TELEMETRY", "1")
        .env("HF_HOME", folder.as_os_str())
        .env("PYTHONUNBUFFERED", "1")
        .port(stt.port, "stt.port");
    if let Some(prompt) = stack.settings.stt_prompt() {
        process = process.args(["--initial-prompt", &prompt]);
    }
    process.folders = vec![folder];
    process.stop = StopPolicy::terminate(Duration::from_millis(1500));
    process.start_limit = Duration::from_secs(90);
    Ok(process)
}

/// Whisper knows languages, not regions: `en-GB` is `en`.
fn language(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::tests::{process, stack};

    #[test]
    fn it_is_told_the_assistants_name() {
        let (_home, mut stack) = stack();
        stack.settings.assistant.name = "Ada".into();

        let args = process(declare(&stack).unwrap()).args;

        let place = args.iter().position(|arg| arg == "--initial-prompt");
        assert!(args[place.unwrap() + 1].to_str().unwrap().contains("Ada"));
    }

    #[test]
    fn it_never_asks_for_a_model_elsewhere() {
        let (_home, mut stack) = stack();
        stack.settings.assistant.language = "en-GB".into();

        let process = process(declare(&stack).unwrap());

        assert_eq!(process.env["HF_HUB_OFFLINE"], "1");
        assert_eq!(process.env["ORT_DISABLE_TELEMETRY"], "1");
        assert!(process.args.contains(&"--local-files-only".into()));
        let place = process.args.iter().position(|arg| arg == "--language");
        assert_eq!(process.args[place.unwrap() + 1], "en");
    }
}
