//! The inline scripts and styles of a page, as sources for its Content-Security-Policy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use html5gum::Tokenizer;
use html5gum::emitters::default::{DefaultEmitter, Token};
use sha2::{Digest, Sha256};

/// `'sha256-…'` of each inline script and style.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inline {
    pub scripts: Vec<String>,
    pub styles: Vec<String>,
    /// Elements with an attribute that no hash can allow: `style`, or a handler such as `onclick`.
    pub forbidden: Vec<String>,
}

impl Inline {
    /// Reads one page.
    pub fn of(html: &str) -> Self {
        let mut found = Self::default();
        // Text belongs to the script or style that was opened last.
        let mut open: Option<Kind> = None;
        let mut emitter = DefaultEmitter::default();
        // As a browser does: what looks like tags inside a script is its text.
        emitter.naively_switch_states(true);
        for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
            match token {
                Token::StartTag(tag) => {
                    open = match tag.name.as_slice() {
                        b"script" if !tag.attributes.contains_key(b"src".as_slice()) => {
                            Some(Kind::Script)
                        }
                        b"style" => Some(Kind::Style),
                        _ => None,
                    };
                    let refused = |name: &[u8]| name == b"style" || name.starts_with(b"on");
                    let refused = tag.attributes.keys().find(|name| refused(name));
                    if let Some(attribute) = refused {
                        found.forbidden.push(format!(
                            "<{} {}>",
                            String::from_utf8_lossy(&tag.name),
                            String::from_utf8_lossy(attribute),
                        ));
                    }
                }
                Token::String(text) => match open {
                    Some(Kind::Script) => found.scripts.push(source(&text)),
                    Some(Kind::Style) => found.styles.push(source(&text)),
                    None => {}
                },
                Token::EndTag(_) => open = None,
                Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
            }
        }
        found.scripts.sort();
        found.scripts.dedup();
        found.styles.sort();
        found.styles.dedup();
        found
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Script,
    Style,
}

fn source(text: &[u8]) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn inline_scripts_are_hashed_as_a_browser_does() {
        let inline = Inline::of("<script>alert('Hello, world.');</script>");

        // The example of the Content Security Policy specification.
        let hash = "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='";
        assert_eq!(inline.scripts, [hash]);
    }

    #[test]
    fn a_script_from_a_file_has_no_hash() {
        let inline = Inline::of(r#"<SCRIPT async src="/a.js"></SCRIPT><script SRC=b></script>"#);

        assert_eq!(inline, Inline::default());
    }

    #[test]
    fn tags_inside_a_script_or_a_comment_are_text() {
        let inline = Inline::of(
            "<!-- <script>no()</script> --><script id=\"a>b\">if (1 < 2) { \"<style>x</style>\" }</script>",
        );

        assert_eq!(
            inline.scripts,
            [source(b"if (1 < 2) { \"<style>x</style>\" }")]
        );
        assert!(inline.styles.is_empty());
    }

    #[test]
    fn entities_in_a_script_stay_as_they_are() {
        let inline = Inline::of("<script>a &amp;&amp; b</script>");

        assert_eq!(inline.scripts, [source(b"a &amp;&amp; b")]);
    }

    #[test]
    fn styles_are_hashed_and_text_elsewhere_is_not() {
        let inline = Inline::of("<style>p{color:red}</style><p>text</p>");

        assert_eq!(inline.styles, [source(b"p{color:red}")]);
        assert!(inline.scripts.is_empty());
    }

    #[test]
    fn the_same_script_twice_needs_one_hash() {
        let inline = Inline::of("<script>a()</script><script>a()</script>");

        assert_eq!(inline.scripts.len(), 1);
    }

    #[test]
    fn what_no_hash_can_allow_is_named() {
        let inline = Inline::of("<p style=\"color:red\"></p><button onclick=\"go()\"></button>");

        assert_eq!(inline.forbidden, ["<p style>", "<button onclick>"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(html in "(<|>|/|script|style|!--|--|\"|'|=| |src|\\PC){0,40}") {
            let _ = Inline::of(&html);
        }

        #[test]
        fn a_script_of_any_text_has_the_hash_of_that_text(text in "[^<\r\0]{1,40}") {
            let inline = Inline::of(&format!("<head><script>{text}</script></head>"));

            prop_assert_eq!(inline.scripts, [source(text.as_bytes())]);
        }
    }
}
