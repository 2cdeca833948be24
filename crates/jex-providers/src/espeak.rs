//! Speech synthesis by espeak-ng, the floor that always works: robotic, but needs no server, no
//! model and 85 ms.
//!
//! The program is started anew for every sentence, without a shell; the text goes through its
//! standard input, so no text can become an option. Dropping the audio kills it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::error::{Origin, ProviderError};
use crate::pcm::PcmDecoder;
use crate::wav::WavHeader;
use crate::{Synthesis, TextToSpeech};

/// It computes a sentence in milliseconds; a machine that swaps may need longer.
const LIMIT: Duration = Duration::from_secs(5);
const READ_BYTES: usize = 8 << 10;
/// `RIFF` to `data`, as espeak-ng writes it: nothing optional in between.
const WAV_HEADER_BYTES: usize = 44;
/// Enough of what the program complains about.
const COMPLAINT_BYTES: u64 = 2 << 10;
const NO_AUDIO: &str = "it made no audio of the sentence";

/// The espeak-ng program with one voice.
pub struct EspeakNg {
    program: PathBuf,
    /// From the most to the least particular: `pt-br`, `pt`.
    voices: Vec<String>,
    origin: Origin,
}

impl EspeakNg {
    /// `language` is a BCP 47 tag, such as `en` or `pt-BR`.
    pub fn new(program: PathBuf, language: &str) -> Self {
        let origin = Origin {
            provider: "espeak-ng".into(),
            endpoint: program.display().to_string(),
            remedy: "Install it (Debian, Ubuntu: `apt-get install espeak-ng`).".into(),
        };
        Self {
            program,
            voices: voices(language),
            origin,
        }
    }

    fn spawn(&self, voice: &str) -> Result<Child, ProviderError> {
        Command::new(&self.program)
            .arg("--stdin")
            .arg("--stdout")
            .arg("-v")
            .arg(voice)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.origin.unreachable(error))
    }

    async fn speak(&self, text: &str, voice: &str) -> Result<Synthesis, ProviderError> {
        let mut child = self.spawn(voice)?;
        let (Some(mut input), Some(mut output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(self.origin.protocol("it has no input and output"));
        };
        // A program that gives up early says why on its standard error.
        let _ = input.write_all(plain(text).as_bytes()).await;
        drop(input);

        let mut header = [0; WAV_HEADER_BYTES];
        if output.read_exact(&mut header).await.is_err() {
            return Err(self.origin.refused(complaint(child).await));
        }
        let Some(sample_rate_hz) = wav_rate_hz(&header) else {
            return Err(self.origin.protocol("its output is not 16-bit mono audio"));
        };
        let mut running = Running {
            child,
            output,
            decoder: PcmDecoder::default(),
            origin: self.origin.clone(),
        };
        let Some(first) = running.next().await? else {
            return Err(self.origin.protocol(NO_AUDIO));
        };
        let more = stream::try_unfold(running, |mut running| async move {
            let samples = running.next().await?;
            Ok(samples.map(|samples| (samples, running)))
        });
        Ok(Synthesis {
            sample_rate_hz,
            audio: stream::once(async move { Ok(first) }).chain(more).boxed(),
            fallback: None,
        })
    }
}

#[async_trait]
impl TextToSpeech for EspeakNg {
    fn name(&self) -> String {
        match self.voices.first() {
            Some(voice) => format!("espeak-ng ({voice})"),
            None => "espeak-ng".into(),
        }
    }

    async fn synthesize(&self, text: &str) -> Result<Synthesis, ProviderError> {
        if !crate::can_be_spoken(text) {
            return Ok(Synthesis::silent());
        }
        let mut outcome = Err(self.origin.refused("it has no voice"));
        for voice in &self.voices {
            outcome = match timeout(LIMIT, self.speak(text, voice)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(self.origin.timed_out(LIMIT)),
            };
            // Only a voice that it does not have is worth another try.
            if !matches!(outcome, Err(ProviderError::Refused { .. })) {
                break;
            }
        }
        outcome
    }
}

/// A running program.
struct Running {
    child: Child,
    output: ChildStdout,
    decoder: PcmDecoder,
    origin: Origin,
}

impl Running {
    async fn next(&mut self) -> Result<Option<Vec<i16>>, ProviderError> {
        let mut bytes = [0; READ_BYTES];
        loop {
            let read = match timeout(LIMIT, self.output.read(&mut bytes)).await {
                Ok(read) => read.map_err(|error| self.origin.unreachable(error))?,
                Err(_) => return Err(self.origin.timed_out(LIMIT)),
            };
            if read == 0 {
                return self.ended().await.map(|()| None);
            }
            let samples = self.decoder.decode(&bytes[..read]);
            if !samples.is_empty() {
                return Ok(Some(samples));
            }
        }
    }

    async fn ended(&mut self) -> Result<(), ProviderError> {
        match timeout(LIMIT, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.origin.unreachable(format!("it ended with {status}"))),
            Ok(Err(error)) => Err(self.origin.unreachable(error)),
            Err(_) => Err(self.origin.timed_out(LIMIT)),
        }
    }
}

/// Why a program that said nothing ended.
async fn complaint(mut child: Child) -> String {
    let mut said = Vec::new();
    if let Some(errors) = child.stderr.take() {
        let _ = errors.take(COMPLAINT_BYTES).read_to_end(&mut said).await;
    }
    match String::from_utf8_lossy(&said).trim() {
        "" => "it ended without audio".into(),
        said => said.into(),
    }
}

/// The sample rate of a WAV file of 16-bit mono PCM. Its length fields mean nothing in a pipe.
fn wav_rate_hz(header: &[u8; WAV_HEADER_BYTES]) -> Option<u32> {
    match WavHeader::parse(header) {
        Ok(Some(wav)) if wav.channels == 1 && wav.header_bytes == WAV_HEADER_BYTES => {
            Some(wav.rate_hz)
        }
        _ => None,
    }
}

/// Without what espeak-ng takes for commands: control characters and `[[` phonemes `]]`.
fn plain(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| match c {
            '[' | ']' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    line + "\n"
}

/// The voices to try for a language.
fn voices(language: &str) -> Vec<String> {
    let tag: String = language
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    let tag = tag.trim_matches('-');
    let primary = tag.split('-').next().unwrap_or_default();
    let mut voices: Vec<String> = [tag, primary]
        .into_iter()
        .filter(|voice| !voice.is_empty())
        .map(String::from)
        .collect();
    voices.dedup();
    if voices.is_empty() {
        voices.push("en".into());
    }
    voices
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_language_is_tried_with_its_region_and_without() {
        assert_eq!(voices("pt-BR"), ["pt-br", "pt"]);
        assert_eq!(voices("de"), ["de"]);
        assert_eq!(voices("--help"), ["help"]);
        assert_eq!(voices("../../x"), ["x"]);
        assert_eq!(voices(""), ["en"]);
    }

    proptest! {
        #[test]
        fn no_header_panics(header in prop::collection::vec(any::<u8>(), WAV_HEADER_BYTES)) {
            let header = header.try_into().expect("as many bytes as asked for");
            let _ = wav_rate_hz(&header);
        }

        #[test]
        fn no_language_becomes_an_option_or_a_path(language in ".{0,20}") {
            for voice in voices(&language) {
                prop_assert!(!voice.starts_with('-') && !voice.contains('/') && !voice.is_empty());
            }
        }
    }
}
