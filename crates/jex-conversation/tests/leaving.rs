//! The end of a conversation, for a moment or for good.

mod story;

use jex_conversation::{AgentState, AnswerId, Input, Output, Rules, Stage, UtteranceId};
use story::{BARGE_IN, ENDPOINTING, Story, assistant, broken, ms, spoken, user};

const FIRST: UtteranceId = UtteranceId(1);

fn last_spoken(story: &Story) -> AnswerId {
    let speak = story.all.iter().rev().find_map(|output| match output {
        Output::Speak { answer, .. } => Some(*answer),
        _ => None,
    });
    speak.expect("something was said")
}

#[test]
fn nobody_is_spoken_to_who_is_gone() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();
    story
        .sentence(answer, "Paris is in France.")
        .heard(answer, 0, 8)
        .forget();

    story.input(Input::CallerLeft);

    let outputs = story.outputs();
    assert_eq!(
        outputs[..2],
        [
            Output::StopSpeaking(answer),
            Output::CancelGeneration(answer)
        ]
    );
    assert_eq!(story.state(), AgentState::Idle);
    story
        .sentence(answer, "It is big.")
        .done(answer)
        .wait(ms(60_000));
    assert_eq!(spoken(&story.outputs()), [""; 0]);
}

#[test]
fn the_conversation_goes_on_where_it_was_heard() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.model_answers("Paris is in France.");
    story.heard(answer, 0, 8);

    story
        .input(Input::CallerLeft)
        .wait(ms(5000))
        .input(Input::CallerJoined);
    story.say("Go on.");

    let expected = [
        user("Where is Paris?"),
        assistant("Paris is—"),
        user("Go on."),
    ];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn a_caller_who_leaves_in_mid_sentence_is_no_longer_heard() {
    let mut story = Story::begin();
    story.input(Input::SpeechStarted).wait(ms(500)).forget();

    story.input(Input::CallerLeft);

    let expected = [
        Output::Hearing(false),
        Output::CancelUtterance(FIRST),
        Output::State(AgentState::Idle),
    ];
    assert_eq!(story.outputs(), expected);
}

#[test]
fn sounds_from_nobody_are_not_heard() {
    let mut story = Story::begin();
    story.input(Input::CallerLeft).forget();

    story.voice(ms(1000)).wait(ENDPOINTING);

    assert_eq!(story.outputs(), []);
}

#[test]
fn what_is_typed_before_the_return_is_noticed_is_answered_after_it() {
    let mut story = Story::begin();
    story.input(Input::CallerLeft).forget();

    story.type_in("Where is Paris?");
    assert_eq!(story.outputs(), []);
    story.input(Input::CallerJoined);

    assert_eq!(story.last_prompt(), [user("Where is Paris?")]);
}

#[test]
fn a_question_that_was_never_answered_joins_the_next_one() {
    let mut story = Story::begin();
    story.say("Where is Paris?");

    story
        .input(Input::CallerLeft)
        .forget()
        .input(Input::CallerJoined);
    assert_eq!(story.outputs(), [Output::State(AgentState::Listening)]);
    story.say("Hello?");

    assert_eq!(story.last_prompt(), [user("Where is Paris? Hello?")]);
}

#[test]
fn what_is_wrong_is_not_said_to_nobody() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();
    story.input(Input::CallerLeft).forget();

    let problem = broken(Stage::LanguageModel);
    story.input(Input::GenerationFailed { answer, problem });
    story.input(Input::CallerJoined);

    assert_eq!(spoken(&story.outputs()), [""; 0]);
}

#[test]
fn it_says_goodbye_then_leaves() {
    let mut story = Story::begin();

    story.input(Input::End);
    assert_eq!(spoken(&story.outputs()), ["Goodbye."]);
    let goodbye = last_spoken(&story);
    story.played(goodbye, 0);

    assert_eq!(story.outputs().last(), Some(&Output::Leave));
}

#[test]
fn the_goodbye_takes_the_word_from_the_answer() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.model_answers("Paris is in France.");
    story.heard(answer, 0, 8).forget();

    story.input(Input::End);

    let outputs = story.outputs();
    assert_eq!(outputs[0], Output::StopSpeaking(answer));
    assert_eq!(spoken(&outputs), ["Goodbye."]);
}

#[test]
fn a_goodbye_that_is_not_played_is_not_waited_for() {
    let mut story = Story::begin();
    story.input(Input::End).forget();
    let goodbye = last_spoken(&story);

    story.wait(ms(2999));
    assert_eq!(story.outputs(), []);
    story.wait(ms(1));

    let outputs = story.outputs();
    assert_eq!(outputs[0], Output::StopSpeaking(goodbye));
    assert_eq!(outputs.last(), Some(&Output::Leave));
}

#[test]
fn a_goodbye_that_cannot_be_said_is_not_waited_for() {
    let mut story = Story::begin();
    story.input(Input::End);
    let answer = last_spoken(&story);

    story.input(Input::SpeechFailed {
        answer,
        sentence: 0,
        problem: broken(Stage::TextToSpeech),
    });

    assert_eq!(story.outputs().last(), Some(&Output::Leave));
}

#[test]
fn nobody_is_said_goodbye_to() {
    let mut story = Story::begin();
    story.input(Input::CallerLeft).forget();

    story.input(Input::End);

    assert_eq!(story.outputs(), [Output::Leave]);
}

#[test]
fn no_goodbye_is_needed() {
    let mut story = Story::with(Rules {
        goodbye: String::new(),
        ..story::rules()
    });
    story.forget();

    story.input(Input::End);

    assert_eq!(story.outputs(), [Output::Leave]);
}

#[test]
fn a_caller_who_leaves_during_the_goodbye_ends_it() {
    let mut story = Story::begin();
    story.input(Input::End).forget();

    story.input(Input::CallerLeft);

    assert_eq!(story.outputs().last(), Some(&Output::Leave));
}

#[test]
fn nothing_interrupts_the_goodbye() {
    let mut story = Story::begin();
    story.input(Input::End).forget();

    story
        .input(Input::SpeechStarted)
        .wait(BARGE_IN * 2)
        .type_in("Wait!");
    story.input(Input::Interrupt).input(Input::End);

    assert_eq!(story.outputs(), []);
}

#[test]
fn after_leaving_nothing_happens() {
    let mut story = Story::begin();
    story.input(Input::CallerLeft).input(Input::End).forget();

    story
        .input(Input::CallerJoined)
        .type_in("Hello?")
        .voice(ms(1000))
        .wait(ms(60_000));

    assert_eq!(story.outputs(), []);
    assert_eq!(story.deadline(), None);
}

#[test]
fn what_the_model_says_before_it_hangs_up_is_let_out() {
    let mut story = Story::begin();
    story.say("That was all, bye.").forget();
    let answer = story.last_generated();
    story.sentence(answer, "Good night.");
    story.tools_called(answer, &["end_conversation"]).forget();

    story.input(Input::HangUp { answer });
    assert_eq!(story.outputs(), [Output::Acting(Vec::new())]);
    story.played(answer, 0);

    let outputs = story.outputs();
    assert_eq!(spoken(&outputs), [""; 0]);
    assert_eq!(outputs.last(), Some(&Output::Leave));
}

#[test]
fn a_model_that_hangs_up_without_a_word_says_goodbye() {
    let mut story = Story::begin();
    story.say("That was all, bye.");
    let answer = story.last_generated();
    story.tools_called(answer, &["end_conversation"]).forget();

    story.input(Input::HangUp { answer });
    assert_eq!(spoken(&story.outputs()), ["Goodbye."]);
    let goodbye = last_spoken(&story);
    story.played(goodbye, 0);

    assert_eq!(story.outputs().last(), Some(&Output::Leave));
}

#[test]
fn who_hung_up_is_not_kept_by_a_process_that_ends() {
    let mut story = Story::begin();
    story.say("That was all, bye.");
    let answer = story.last_generated();
    story.sentence(answer, "Good night, and sleep well.");
    story.tools_called(answer, &["end_conversation"]);
    story.input(Input::HangUp { answer }).forget();

    story.input(Input::End);

    assert_eq!(spoken(&story.outputs()), ["Goodbye."]);
}

#[test]
fn a_question_is_no_goodbye() {
    let mut story = Story::begin();
    story.say("That was all, bye.");
    let answer = story.last_generated();
    story.tools_called(answer, &["end_conversation"]);
    story
        .ask(answer, 1, "Shall I end it?")
        .last_played()
        .forget();

    story.input(Input::HangUp { answer });

    assert_eq!(spoken(&story.outputs()), ["Goodbye."]);
}

#[test]
fn who_presses_stop_while_the_last_words_are_said_is_let_go_at_once() {
    let mut story = Story::begin();
    story.say("That was all, bye.");
    let answer = story.last_generated();
    story.sentence(answer, "Good night, and sleep well.");
    story.tools_called(answer, &["end_conversation"]);
    story.input(Input::HangUp { answer }).forget();

    story.input(Input::Interrupt);

    assert_eq!(story.outputs().last(), Some(&Output::Leave));
}
