//! Dots that do not end a sentence.

/// Always followed by more of the sentence. Written without the last dot, in lower case.
const TITLES_AND_JOINERS: &[&str] = &[
    // English
    "dr", "mr", "mrs", "ms", "mx", "prof", "st", "mt", "ft", "gen", "col", "capt", "lt", "sgt",
    "cpl", "rev", "hon", "gov", "sen", "rep", "pres", "supt", "vs", "cf", "ca", "approx", "resp",
    "incl", "excl", "esp", "viz", "al", // German
    "hr", "fr", "frl", "dipl", "ing", "bzw", "ggf", "evtl", "inkl", "zzgl", "bspw", "sog", "vgl",
    "geb", "gest", "mio", "mrd", "tel", "max", "min", "ehem", "allg", "insb",
    // French, Spanish, Italian, Portuguese, Dutch
    "mme", "mlle", "mgr", "sr", "sra", "srta", "dra", "ud", "uds", "sig", "dott", "avv", "dhr",
    "mevr", "bijv",
];

/// Followed by more of the sentence if that is a number: `No. 5`, `p. 12`, `Jan. 3`.
const BEFORE_NUMBERS: &[&str] = &[
    "no", "nos", "nr", "núm", "fig", "figs", "vol", "p", "pp", "s", "art", "sec", "ch", "chap",
    "bd", "abs", "kap", "abb", "ed", "eq", "ref", "jan", "feb", "mar", "apr", "jun", "jul", "aug",
    "sep", "sept", "oct", "okt", "nov", "dec", "dez",
];

/// Dotted abbreviations that often end a sentence.
const MAY_END: &[&str] = &["a.m", "p.m"];

/// Languages that write ordinals as a number with a dot.
const DOTTED_ORDINALS: &[&str] = &[
    "cs", "da", "de", "et", "fi", "hr", "hu", "is", "lv", "nb", "nn", "no", "pl", "sk", "sl", "sr",
    "tr",
];

/// Longest number that is an ordinal or a list item's, in digits. A year ends sentences.
const ORDINAL_DIGITS: usize = 2;
const ITEM_DIGITS: usize = 3;

/// What depends on the language of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Language {
    dotted_ordinals: bool,
}

impl Language {
    /// `tag` is a BCP 47 language.
    pub fn of(tag: &str) -> Self {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self {
            dotted_ordinals: DOTTED_ORDINALS.contains(&primary.to_lowercase().as_str()),
        }
    }

    /// Whether the sentence goes on after `text`, which ends with a dot, at `next`, which is not
    /// a lower-case letter.
    pub fn goes_on_after_dot(self, text: &str, next: char) -> bool {
        let Some(text) = text.strip_suffix('.') else {
            return false;
        };
        if text.ends_with('.') {
            // An ellipsis.
            return false;
        }
        let start = text.rfind(char::is_whitespace).map_or(0, |at| {
            at + text[at..].chars().next().map_or(1, char::len_utf8)
        });
        let word = text[start..].trim_start_matches(|c: char| "([{\"'“‘„«*_".contains(c));
        let lower = word.to_lowercase();
        let digits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        if digits {
            return (self.dotted_ordinals && word.len() <= ORDINAL_DIGITS)
                || (word.len() <= ITEM_DIGITS && begins_item(&text[..start]));
        }
        self.is_initial(word, &text[..start])
            || is_dotted(&lower)
            || TITLES_AND_JOINERS.contains(&lower.as_str())
            || (next.is_numeric() && BEFORE_NUMBERS.contains(&lower.as_str()))
    }

    /// `J. R. R. Tolkien`, `a.` before a list item, `z. B.` in German. `I` is more often a word.
    fn is_initial(self, word: &str, before: &str) -> bool {
        let mut characters = word.chars();
        let (Some(letter), None) = (characters.next(), characters.next()) else {
            return false;
        };
        (letter.is_uppercase() && letter != 'I')
            || (letter.is_lowercase() && self.dotted_ordinals)
            || (letter.is_alphabetic() && begins_item(before))
    }
}

/// `e.g`, `U.S`, `z.B`, `Ph.D`: dots between one or two letters each.
fn is_dotted(word: &str) -> bool {
    word.contains('.')
        && !MAY_END.contains(&word)
        && word.split('.').all(|part| {
            (1..=2).contains(&part.chars().count()) && part.chars().all(char::is_alphabetic)
        })
}

/// Whether a list item may begin after this: at the start of a line, marks aside.
fn begins_item(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.chars()
        .all(|c| c.is_whitespace() || ">*_#-".contains(c))
}
