//! A call by a webhook, and what its reply means.

use reqwest::{Client, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

use super::Secret;
use super::api::{Unread, below, body};
use crate::error::{Origin, with_causes};
use crate::{Outcome, ToolError, ToolName};

/// Arguments and the rest, in bytes of JSON.
const LARGEST_REQUEST: usize = 64 << 10;
/// What a model can make use of is far less.
const LARGEST_REPLY: usize = 256 << 10;

/// What came of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Ended(Outcome),
    /// The workflow failed; n8n has the reason. This is what to say if it has none.
    NoReason(String),
    /// It was sent, and no whole reply came.
    Lost(String),
}

pub struct Webhook {
    client: Client,
    base: Url,
    token: Secret,
}

impl Webhook {
    pub fn new(
        client: Client,
        base: &Url,
        token: Secret,
        origin: &Origin,
    ) -> Result<Self, ToolError> {
        Ok(Self {
            client,
            base: below(base, "webhook/", origin)?,
            token,
        })
    }

    /// Sends it, once.
    pub async fn post(&self, tool: &ToolName, body: &Value) -> Reply {
        let failed = |reason: String| Reply::Ended(Outcome::Failed(reason));
        let body = body.to_string();
        if body.len() > LARGEST_REQUEST {
            return failed(format!(
                "its arguments are larger than {} KiB",
                LARGEST_REQUEST >> 10
            ));
        }
        let token = match (self.token)() {
            Ok(token) => token,
            Err(reason) => return failed(crate::text::reason(&reason)),
        };
        let Ok(url) = self.base.join(tool.as_str()) else {
            return failed("its name makes no address".into());
        };
        let request = self
            .client
            .post(url)
            .header("X-Jex-Token", token.expose_secret())
            .header("Content-Type", "application/json")
            .body(body);
        match request.send().await {
            Ok(response) => read(response).await,
            // No connection: nothing was sent.
            Err(error) if error.is_connect() => failed("n8n cannot be reached".into()),
            Err(error) => Reply::Lost(format!(
                "n8n went away: {}",
                crate::text::reason(&with_causes(&error))
            )),
        }
    }
}

async fn read(response: Response) -> Reply {
    let status = response.status();
    match body(response, LARGEST_REPLY).await {
        Ok(body) => meaning(status, &body),
        Err(Unread::TooLarge) => Reply::Ended(Outcome::Failed(format!(
            "its answer is larger than {} KiB; what it was to do may be done",
            LARGEST_REPLY >> 10
        ))),
        Err(Unread::Broken(reason)) => {
            Reply::Lost(format!("n8n went away: {}", crate::text::reason(&reason)))
        }
    }
}

/// A workflow answers `{"result": …}`, or 5xx and `{"error": "a sentence"}`.
fn meaning(status: StatusCode, body: &[u8]) -> Reply {
    let failed = |reason: String| Reply::Ended(Outcome::Failed(reason));
    let json: Option<Value> = serde_json::from_slice(body).ok();
    if status.is_success() {
        return match json {
            // So n8n answers for a workflow that failed before its Respond node.
            _ if body.trim_ascii().is_empty() => {
                Reply::NoReason("it ended without an answer".into())
            }
            Some(Value::Object(mut object)) if object.contains_key("result") => {
                let result = object.remove("result").unwrap_or_default();
                Reply::Ended(Outcome::Done(result))
            }
            Some(value) => Reply::Ended(Outcome::Done(value)),
            None => {
                let text = String::from_utf8_lossy(body).into_owned();
                Reply::Ended(Outcome::Done(Value::String(text)))
            }
        };
    }
    let said = |key: &str| {
        let value = json.as_ref()?.get(key)?;
        let text = value.as_str().or_else(|| value.get("message")?.as_str())?;
        Some(crate::text::reason(text)).filter(|reason| !reason.is_empty())
    };
    match (status, said("error")) {
        (StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED, _) => failed(
            "n8n does not take JEX's token: its webhook needs the credential \"JEX webhook\""
                .into(),
        ),
        (StatusCode::NOT_FOUND, None) => failed("it is no longer published in n8n".into()),
        (_, Some(reason)) => failed(reason),
        // n8n's own words, such as that its database is not ready. It began nothing.
        (StatusCode::SERVICE_UNAVAILABLE, None) => {
            failed(said("message").unwrap_or_else(|| "n8n is not ready".into()))
        }
        (_, None) => Reply::NoReason(
            said("message").unwrap_or_else(|| format!("n8n answered {}", status.as_u16())),
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn of(status: u16, body: &str) -> Reply {
        meaning(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    fn failed(reason: &str) -> Reply {
        Reply::Ended(Outcome::Failed(reason.into()))
    }

    #[test]
    fn a_result_is_what_it_says() {
        assert_eq!(
            of(200, "{\"result\": [1]}"),
            Reply::Ended(Outcome::Done(json!([1])))
        );
        assert_eq!(
            of(200, "{\"result\": null}"),
            Reply::Ended(Outcome::Done(json!(null)))
        );
        assert_eq!(
            of(200, "plain words"),
            Reply::Ended(Outcome::Done(json!("plain words")))
        );
    }

    #[test]
    fn an_empty_answer_is_a_failure() {
        assert!(matches!(of(200, ""), Reply::NoReason(_)));
        assert!(matches!(of(204, " \n"), Reply::NoReason(_)));
    }

    #[test]
    fn the_sentence_of_a_failure_is_told_without_a_stack() {
        let stack = "{\"error\": \"No such list.\\n    at Object.run (/n8n/x.js:3)\"}";

        assert_eq!(of(502, stack), failed("No such list"));
        assert_eq!(
            of(500, "{\"error\": {\"message\": \"Full.\"}}"),
            failed("Full")
        );
    }

    #[test]
    fn what_n8n_says_itself_is_told_apart() {
        let unregistered = "{\"code\":404,\"message\":\"The requested webhook \\\"POST x\\\" is not registered.\"}";

        assert_eq!(
            of(404, unregistered),
            failed("it is no longer published in n8n")
        );
        assert!(
            matches!(of(403, "Authorization data is wrong!"), Reply::Ended(Outcome::Failed(why)) if why.contains("token"))
        );
        assert_eq!(
            of(503, "{\"message\":\"Database is not ready!\"}"),
            failed("Database is not ready!")
        );
        assert_eq!(
            of(500, "{\"message\":\"Error in workflow\"}"),
            Reply::NoReason("Error in workflow".into())
        );
    }

    proptest! {
        #[test]
        fn any_reply_means_something(status in 100u16..600, body in prop::collection::vec(any::<u8>(), 0..200)) {
            let status = StatusCode::from_u16(status).unwrap();

            let done = matches!(meaning(status, &body), Reply::Ended(Outcome::Done(_)));

            prop_assert!(!done || status.is_success());
        }
    }
}
