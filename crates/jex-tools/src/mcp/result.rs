//! What an MCP server's answer means.

use rmcp::model::{CallToolResult, ContentBlock};
use rmcp::service::ServiceError;
use rmcp::transport::streamable_http_client::StreamableHttpError;
use serde_json::Value;

use crate::Outcome;
use crate::error::with_causes;

/// Text and data as they are; pictures and sounds by name alone: the model hears nothing of them.
pub fn outcome(result: &CallToolResult) -> Outcome {
    let texts = result.content.iter().map(|content| match content {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(_) => "(a picture)".to_owned(),
        ContentBlock::Audio(_) => "(a sound)".to_owned(),
        other => serde_json::to_string(other).unwrap_or_default(),
    });
    let text = texts.collect::<Vec<_>>().join("\n");
    if result.is_error == Some(true) {
        let reason = crate::text::reason(&text);
        return Outcome::Failed(match reason.as_str() {
            "" => "it gives no reason".into(),
            _ => reason,
        });
    }
    match &result.structured_content {
        Some(value) => Outcome::Done(value.clone()),
        None => Outcome::Done(Value::String(text)),
    }
}

/// What it means that no answer came.
pub fn failure(error: ServiceError) -> Outcome {
    match &error {
        // Its own word that it did not do it.
        ServiceError::McpError(error) => Outcome::Failed(crate::text::reason(&error.message)),
        error if never_left(error) => Outcome::Failed("its server cannot be reached".into()),
        error => {
            let reason = crate::text::reason(&with_causes(error));
            Outcome::Unknown(format!("its server went away: {reason}"))
        }
    }
}

/// Whether there was not even a connection to send it over.
fn never_left(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<reqwest::Error>() {
            return error.is_connect();
        }
        // Which does not name its cause as one.
        if let Some(StreamableHttpError::Client(error)) =
            error.downcast_ref::<StreamableHttpError<reqwest::Error>>()
        {
            return error.is_connect();
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(result: Value) -> Outcome {
        outcome(&serde_json::from_value(result).unwrap())
    }

    #[test]
    fn data_is_taken_where_there_is_some() {
        let text =
            json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]});
        let data =
            json!({"content": [{"type": "text", "text": "3"}], "structuredContent": {"sum": 3}});

        assert_eq!(of(text), Outcome::Done(json!("a\nb")));
        assert_eq!(of(data), Outcome::Done(json!({"sum": 3})));
    }

    #[test]
    fn an_error_is_a_failure_without_its_stack() {
        let error = json!({"isError": true, "content": [{"type": "text", "text": "No file.\nTraceback …"}]});

        assert_eq!(of(error), Outcome::Failed("No file".into()));
    }

    #[test]
    fn a_picture_is_not_sent_to_the_model() {
        let picture =
            json!({"content": [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]});

        assert_eq!(of(picture), Outcome::Done(json!("(a picture)")));
    }
}
