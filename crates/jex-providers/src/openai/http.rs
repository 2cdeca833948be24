//! The HTTP side: one request, no retries, no proxy for this machine, and errors that keep their
//! status whatever their body looks like.

use std::time::Duration;

use async_openai::Client;
use async_openai::config::Config;
use async_openai::error::{ApiError, ApiErrorResponse, OpenAIError};
use async_openai::middleware::HttpRequestFactory;
use futures::StreamExt;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::{OpenAiOptions, wire};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// An error body is a sentence; a proxy's page may be longer and is not worth waiting for.
const ERROR_BODY_LIMIT: usize = 16 << 10;
const ERROR_BODY_TIME: Duration = Duration::from_secs(3);

/// Address and key, and nothing from the environment.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    base: String,
    key: SecretString,
    headers: HeaderMap,
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

/// A client for one server.
pub(super) fn client(options: &OpenAiOptions) -> Result<Client<Endpoint>, OpenAIError> {
    let url = &options.base_url;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        let reason = "the address is not of the form http://host:port/v1";
        return Err(OpenAIError::InvalidArgument(reason.into()));
    }
    let mut headers = HeaderMap::new();
    if let Some(key) = &options.api_key {
        let bearer = format!("Bearer {}", key.expose_secret().trim());
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| {
            OpenAIError::InvalidArgument("the API key holds characters that no key has".into())
        })?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    let endpoint = Endpoint {
        base: url.as_str().trim_end_matches('/').into(),
        key: options.api_key.clone().unwrap_or_default(),
        headers,
    };
    let http = transport(url).build()?;
    let send = http.clone();
    let service = tower::service_fn(move |request: HttpRequestFactory| {
        let http = send.clone();
        async move { execute(&http, request).await }
    });
    Ok(Client::build(http, endpoint).with_http_service(service))
}

fn transport(url: &Url) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_LIMIT)
        // A redirect could carry the conversation to a host that the owner did not choose.
        .redirect(Policy::none())
        .user_agent(concat!("jex/", env!("CARGO_PKG_VERSION")));
    let builder = match url.scheme() {
        // Without TLS, a machine without root certificates will do.
        "http" => builder.tls_certs_only([]),
        _ => builder,
    };
    match is_this_machine(url) {
        // A connection that a restarted server forgot must not cost an answer.
        true => builder.no_proxy().pool_max_idle_per_host(0),
        false => builder,
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

async fn execute(
    http: &reqwest::Client,
    request: HttpRequestFactory,
) -> Result<reqwest::Response, OpenAIError> {
    let response = http.execute(request.build().await?).await?;
    let status_code = response.status();
    if status_code.is_success() {
        return Ok(response);
    }
    let (message, code) = wire::error_of(&error_body(response).await);
    Err(OpenAIError::ApiError(ApiErrorResponse {
        status_code,
        api_error: ApiError {
            message,
            code,
            ..ApiError::default()
        },
    }))
}

/// What came of the body within bounds.
async fn error_body(response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    let mut pieces = response.bytes_stream();
    let reading = async {
        while let Some(Ok(piece)) = pieces.next().await {
            let room = ERROR_BODY_LIMIT - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
            if body.len() == ERROR_BODY_LIMIT {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(ERROR_BODY_TIME, reading).await;
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_all_its_names() {
        for (url, expected) in [
            ("http://127.0.0.1:1/v1", true),
            ("http://127.9.9.9/v1", true),
            ("http://[::1]:1/v1", true),
            ("http://localhost:1/v1", true),
            ("http://ollama.localhost/v1", true),
            ("http://192.168.1.2/v1", false),
            ("https://api.openai.com/v1", false),
            ("http://localhost.evil.example/v1", false),
        ] {
            let url = Url::parse(url).expect("a URL");

            assert_eq!(is_this_machine(&url), expected, "{url}");
        }
    }
}
