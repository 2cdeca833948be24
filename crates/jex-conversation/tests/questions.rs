//! A tool may need the caller's yes: JEX asks, and hands on what they say.

mod story;

use jex_conversation::{AgentState, AnswerId, By, Input, Output, QuestionId, Stage};
use story::{BARGE_IN, ENDPOINTING, Story, assistant, broken, ms, spoken, tool, user};

const QUESTION: &str = "Shall I add milk to the list?";
const FIRST: QuestionId = QuestionId(1);
const SECOND: QuestionId = QuestionId(2);

/// The caller asked for something that changes things, and is being asked.
fn asking() -> (Story, AnswerId) {
    let mut story = Story::begin();
    story.say("Add milk.");
    let answer = story.last_generated();
    story.tools_called(answer, &["add"]).forget();
    story.ask(answer, FIRST.0, QUESTION);
    (story, answer)
}

fn asked() -> (Story, AnswerId) {
    let (mut story, answer) = asking();
    story.last_played().forget();
    (story, answer)
}

fn replies(outputs: &[Output]) -> Vec<(QuestionId, &str, By)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Reply { question, text, by } => Some((*question, text.as_str(), *by)),
            _ => None,
        })
        .collect()
}

#[test]
fn the_question_is_spoken_and_its_end_is_told() {
    let (mut story, answer) = asking();
    assert_eq!(spoken(&story.outputs()), [QUESTION]);

    story.heard(answer, 0, 10);
    assert!(!story.outputs().contains(&Output::QuestionSpoken(FIRST)));
    story.played(answer, 0);

    assert!(story.outputs().contains(&Output::QuestionSpoken(FIRST)));
    assert_eq!(story.state(), AgentState::Listening);
}

#[test]
fn the_callers_next_turn_is_the_reply_and_not_for_the_model() {
    let (mut story, answer) = asked();

    story.say("Yes, please.");

    assert_eq!(
        replies(&story.outputs()),
        [(FIRST, "Yes, please.", By::Voice)]
    );
    story.input(Input::QuestionClosed(FIRST));
    story.input(Input::ReplyTaken { is_turn: false });
    story.tools_done(answer, &[("add", "done")]);
    let expected = [user("Add milk."), assistant(""), tool("done")];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn a_reply_may_be_typed_and_may_be_short() {
    let (mut story, _) = asked();
    story.type_in("ok");
    assert_eq!(replies(&story.outputs()), [(FIRST, "ok", By::Typing)]);

    let (mut story, _) = asked();
    story.voice(BARGE_IN / 2).wait(ENDPOINTING);
    let utterance = story.last_ended();
    story.transcript(utterance, "Yes.");
    assert_eq!(replies(&story.outputs()), [(FIRST, "Yes.", By::Voice)]);
}

#[test]
fn other_words_are_a_turn_as_well_when_that_is_what_they_are() {
    let (mut story, answer) = asked();
    story.say("No, add eggs.");

    story.input(Input::QuestionClosed(FIRST));
    story.input(Input::ReplyTaken { is_turn: true });
    story.tools_done(answer, &[("add", "the caller did not agree")]);

    let expected = [
        user("Add milk."),
        assistant(""),
        tool("the caller did not agree"),
        user("No, add eggs."),
    ];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn each_question_gets_one_reply_at_a_time() {
    let (mut story, _) = asked();

    story.say("Yes.").say("No!").type_in("What?");

    assert_eq!(replies(&story.outputs()).len(), 1);
}

#[test]
fn speech_over_the_question_cuts_it_and_its_words_are_for_the_next_one() {
    let (mut story, answer) = asking();
    story.heard(answer, 0, 5).forget();

    story.input(Input::SpeechStarted).wait(BARGE_IN);
    let outputs = story.outputs();
    assert!(outputs.contains(&Output::StopSpeaking(answer)));
    assert!(outputs.contains(&Output::QuestionCut(FIRST)));
    story.ask(answer, SECOND.0, QUESTION);
    assert_eq!(
        spoken(&story.outputs()),
        Vec::<&str>::new(),
        "not over them"
    );
    story.input(Input::SpeechStopped { silence: ms(0) });
    story.wait(ENDPOINTING);
    let utterance = story.last_ended();
    story.transcript(utterance, "Yes");
    assert_eq!(replies(&story.outputs()), [(SECOND, "Yes", By::Voice)]);

    // Too early: it does not count, and the question is asked to its end.
    story.input(Input::ReplyTaken { is_turn: false });
    assert_eq!(spoken(&story.outputs()), [QUESTION]);
    story.last_played();
    assert!(story.outputs().contains(&Output::QuestionSpoken(SECOND)));
}

#[test]
fn a_cough_over_the_question_does_not_cut_it() {
    let (mut story, answer) = asking();

    story.voice(ms(150)).played(answer, 0);

    let outputs = story.outputs();
    assert!(!outputs.contains(&Output::QuestionCut(FIRST)));
    assert!(outputs.contains(&Output::QuestionSpoken(FIRST)));
}

#[test]
fn a_reply_that_begins_with_the_last_word_of_the_question_is_heard() {
    let (mut story, answer) = asking();
    story.input(Input::SpeechStarted).wait(ms(50));

    story.played(answer, 0).wait(ms(100));
    story.input(Input::SpeechStopped { silence: ms(0) });
    story.wait(ENDPOINTING);
    let utterance = story.last_ended();
    story.transcript(utterance, "Yes");

    assert_eq!(replies(&story.outputs()), [(FIRST, "Yes", By::Voice)]);
}

#[test]
fn a_question_waits_for_the_words_before_it_and_for_the_caller() {
    let mut story = Story::begin();
    story.say("Add milk.");
    let answer = story.last_generated();
    story.sentence(answer, "One moment.");
    story.tools_called(answer, &["add"]);
    story.input(Input::SpeechStarted).forget();

    story.ask(answer, FIRST.0, QUESTION);
    assert_eq!(spoken(&story.outputs()), Vec::<&str>::new());
    story.input(Input::SpeechStopped { silence: ms(0) });

    assert_eq!(spoken(&story.outputs()), [QUESTION]);
    assert_eq!(story.last_spoken(), (answer, 1));
}

#[test]
fn the_end_of_the_words_before_it_is_not_the_end_of_the_question() {
    let mut story = Story::begin();
    story.say("Add milk.");
    let answer = story.last_generated();
    story.sentence(answer, "One moment.");
    story.tools_called(answer, &["add"]);
    story.ask(answer, FIRST.0, QUESTION);

    story.played(answer, 0);
    assert!(!story.outputs().contains(&Output::QuestionSpoken(FIRST)));
    story.played(answer, 1);

    assert!(story.outputs().contains(&Output::QuestionSpoken(FIRST)));
}

#[test]
fn a_closed_question_is_not_said_on() {
    let (mut story, answer) = asking();
    story.heard(answer, 0, 5).forget();

    story.input(Input::QuestionClosed(FIRST));

    assert_eq!(story.outputs()[0], Output::StopSpeaking(answer));
    assert_eq!(story.state(), AgentState::Thinking);
    story.played(answer, 0).say("Yes.");
    assert_eq!(replies(&story.outputs()), []);
}

#[test]
fn a_question_without_a_voice_is_not_asked() {
    let (mut story, answer) = asking();

    story.input(Input::SpeechFailed {
        answer,
        sentence: 0,
        problem: broken(Stage::TextToSpeech),
    });

    let outputs = story.outputs();
    assert!(outputs.contains(&Output::QuestionCut(FIRST)));
    assert!(!outputs.contains(&Output::QuestionSpoken(FIRST)));
}

#[test]
fn a_question_to_nobody_is_cut() {
    let (mut story, _) = asking();

    story.input(Input::CallerLeft);

    assert!(story.outputs().contains(&Output::QuestionCut(FIRST)));
}

#[test]
fn a_question_about_an_answer_that_is_over_is_cut_at_once() {
    let (mut story, answer) = asking();
    story.input(Input::Interrupt).forget();

    story.ask(answer, SECOND.0, QUESTION);

    assert_eq!(story.outputs(), [Output::QuestionCut(SECOND)]);
}

#[test]
fn stop_is_no_reply_but_the_end_of_it() {
    let (mut story, answer) = asked();

    story.say("Never mind.");

    let outputs = story.outputs();
    assert_eq!(replies(&outputs), []);
    assert!(outputs.contains(&Output::CancelTools(answer)));
}

#[test]
fn words_that_could_not_be_understood_are_no_reply() {
    let (mut story, _) = asked();
    story.voice(ms(800)).wait(ENDPOINTING);
    let utterance = story.last_ended();

    story.input(Input::RecognitionFailed {
        utterance,
        problem: broken(Stage::SpeechToText),
    });

    assert_eq!(replies(&story.outputs()), []);
}

#[test]
fn the_question_is_no_part_of_the_history() {
    let (mut story, answer) = asked();
    story.say("Yes.");
    story.input(Input::QuestionClosed(FIRST));
    story.input(Input::ReplyTaken { is_turn: false });
    story.tools_done(answer, &[("add", "done")]);
    story.model_answers("It is on the list.");
    story.last_played();

    story.say("Thanks.");

    let expected = [
        user("Add milk."),
        assistant(""),
        tool("done"),
        assistant("It is on the list."),
        user("Thanks."),
    ];
    assert_eq!(story.last_prompt(), expected);
}
