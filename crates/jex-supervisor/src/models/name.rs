//! A model's name: `[http://][host/][namespace/]model[:tag]`, read as Ollama reads it.

use url::Url;

const REGISTRY: &str = "registry.ollama.ai";
const NAMESPACE: &str = "library";
const TAG: &str = "latest";

/// All of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    /// Without TLS: a registry of the owner's own.
    pub insecure: bool,
    pub host: String,
    pub namespace: String,
    pub model: String,
    pub tag: String,
}

impl ModelName {
    /// `None` if it is no name.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
            Some(_) => return None,
            None => ("https", text),
        };
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, tag),
            _ => (rest, TAG),
        };
        let mut parts = path.rsplit('/');
        let model = parts.next()?;
        let namespace = parts.next().unwrap_or(NAMESPACE);
        let host = parts.next().unwrap_or(REGISTRY);
        if parts.next().is_some() {
            return None;
        }
        if !is_host(host) || ![namespace, model, tag].into_iter().all(is_word) {
            return None;
        }
        Some(Self {
            insecure: scheme == "http",
            host: host.into(),
            namespace: namespace.into(),
            model: model.into(),
            tag: tag.into(),
        })
    }

    /// Whether a name in Ollama's list means this model.
    pub fn is(&self, listed: &str) -> bool {
        Self::parse(listed).is_some_and(|listed| {
            // The list leaves the scheme out.
            Self {
                insecure: self.insecure,
                ..listed
            } == *self
        })
    }

    /// Where the registry keeps its manifest.
    pub fn manifest_url(&self) -> Option<Url> {
        let scheme = if self.insecure { "http" } else { "https" };
        let Self {
            host,
            namespace,
            model,
            tag,
            ..
        } = self;
        Url::parse(&format!(
            "{scheme}://{host}/v2/{namespace}/{model}/manifests/{tag}"
        ))
        .ok()
    }
}

fn is_word(part: &str) -> bool {
    let allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
    !part.is_empty()
        && part.len() <= 128
        && part.chars().all(allowed)
        && !part.starts_with(['.', '-'])
}

fn is_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').unwrap_or((host, "1"));
    is_word(name) && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_name_is_completed() {
        let name = ModelName::parse("llama3.2:3b").unwrap();

        assert_eq!(
            name.manifest_url().unwrap().as_str(),
            "https://registry.ollama.ai/v2/library/llama3.2/manifests/3b"
        );
    }

    #[test]
    fn a_registry_of_ones_own_has_a_port() {
        let name = ModelName::parse("http://127.0.0.1:5000/mine/small").unwrap();

        assert!(name.insecure);
        assert_eq!(
            name.manifest_url().unwrap().as_str(),
            "http://127.0.0.1:5000/v2/mine/small/manifests/latest"
        );
        assert!(name.is("127.0.0.1:5000/mine/small:latest"));
    }

    #[test]
    fn the_list_says_latest() {
        let name = ModelName::parse("jex-demo").unwrap();

        assert!(name.is("jex-demo:latest"));
        assert!(!name.is("jex-demo:other"));
        assert!(!name.is("other:latest"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            ":",
            "a/b/c/d",
            "../x",
            "a b",
            "ftp://a/b/c",
            "a:b:c",
            "-x",
            "x/",
        ] {
            assert_eq!(ModelName::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            if let Some(name) = ModelName::parse(&text) {
                prop_assert!(name.manifest_url().is_some());
            }
        }
    }
}
