use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

use super::*;

fn split_with(mut splitter: SentenceSplitter, deltas: &[&str]) -> Vec<Sentence> {
    let mut sentences: Vec<Sentence> = deltas.iter().flat_map(|d| splitter.push(d)).collect();
    sentences.extend(splitter.finish());
    sentences
}

fn spoken(text: &str) -> Vec<String> {
    spoken_in("en", text)
}

fn spoken_in(language: &str, text: &str) -> Vec<String> {
    split_with(SentenceSplitter::for_language(language), &[text])
        .into_iter()
        .map(|sentence| sentence.spoken)
        .collect()
}

#[test]
fn sentences_end_at_their_marks() {
    for (text, expected) in [
        (
            "Hello there. How are you? Fine!",
            vec!["Hello there.", "How are you?", "Fine!"],
        ),
        (
            "He said \"Go.\" Then he left.",
            vec!["He said \"Go.\"", "Then he left."],
        ),
        ("**Yes.** It works.", vec!["Yes.", "It works."]),
        (
            "Really?! Yes... Well. I see…",
            vec!["Really?!", "Yes...", "Well.", "I see…"],
        ),
        (
            "It was in 1999. Then it ended.",
            vec!["It was in 1999.", "Then it ended."],
        ),
        (
            "See you at 5 p.m. Bring a coat.",
            vec!["See you at 5 p.m.", "Bring a coat."],
        ),
        (
            "So do I. Then we agree.",
            vec!["So do I.", "Then we agree."],
        ),
        (
            "今日は。元気ですか？はい",
            vec!["今日は。", "元気ですか？", "はい"],
        ),
        (
            "他说：「走吧。」然后走了。",
            vec!["他说：「走吧。」", "然后走了。"],
        ),
        ("नमस्ते। आप कैसे हैं?", vec!["नमस्ते।", "आप कैसे हैं?"]),
    ] {
        assert_eq!(spoken(text), expected, "{text}");
    }
}

#[test]
fn dots_within_a_sentence_do_not_end_it() {
    for text in [
        "Dr. Smith met Mr. J. R. Tolkien in the U.S. Capitol.",
        "Pi is 3.14 and a thousand is 1.000 here.",
        "Use tools, e.g. Rust, i.e. cargo, vs. Go.",
        "See No. 5 on p. 12 of Jan. 3.",
        "Open https://example.com/a.b?c=d. now at version 1.2.3 please",
        "\"Really?\" he asked.",
        "Wait... what happened",
        "The Ph.D. Committee met St. Nicholas.",
    ] {
        assert_eq!(spoken(text).len(), 1, "{:?}", spoken(text));
    }
    for text in [
        "Das ist z. B. Käse.",
        "Am 3. Oktober, d.h. heute, kommt Hr. Maier.",
    ] {
        assert_eq!(
            spoken_in("de", text).len(),
            1,
            "{:?}",
            spoken_in("de", text)
        );
    }
}

#[test]
fn lists_and_headings_are_spoken_item_by_item() {
    let text = "## Fruit\n\nYou need:\n1. Apples\n2. Pears, e.g. Conference\n- nuts\n* dates\n\nThat is\nall.";

    assert_eq!(
        spoken(text),
        [
            "Fruit",
            "You need:",
            "1. Apples",
            "2. Pears, e.g. Conference",
            "nuts",
            "dates",
            "That is all."
        ]
    );
}

#[test]
fn code_and_tables_are_written_but_not_spoken() {
    let text = "Run this:\n```sh\nls. Then rm.\n\nexit\n```\nDone. Look:\n| Dr. A. Bee | 2. Cee |\n|---|---|\nFine.";

    let sentences = split_with(SentenceSplitter::new(), &[text]);

    let spoken: Vec<&str> = sentences.iter().map(|s| s.spoken.as_str()).collect();
    assert_eq!(spoken, ["Run this:", "Done.", "Look:", "Fine."]);
    assert!(sentences[1].written.contains("exit"));
    assert!(sentences[3].written.contains("Cee"));
}

#[test]
fn what_cannot_be_spoken_at_all_comes_last_and_silent() {
    let sentences = split_with(SentenceSplitter::new(), &["```\ncode\n```\n"]);

    assert_eq!(sentences.len(), 1);
    assert_eq!(sentences[0].spoken, "");
}

#[test]
fn a_sentence_is_given_out_as_soon_as_the_next_one_begins() {
    let mut splitter = SentenceSplitter::new();

    assert_eq!(splitter.push("Paris is the capital. "), []);
    let sentences = splitter.push("I");

    assert_eq!(sentences[0].written, "Paris is the capital. ");
}

#[test]
fn only_the_first_sentence_is_given_out_at_a_comma() {
    let clause = "this is a rather long clause with many words that goes on and on for a while, ";
    let text = format!("{clause}{clause}and ends. {clause}{clause}and ends.");

    let sentences = spoken(&text);

    assert_eq!(sentences[0], clause.trim());
    assert_eq!(sentences.len(), 3, "{sentences:?}");
    assert_eq!(spoken("Well, yes, it is.").len(), 1);
}

#[test]
fn a_run_without_marks_is_cut_between_words() {
    let text = "word ".repeat(300);

    let sentences = spoken(&text);

    assert!(sentences.len() > 5);
    for sentence in &sentences {
        assert!(sentence.chars().count() <= LONGEST);
        assert!(
            sentence.starts_with("word") && sentence.ends_with("word"),
            "{sentence}"
        );
    }
}

#[test]
fn a_run_without_words_is_cut_between_characters() {
    let text = "👨‍👩‍👧".repeat(200) + &"あ".repeat(600);

    let sentences = split_with(SentenceSplitter::new(), &[&text]);

    assert!(
        sentences
            .iter()
            .all(|s| s.spoken.chars().count() <= LONGEST)
    );
    let families: usize = sentences
        .iter()
        .map(|s| s.written.graphemes(true).count())
        .sum();
    assert_eq!(families, 800, "no family was torn apart");
}

#[test]
fn a_long_address_is_never_heard() {
    let text = format!("Look at https://example.com/{} now.", "a1/".repeat(200));

    assert_eq!(spoken(&text).join(" "), "Look at example.com now.");
}

/// Text as models write it, and worse.
fn any_answer() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Zäß]{1,9}",
        4 => Just(" ".to_owned()),
        2 => "[.!?,:;…]{1,3}",
        1 => "[.!?] [A-Z]",
        1 => "\n{1,2}",
        1 => prop::sample::select(vec![
            "**", "_", "`", "# ", "- ", "1. ", "```\n", "| a |", "[x](https://a.b/c)", "。", "「", "」",
            "，", "😀", "👨‍👩‍👧", "Dr. ", "e.g. ", "3.14", "https://a.bc/d?e ", "\"", "(", ")", "é\u{301}",
        ]).prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_written_is_the_answer_however_it_was_cut(
        answer in any_answer(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let mut at: Vec<usize> = cuts
            .iter()
            .map(|cut| cut.index(answer.len() + 1))
            .filter(|at| answer.is_char_boundary(*at))
            .collect();
        at.extend([0, answer.len()]);
        at.sort_unstable();
        let deltas: Vec<&str> = at.windows(2).map(|pair| &answer[pair[0]..pair[1]]).collect();

        let sentences = split_with(SentenceSplitter::new(), &deltas);

        let written: String = sentences.iter().map(|s| s.written.as_str()).collect();
        prop_assert_eq!(&written, &answer);
        prop_assert_eq!(&sentences, &split_with(SentenceSplitter::new(), &[&answer]));
        for (index, sentence) in sentences.iter().enumerate() {
            prop_assert!(!sentence.written.is_empty());
            prop_assert!(!sentence.spoken.is_empty() || index + 1 == sentences.len());
            prop_assert!(!sentence.spoken.contains(['*', '_', '`', '#']), "{sentence:?}");
        }
    }

    #[test]
    fn nothing_is_spoken_in_one_breath_for_too_long(answer in "[a-z ,]{0,2000}") {
        for sentence in split_with(SentenceSplitter::new(), &[&answer]) {
            prop_assert!(sentence.spoken.chars().count() <= LONGEST);
        }
    }
}
