//! Speech servers: who they are, and making them work once.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use jex_providers::wyoming::{WyomingEndpoint, WyomingSpeechToText, WyomingTextToSpeech, describe};
use jex_providers::{
    CoquiTextToSpeech, EspeakNg, ProviderError, Resampler, SpeechToText, Synthesis, TextToSpeech,
};
use url::Url;

use crate::component::Synthesizer;

const RATE_HZ: u32 = 16_000;

/// Version of the program behind a server: of the recogniser or the synthesiser.
pub async fn version(url: &Url, limit: Duration) -> Result<Option<String>, String> {
    let info = describe(&endpoint(url)?, limit).await.map_err(reason)?;
    let mut programs = info.asr.into_iter().chain(info.tts);
    Ok(programs.find_map(|program| program.version))
}

/// Has a word spoken. Returns how many samples of audio came.
pub async fn speak_once(by: &Synthesizer, limit: Duration) -> Result<usize, String> {
    const WORD: &str = "Hello.";
    let synthesis = match by {
        Synthesizer::Wyoming { url } => {
            let voice = WyomingTextToSpeech::new(endpoint(url)?, None, limit);
            voice.synthesize(WORD).await
        }
        Synthesizer::Coqui(options) => {
            let mut options = options.as_ref().clone();
            options.limit = limit;
            let voice = CoquiTextToSpeech::new(options).map_err(reason)?;
            voice.synthesize(WORD).await
        }
    };
    Ok(collect(synthesis.map_err(reason)?).await?.len())
}

/// All of it: mono, 16 kHz.
async fn collect(mut synthesis: Synthesis) -> Result<Vec<i16>, String> {
    let mut resampler = Resampler::new(synthesis.sample_rate_hz, RATE_HZ);
    let mut samples = Vec::new();
    while let Some(chunk) = synthesis.audio.next().await {
        samples.extend(resampler.process(&chunk.map_err(reason)?));
    }
    samples.extend(resampler.finish());
    Ok(samples)
}

/// Has a few words by espeak-ng transcribed. What comes back does not matter.
pub async fn transcribe_once(url: &Url, espeak_ng: &Path, limit: Duration) -> Result<(), String> {
    let words = EspeakNg::new(espeak_ng.to_owned(), "en");
    let words = words.synthesize("Hello, is anybody there?");
    let speech = collect(words.await.map_err(reason)?).await?;
    let recogniser = WyomingSpeechToText::new(endpoint(url)?, None, limit);
    let mut recognition = recogniser.start().await.map_err(reason)?;
    let closed = |_| "it stopped listening".to_owned();
    recognition.audio.send(speech).await.map_err(closed)?;
    drop(recognition.audio);
    while let Some(transcript) = recognition.transcripts.recv().await {
        if transcript.map_err(reason)?.is_final {
            return Ok(());
        }
    }
    Err("it gave no transcript".into())
}

fn endpoint(url: &Url) -> Result<WyomingEndpoint, String> {
    WyomingEndpoint::new(url, "it", "").map_err(reason)
}

/// What happened, without who and where: whoever asks knows that.
fn reason(error: ProviderError) -> String {
    match error {
        ProviderError::Unreachable { reason, .. }
        | ProviderError::Refused { reason, .. }
        | ProviderError::Protocol { reason, .. }
        | ProviderError::NoTools { reason, .. }
        | ProviderError::BrokenCall { reason, .. } => reason,
        ProviderError::TimedOut { seconds, .. } => format!("no answer within {seconds} s"),
    }
}
