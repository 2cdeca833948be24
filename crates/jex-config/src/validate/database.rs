//! Where JEX remembers, and where what it does is carried out.

use url::Url;

use super::{Check, address, fault, is_near};
use crate::Settings;

const SHAPE: &str = "Write it as postgres://user@host/database.";

pub fn check(settings: &Settings) -> Check {
    if let Some(url) = &settings.database.url {
        database(url)?;
    }
    let n8n = &settings.n8n;
    if let Some(url) = &n8n.url {
        address("n8n.url", url, &["http", "https"])?;
    }
    if n8n.url.is_some() && n8n.api_key_file.is_none() {
        return fault(
            &["n8n.api_key_file", "n8n.url"],
            "is missing, and `n8n.url` names an n8n that JEX does not run",
            "Make a key there (Settings, n8n API), put it into a file that only you can read, and name \
             that file.",
        );
    }
    Ok(())
}

fn database(url: &Url) -> Check {
    const KEY: &[&str] = &["database.url"];
    if !["postgres", "postgresql"].contains(&url.scheme()) {
        return fault(KEY, format!("begins with {}:", url.scheme()), SHAPE);
    }
    // Not shown.
    if url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password") {
        return fault(
            KEY,
            "holds a password",
            "Put it into a file that only you can read and name that by `database.password_file`.",
        );
    }
    if url.username().is_empty() || url.path().len() < 2 {
        return fault(KEY, "names no user or no database", SHAPE);
    }
    let socket = |(name, value): (std::borrow::Cow<str>, std::borrow::Cow<str>)| {
        name == "host" && value.starts_with('/')
    };
    let verified = |(name, value): (std::borrow::Cow<str>, std::borrow::Cow<str>)| {
        name == "sslmode" && value == "verify-full"
    };
    let is_safe = is_near(url) || url.query_pairs().any(socket) || url.query_pairs().any(verified);
    match is_safe {
        true => Ok(()),
        false => fault(
            KEY,
            "would send what JEX remembers over the internet, to whoever answers there",
            "Add ?sslmode=verify-full, or reach that server through a tunnel such as WireGuard.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faulty(url: &str) -> bool {
        let mut settings = Settings::default();
        settings.database.url = Some(url.parse().unwrap());
        check(&settings).is_err()
    }

    #[test]
    fn a_database_needs_a_user_a_name_and_a_safe_way() {
        for url in [
            "postgres://jex@localhost/jex",
            "postgresql://jex@192.168.1.20:5433/jex",
            "postgres://jex@localhost/jex?host=/run/postgresql",
            "postgres://jex@db.example.com/jex?sslmode=verify-full",
        ] {
            assert!(!faulty(url), "{url}");
        }
        for url in [
            "mysql://jex@localhost/jex",
            "postgres://localhost/jex",
            "postgres://jex@localhost",
            "postgres://jex:secret@localhost/jex",
            "postgres://jex@localhost/jex?password=secret",
            "postgres://jex@db.example.com/jex",
        ] {
            assert!(faulty(url), "{url}");
        }
    }

    #[test]
    fn an_n8n_of_someone_else_needs_its_key() {
        let mut settings = Settings::default();
        settings.n8n.url = Some("http://127.0.0.1:5678".parse().unwrap());

        let fault = check(&settings).unwrap_err();

        assert_eq!(fault.keys[0], "n8n.api_key_file");
    }
}
