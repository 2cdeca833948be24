//! Speech synthesis: wyoming-piper with a voice that is there already.

use std::path::Path;
use std::time::Duration;

use jex_config::TtsProvider;

use super::Stack;
use crate::SupervisorError;
use crate::component::{Component, Probe, Process, StopPolicy, Synthesizer, WarmUp};

const NAME: &str = "piper";
/// How much a sound, and its length, varies (Piper's own: 0.667 and 0.8). "France is", written down by Whisper base,
/// came back as "Francis" in 7 of 42 at Piper's own values, in none of 75 at these, 80 % pace and with `stt.prompt`.
const NOISE: &str = "0.333";

pub fn declare(stack: &Stack) -> Result<Option<Component>, SupervisorError> {
    let tts = &stack.settings.tts;
    // The agent runs espeak-ng itself; Coqui is another component.
    if tts.provider != TtsProvider::Wyoming {
        return Ok(None);
    }
    let url = stack.settings.tts_url();
    Ok(Some(Component {
        name: NAME,
        depends_on: &[],
        uses: &[],
        origin: stack.origin(NAME, (&tts.url, "tts.url"), |_| process(stack))?,
        ready: Probe::Wyoming { url: url.clone() },
        warm_up: WarmUp::Synthesis {
            by: Synthesizer::Wyoming { url },
        },
    }))
}

fn process(stack: &Stack) -> Result<Process, SupervisorError> {
    let tts = &stack.settings.tts;
    let program = stack.part(NAME, &stack.parts.piper, "wyoming-piper")?;
    let packaged = stack.part(NAME, &stack.parts.piper_voices, "the packaged voice")?;
    // Voices that the owner has put there; the first folder is also where Piper would write.
    let own = stack.paths.data.join("voices");
    let voice = match tts.voice.as_str() {
        "" => first_voice(packaged).ok_or_else(|| SupervisorError::CannotStart {
            component: NAME,
            reason: format!("{} holds no voice. Run `./dev parts`.", packaged.display()),
        })?,
        named => named.to_owned(),
    };
    if ![packaged, &own]
        .into_iter()
        .any(|folder| folder.join(format!("{voice}.onnx")).exists())
    {
        let reason = format!(
            "there is no voice {voice}. Put {voice}.onnx and {voice}.onnx.json into {}, or \
             leave `tts.voice` empty for the packaged one.",
            own.display()
        );
        return Err(SupervisorError::CannotStart {
            component: NAME,
            reason,
        });
    }
    let mut process = Process::new(program.clone())
        .args(["--uri", &format!("tcp://127.0.0.1:{}", tts.port)])
        .args(["--voice", &voice])
        .args(["--length-scale", &length_scale(tts.speed_percent)])
        .args(["--noise-scale", NOISE, "--noise-w-scale", NOISE])
        .arg("--data-dir")
        .arg(own.as_os_str())
        .arg("--data-dir")
        .arg(packaged.as_os_str())
        .arg("--local-files-only")
        .env("HF_HUB_OFFLINE", "1")
        .env("ORT_DISABLE_TELEMETRY", "1")
        .env("PYTHONUNBUFFERED", "1")
        .port(tts.port, "tts.port");
    process.folders = vec![own];
    process.stop = StopPolicy::terminate(Duration::from_millis(1500));
    process.start_limit = Duration::from_secs(90);
    Ok(process)
}

/// Piper's measure: how many times as long as the voice's own pace.
fn length_scale(speed_percent: u32) -> String {
    format!("{:.3}", 100.0 / f64::from(speed_percent))
}

/// Name of the first voice in a folder, by the alphabet.
fn first_voice(folder: &Path) -> Option<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_suffix(".onnx").map(str::to_owned)
        })
        .collect();
    names.sort();
    names.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::tests::{process, stack};

    #[test]
    fn the_packaged_voice_speaks_unless_another_is_named() {
        let (_home, mut stack) = stack();

        let args = process(declare(&stack).unwrap().unwrap()).args;
        assert!(args.contains(&"en_US-joe-medium".into()));

        stack.settings.tts.voice = "de_DE-thorsten-medium".into();
        let error = declare(&stack).unwrap_err().to_string();
        assert!(
            error.contains("de_DE-thorsten-medium.onnx") && error.contains("tts.voice"),
            "{error}"
        );
    }

    #[test]
    fn half_the_pace_is_twice_as_long() {
        let (_home, mut stack) = stack();
        stack.settings.tts.speed_percent = 50;

        let args = process(declare(&stack).unwrap().unwrap()).args;

        let place = args.iter().position(|arg| arg == "--length-scale");
        assert_eq!(args[place.unwrap() + 1], "2.000");
    }

    #[test]
    fn another_voice_needs_no_piper() {
        let (_home, mut stack) = stack();

        for provider in [TtsProvider::EspeakNg, TtsProvider::Coqui] {
            stack.settings.tts.provider = provider;

            assert!(declare(&stack).unwrap().is_none());
        }
    }
}
