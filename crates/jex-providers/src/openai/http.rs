//! The HTTP side: one request, no retries, and errors that keep their status whatever their body looks
//! like.

use async_openai::Client;
use async_openai::config::Config;
use async_openai::error::{ApiError, ApiErrorResponse, OpenAIError};
use async_openai::middleware::HttpRequestFactory;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::{OpenAiOptions, wire};
use crate::transport;

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
    let http = transport::client(url)?;
    let send = http.clone();
    let service = tower::service_fn(move |request: HttpRequestFactory| {
        let http = send.clone();
        async move { execute(&http, request).await }
    });
    Ok(Client::build(http, endpoint).with_http_service(service))
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
    let (message, code) = wire::error_of(&transport::error_body(response).await);
    Err(OpenAIError::ApiError(ApiErrorResponse {
        status_code,
        api_error: ApiError {
            message,
            code,
            ..ApiError::default()
        },
    }))
}
