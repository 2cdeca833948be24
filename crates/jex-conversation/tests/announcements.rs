//! Reminders and the like are said when nobody speaks, to someone who is there.

mod story;

use jex_conversation::{AgentState, AnnouncementId, Input, Output, Rules, Stage};
use story::{BARGE_IN, Story, assistant, broken, ms, spoken, user};

const TEXT: &str = "Drink water.";
const WATER: AnnouncementId = AnnouncementId(7);

fn announced(story: &Story) -> bool {
    story.all.contains(&Output::Announced(WATER))
}

#[test]
fn it_is_said_at_once_when_it_is_quiet_and_told_of_when_it_was_heard() {
    let mut story = Story::begin();

    story.announce(WATER.0, TEXT);

    assert_eq!(spoken(&story.outputs()), [TEXT]);
    assert_eq!(story.state(), AgentState::Speaking);
    assert!(!announced(&story));
    story.last_played();
    assert!(announced(&story));
}

#[test]
fn it_waits_for_the_answer_and_for_the_caller() {
    let mut story = Story::begin();
    story.say("Where is Paris?");
    let answer = story.model_answers("In France.");
    story.forget();

    story.announce(WATER.0, TEXT);
    assert_eq!(spoken(&story.outputs()), Vec::<&str>::new());
    story.input(Input::SpeechStarted).played(answer, 0);
    assert_eq!(spoken(&story.outputs()), Vec::<&str>::new());
    story.wait(ms(100));
    story.input(Input::SpeechStopped { silence: ms(0) });
    story.wait(story::ENDPOINTING);
    let utterance = story.last_ended();
    story.transcript(utterance, "");

    assert_eq!(spoken(&story.outputs()), [TEXT]);
}

#[test]
fn it_is_kept_for_the_caller_who_is_away_and_said_after_the_greeting() {
    let mut story = Story::before_the_caller(Rules {
        greeting: "Hello.".into(),
        ..story::rules()
    });
    story.announce(WATER.0, TEXT).forget();

    story.input(Input::CallerJoined);
    assert_eq!(spoken(&story.outputs()), ["Hello."]);
    story.last_played();

    assert_eq!(spoken(&story.outputs()), [TEXT]);
}

#[test]
fn who_leaves_in_the_middle_hears_it_when_they_are_back() {
    let mut story = Story::begin();
    story.announce(WATER.0, TEXT);

    for _ in 0..3 {
        let (answer, _) = story.last_spoken();
        story.heard(answer, 0, 5).input(Input::CallerLeft).forget();
        story.input(Input::CallerJoined);
        assert_eq!(spoken(&story.outputs()), [TEXT]);
    }

    assert!(!announced(&story));
    story.last_played();
    assert!(announced(&story));
}

#[test]
fn talked_over_it_is_said_once_more_and_then_taken_for_noticed() {
    let mut story = Story::begin();
    story.announce(WATER.0, TEXT);

    for _ in 0..2 {
        assert!(!announced(&story));
        let (answer, _) = story.last_spoken();
        story.heard(answer, 0, 5).forget();
        story.input(Input::SpeechStarted).wait(BARGE_IN);
        story.input(Input::SpeechStopped { silence: ms(0) });
        story.wait(story::ENDPOINTING);
        let utterance = story.last_ended();
        story.transcript(utterance, "");
    }

    assert!(announced(&story));
    assert_eq!(story.state(), AgentState::Listening);
}

#[test]
fn twice_told_of_it_is_said_once() {
    let mut story = Story::begin();

    story.announce(WATER.0, TEXT).announce(WATER.0, TEXT);
    story.last_played();

    assert_eq!(spoken(&story.outputs()), [TEXT]);
}

#[test]
fn without_a_voice_it_is_kept() {
    let mut story = Story::begin();
    for _ in 0..2 {
        story.announce(WATER.0, TEXT);
        let (answer, sentence) = story.last_spoken();
        let problem = broken(Stage::TextToSpeech);
        story.input(Input::SpeechFailed {
            answer,
            sentence,
            problem,
        });
    }

    story.forget().wait(ms(60_000));
    assert_eq!(
        spoken(&story.outputs()),
        Vec::<&str>::new(),
        "no endless tries"
    );
    assert!(!announced(&story));
    story.input(Input::CallerLeft).input(Input::CallerJoined);
    assert_eq!(spoken(&story.outputs()), [TEXT]);
}

#[test]
fn the_model_knows_of_it() {
    let mut story = Story::begin();
    story.announce(WATER.0, TEXT).last_played();

    story.say("Again in five minutes.");

    let expected = [assistant(TEXT), user("Again in five minutes.")];
    assert_eq!(story.last_prompt(), expected);
}
