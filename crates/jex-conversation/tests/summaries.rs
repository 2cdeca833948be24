//! A long conversation is summed up while nobody speaks, and what is to be forgotten is.

mod story;

use jex_conversation::{Input, Message, Output, Role, Rules, SummaryId};
use story::{ENDPOINTING, HANGOVER, Story, assistant, ms, user};

const SUMMARY: &str = "The caller counts.";

fn rules() -> Rules {
    Rules {
        context_tokens: 500,
        max_answer_tokens: 100,
        ..story::rules()
    }
}

/// Talks until the model is asked for a summary; how many turns that took.
fn until_summed_up(story: &mut Story) -> usize {
    for n in 0..100 {
        story.exchange(&format!("Question number {n}?"), "A rather short answer.");
        if asked(story).is_some() {
            return n + 1;
        }
    }
    panic!("nobody asks for a summary")
}

fn asked(story: &Story) -> Option<(SummaryId, Vec<Message>)> {
    story.all.iter().rev().find_map(|output| match output {
        Output::SumUp {
            summary, messages, ..
        } => Some((*summary, messages.clone())),
        _ => None,
    })
}

fn is_cancelled(story: &Story, id: SummaryId) -> bool {
    story.all.contains(&Output::CancelSummary(id))
}

fn summed_up(story: &mut Story, summary: SummaryId, text: Option<&str>) {
    let text = text.map(str::to_owned);
    story.input(Input::SummedUp { summary, text });
}

/// The system message of the last prompt.
fn instructions(story: &Story) -> String {
    let last = story.all.iter().rev().find_map(|output| match output {
        Output::Generate { messages, .. } => Some(messages[0].clone()),
        _ => None,
    });
    let first = last.expect("the model was asked");
    assert_eq!(first.role, Role::System);
    first.text
}

#[test]
fn what_no_longer_fits_is_in_the_prompt_in_short() {
    let mut story = Story::with(rules());
    let turns = until_summed_up(&mut story);
    let (id, messages) = asked(&story).unwrap();
    let told = &messages.last().unwrap().text;
    assert!(told.starts_with("Caller: Question number 0?\nAssistant: A rather short answer.\n"));
    let last = format!("Question number {}?", turns - 1);
    assert!(!told.contains(&last), "the newest turns stay as they are");

    summed_up(&mut story, id, Some(SUMMARY));
    story.say("And now?");

    assert!(instructions(&story).ends_with(SUMMARY));
    let said = story.last_prompt();
    assert!(said.len() >= 3 && said.contains(&user(&last)), "{said:?}");
    assert!(!said.contains(&user("Question number 0?")));
}

#[test]
fn the_next_summary_holds_the_one_before() {
    let mut story = Story::with(rules());
    until_summed_up(&mut story);
    let (first, _) = asked(&story).unwrap();
    summed_up(&mut story, first, Some(SUMMARY));

    while asked(&story).unwrap().0 == first {
        story.exchange("And on?", "A rather short answer.");
    }

    let (_, messages) = asked(&story).unwrap();
    let told = &messages.last().unwrap().text;
    assert!(told.starts_with("Earlier: The caller counts.\n"), "{told}");
}

#[test]
fn whoever_speaks_goes_before() {
    let mut story = Story::with(rules());
    until_summed_up(&mut story);
    let (id, _) = asked(&story).unwrap();

    story.voice(ms(1000)).wait(ENDPOINTING - HANGOVER);
    assert!(!is_cancelled(&story, id), "they may say nothing");
    let utterance = story.last_ended();
    story.transcript(utterance, "One more thing?");

    assert!(is_cancelled(&story, id));
    summed_up(&mut story, id, Some("too late"));
    let answer = story.model_answers("Yes?");
    story.played(answer, 0);
    assert_ne!(asked(&story).unwrap().0, id, "it is tried again");
    story.say("Well?");
    assert!(!instructions(&story).contains("too late"));
}

#[test]
fn one_that_fails_is_tried_again_after_the_next_turn() {
    let mut story = Story::with(rules());
    until_summed_up(&mut story);
    let (first, _) = asked(&story).unwrap();

    summed_up(&mut story, first, None);
    story.wait(ms(60_000)).input(Input::Tick);
    assert_eq!(asked(&story).unwrap().0, first);
    story.exchange("Still there?", "Yes.");

    assert_ne!(asked(&story).unwrap().0, first);
}

#[test]
fn a_model_that_cannot_is_not_asked() {
    let mut story = Story::with(Rules {
        sums_up: false,
        ..rules()
    });

    for n in 0..100 {
        story.exchange(&format!("Question number {n}?"), "A rather short answer.");
    }

    assert_eq!(asked(&story), None);
}

#[test]
fn what_is_forgotten_is_told_to_no_model() {
    let mut story = Story::with(story::rules());
    story.exchange("My name is Ada.", "Hello, Ada.");
    story.wait(ms(3_600_000));
    story.exchange("My code is 1234.", "I see.");
    story.say("Forget the last minute.");
    let answer = story.last_generated();
    story.tools_called(answer, &["forget"]);

    story.input(Input::Forget {
        since: ms(60_000),
        until: ms(0),
    });
    story.tools_done(answer, &[("forget", "done")]);

    let said = story.last_prompt();
    assert_eq!(
        said[..2],
        [user("My name is Ada."), assistant("Hello, Ada.")]
    );
    assert_eq!(said[2], user("Forget the last minute."));
    assert!(!format!("{said:?}").contains("1234"));
}

#[test]
fn what_the_owner_deleted_meanwhile_is_told_to_no_model() {
    let mut story = Story::with(story::rules());
    story.exchange("My code is 1234.", "I see.");
    story.wait(ms(20_000));
    story.exchange("What a day.", "Indeed.");

    story.input(Input::Forget {
        since: ms(60_000),
        until: ms(15_000),
    });
    story.say("Go on.");

    let said = story.last_prompt();
    assert!(!format!("{said:?}").contains("1234"), "{said:?}");
    assert!(said.contains(&user("What a day.")), "{said:?}");
}

#[test]
fn what_was_deleted_while_it_was_answered_is_forgotten_after_the_answer() {
    let mut story = Story::with(story::rules());
    story.say("My code is 1234.");

    story.input(Input::Forget {
        since: ms(60_000),
        until: ms(0),
    });
    let answer = story.wait(ms(1)).last_generated();
    story.tools_called(answer, &["note 1234"]).wait(ms(1));
    story.tools_done(answer, &[("note 1234", "1234 is noted")]);
    let answer = story.wait(ms(1)).model_answers("I noted 1234.");
    story.played(answer, 0).say("Go on.");

    let said = story.last_prompt();
    assert!(!format!("{said:?}").contains("1234"), "{said:?}");
    assert!(said.contains(&user("Go on.")), "{said:?}");
}

#[test]
fn a_summary_of_what_was_said_later_stays() {
    let mut story = Story::with(rules());
    until_summed_up(&mut story);
    let (id, _) = asked(&story).unwrap();
    summed_up(&mut story, id, Some(SUMMARY));

    let since = story.elapsed() + ms(60_000);
    let until = story.elapsed() + ms(1);
    story.input(Input::Forget { since, until });
    story.say("And now?");

    assert!(instructions(&story).contains(SUMMARY));
}

#[test]
fn a_summary_is_forgotten_with_what_it_sums_up() {
    let mut story = Story::with(rules());
    until_summed_up(&mut story);
    let (id, _) = asked(&story).unwrap();
    summed_up(&mut story, id, Some(SUMMARY));

    story.input(Input::Forget {
        since: story.elapsed(),
        until: ms(0),
    });
    story.say("And now?");

    assert!(!instructions(&story).contains(SUMMARY));
}

#[test]
fn other_instructions_hold_from_the_next_turn_on() {
    let mut story = Story::begin();

    story.input(Input::Instructions("Speak in rhyme.".into()));
    story.say("Well?");

    assert_eq!(instructions(&story), "Speak in rhyme.");
}
