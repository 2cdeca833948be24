//! A typed message is a turn like a spoken one, only at once.

mod story;

use jex_conversation::{AgentState, Input, Output, UtteranceId};
use story::{BARGE_IN, ENDPOINTING, HANGOVER, Story, assistant, ended, ms, spoken, user};

const FIRST: UtteranceId = UtteranceId(1);

#[test]
fn typed_text_is_a_turn_at_once() {
    let mut story = Story::begin();

    story.type_in("  What is the capital of France?\n");

    assert_eq!(
        story.last_prompt(),
        [user("What is the capital of France?")]
    );
    assert_eq!(story.state(), AgentState::Thinking);
}

#[test]
fn typing_nothing_is_nothing() {
    let mut story = Story::begin();

    story.type_in(" \n ");

    assert_eq!(story.outputs(), []);
}

#[test]
fn it_interrupts_the_answer() {
    let mut story = Story::begin();
    story.type_in("Where is Paris?");
    let answer = story.model_answers("Paris is in France.");
    story.heard(answer, 0, "Paris is".len()).forget();

    story.type_in("And Madrid?");

    assert_eq!(story.outputs()[0], Output::StopSpeaking(answer));
    let expected = [
        user("Where is Paris?"),
        assistant("Paris is—"),
        user("And Madrid?"),
    ];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn it_joins_a_question_whose_answer_was_not_heard() {
    let mut story = Story::begin();
    story.type_in("Where is Paris?");
    let withdrawn = story.last_generated();

    story.type_in("In one word.");

    assert!(story.all.contains(&Output::CancelGeneration(withdrawn)));
    assert_eq!(story.last_prompt(), [user("Where is Paris? In one word.")]);
}

#[test]
fn what_the_caller_says_meanwhile_comes_afterwards() {
    let mut story = Story::begin();
    story.input(Input::SpeechStarted).wait(ms(500));

    story.type_in("Where is Paris?");
    let answer = story.model_answers("In France.");
    story
        .wait(BARGE_IN + ms(500))
        .input(Input::SpeechStopped { silence: HANGOVER });
    story.wait(ENDPOINTING).transcript(FIRST, "And Madrid?");
    assert_eq!(story.last_generated(), answer, "one at a time");
    story.played(answer, 0);

    assert_eq!(
        ended(&story.all, answer),
        Some(("In France.".into(), false))
    );
    let expected = [
        user("Where is Paris?"),
        assistant("In France."),
        user("And Madrid?"),
    ];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn noise_that_never_ends_does_not_keep_a_typed_question_from_its_answer() {
    let mut story = Story::begin();
    story.input(Input::SpeechStarted).wait(ms(30_000)).forget();

    story.type_in("Where is Paris?");
    story.model_answers("In France.");

    assert_eq!(spoken(&story.outputs()), ["In France."]);
}

#[test]
fn new_speech_interrupts_an_answer_to_typed_text_like_any_other() {
    let mut story = Story::begin();
    story.type_in("Where is Paris?");
    let answer = story.model_answers("Paris is in France.");
    story.heard(answer, 0, 5);

    story.say("Thanks, that will do.");

    assert_eq!(ended(&story.all, answer), Some(("Paris—".into(), true)));
}

#[test]
fn typing_while_the_words_are_awaited_answers_both_in_turn() {
    let mut story = Story::begin();
    story.voice(ms(800)).wait(ENDPOINTING);

    story.type_in("Where is Paris?").transcript(FIRST, "Hello.");
    let answer = story.model_answers("In France.");
    story.played(answer, 0);

    let expected = [
        user("Where is Paris?"),
        assistant("In France."),
        user("Hello."),
    ];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn what_was_typed_before_the_caller_can_hear_is_answered_when_they_can() {
    let mut story = Story::before_the_caller(story::rules());

    story.type_in("Where is Paris?").forget();
    assert_eq!(story.outputs(), []);
    story.input(Input::CallerJoined);

    assert_eq!(story.last_prompt(), [user("Where is Paris?")]);
}
