//! Makes a component's first slow answer happen before a caller waits for it.

use std::time::Duration;

use crate::component::WarmUp;
use crate::{SupervisorError, models, speech};

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
    }
}

fn refused(what: &str, reason: &str) -> SupervisorError {
    SupervisorError::NotReady(format!("asked for {what}, it failed: {reason}"))
}
