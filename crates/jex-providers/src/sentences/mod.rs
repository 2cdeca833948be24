//! Splits an answer, as it is generated, into sentences to be spoken.
//!
//! Every decision follows from the text before a character and that character alone, so the
//! sentences do not depend on how the text was cut into deltas. When in doubt a sentence goes on:
//! a voice reads two sentences in one go well, and half a sentence badly.

mod abbreviations;

use unicode_segmentation::UnicodeSegmentation;

use crate::speakable::{is_fence, is_table_row, speakable};
use abbreviations::Language;

/// The first piece of an answer may end at a comma from this length on, in characters: about four
/// seconds of speech, enough for the voice to make the rest meanwhile.
const EARLY_LENGTH: usize = 60;
/// The same in scripts where a character is a syllable or a word.
const EARLY_LENGTH_FULL_WIDTH: usize = 24;
/// No piece is longer, in characters: a quarter of a minute of speech.
const LONGEST: usize = 240;
/// Pieces that are not spoken (code, tables, addresses) may be this long, in characters.
const LONGEST_UNSPOKEN: usize = 20_000;

const TERMINATORS: &str = ".!?…‽।॥؟۔։።";
/// End a sentence without a space after them.
const FULL_WIDTH_TERMINATORS: &str = "。！？｡";
/// May stand between the end of a sentence and the space after it.
const CLOSERS: &str = "\"'”’»›)]}*_`~」』）】》";
const PAUSES: &str = ",;:–—";
const FULL_WIDTH_PAUSES: &str = "，、；：";

/// A sentence, or a piece of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Exactly the text, white space included: all of them joined are the answer.
    pub written: String,
    /// What is read aloud. Empty only for the last one, when nothing of the rest can be spoken.
    pub spoken: String,
}

/// Takes the deltas of one answer.
#[derive(Debug, Default)]
pub struct SentenceSplitter {
    language: Language,
    /// Text since the last sentence that nothing can be said of; goes with the next one.
    unspoken: String,
    /// Text since the last cut.
    piece: String,
    /// Length of `piece` in characters.
    length: usize,
    /// Where the current line begins in `piece`.
    line_start: usize,
    /// Within a block of code.
    in_code: bool,
    /// Whether a sentence has been given out.
    begun: bool,
}

impl SentenceSplitter {
    pub fn new() -> Self {
        Self::default()
    }

    /// For a BCP 47 language such as `de`, where `3.` may be an ordinal.
    pub fn for_language(tag: &str) -> Self {
        Self {
            language: Language::of(tag),
            ..Self::default()
        }
    }

    /// Takes a delta; gives the sentences that are complete with it.
    pub fn push(&mut self, delta: &str) -> Vec<Sentence> {
        delta.chars().filter_map(|c| self.take(c)).collect()
    }

    /// The answer is complete: what is left.
    pub fn finish(&mut self) -> Option<Sentence> {
        let last = self.cut(self.piece.len());
        let rest = std::mem::take(&mut self.unspoken);
        let unspoken = (!rest.is_empty()).then_some(Sentence {
            written: rest,
            spoken: String::new(),
        });
        *self = Self {
            language: self.language,
            ..Self::default()
        };
        last.or(unspoken)
    }

    /// One character can complete at most one sentence: the one before it, or by its length.
    fn take(&mut self, c: char) -> Option<Sentence> {
        let complete = match self.ends_before(c) {
            true => self.cut(self.piece.len()),
            false => None,
        };
        self.piece.push(c);
        self.length += 1;
        if c == '\n' {
            if is_fence(self.line().trim_start()) {
                self.in_code = !self.in_code;
            }
            self.line_start = self.piece.len();
        }
        // After a cut the piece is one character long, so only one of the two can be.
        complete.or_else(|| self.too_long().then(|| self.cut(self.best_cut())).flatten())
    }

    fn line(&self) -> &str {
        &self.piece[self.line_start..]
    }

    /// Whether a sentence ends between the text so far and `c`.
    fn ends_before(&self, c: char) -> bool {
        if c.is_whitespace() || self.in_code {
            return false;
        }
        let text = self.piece.trim_end();
        let gap = &self.piece[text.len()..];
        if text.is_empty() {
            return false;
        }
        let newlines = gap.matches('\n').count();
        if newlines > 0 && (newlines > 1 || !c.is_lowercase() || !self.may_wrap(text)) {
            return true;
        }
        if is_table_row(self.line().trim_start()) {
            return false;
        }
        self.sentence_ends(text, gap, c) || self.pause_will_do(text, gap)
    }

    /// Whether the line that ended may go on in the next one.
    fn may_wrap(&self, text: &str) -> bool {
        let line = text.rsplit('\n').next().unwrap_or_default().trim_start();
        !line.starts_with(['#', '|', '-', '*', '+', '>']) && !text.ends_with([':', '.', '!', '?'])
    }

    fn sentence_ends(&self, text: &str, gap: &str, c: char) -> bool {
        let core = text.trim_end_matches(|c| CLOSERS.contains(c));
        let Some(last) = core.chars().next_back() else {
            return false;
        };
        if FULL_WIDTH_TERMINATORS.contains(last) {
            let goes_on = CLOSERS.contains(c)
                || TERMINATORS.contains(c)
                || FULL_WIDTH_TERMINATORS.contains(c);
            return !(gap.is_empty() && goes_on);
        }
        if gap.is_empty() || !TERMINATORS.contains(last) {
            return false;
        }
        if c.is_lowercase() {
            // `"Really?" he asked`, `e.g. this` go on; `Really? yes` does not.
            return matches!(last, '!' | '?') && core.len() == text.len();
        }
        last != '.' || !self.language.goes_on_after_dot(core, c)
    }

    /// The first words of an answer need not wait for the end of a long sentence.
    fn pause_will_do(&self, text: &str, gap: &str) -> bool {
        if self.begun {
            return false;
        }
        let Some(last) = text.chars().next_back() else {
            return false;
        };
        (PAUSES.contains(last) && !gap.is_empty() && self.length >= EARLY_LENGTH)
            || (FULL_WIDTH_PAUSES.contains(last) && self.length >= EARLY_LENGTH_FULL_WIDTH)
    }

    fn too_long(&self) -> bool {
        let unspoken = self.in_code
            || is_table_row(self.line().trim_start())
            || last_word(&self.piece).contains("://");
        self.length > if unspoken { LONGEST_UNSPOKEN } else { LONGEST }
    }

    /// Where to cut a piece that is too long: after a pause in its second half, else after a
    /// word, else between two characters.
    fn best_cut(&self) -> usize {
        let words_end = |paused: bool| {
            let mut before = ' ';
            let mut best = None;
            for (at, c) in self.piece.char_indices() {
                if !c.is_whitespace() && before.is_whitespace() && at > 0 {
                    let text = self.piece[..at].trim_end();
                    if !text.is_empty() && (!paused || text.ends_with(|c| PAUSES.contains(c))) {
                        best = Some(at);
                    }
                }
                before = c;
            }
            best
        };
        let paused = words_end(true).filter(|at| *at > self.piece.len() / 2);
        paused.or_else(|| words_end(false)).unwrap_or_else(|| {
            // The last cluster may still grow, so it stays.
            let mut clusters = self.piece.grapheme_indices(true);
            match clusters.next_back() {
                Some((at, _)) if at > 0 => at,
                _ => self.piece.len(),
            }
        })
    }

    /// Takes the first `end` bytes off the piece. They are a sentence if a voice can say it.
    fn cut(&mut self, end: usize) -> Option<Sentence> {
        let rest = self.piece.split_off(end);
        let piece = std::mem::replace(&mut self.piece, rest);
        self.length = self.piece.chars().count();
        self.line_start = self.line_start.saturating_sub(end);
        let spoken = speakable(&piece);
        self.unspoken.push_str(&piece);
        if spoken.is_empty() {
            return None;
        }
        self.begun = true;
        Some(Sentence {
            written: std::mem::take(&mut self.unspoken),
            spoken,
        })
    }
}

fn last_word(text: &str) -> &str {
    text.rsplit(char::is_whitespace).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
