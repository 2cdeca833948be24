//! A voice that is always there: the configured one, and while that fails a simpler one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout};

use crate::{ProviderError, Synthesis, TextToSpeech};

/// After a failure the first voice is left alone for this long, so that not every sentence of an
/// answer waits for it in vain.
const REST: Duration = Duration::from_secs(3);
/// How long a sentence waits for a voice that failed the last time. Piper speaks 0.2 s after a
/// request, 1.3 s after its start (measured); its time-out is for the first failure.
const PATIENCE: Duration = Duration::from_secs(2);

/// The first voice, and the second for each sentence that the first does not begin.
///
/// A sentence that breaks off after its first audio is not begun again: half of it was heard.
pub struct FallbackTextToSpeech {
    first: Arc<dyn TextToSpeech>,
    second: Arc<dyn TextToSpeech>,
    /// The last failure of the first voice, until it speaks again.
    failure: Mutex<Option<Failure>>,
}

#[derive(Clone)]
struct Failure {
    at: Instant,
    error: ProviderError,
}

impl FallbackTextToSpeech {
    pub fn new(first: Arc<dyn TextToSpeech>, second: Arc<dyn TextToSpeech>) -> Self {
        Self {
            first,
            second,
            failure: Mutex::new(None),
        }
    }

    fn last_failure(&self) -> Option<Failure> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone()
    }

    fn remember(&self, failure: Option<Failure>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    async fn try_first(&self, text: &str) -> Result<Synthesis, ProviderError> {
        let speaking = self.first.synthesize(text);
        let outcome = match self.last_failure() {
            None => speaking.await,
            Some(failure) if failure.at.elapsed() < REST => return Err(failure.error),
            Some(failure) => match timeout(PATIENCE, speaking).await {
                Ok(outcome) => outcome,
                Err(_) => Err(failure.error),
            },
        };
        self.remember(outcome.as_ref().err().map(|error| Failure {
            at: Instant::now(),
            error: error.clone(),
        }));
        outcome
    }
}

#[async_trait]
impl TextToSpeech for FallbackTextToSpeech {
    /// The voice that spoke the last sentence.
    fn name(&self) -> String {
        match self.last_failure() {
            None => self.first.name(),
            Some(_) => self.second.name(),
        }
    }

    async fn synthesize(&self, text: &str) -> Result<Synthesis, ProviderError> {
        let error = match self.try_first(text).await {
            Ok(synthesis) => return Ok(synthesis),
            Err(error) => error,
        };
        match self.second.synthesize(text).await {
            Ok(synthesis) => Ok(Synthesis {
                fallback: Some(error),
                ..synthesis
            }),
            Err(second) => {
                tracing::warn!(error = %second, "the voice that stands in failed, too");
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::Origin;

    /// A voice whose health the test decides.
    #[derive(Default)]
    struct Scripted {
        asked: AtomicUsize,
        health: Mutex<Health>,
    }

    #[derive(Default, Clone, Copy)]
    enum Health {
        #[default]
        Well,
        Refusing,
        Hanging,
    }

    impl Scripted {
        fn set(&self, health: Health) {
            *self.health.lock().expect("not poisoned") = health;
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    fn down() -> ProviderError {
        let origin = Origin {
            provider: "Piper".into(),
            endpoint: "here".into(),
            remedy: "Start it.".into(),
        };
        origin.unreachable("refused")
    }

    #[async_trait]
    impl TextToSpeech for Scripted {
        fn name(&self) -> String {
            "scripted".into()
        }

        async fn synthesize(&self, _: &str) -> Result<Synthesis, ProviderError> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let health = *self.health.lock().expect("not poisoned");
            match health {
                Health::Well => Ok(Synthesis::silent()),
                Health::Refusing => Err(down()),
                Health::Hanging => std::future::pending().await,
            }
        }
    }

    fn voices() -> (Arc<Scripted>, Arc<Scripted>, FallbackTextToSpeech) {
        let (first, second) = (Arc::<Scripted>::default(), Arc::<Scripted>::default());
        let both = FallbackTextToSpeech::new(first.clone(), second.clone());
        (first, second, both)
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_first_voice_speaks_the_second_is_not_asked() {
        let (_, second, both) = voices();

        let synthesis = both.synthesize("Hello.").await.expect("speech");

        assert_eq!(synthesis.fallback, None);
        assert_eq!(second.asked(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_sentence_is_spoken_by_the_second_voice_which_says_why() {
        let (first, _, both) = voices();
        first.set(Health::Refusing);

        let synthesis = both.synthesize("Hello.").await.expect("speech");

        assert_eq!(synthesis.fallback, Some(down()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_voice_that_just_failed_is_left_alone_and_then_asked_again() {
        let (first, _, both) = voices();
        first.set(Health::Refusing);
        both.synthesize("One.").await.expect("speech");

        both.synthesize("Two.").await.expect("speech");
        assert_eq!(first.asked(), 1);

        first.set(Health::Well);
        tokio::time::advance(REST).await;
        let recovered = both.synthesize("Three.").await.expect("speech");
        assert_eq!(recovered.fallback, None);
        assert_eq!(first.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_voice_delays_no_sentence_for_longer_than_patience() {
        let (first, _, both) = voices();
        first.set(Health::Refusing);
        both.synthesize("One.").await.expect("speech");
        first.set(Health::Hanging);
        tokio::time::advance(REST).await;
        let before = Instant::now();

        let synthesis = both.synthesize("Two.").await.expect("speech");

        assert_eq!(before.elapsed(), PATIENCE);
        assert!(synthesis.fallback.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn when_both_fail_the_first_voices_error_is_the_one_to_hear_of() {
        let (first, second, both) = voices();
        first.set(Health::Refusing);
        second.set(Health::Refusing);

        let error = both.synthesize("Hello.").await.err();

        assert_eq!(error, Some(down()));
    }
}
