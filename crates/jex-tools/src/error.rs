//! What can go wrong with a source of tools, in words for the owner.

/// Names the source, what happened and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    #[error("{source_name} cannot be reached: {reason}. {remedy}")]
    Unreachable {
        source_name: String,
        reason: String,
        remedy: String,
    },
    #[error("{source_name} refused: {reason}. {remedy}")]
    Refused {
        source_name: String,
        reason: String,
        remedy: String,
    },
    #[error("{source_name} answered with something unexpected: {reason}. {remedy}")]
    Protocol {
        source_name: String,
        reason: String,
        remedy: String,
    },
    /// A server of someone else's is not run without its cage.
    #[error("{source_name} is not started: {reason}. {remedy}")]
    NoSandbox {
        source_name: String,
        reason: String,
        remedy: String,
    },
}

/// Who failed, as every error of one source says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Such as `n8n` or `The MCP server "files"`.
    pub name: String,
    /// A whole sentence.
    pub remedy: String,
}

impl Origin {
    pub fn unreachable(&self, reason: impl ToString) -> ToolError {
        ToolError::Unreachable {
            source_name: self.name.clone(),
            reason: crate::text::reason(&reason.to_string()),
            remedy: self.remedy.clone(),
        }
    }

    pub fn refused(&self, reason: impl ToString) -> ToolError {
        ToolError::Refused {
            source_name: self.name.clone(),
            reason: crate::text::reason(&reason.to_string()),
            remedy: self.remedy.clone(),
        }
    }

    pub fn protocol(&self, reason: impl ToString) -> ToolError {
        ToolError::Protocol {
            source_name: self.name.clone(),
            reason: crate::text::reason(&reason.to_string()),
            remedy: self.remedy.clone(),
        }
    }

    pub fn no_sandbox(&self, reason: impl ToString) -> ToolError {
        ToolError::NoSandbox {
            source_name: self.name.clone(),
            reason: crate::text::reason(&reason.to_string()),
            remedy:
                "Let this machine give it one (see docs/tools.md), or reach the server by `url`."
                    .into(),
        }
    }
}

/// An error of reqwest with what caused it: "error sending request" alone helps nobody.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
