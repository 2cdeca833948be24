//! When the caller's turn begins and when it is over.

mod story;

use jex_conversation::{AgentState, Input, Output, UtteranceId};
use story::{
    BARGE_IN, ENDPOINTING, HANGOVER, LONGEST_UTTERANCE, Story, TRANSCRIPT_TIMEOUT, broken, ms,
    spoken, user,
};

const FIRST: UtteranceId = UtteranceId(1);
const SECOND: UtteranceId = UtteranceId(2);

#[test]
fn a_voice_opens_an_utterance_at_once() {
    let mut story = Story::begin();

    story.input(Input::SpeechStarted);

    let expected = [Output::Hearing(true), Output::StartUtterance(FIRST)];
    assert_eq!(story.outputs(), expected);
}

#[test]
fn the_pause_is_counted_from_the_last_voiced_frame() {
    let mut story = Story::begin();
    story.voice(ms(1000)).forget();
    let last_voiced = story.elapsed() - HANGOVER;

    assert_eq!(story.deadline(), Some(last_voiced + ENDPOINTING));
    story.wait(ENDPOINTING - HANGOVER - ms(1));
    assert_eq!(story.outputs(), []);
    story.wait(ms(1));

    let expected = [
        Output::EndUtterance(FIRST),
        Output::State(AgentState::Thinking),
    ];
    assert_eq!(story.outputs(), expected);
}

#[test]
fn a_silence_that_is_noticed_late_ends_the_utterance_at_once() {
    let mut story = Story::begin();
    story.input(Input::SpeechStarted).wait(ms(2000)).forget();

    story.input(Input::SpeechStopped {
        silence: ENDPOINTING,
    });

    assert!(story.outputs().contains(&Output::EndUtterance(FIRST)));
}

#[test]
fn speech_that_goes_on_in_time_is_the_same_utterance() {
    let mut story = Story::begin();
    story.voice(ms(500)).wait(ENDPOINTING - HANGOVER - ms(1));

    story.voice(ms(500)).wait(ENDPOINTING);

    let outputs = story.outputs();
    let starts = outputs
        .iter()
        .filter(|o| matches!(o, Output::StartUtterance(_)));
    let ends = outputs
        .iter()
        .filter(|o| matches!(o, Output::EndUtterance(_)));
    assert_eq!((starts.count(), ends.count()), (1, 1));
}

#[test]
fn the_final_transcript_makes_it_a_turn() {
    let mut story = Story::begin();

    story.say("What is the capital of France?");

    assert_eq!(
        story.last_prompt(),
        [user("What is the capital of France?")]
    );
    assert_eq!(story.state(), AgentState::Thinking);
}

#[test]
fn interim_transcripts_are_shown_and_make_no_turn() {
    let mut story = Story::begin();
    story.input(Input::SpeechStarted).wait(ms(400)).forget();

    story
        .interim(FIRST, "What is")
        .interim(FIRST, "What is")
        .interim(FIRST, "What is the");

    let interim = |text: &str| Output::CallerTranscript {
        utterance: FIRST,
        text: text.into(),
        is_final: false,
    };
    assert_eq!(
        story.outputs(),
        [interim("What is"), interim("What is the")]
    );
}

#[test]
fn no_words_is_no_turn() {
    let mut story = Story::begin();
    story.voice(ms(1000)).wait(ENDPOINTING);

    story.forget().transcript(FIRST, "  ");

    assert_eq!(story.outputs(), [Output::State(AgentState::Listening)]);
}

#[test]
fn interim_words_that_were_none_are_taken_back() {
    let mut story = Story::begin();
    story.voice(ms(1000)).interim(FIRST, "Hm").wait(ENDPOINTING);

    story.forget().transcript(FIRST, "");

    let taken_back = Output::CallerTranscript {
        utterance: FIRST,
        text: String::new(),
        is_final: true,
    };
    assert!(story.outputs().contains(&taken_back));
}

#[test]
fn speech_while_the_words_are_awaited_joins_the_turn() {
    let mut story = Story::begin();
    story.voice(ms(1000)).wait(ENDPOINTING);
    story.voice(ms(1000));

    story.transcript(FIRST, "What is the capital");
    assert!(
        !story
            .outputs()
            .iter()
            .any(|o| matches!(o, Output::Generate { .. }))
    );
    story.wait(ENDPOINTING).transcript(SECOND, "of France?");

    assert_eq!(
        story.last_prompt(),
        [user("What is the capital of France?")]
    );
}

#[test]
fn transcripts_may_come_in_any_order() {
    let mut story = Story::begin();
    story.voice(ms(1000)).wait(ENDPOINTING);
    story.voice(ms(1000)).wait(ENDPOINTING);

    story
        .transcript(SECOND, "of France?")
        .transcript(FIRST, "What is the capital");

    assert_eq!(
        story.last_prompt(),
        [user("What is the capital of France?")]
    );
}

#[test]
fn words_that_are_final_early_wait_for_the_end_of_the_utterance() {
    let mut story = Story::begin();
    story.input(Input::SpeechStarted).wait(ms(500));

    story.transcript(FIRST, "Hello");
    assert!(
        !story
            .outputs()
            .iter()
            .any(|o| matches!(o, Output::Generate { .. }))
    );
    story
        .input(Input::SpeechStopped { silence: HANGOVER })
        .wait(ENDPOINTING);

    assert_eq!(story.last_prompt(), [user("Hello")]);
}

#[test]
fn speech_before_the_answer_is_heard_joins_the_turn_and_withdraws_the_answer() {
    let mut story = Story::begin();
    story.say("What is the capital");
    let withdrawn = story.last_generated();
    story.forget();

    story.input(Input::SpeechStarted).wait(BARGE_IN);
    let outputs = story.outputs();
    story
        .wait(ms(500))
        .input(Input::SpeechStopped { silence: HANGOVER })
        .wait(ENDPOINTING);
    story.transcript(SECOND, "of France?");

    assert!(outputs.contains(&Output::CancelGeneration(withdrawn)));
    assert_eq!(
        story::ended(&outputs, withdrawn),
        Some((String::new(), true))
    );
    assert_eq!(
        story.last_prompt(),
        [user("What is the capital of France?")]
    );
}

#[test]
fn a_sentence_that_is_ready_waits_while_the_caller_may_go_on() {
    let mut story = Story::begin();
    story.say("What is the capital of France?");
    let answer = story.last_generated();
    story
        .input(Input::SpeechStarted)
        .wait(BARGE_IN - ms(100))
        .forget();

    story.sentence(answer, "Paris.");
    assert_eq!(story::spoken(&story.outputs()), [""; 0]);
    story.input(Input::SpeechStopped { silence: HANGOVER });

    let outputs = story.outputs();
    assert!(outputs.contains(&Output::CancelUtterance(SECOND)));
    assert_eq!(story::spoken(&outputs), ["Paris."]);
}

#[test]
fn noise_that_withdrew_an_answer_does_not_cost_the_caller_the_answer() {
    let mut story = Story::begin();
    story.say("What is the capital of France?");
    let withdrawn = story.last_generated();

    story
        .voice(ms(1000))
        .wait(ENDPOINTING)
        .transcript(SECOND, "");

    assert_ne!(story.last_generated(), withdrawn);
    assert_eq!(
        story.last_prompt(),
        [user("What is the capital of France?")]
    );
}

#[test]
fn a_transcript_that_does_not_come_is_given_up() {
    let mut story = Story::begin();
    story.voice(ms(1000)).wait(ENDPOINTING).forget();

    story.wait(TRANSCRIPT_TIMEOUT);

    let outputs = story.outputs();
    assert!(outputs.contains(&Output::CancelUtterance(FIRST)));
    assert!(
        matches!(outputs[1], Output::Problem(Some(_))),
        "{outputs:?}"
    );
    assert_eq!(story::spoken(&outputs).len(), 1);
}

#[test]
fn what_comes_after_that_is_ignored() {
    let mut story = Story::begin();
    story
        .voice(ms(1000))
        .wait(ENDPOINTING + TRANSCRIPT_TIMEOUT)
        .forget();

    story
        .transcript(FIRST, "Hello?")
        .input(Input::RecognitionFailed {
            utterance: FIRST,
            problem: broken(jex_conversation::Stage::SpeechToText),
        });

    assert_eq!(story.outputs(), []);
}

#[test]
fn unknown_utterances_and_answers_are_ignored() {
    let mut story = Story::begin();

    story.transcript(UtteranceId(99), "Hello?");
    story.sentence(jex_conversation::AnswerId(99), "Hello.");
    story.heard(jex_conversation::AnswerId(99), 7, 3);
    story.played(jex_conversation::AnswerId(99), 7);

    assert_eq!(story.outputs(), []);
}

#[test]
fn time_that_runs_backwards_is_time_that_stands_still() {
    let now = std::time::Instant::now();
    let mut conversation = jex_conversation::Conversation::new(story::rules());
    conversation.handle(now, Input::CallerJoined);
    conversation.handle(now + ms(1000), Input::SpeechStarted);

    conversation.handle(now, Input::SpeechStopped { silence: ms(0) });

    assert_eq!(
        conversation.next_deadline(),
        Some(now + ms(1000) + ENDPOINTING)
    );
}

#[test]
fn speech_in_noise_that_never_ends_is_answered_all_the_same() {
    let mut story = Story::begin();
    story.input(Input::SpeechStarted);

    story.forget().wait(LONGEST_UTTERANCE - ms(1));
    let before = story.outputs();
    story.wait(ms(1));
    let outputs = story.outputs();
    story.transcript(FIRST, "Where is Paris?");
    story.model_answers("In France.");

    assert_eq!(before, []);
    assert_eq!(outputs[0], Output::EndUtterance(FIRST));
    assert_eq!(spoken(&story.outputs()), ["In France."]);
}

#[test]
fn a_pause_for_breath_does_not_make_a_long_utterance_longer() {
    let mut story = Story::begin();
    story.voice(LONGEST_UTTERANCE / 2);
    story.input(Input::SpeechStarted).forget();

    story.wait(LONGEST_UTTERANCE / 2);

    assert_eq!(story.outputs()[0], Output::EndUtterance(FIRST));
}
