//! Speech over an answer stops it; other sounds do not.

mod story;

use jex_conversation::{AgentState, AnswerId, Input, Output, UtteranceId};
use story::{BARGE_IN, ENDPOINTING, HANGOVER, Story, assistant, ended, ms, shown, spoken, user};

const SECOND: UtteranceId = UtteranceId(2);
const REPLY: &str = "Paris is the capital of France.";

/// The caller asked and hears "Paris is the" of the answer.
fn speaking() -> (Story, AnswerId) {
    let mut story = Story::begin();
    story.say("What is the capital of France?");
    let answer = story.model_answers(REPLY);
    story.heard(answer, 0, "Paris is the".len()).forget();
    (story, answer)
}

#[test]
fn speech_that_lasts_stops_the_answer() {
    let (mut story, answer) = speaking();

    story.input(Input::SpeechStarted).wait(BARGE_IN);

    let expected = [
        Output::Hearing(true),
        Output::StartUtterance(SECOND),
        Output::StopSpeaking(answer),
        Output::AnswerText {
            answer,
            delta: "—".into(),
        },
        Output::AnswerEnded {
            answer,
            text: "Paris is the—".into(),
            interrupted: true,
        },
        Output::State(AgentState::Listening),
    ];
    assert_eq!(story.outputs(), expected);
}

#[test]
fn it_speaks_on_until_then() {
    let (mut story, answer) = speaking();

    story.input(Input::SpeechStarted).wait(BARGE_IN - ms(1));

    assert!(!story.outputs().contains(&Output::StopSpeaking(answer)));
    assert_eq!(story.state(), AgentState::Speaking);
}

#[test]
fn a_short_cough_does_not_stop_the_answer() {
    let (mut story, answer) = speaking();

    story.voice(ms(150)).wait(ms(5000));

    let expected = [
        Output::Hearing(true),
        Output::StartUtterance(SECOND),
        Output::Hearing(false),
        Output::CancelUtterance(SECOND),
    ];
    assert_eq!(story.outputs(), expected);
    story.played(answer, 0);
    assert_eq!(ended(&story.outputs(), answer), Some((REPLY.into(), false)));
}

#[test]
fn what_is_recognised_of_a_cough_is_not_shown() {
    let (mut story, _) = speaking();
    story.input(Input::SpeechStarted);

    story.interim(SECOND, "Thank you.").wait(ms(100));
    story.input(Input::SpeechStopped { silence: ms(50) });
    story.transcript(SECOND, "Thank you.");

    let transcript = |output: &Output| matches!(output, Output::CallerTranscript { .. });
    assert!(!story.outputs().iter().any(transcript));
}

#[test]
fn what_was_recognised_of_an_interruption_is_shown_once_it_is_one() {
    let (mut story, _) = speaking();
    story
        .input(Input::SpeechStarted)
        .interim(SECOND, "No, wait")
        .forget();

    story.wait(BARGE_IN);

    let shown = Output::CallerTranscript {
        utterance: SECOND,
        text: "No, wait".into(),
        is_final: false,
    };
    assert!(story.outputs().contains(&shown));
}

#[test]
fn speech_that_is_only_told_of_afterwards_stops_the_answer_if_it_lasted() {
    for (voiced, stops) in [(BARGE_IN - ms(1), false), (BARGE_IN, true)] {
        let (mut story, answer) = speaking();
        story.input(Input::SpeechStarted).forget();

        let silence = ms(500);
        story.wait_without_ticks(voiced + silence);
        story.input(Input::SpeechStopped { silence });

        let stopped = story.outputs().contains(&Output::StopSpeaking(answer));
        assert_eq!(stopped, stops, "{voiced:?}");
    }
}

#[test]
fn the_interruption_becomes_the_next_turn() {
    let (mut story, _) = speaking();

    story.say("And of Spain?");

    let expected = [
        user("What is the capital of France?"),
        assistant("Paris is the—"),
        user("And of Spain?"),
    ];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn an_interruption_without_words_leaves_silence() {
    let (mut story, _) = speaking();

    story.voice(ms(1000)).wait(ENDPOINTING).forget();
    story.transcript(SECOND, "");

    assert_eq!(story.outputs(), [Output::State(AgentState::Listening)]);
}

#[test]
fn an_answer_that_is_still_being_made_is_cancelled_too() {
    let mut story = Story::begin();
    story.say("Tell me a story.");
    let answer = story.last_generated();
    story
        .sentence(answer, "Once upon a time.")
        .heard(answer, 0, 4)
        .forget();

    story.input(Input::SpeechStarted).wait(BARGE_IN);

    let outputs = story.outputs();
    let stop = outputs
        .iter()
        .position(|o| *o == Output::StopSpeaking(answer));
    let cancel = outputs
        .iter()
        .position(|o| *o == Output::CancelGeneration(answer));
    assert!(stop.is_some() && stop < cancel, "{outputs:?}");
}

#[test]
fn late_news_of_a_cancelled_answer_is_ignored() {
    let (mut story, answer) = speaking();
    story.input(Input::SpeechStarted).wait(BARGE_IN).forget();

    story.sentence(answer, "It is beautiful.").done(answer);
    story.heard(answer, 0, REPLY.len()).played(answer, 0);

    assert_eq!(story.outputs(), []);
}

#[test]
fn sentences_go_on_to_the_voice_during_a_cough() {
    let mut story = Story::begin();
    story.say("Tell me a story.");
    let answer = story.last_generated();
    story
        .sentence(answer, "Once upon a time.")
        .heard(answer, 0, 4);
    story.input(Input::SpeechStarted).forget();

    story.sentence(answer, "There was a king.");

    assert_eq!(spoken(&story.outputs()), ["There was a king."]);
}

#[test]
fn an_answer_that_ends_under_a_sound_leaves_the_sound_to_be_speech() {
    let (mut story, answer) = speaking();
    story.input(Input::SpeechStarted).wait(ms(100));

    story.played(answer, 0).wait(ms(50));
    story.input(Input::SpeechStopped { silence: ms(20) });
    story.wait(ENDPOINTING).transcript(SECOND, "Yes");

    assert_eq!(story.last_prompt().last(), Some(&user("Yes")));
    assert_eq!(shown(&story.all, answer), REPLY);
}

#[test]
fn the_greeting_can_be_interrupted() {
    let rules = jex_conversation::Rules {
        greeting: "Hello, this is JEX.".into(),
        ..story::rules()
    };
    let mut story = Story::with(rules);
    story.heard(AnswerId(1), 0, "Hello,".len());

    story.say("What time is it?");

    let expected = [assistant("Hello, —"), user("What time is it?")];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn stop_stops_and_makes_no_turn() {
    let (mut story, answer) = speaking();

    story.input(Input::Interrupt);

    let outputs = story.outputs();
    assert_eq!(outputs[0], Output::StopSpeaking(answer));
    assert_eq!(outputs.last(), Some(&Output::State(AgentState::Listening)));
}

#[test]
fn stop_while_thinking_withdraws_the_question() {
    let mut story = Story::begin();
    story.say("What is the capital of France?").forget();
    let answer = story.last_generated();

    story.input(Input::Interrupt).wait(ms(60_000));

    let outputs = story.outputs();
    assert_eq!(outputs[0], Output::CancelGeneration(answer));
    assert!(!outputs.iter().any(|o| matches!(o, Output::Generate { .. })));
}

#[test]
fn stop_before_the_words_are_known_asks_nothing() {
    let mut story = Story::begin();
    story.voice(ms(1000)).wait(ENDPOINTING).forget();

    story
        .input(Input::Interrupt)
        .transcript(UtteranceId(1), "Hello?");

    let expected = [
        Output::CancelUtterance(UtteranceId(1)),
        Output::State(AgentState::Listening),
    ];
    assert_eq!(story.outputs(), expected);
}

#[test]
fn stop_does_not_take_the_word_from_the_caller() {
    let (mut story, _) = speaking();
    story.input(Input::SpeechStarted).wait(ms(100));

    story.input(Input::Interrupt).wait(ms(500));
    story
        .input(Input::SpeechStopped { silence: HANGOVER })
        .wait(ENDPOINTING);
    story.transcript(SECOND, "And of Spain?");

    assert_eq!(story.last_prompt().last(), Some(&user("And of Spain?")));
}

#[test]
fn stop_with_nothing_to_stop_does_nothing() {
    let mut story = Story::begin();

    story.input(Input::Interrupt);

    assert_eq!(story.outputs(), []);
}

#[test]
fn stop_does_not_forget_what_the_caller_said_before() {
    let mut story = Story::begin();
    story.voice(ms(800)).wait(ENDPOINTING);
    let utterance = story.last_ended();
    story
        .type_in("Where is Paris?")
        .transcript(utterance, "Hello.");
    let answer = story.model_answers(REPLY);
    story.heard(answer, 0, 5);

    story.input(Input::Interrupt).say("And Madrid?");

    let expected = [
        user("Where is Paris?"),
        assistant("Paris—"),
        user("Hello. And Madrid?"),
    ];
    assert_eq!(story.last_prompt(), expected);
}
