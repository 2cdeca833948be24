//! Who is let in: this machine's own browser always, one on another machine while it is paired.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cookie::{Cookie, SameSite};
use jex_pairing::{LIFETIME, PairingError};
use jiff::Timestamp;

use crate::guard::Name;
use crate::refusal::Refusal;
use crate::state::App;

/// Browsers take a cookie of this name from a page over TLS alone, and give it to no other host or path.
const COOKIE: &str = "__Host-jex";

/// Middleware for what gives a token or says anything of the assistant.
pub async fn paired_only(State(app): State<App>, request: Request, next: Next) -> Response {
    match admit(&app, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            tracing::info!(
                code = refusal.code,
                path = request.uri().path(),
                "let nobody in"
            );
            refusal.into_response()
        }
    }
}

fn admit(app: &App, request: &Request) -> Result<(), Refusal> {
    if *Name::of(request) == Name::Local {
        return Ok(());
    }
    let Some(pairing) = &app.pairing else {
        return Err(not_paired());
    };
    let now = Timestamp::now();
    for token in tokens(request.headers()) {
        if pairing.sessions.admit(&token, now).map_err(closed)? {
            return Ok(());
        }
    }
    Err(not_paired())
}

/// What the browser holds, as it says.
fn tokens(headers: &HeaderMap) -> Vec<String> {
    let cookies = headers.get_all(header::COOKIE).iter();
    cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .filter(|cookie| cookie.name() == COOKIE)
        .map(|cookie| cookie.value().to_owned())
        .collect()
}

/// `Set-Cookie` for a browser that is to hold `token`.
pub fn set_cookie(token: &str) -> HeaderValue {
    let seconds = LIFETIME.as_secs().try_into().unwrap_or(i64::MAX);
    let cookie = Cookie::build((COOKIE, token))
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .path("/")
        .max_age(cookie::time::Duration::seconds(seconds));
    HeaderValue::try_from(cookie.to_string()).expect("a token is printable ASCII")
}

fn not_paired() -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        "not_paired",
        "This browser is not paired with JEX.",
        "Run `jex pair` on the machine that JEX runs on, and open the address that it shows.",
    )
}

/// What is wrong with the files is for the log and `jex pair`, not for a stranger.
pub fn closed(error: PairingError) -> Refusal {
    tracing::error!("{error}");
    Refusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "no_sessions",
        "JEX cannot tell which browsers are paired, so it lets none in.",
        "Run `jex pair --list` on the machine that JEX runs on: it says what is wrong.",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(cookies: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        tokens(&headers)
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        assert_eq!(told(&["a=b; __Host-jex=token; c=d"]), ["token"]);
        assert_eq!(told(&["a=b", "__Host-jex=token"]), ["token"]);
    }

    #[test]
    fn another_cookie_is_none_of_ours() {
        for cookie in [
            "",
            ";",
            "__Host-jex",
            "jex=token",
            "__host-jex=token",
            "__Host-jex2=token",
            "a=__Host-jex=token",
        ] {
            assert!(told(&[cookie]).is_empty(), "{cookie}");
        }
    }

    #[test]
    fn the_cookie_is_for_this_host_over_tls_and_no_script() {
        assert_eq!(
            set_cookie("token"),
            "__Host-jex=token; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=34560000"
        );
    }

    proptest! {
        #[test]
        fn any_cookie_is_read(cookie in "(__Host-jex|=|;| |\"|%|[ -~]){0,12}") {
            let _ = told(&[&cookie]);
        }
    }
}
