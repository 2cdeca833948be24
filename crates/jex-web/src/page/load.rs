//! Reads the page's folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use axum::http::HeaderValue;
use url::Url;

use super::Page;
use super::asset::Asset;
use super::inline::Inline;
use crate::headers::page_policy;

/// Longest sum of all files, in bytes. An exported page has one or two megabytes: more is a wrong
/// folder.
const MAX_PAGE: u64 = 64 << 20;
const MAX_DEPTH: usize = 16;
const NOT_FOUND: &str = "404.html";

/// The page cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error(
        "there is no page in {folder}: index.html is missing. Make it with `./dev parts page`, or \
         name the folder of an exported page by `web.page` in jex.toml.",
        folder = folder.display()
    )]
    NoPage { folder: PathBuf },
    #[error("cannot read {path}: {reason}. Make the page anew with `./dev parts page`.", path = path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error(
        "{folder} holds more than {} MB or is more than {MAX_DEPTH} folders deep, so it is no \
         exported page. Name the right folder by `web.page` in jex.toml.",
        MAX_PAGE >> 20,
        folder = folder.display()
    )]
    NotAPage { folder: PathBuf },
}

impl Page {
    /// Reads `folder`. Its pages may connect to `livekit`, under each of its addresses.
    pub fn load(folder: &Path, livekit: &[Url]) -> Result<Self, PageError> {
        if !folder.join("index.html").is_file() {
            let folder = folder.to_owned();
            return Err(PageError::NoPage { folder });
        }
        let mut found = Found {
            files: Vec::new(),
            bytes: 0,
        };
        collect(folder, folder, 0, &mut found)?;
        let mut assets = HashMap::new();
        for file in found.files {
            let content = std::fs::read(&file).map_err(|error| unreadable(&file, &error))?;
            let Some(path) = file.strip_prefix(folder).ok().and_then(Path::to_str) else {
                tracing::warn!(file = %file.display(), "left out: its name is not UTF-8");
                continue;
            };
            let policy = path
                .ends_with(".html")
                .then(|| policy(path, &content, livekit));
            assets.insert(path.to_owned(), Asset::new(path, content, policy));
        }
        let not_found = assets.remove(NOT_FOUND);
        Ok(Self { assets, not_found })
    }

    /// How many files it has.
    pub fn len(&self) -> usize {
        self.assets.len()
    }
}

fn policy(path: &str, content: &[u8], livekit: &[Url]) -> HeaderValue {
    let inline = Inline::of(&String::from_utf8_lossy(content));
    if !inline.forbidden.is_empty() {
        let elements = inline.forbidden.join(", ");
        tracing::warn!(
            path,
            elements,
            "the Content-Security-Policy will block these"
        );
    }
    page_policy(&inline.scripts, &inline.styles, livekit)
}

struct Found {
    files: Vec<PathBuf>,
    bytes: u64,
}

/// All files below `at`, links followed: the folder is the owner's. Nothing is read yet, as a
/// wrong folder may hold gigabytes.
fn collect(folder: &Path, at: &Path, depth: usize, found: &mut Found) -> Result<(), PageError> {
    if depth > MAX_DEPTH {
        return Err(not_a_page(folder));
    }
    for entry in std::fs::read_dir(at).map_err(|error| unreadable(at, &error))? {
        let path = entry.map_err(|error| unreadable(at, &error))?.path();
        let metadata = std::fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
        if metadata.is_dir() {
            collect(folder, &path, depth + 1, found)?;
        } else if metadata.is_file() {
            found.bytes += metadata.len();
            if found.bytes > MAX_PAGE {
                return Err(not_a_page(folder));
            }
            found.files.push(path);
        }
    }
    Ok(())
}

fn not_a_page(folder: &Path) -> PageError {
    PageError::NotAPage {
        folder: folder.to_owned(),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> PageError {
    PageError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Method, StatusCode, header};
    use proptest::prelude::*;

    use super::*;

    fn livekit() -> [Url; 1] {
        ["ws://127.0.0.1:7880".parse().unwrap()]
    }

    fn page() -> Page {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in [
            ("index.html", "<script>start()</script>"),
            ("404.html", "<p>gone</p>"),
            ("help.html", "<p>help</p>"),
            ("deep/index.html", "<p>deep</p>"),
            ("_next/static/a b.js", "1"),
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        Page::load(folder.path(), &livekit()).unwrap()
    }

    fn status(page: &Page, path: &str) -> u16 {
        let headers = HeaderMap::new();
        page.answer(&Method::GET, path, &headers).status().as_u16()
    }

    #[test]
    fn pages_are_found_with_and_without_their_ending() {
        let page = page();

        for path in [
            "/",
            "/index.html",
            "/help",
            "/help/",
            "/help.html",
            "/deep",
            "/deep/",
            "/_next/static/a%20b.js",
        ] {
            assert_eq!(status(&page, path), 200, "{path}");
        }
    }

    #[test]
    fn nothing_but_the_files_is_found() {
        let page = page();

        for path in [
            "",
            "//",
            "/.",
            "/_next",
            "/_next/static/",
            "/404.html",
            "/help.html/",
            "/../Cargo.toml",
            "/%2e%2e/Cargo.toml",
            "/..%2fCargo.toml",
            "/deep/../index.html",
            "/index.html%00",
            "/%ff",
            "*",
        ] {
            assert_eq!(status(&page, path), 404, "{path}");
        }
    }

    #[test]
    fn each_page_has_the_policy_of_its_own_scripts() {
        let page = page();
        let headers = HeaderMap::new();

        let index = page.answer(&Method::GET, "/", &headers);
        let missing = page.answer(&Method::GET, "/nowhere", &headers);

        let policy = |headers: &HeaderMap| {
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str();
            policy.unwrap().to_owned()
        };
        assert!(policy(index.headers()).contains("'sha256-"));
        assert!(!policy(missing.headers()).contains("'sha256-"));
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn a_folder_without_a_page_names_the_remedy() {
        let folder = tempfile::tempdir().unwrap();

        let error = Page::load(folder.path(), &livekit()).unwrap_err();

        assert!(error.to_string().contains("./dev parts page"), "{error}");
    }

    #[test]
    fn a_folder_that_goes_round_in_circles_is_no_page() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("index.html"), "").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("round")).unwrap();

        let error = Page::load(folder.path(), &livekit()).unwrap_err();

        assert!(matches!(error, PageError::NotAPage { .. }), "{error}");
    }

    proptest! {
        #[test]
        fn any_path_is_found_or_not(path in "/?(\\.|/|%2e|%2f|%5c|%00|%|index|html|\\PC){0,24}") {
            let found = status(&page(), &path);

            prop_assert!(found == 200 || found == 404);
        }
    }
}
