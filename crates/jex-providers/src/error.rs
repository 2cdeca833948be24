//! What can go wrong with a provider, in words for the owner.

use std::time::Duration;

/// Names the provider, the endpoint and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    #[error("{provider} at {endpoint} cannot be reached: {reason}. {remedy}")]
    Unreachable {
        provider: String,
        endpoint: String,
        reason: String,
        remedy: String,
    },
    #[error("{provider} at {endpoint} did not answer within {seconds} s. {remedy}")]
    TimedOut {
        provider: String,
        endpoint: String,
        seconds: u64,
        remedy: String,
    },
    #[error("{provider} at {endpoint} refused: {reason}. {remedy}")]
    Refused {
        provider: String,
        endpoint: String,
        reason: String,
        remedy: String,
    },
    #[error("{provider} at {endpoint} answered with something unexpected: {reason}. {remedy}")]
    Protocol {
        provider: String,
        endpoint: String,
        reason: String,
        remedy: String,
    },
    /// The model, or the server with this model, knows no tools; without them it answers.
    #[error("{provider} at {endpoint} cannot call tools: {reason}. {remedy}")]
    NoTools {
        provider: String,
        endpoint: String,
        reason: String,
        remedy: String,
    },
    /// The model wanted a tool called and said it in a way that cannot be read.
    #[error(
        "{provider} at {endpoint} made a broken call of the tool \"{tool}\": {reason}. {remedy}"
    )]
    BrokenCall {
        provider: String,
        endpoint: String,
        /// Empty where it named none.
        tool: String,
        reason: String,
        remedy: String,
    },
}

impl ProviderError {
    /// What happened, without what to do about it.
    pub fn what(&self) -> String {
        let whole = self.to_string();
        let what = whole.strip_suffix(self.remedy()).unwrap_or(&whole);
        what.trim_end().to_owned()
    }

    /// What to do about it, without the rest.
    pub fn remedy(&self) -> &str {
        match self {
            Self::Unreachable { remedy, .. }
            | Self::TimedOut { remedy, .. }
            | Self::Refused { remedy, .. }
            | Self::Protocol { remedy, .. }
            | Self::NoTools { remedy, .. }
            | Self::BrokenCall { remedy, .. } => remedy,
        }
    }
}

/// Who failed, as every error of one provider says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Name of the provider, such as `Whisper (Wyoming)`.
    pub provider: String,
    /// Where it is, such as `tcp://127.0.0.1:10300`.
    pub endpoint: String,
    /// What to do when nothing more particular is known; a whole sentence.
    pub remedy: String,
}

impl Origin {
    pub fn unreachable(&self, reason: impl ToString) -> ProviderError {
        ProviderError::Unreachable {
            provider: self.provider.clone(),
            endpoint: self.endpoint.clone(),
            reason: phrase(reason),
            remedy: self.remedy.clone(),
        }
    }

    pub fn timed_out(&self, limit: Duration) -> ProviderError {
        ProviderError::TimedOut {
            provider: self.provider.clone(),
            endpoint: self.endpoint.clone(),
            // "within 0 s" would be no help.
            seconds: (limit.as_millis().div_ceil(1000) as u64).max(1),
            remedy: self.remedy.clone(),
        }
    }

    pub fn refused(&self, reason: impl ToString) -> ProviderError {
        self.refused_with(reason, self.remedy.clone())
    }

    /// A refusal whose remedy is known.
    pub fn refused_with(&self, reason: impl ToString, remedy: impl ToString) -> ProviderError {
        ProviderError::Refused {
            provider: self.provider.clone(),
            endpoint: self.endpoint.clone(),
            reason: phrase(reason),
            remedy: remedy.to_string(),
        }
    }

    pub fn protocol(&self, reason: impl ToString) -> ProviderError {
        ProviderError::Protocol {
            provider: self.provider.clone(),
            endpoint: self.endpoint.clone(),
            reason: phrase(reason),
            remedy: self.remedy.clone(),
        }
    }
}

impl Origin {
    pub fn no_tools(&self, reason: impl ToString, remedy: impl ToString) -> ProviderError {
        ProviderError::NoTools {
            provider: self.provider.clone(),
            endpoint: self.endpoint.clone(),
            reason: phrase(reason),
            remedy: remedy.to_string(),
        }
    }

    pub fn broken_call(
        &self,
        tool: impl ToString,
        reason: impl ToString,
        remedy: impl ToString,
    ) -> ProviderError {
        ProviderError::BrokenCall {
            provider: self.provider.clone(),
            endpoint: self.endpoint.clone(),
            tool: phrase(tool),
            reason: phrase(reason),
            remedy: remedy.to_string(),
        }
    }
}

/// Longest reason that is worth reading, in characters. A server may send a whole HTML page.
const LONGEST_REASON: usize = 300;

/// A reason in one line, without the full stop that the message adds.
fn phrase(reason: impl ToString) -> String {
    let reason = reason.to_string();
    let mut line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(LONGEST_REASON) {
        line.truncate(cut);
        line.push('…');
    }
    line.truncate(line.trim_end_matches('.').len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin {
            provider: "Whisper".into(),
            endpoint: "tcp://127.0.0.1:1".into(),
            remedy: "See `jex status`.".into(),
        }
    }

    #[test]
    fn a_message_says_who_where_why_and_what_to_do() {
        let error = origin().unreachable("connection refused.\n");

        assert_eq!(
            error.to_string(),
            "Whisper at tcp://127.0.0.1:1 cannot be reached: connection refused. See `jex status`."
        );
        assert_eq!(error.remedy(), "See `jex status`.");
        assert_eq!(
            error.what(),
            "Whisper at tcp://127.0.0.1:1 cannot be reached: connection refused."
        );
    }

    #[test]
    fn a_time_out_below_a_second_is_not_zero_seconds() {
        let error = origin().timed_out(Duration::from_millis(20));

        assert!(error.to_string().contains("within 1 s"), "{error}");
    }

    #[test]
    fn a_page_long_reason_is_cut() {
        let error = origin().protocol("é".repeat(5000));

        assert!(error.to_string().chars().count() < 500);
    }
}
