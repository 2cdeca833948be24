//! When a stage fails, the caller hears so, and the page shows it.

mod story;

use jex_conversation::{AgentState, AnswerId, Input, Output, Problem, Stage};
use story::{BARGE_IN, ENDPOINTING, Story, broken, ended, ms, shown, spoken, user};

const NO_MODEL: &str = "Sorry, I cannot reach the language model.";
const STILL_NO_MODEL: &str = "Sorry, I still cannot reach the language model.";
const DEAF: &str = "Sorry, I cannot understand speech at the moment.";
const STILL_DEAF: &str = "Sorry, I still cannot understand speech.";

fn problems(outputs: &[Output]) -> Vec<Option<Problem>> {
    let problem = |output: &Output| match output {
        Output::Problem(problem) => Some(problem.clone()),
        _ => None,
    };
    outputs.iter().filter_map(problem).collect()
}

fn last_spoken(story: &Story) -> AnswerId {
    let speak = story.all.iter().rev().find_map(|output| match output {
        Output::Speak { answer, .. } => Some(*answer),
        _ => None,
    });
    speak.expect("something was said")
}

/// The caller asks, the model fails; what is said about it is played.
fn ask_in_vain(story: &mut Story, problem: Problem) -> Vec<Output> {
    story.say("Where is Paris?").forget();
    let answer = story.last_generated();
    story.input(Input::GenerationFailed { answer, problem });
    let announcement = last_spoken(story);
    story.played(announcement, 0).outputs()
}

/// The caller speaks and is not understood; what is said about it is played.
fn speak_in_vain(story: &mut Story) -> Vec<Output> {
    story.voice(ms(1000)).wait(ENDPOINTING).forget();
    let utterance = story.last_ended();
    let problem = broken(Stage::SpeechToText);
    story.input(Input::RecognitionFailed { utterance, problem });
    let announcement = last_spoken(story);
    story.played(announcement, 0).outputs()
}

#[test]
fn a_model_that_cannot_be_reached_is_told_and_shown() {
    let mut story = Story::begin();
    let problem = broken(Stage::LanguageModel);
    story.say("Where is Paris?").forget();
    let answer = story.last_generated();

    story.input(Input::GenerationFailed {
        answer,
        problem: problem.clone(),
    });

    let announcement = AnswerId(answer.0 + 1);
    let expected = [
        Output::Problem(Some(problem)),
        Output::AnswerEnded {
            answer,
            text: String::new(),
            interrupted: false,
        },
        Output::Speak {
            answer: announcement,
            sentence: 0,
            text: NO_MODEL.into(),
        },
        Output::State(AgentState::Speaking),
    ];
    assert_eq!(story.outputs(), expected);
}

#[test]
fn each_turn_is_answered_but_all_is_said_once() {
    let mut story = Story::begin();

    let first = ask_in_vain(&mut story, broken(Stage::LanguageModel));
    let second = ask_in_vain(&mut story, broken(Stage::LanguageModel));

    assert_eq!(spoken(&first), [NO_MODEL]);
    assert_eq!(spoken(&second), [STILL_NO_MODEL]);
    assert_eq!(problems(&second), []);
}

#[test]
fn another_reason_is_another_problem() {
    let mut story = Story::begin();
    ask_in_vain(&mut story, broken(Stage::LanguageModel));
    let missing = Problem {
        message: "the model is missing".into(),
        ..broken(Stage::LanguageModel)
    };

    let outputs = ask_in_vain(&mut story, missing.clone());

    assert_eq!(spoken(&outputs), [NO_MODEL]);
    assert_eq!(problems(&outputs), [Some(missing)]);
}

#[test]
fn it_is_over_when_the_model_answers_again() {
    let mut story = Story::begin();
    ask_in_vain(&mut story, broken(Stage::LanguageModel));
    story.say("Where is Paris?").forget();
    let answer = story.last_generated();

    story.sentence(answer, "In France.");
    let healed = problems(&story.outputs());
    story.done(answer).played(answer, 0);
    let again = ask_in_vain(&mut story, broken(Stage::LanguageModel));

    assert_eq!(healed, [None]);
    assert_eq!(spoken(&again), [NO_MODEL]);
}

#[test]
fn a_model_that_fails_in_mid_answer_is_heard_out_first() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();
    story
        .sentence(answer, "In France.")
        .heard(answer, 0, 3)
        .forget();

    let problem = broken(Stage::LanguageModel);
    story.input(Input::GenerationFailed { answer, problem });
    assert_eq!(spoken(&story.outputs()), [""; 0]);
    story.played(answer, 0);

    let outputs = story.outputs();
    assert_eq!(ended(&outputs, answer), Some(("In France.".into(), false)));
    assert_eq!(spoken(&outputs), [NO_MODEL]);
}

#[test]
fn speech_that_cannot_be_understood_is_told_and_shown() {
    let mut story = Story::begin();

    let first = speak_in_vain(&mut story);
    let second = speak_in_vain(&mut story);

    assert_eq!(problems(&first), [Some(broken(Stage::SpeechToText))]);
    assert_eq!(spoken(&first), [DEAF]);
    assert_eq!(spoken(&second), [STILL_DEAF]);
}

#[test]
fn being_understood_again_ends_it() {
    let mut story = Story::begin();
    speak_in_vain(&mut story);

    story.say("Where is Paris?");

    assert!(problems(&story.outputs()).contains(&None));
    assert_eq!(story.last_prompt(), [user("Where is Paris?")]);
}

#[test]
fn half_a_question_is_not_answered_but_kept() {
    let mut story = Story::begin();
    story.voice(ms(1000)).wait(ENDPOINTING);
    let first = story.last_ended();
    story.voice(ms(1000)).wait(ENDPOINTING);
    let second = story.last_ended();

    story
        .transcript(first, "What is the capital")
        .input(Input::RecognitionFailed {
            utterance: second,
            problem: broken(Stage::SpeechToText),
        });
    assert_eq!(spoken(&story.outputs()), [DEAF]);
    let announcement = last_spoken(&story);
    story.played(announcement, 0).say("of France?");

    assert_eq!(
        story.last_prompt(),
        [user("What is the capital of France?")]
    );
}

#[test]
fn a_cough_that_could_not_be_understood_is_no_turn() {
    let mut story = Story::begin();
    story.type_in("Where is Paris?");
    let answer = story.model_answers("In France.");
    story.heard(answer, 0, 3).input(Input::SpeechStarted);
    let utterance = story.last_started();

    let problem = broken(Stage::SpeechToText);
    story.input(Input::RecognitionFailed { utterance, problem });
    story
        .wait(ms(100))
        .input(Input::SpeechStopped { silence: ms(20) });
    story.played(answer, 0).wait(ms(5000));

    assert_eq!(spoken(&story.all), ["In France."]);
}

#[test]
fn a_voice_that_fails_shows_what_it_could_not_say() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();
    story
        .sentence(answer, "In France. ")
        .sentence(answer, "It is big.")
        .done(answer)
        .forget();

    for sentence in 0..2 {
        let problem = broken(Stage::TextToSpeech);
        story.input(Input::SpeechFailed {
            answer,
            sentence,
            problem,
        });
    }

    let outputs = story.outputs();
    assert_eq!(shown(&outputs, answer), "In France. It is big.");
    assert_eq!(problems(&outputs), [Some(broken(Stage::TextToSpeech))]);
    assert_eq!(spoken(&outputs).len(), 1, "one attempt to say so");
    let attempt = last_spoken(&story);
    let problem = broken(Stage::TextToSpeech);
    story.input(Input::SpeechFailed {
        answer: attempt,
        sentence: 0,
        problem,
    });
    assert_eq!(spoken(&story.outputs()), [""; 0], "and no more");
}

#[test]
fn a_sentence_that_fails_out_of_turn_is_shown_in_turn() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();
    story
        .sentence(answer, "In France. ")
        .sentence(answer, "It is big.")
        .done(answer);

    let problem = broken(Stage::TextToSpeech);
    story.input(Input::SpeechFailed {
        answer,
        sentence: 1,
        problem,
    });
    assert_eq!(shown(&story.all, answer), "");
    story.played(answer, 0);

    assert_eq!(shown(&story.all, answer), "In France. It is big.");
}

#[test]
fn a_voice_that_sounds_again_works_again() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();
    story
        .sentence(answer, "In France. ")
        .sentence(answer, "It is big.")
        .done(answer);
    let problem = broken(Stage::TextToSpeech);
    story.input(Input::SpeechFailed {
        answer,
        sentence: 0,
        problem,
    });

    story.forget().heard(answer, 1, 4);

    assert_eq!(problems(&story.outputs()), [None]);
}

#[test]
fn of_two_problems_the_older_one_shows_when_the_newer_one_is_over() {
    let mut story = Story::begin();
    ask_in_vain(&mut story, broken(Stage::LanguageModel));
    speak_in_vain(&mut story);
    story.forget();

    story.say("Where is Paris?");

    let expected = [Some(broken(Stage::LanguageModel))];
    assert_eq!(problems(&story.outputs()), expected);
}

#[test]
fn what_is_said_about_a_problem_can_be_interrupted() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.last_generated();
    let problem = broken(Stage::LanguageModel);
    story.input(Input::GenerationFailed { answer, problem });
    let announcement = last_spoken(&story);
    story.heard(announcement, 0, 5).forget();

    story.input(Input::SpeechStarted).wait(BARGE_IN);

    assert!(
        story
            .outputs()
            .contains(&Output::StopSpeaking(announcement))
    );
}

#[test]
fn news_that_came_too_late_is_not_told() {
    let mut story = Story::begin();
    story.voice(ms(1000)).wait(ENDPOINTING);
    let utterance = story.last_ended();
    story.type_in("Where is Paris?");
    let answer = story.last_generated();
    let problem = broken(Stage::LanguageModel);

    story.type_in("Hello?").forget();
    story.input(Input::GenerationFailed { answer, problem });

    assert_eq!(story.outputs(), []);
    story.transcript(utterance, "");
}

#[test]
fn what_is_wrong_is_not_said_over_the_caller_nor_after_a_new_question() {
    let mut story = Story::begin();
    story.input(Input::SpeechStarted).wait(ms(500));
    let utterance = story.last_started();
    story.type_in("Where is Paris?").forget();
    let answer = story.last_generated();

    let problem = broken(Stage::LanguageModel);
    story.input(Input::GenerationFailed { answer, problem });
    story.transcript(utterance, "And Madrid?").wait(ms(500));
    story
        .input(Input::SpeechStopped { silence: ms(100) })
        .wait(ENDPOINTING);
    let answer = story.model_answers("In Spain.");
    story.played(answer, 0);

    assert_eq!(spoken(&story.outputs()), ["In Spain."]);
}
