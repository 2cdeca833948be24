//! The first words.

mod story;

use jex_conversation::{AgentState, AnswerId, Input, Output, Rules, UtteranceId};
use story::{ENDPOINTING, Story, assistant, ended, ms, spoken, user};

const GREETING: AnswerId = AnswerId(1);
const TEXT: &str = "Hello, this is JEX. How can I help?";

fn rules() -> Rules {
    Rules {
        greeting: TEXT.into(),
        ..story::rules()
    }
}

#[test]
fn nothing_is_said_before_the_caller_is_there() {
    let mut story = Story::before_the_caller(rules());

    story.wait(ms(60_000));

    assert_eq!(story.outputs(), [Output::State(AgentState::Initializing)]);
}

#[test]
fn the_caller_is_greeted() {
    let mut story = Story::before_the_caller(rules());
    story.forget();

    story.input(Input::CallerJoined);

    let expected = [
        Output::Speak {
            answer: GREETING,
            sentence: 0,
            text: TEXT.into(),
        },
        Output::State(AgentState::Speaking),
    ];
    assert_eq!(story.outputs(), expected);
}

#[test]
fn states_follow_the_conversation() {
    let mut story = Story::with(rules());
    story.played(GREETING, 0).say("Where is Paris?");
    let answer = story.model_answers("In France.");
    story.heard(answer, 0, 2).played(answer, 0);

    let expected = [
        AgentState::Initializing,
        AgentState::Speaking,
        AgentState::Listening,
        AgentState::Thinking,
        AgentState::Speaking,
        AgentState::Listening,
    ];
    assert_eq!(story.states(), expected);
}

#[test]
fn an_empty_greeting_is_no_greeting() {
    let mut story = Story::before_the_caller(Rules {
        greeting: "  ".into(),
        ..rules()
    });
    story.forget();

    story.input(Input::CallerJoined);

    assert_eq!(story.outputs(), [Output::State(AgentState::Listening)]);
}

#[test]
fn the_greeting_counts_as_said() {
    let mut story = Story::with(rules());
    story.played(GREETING, 0);

    story.say("Where is Paris?");

    assert_eq!(
        story.last_prompt(),
        [assistant(TEXT), user("Where is Paris?")]
    );
}

#[test]
fn a_caller_who_comes_back_is_not_greeted_again() {
    let mut story = Story::with(rules());
    story
        .played(GREETING, 0)
        .exchange("Where is Paris?", "In France.");

    story.input(Input::CallerLeft).input(Input::CallerJoined);
    let outputs = story.outputs();
    story.say("And Madrid?");

    assert_eq!(spoken(&outputs), [""; 0]);
    let expected = [
        assistant(TEXT),
        user("Where is Paris?"),
        assistant("In France."),
        user("And Madrid?"),
    ];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn joining_twice_is_joining_once() {
    let mut story = Story::with(rules());
    story.forget();

    story.input(Input::CallerJoined);

    assert_eq!(story.outputs(), []);
}

#[test]
fn a_greeting_cut_short_by_a_lost_connection_is_not_said_again() {
    let mut story = Story::with(rules());
    story.heard(GREETING, 0, "Hello, this".len());

    story.input(Input::CallerLeft).input(Input::CallerJoined);

    assert_eq!(spoken(&story.all).len(), 1);
    assert_eq!(
        ended(&story.all, GREETING),
        Some(("Hello, this—".into(), true))
    );
}

#[test]
fn who_speaks_first_is_answered_not_greeted() {
    let mut story = Story::before_the_caller(rules());
    story.voice(ms(800)).forget();

    story.input(Input::CallerJoined).wait(ENDPOINTING);
    story.transcript(UtteranceId(1), "Where is Paris?");

    assert_eq!(spoken(&story.outputs()), [""; 0]);
    assert_eq!(story.last_prompt(), [user("Where is Paris?")]);
}
