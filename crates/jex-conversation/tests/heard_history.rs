//! History and page hold what was really heard.

mod story;

use jex_conversation::{AgentState, Input, Output, Stage};
use story::{BARGE_IN, Story, assistant, broken, ended, ms, shown, user};

#[test]
fn words_appear_as_they_are_spoken() {
    let mut story = Story::begin();
    story.say("What is the capital of France?");
    let answer = story.model_answers("Paris is the capital.");
    story.forget();

    let mut seen = Vec::new();
    for chars in [0, 3, 5, 8, 8, 12] {
        story.heard(answer, 0, chars);
        seen.push(shown(&story.outputs(), answer));
    }
    story.played(answer, 0);
    seen.push(shown(&story.outputs(), answer));

    assert_eq!(seen, ["", "", "Paris", " is", "", " the", " capital."]);
}

#[test]
fn it_speaks_from_the_first_sound_to_the_last() {
    let mut story = Story::begin();
    story.say("What is the capital of France?");
    let answer = story.model_answers("Paris.");
    assert_eq!(story.state(), AgentState::Thinking);

    story.heard(answer, 0, 0);
    assert_eq!(story.state(), AgentState::Speaking);
    story.played(answer, 0);

    assert_eq!(story.state(), AgentState::Listening);
}

#[test]
fn an_answer_that_was_heard_is_remembered_as_it_was_written() {
    let mut story = Story::begin();
    story.say("What is the capital of France?");
    let answer = story.last_generated();
    story.sentence_spoken(answer, "**Paris** 🙂. ", "Paris.");
    story.sentence_spoken(
        answer,
        "It has 2 million people.\n",
        "It has two million people.",
    );
    story.done(answer).played(answer, 0).played(answer, 1);

    story.say("And of Spain?");

    let expected = [
        user("What is the capital of France?"),
        assistant("**Paris** 🙂. It has 2 million people."),
        user("And of Spain?"),
    ];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn an_interrupted_answer_ends_at_the_last_whole_word() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();
    story.sentence_spoken(answer, "**Paris** is in _France_. ", "Paris is in France.");
    story.sentence(answer, "It is the capital of the country.");
    story.done(answer).played(answer, 0);
    story.heard(answer, 1, "It is the capi".len());

    story.input(Input::SpeechStarted).wait(BARGE_IN);

    let text = "**Paris** is in _France_. It is the—";
    assert_eq!(ended(&story.all, answer), Some((text.into(), true)));
    assert_eq!(shown(&story.all, answer), text);
}

#[test]
fn one_that_is_broken_off_between_sentences_ends_with_the_sentence() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();
    story
        .sentence(answer, "In France.")
        .sentence(answer, " It is big.")
        .done(answer);
    story.played(answer, 0);

    story.input(Input::SpeechStarted).wait(BARGE_IN);

    assert_eq!(
        ended(&story.all, answer),
        Some(("In France. —".into(), true))
    );
}

#[test]
fn an_answer_of_which_nothing_was_heard_leaves_no_trace() {
    let mut story = Story::begin();
    story.say("What is the capital of France?");
    let answer = story.model_answers("Paris is the capital.");
    story.heard(answer, 0, 2);

    story.say("No, of Spain.");

    assert_eq!(ended(&story.all, answer), Some((String::new(), true)));
    let expected = [user("What is the capital of France? No, of Spain.")];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn a_question_that_was_stopped_joins_the_next_one() {
    let mut story = Story::begin();
    story
        .say("What is the capital of France?")
        .input(Input::Interrupt);

    story.say("No, of Spain.");

    let expected = [user("What is the capital of France? No, of Spain.")];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn a_later_sentence_is_heard_after_the_ones_before() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();
    story
        .sentence(answer, "In France. ")
        .sentence(answer, "It is big.")
        .done(answer);

    story.heard(answer, 1, 2);

    assert_eq!(shown(&story.all, answer), "In France. It");
}

#[test]
fn news_about_sentences_that_were_never_spoken_is_ignored() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();
    story.sentence(answer, "In France.").forget();

    story.heard(answer, 5, 3).played(answer, 1);
    story.input(Input::SpeechFailed {
        answer,
        sentence: 9,
        problem: broken(Stage::TextToSpeech),
    });

    assert_eq!(story.outputs(), []);
}

#[test]
fn playout_never_takes_words_back() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.model_answers("In the north of France.");
    story.heard(answer, 0, 12).forget();

    story.heard(answer, 0, 3).heard(answer, 0, 0);

    assert_eq!(story.outputs(), []);
    assert_eq!(shown(&story.all, answer), "In the north");
}

#[test]
fn what_cannot_be_said_is_shown_in_its_turn() {
    let mut story = Story::begin();
    story.say("How do I print in Rust?");
    let answer = story.last_generated();
    story.sentence(answer, "Like this:\n");
    story.sentence_spoken(answer, "```\nprintln!();\n```\n", "");
    story.done(answer);
    assert_eq!(shown(&story.all, answer), "");

    story.played(answer, 0);

    let text = "Like this:\n```\nprintln!();\n```";
    assert_eq!(ended(&story.all, answer), Some((text.into(), false)));
}

#[test]
fn an_answer_with_nothing_to_say_points_to_the_page() {
    let mut story = Story::begin();
    story.say("How do I print in Rust?").forget();
    let answer = story.last_generated();

    story
        .sentence_spoken(answer, "```\nprintln!();\n```", "")
        .done(answer);

    assert_eq!(
        story::spoken(&story.outputs()),
        ["Please read the answer on the page."]
    );
}

#[test]
fn an_empty_answer_is_owned_up_to() {
    let mut story = Story::begin();
    story.say("Hm?").forget();
    let answer = story.last_generated();

    story.done(answer);

    assert_eq!(
        story::spoken(&story.outputs()),
        ["Sorry, I have no answer to that."]
    );
}

#[test]
fn the_end_comes_only_when_all_was_played() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();

    story
        .sentence(answer, "In France. ")
        .played(answer, 0)
        .wait(ms(3000));
    assert_eq!(ended(&story.all, answer), None);
    story
        .sentence(answer, "It is big.")
        .done(answer)
        .played(answer, 1);

    let text = "In France. It is big.";
    assert_eq!(ended(&story.all, answer), Some((text.into(), false)));
}

#[test]
fn announcements_are_no_part_of_the_history() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();
    let problem = broken(Stage::LanguageModel);
    story.input(Input::GenerationFailed { answer, problem });
    let announcement = jex_conversation::AnswerId(answer.0 + 1);
    story.played(announcement, 0);
    assert!(matches!(
        story.all.last(),
        Some(Output::State(AgentState::Listening))
    ));

    story.say("Are you there?");

    assert_eq!(
        story.last_prompt(),
        [user("Where is Paris? Are you there?")]
    );
}

#[test]
fn a_sentence_that_was_played_cannot_fail_any_more() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();
    story
        .sentence(answer, "In France. ")
        .played(answer, 0)
        .forget();

    story.heard(answer, 0, 3);
    story.input(Input::SpeechFailed {
        answer,
        sentence: 0,
        problem: broken(Stage::TextToSpeech),
    });

    assert_eq!(story.outputs(), []);
}

#[test]
fn an_answer_that_is_lost_on_its_way_ends_where_it_was_heard_last() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.model_answers("Paris is in France.");
    story.heard(answer, 0, 8).forget();

    story.input(Input::SpeechLost { answer });
    let outputs = story.outputs();
    story.played(answer, 0).say("Go on.");

    assert_eq!(outputs[0], Output::StopSpeaking(answer));
    assert_eq!(ended(&outputs, answer), Some(("Paris is—".into(), true)));
    let expected = [
        user("Where is Paris?"),
        assistant("Paris is—"),
        user("Go on."),
    ];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn an_answer_that_is_lost_before_its_first_word_is_made_again() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let lost = story.model_answers("Paris is in France.");

    story.input(Input::SpeechLost { answer: lost });

    assert_ne!(story.last_generated(), lost);
    assert_eq!(story.last_prompt(), [user("Where is Paris?")]);
}

#[test]
fn what_is_lost_of_an_earlier_answer_does_not_end_this_one() {
    let mut story = Story::begin();
    story.exchange("Where is Paris?", "In France.");
    let earlier = story.last_generated();
    story.say("And Berlin?").forget();

    story.input(Input::SpeechLost { answer: earlier });

    assert_eq!(story.outputs(), []);
}
