//! From the position in what was spoken to the position in what was written.
//!
//! The two differ: Markdown and emoji are not read aloud, "5 %" is spoken "five percent". Words
//! that are the same in both are anchors; between two anchors the position is interpolated.

/// Table cells that are worth an exact alignment: a sentence of 500 words. Beyond it, proportion.
const MAX_CELLS: usize = 250_000;

/// Where in the written text one is when so much of the spoken text was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alignment {
    /// For each spoken word: the characters after which it is over, and the bytes of the written
    /// text that are heard by then. Both never fall.
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    spoken_chars: usize,
    written_bytes: usize,
}

impl Alignment {
    pub fn new(written: &str, spoken: &str) -> Self {
        let written_words: Vec<Word> = words(written).collect();
        let spoken_words: Vec<Word> = words(spoken).collect();
        let anchors = anchors(&spoken_words, &written_words);
        let (mut chars, mut bytes) = (0, 0);
        let steps = (1..=spoken_words.len())
            .map(|heard| {
                let word = &spoken_words[heard - 1];
                chars += spoken[bytes..word.end].chars().count();
                bytes = word.end;
                let cut = written_count(&anchors, heard);
                Step {
                    spoken_chars: chars,
                    written_bytes: cut.checked_sub(1).map_or(0, |last| written_words[last].end),
                }
            })
            .collect();
        Self { steps }
    }

    /// Bytes of the written text that were heard when `chars` characters were spoken: whole words
    /// only, 0 before the first.
    pub fn written_bytes(&self, chars: usize) -> usize {
        let over = self
            .steps
            .partition_point(|step| step.spoken_chars <= chars);
        over.checked_sub(1)
            .map_or(0, |last| self.steps[last].written_bytes)
    }
}

struct Word {
    end: usize,
    /// What two spellings of it have in common; empty for punctuation and emoji.
    key: String,
}

fn words(text: &str) -> impl Iterator<Item = Word> {
    text.split_whitespace().map(|word| Word {
        end: word.as_ptr() as usize - text.as_ptr() as usize + word.len(),
        key: word
            .chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect(),
    })
}

/// A word that stands in both: (number of the spoken one, number of the written one), from 1.
type Anchor = (usize, usize);

/// The longest common subsequence, between a beginning and an end that always agree.
fn anchors(spoken: &[Word], written: &[Word]) -> Vec<Anchor> {
    let end = (spoken.len() + 1, written.len() + 1);
    let mut anchors = vec![(0, 0)];
    if spoken.len() * written.len() <= MAX_CELLS {
        anchors.extend(common_words(spoken, written));
    }
    anchors.push(end);
    anchors
}

fn common_words(spoken: &[Word], written: &[Word]) -> Vec<Anchor> {
    let same = |s: usize, w: usize| !spoken[s].key.is_empty() && spoken[s].key == written[w].key;
    let width = written.len() + 1;
    let mut longest = vec![0u32; (spoken.len() + 1) * width];
    for s in (0..spoken.len()).rev() {
        for w in (0..written.len()).rev() {
            longest[s * width + w] = if same(s, w) {
                longest[(s + 1) * width + w + 1] + 1
            } else {
                longest[(s + 1) * width + w].max(longest[s * width + w + 1])
            };
        }
    }
    let (mut s, mut w) = (0, 0);
    let mut common = Vec::new();
    while s < spoken.len() && w < written.len() {
        if same(s, w) {
            common.push((s + 1, w + 1));
            (s, w) = (s + 1, w + 1);
        } else if longest[(s + 1) * width + w] >= longest[s * width + w + 1] {
            s += 1;
        } else {
            w += 1;
        }
    }
    common
}

/// How many written words are heard when `heard` spoken words are.
fn written_count(anchors: &[Anchor], heard: usize) -> usize {
    let after = anchors.partition_point(|anchor| anchor.0 <= heard);
    let (spoken_before, written_before) = anchors[after - 1];
    let Some(&(spoken_after, written_after)) = anchors.get(after) else {
        return written_before;
    };
    if heard + 1 == spoken_after && after + 1 == anchors.len() {
        // The last spoken word: all that is written is said.
        return written_after - 1;
    }
    let spoken_between = spoken_after - spoken_before - 1;
    let written_between = written_after - written_before - 1;
    let into = heard - spoken_before;
    written_before
        + (into * written_between)
            .checked_div(spoken_between)
            .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard<'a>(written: &'a str, spoken: &str, chars: usize) -> &'a str {
        &written[..Alignment::new(written, spoken).written_bytes(chars)]
    }

    #[test]
    fn a_word_counts_when_it_is_over() {
        let text = "Paris is the capital.";

        assert_eq!(heard(text, text, 4), "");
        assert_eq!(heard(text, text, 5), "Paris");
        assert_eq!(heard(text, text, 7), "Paris");
        assert_eq!(heard(text, text, 12), "Paris is the");
        assert_eq!(heard(text, text, 1000), text);
    }

    #[test]
    fn markdown_is_skipped_like_in_speech() {
        let written = " - **Paris** is the _capital_ of France.";
        let spoken = "Paris is the capital of France.";

        assert_eq!(
            heard(written, spoken, "Paris is the".len()),
            " - **Paris** is the"
        );
    }

    #[test]
    fn between_words_that_agree_the_position_is_interpolated() {
        let written = "It grew by 12 % in May.";
        let spoken = "It grew by twelve per cent in May.";

        assert_eq!(
            heard(written, spoken, "It grew by twelve".len()),
            "It grew by"
        );
        assert_eq!(
            heard(written, spoken, "It grew by twelve per".len()),
            "It grew by 12"
        );
        assert_eq!(
            heard(written, spoken, "It grew by twelve per cent in".len()),
            "It grew by 12 % in"
        );
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        let text = "Größe zählt überall.";

        assert_eq!(heard(text, text, 11), "Größe zählt");
    }

    #[test]
    fn what_has_nothing_in_common_goes_by_proportion() {
        assert_eq!(
            heard("一 二 三 四", "one two three four", "one two".len()),
            "一 二"
        );
    }

    #[test]
    fn a_whole_sentence_is_a_whole_sentence_however_it_was_spoken() {
        assert_eq!(heard("a 🙂 🙂", "a", 1), "a 🙂 🙂");
    }
}
