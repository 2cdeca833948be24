//! Makes a component's first slow answer happen before a caller waits for it.

use std::time::Duration;

use crate::component::WarmUp;
use crate::{SupervisorError, database, models, speech};

/// Longest wait for a first sentence or transcript.
const SPEECH_LIMIT: Duration = Duration::from_secs(60);

/// Warms up; `tell` gets words for the status, such as `pulling 34 %`.
pub async fn warm_up(what: &WarmUp, tell: &(dyn Fn(String) + Sync)) -> Result<(), SupervisorError> {
    match what {
        WarmUp::None => Ok(()),
        WarmUp::Model(wanted) => {
            if wanted.is_jexs_own() {
                models::ensure(wanted, tell).await?;
            } else {
                models::require(wanted).await?;
            }
            tell("loading".into());
            models::load(wanted).await
        }
        WarmUp::Synthesis { by } => {
            tell("first sentence".into());
            match speech::speak_once(by, SPEECH_LIMIT).await {
                Ok(0) => Err(refused("a sentence", "there was no sound in it")),
                Ok(_) => Ok(()),
                Err(reason) => Err(refused("a sentence", &reason)),
            }
        }
        WarmUp::Transcription { url, espeak_ng } => {
            tell("first transcript".into());
            speech::transcribe_once(url, espeak_ng, SPEECH_LIMIT)
                .await
                .map_err(|reason| refused("a transcript", &reason))
        }
        WarmUp::Databases { socket_folder } => {
            tell("databases".into());
            database::ensure_databases(socket_folder).await
        }
        WarmUp::Workflows(provision) => provision.run(tell).await,
    }
}

fn refused(what: &str, reason: &str) -> SupervisorError {
    SupervisorError::NotReady(format!("asked for {what}, it failed: {reason}"))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::post;
    use jex_providers::CoquiOptions;

    use super::*;
    use crate::component::Synthesizer;

    /// What comes of a first sentence by a Coqui server that answers with this.
    async fn sentence_by_coqui(answer: Vec<u8>) -> Result<(), SupervisorError> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().route("/api/tts", post(async move || answer));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let options = CoquiOptions {
            base_url: url.parse().unwrap(),
            speaker: None,
            language: None,
            limit: Duration::ZERO,
            remedy: String::new(),
        };
        let by = Synthesizer::Coqui(Box::new(options));
        warm_up(&WarmUp::Synthesis { by }, &|_| {}).await
    }

    #[tokio::test]
    async fn coqui_is_warm_after_a_sentence_with_sound() {
        let mut wav = b"RIFF\x44\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        wav.extend(b"\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0data\x20\0\0\0");
        let header = wav.clone();
        wav.extend([1; 32]);

        sentence_by_coqui(wav).await.unwrap();
        let silent = sentence_by_coqui(header).await.unwrap_err().to_string();

        assert!(silent.contains("a sentence"), "{silent}");
    }
}
