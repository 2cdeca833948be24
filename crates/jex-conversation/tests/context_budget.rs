//! As much of the conversation goes to the model as it can hold.

mod story;

use jex_conversation::{Input, Message, Output, Role, Rules};
use story::{Story, assistant, user};

fn small(context_tokens: u32) -> Rules {
    Rules {
        context_tokens,
        max_answer_tokens: 100,
        ..story::rules()
    }
}

fn prompt(story: &Story) -> Vec<Message> {
    let prompt = story.all.iter().rev().find_map(|output| match output {
        Output::Generate { messages, .. } => Some(messages.clone()),
        _ => None,
    });
    prompt.expect("the model was asked")
}

/// Never more than a token for each byte: what the least fitting vocabulary would make of it.
fn bytes(prompt: &[Message]) -> usize {
    prompt.iter().map(|message| message.text.len()).sum()
}

#[test]
fn a_short_conversation_goes_to_the_model_whole() {
    let mut story = Story::begin();
    story.exchange("One?", "First.").exchange("Two?", "Second.");

    story.say("Three?");

    assert_eq!(prompt(&story)[0].role, Role::System);
    let expected = [
        user("One?"),
        assistant("First."),
        user("Two?"),
        assistant("Second."),
        user("Three?"),
    ];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn the_oldest_turns_go_first_and_whole() {
    let mut story = Story::with(small(300));
    for n in 0..30 {
        story.exchange(&format!("Question number {n}?"), "A rather short answer.");
    }

    story.say("The last one?");

    let said = story.last_prompt();
    assert!((3..40).contains(&said.len()), "{} messages", said.len());
    assert_eq!(said[0].0, Role::User);
    assert_eq!(said[said.len() - 3], user("Question number 29?"));
    assert_eq!(said.last(), Some(&user("The last one?")));
}

#[test]
fn the_greeting_goes_before_any_turn() {
    let mut story = Story::with(Rules {
        greeting: "Hello there, how may I be of service to you on this fine day?".into(),
        ..small(200)
    });
    story.played(jex_conversation::AnswerId(1), 0);

    let mut greeted = Vec::new();
    for n in 0..8 {
        story.exchange(&format!("Question number {n}?"), "A rather short answer.");
        greeted.push(story.last_prompt()[0].0 == Role::Assistant);
    }

    assert!(greeted[0] && !greeted[7], "{greeted:?}");
}

#[test]
fn a_monstrous_message_is_cut_in_its_middle() {
    let mut story = Story::with(small(1000));
    let text = format!("Summarise this: {}Thanks.", "blah ".repeat(10_000));

    story.type_in(&text);

    let said = story.last_prompt();
    assert_eq!(said.len(), 1);
    assert!(
        said[0].1.starts_with("Summarise this: blah"),
        "{}",
        said[0].1
    );
    assert!(said[0].1.ends_with("blah Thanks."));
    assert!(said[0].1.contains(" […] "));
    assert!(said[0].1.len() < 5000);
}

#[test]
fn monstrous_instructions_leave_room_for_the_caller() {
    let mut story = Story::with(Rules {
        instructions: "Be brief. ".repeat(10_000),
        ..small(1000)
    });

    story.type_in("Where is Paris?");

    assert_eq!(story.last_prompt(), [user("Where is Paris?")]);
    assert!(prompt(&story)[0].text.len() < 3000);
}

#[test]
fn scripts_that_tokenise_badly_are_charged_by_the_byte() {
    let mut story = Story::with(small(1100));

    story.type_in(&"日本語".repeat(1000));

    assert!(
        bytes(&prompt(&story)) <= 1000,
        "{} bytes",
        bytes(&prompt(&story))
    );
}

#[test]
fn signs_and_digits_are_charged_each() {
    let mut story = Story::with(small(1100));

    story.type_in(&"1+2=3;".repeat(1000));

    assert!(bytes(&prompt(&story)) <= 1000);
}

#[test]
fn an_answer_longer_than_the_context_still_leaves_half_of_it() {
    let mut story = Story::with(Rules {
        max_answer_tokens: 5000,
        ..small(400)
    });

    story.type_in("Where is Paris?");

    assert_eq!(story.last_prompt(), [user("Where is Paris?")]);
}

#[test]
fn the_longest_answer_is_passed_on() {
    let mut story = Story::begin();

    story.input(Input::Typed { text: "Hi".into() });

    let max_tokens = story.all.iter().find_map(|output| match output {
        Output::Generate { max_tokens, .. } => Some(*max_tokens),
        _ => None,
    });
    assert_eq!(max_tokens, Some(200));
}

#[test]
fn a_prompt_never_begins_with_half_a_turn() {
    for context_tokens in 180..320 {
        let mut story = Story::with(small(context_tokens));
        for n in 0..10 {
            story.exchange(&format!("Question number {n}?"), "A rather short answer.");
        }

        story.say("The last one?");

        assert_eq!(
            story.last_prompt()[0].0,
            Role::User,
            "{context_tokens} tokens"
        );
    }
}

#[test]
fn a_call_and_its_result_stay_or_go_together() {
    for context_tokens in 180..420 {
        let mut story = Story::with(small(context_tokens));
        for n in 0..6 {
            story.say(&format!("Question number {n}?"));
            let answer = story.last_generated();
            story.tools_called(answer, &["look", "read"]);
            story.tools_done(answer, &[("look", "a window"), ("read", "a page")]);
            story.model_answers("A rather short answer.");
            story.last_played();
        }

        story.say("The last one?");

        let said = story.last_prompt();
        assert_eq!(said[0].0, Role::User, "{context_tokens} tokens");
        let calls: usize = prompt(&story).iter().map(|m| m.calls.len()).sum();
        let results = said.iter().filter(|(role, _)| *role == Role::Tool).count();
        assert_eq!(calls, results, "{context_tokens} tokens");
    }
}

#[test]
fn a_monstrous_result_is_cut_and_leaves_room_for_the_question() {
    let mut story = Story::with(small(1000));
    story.say("What does the page say?");
    let answer = story.last_generated();
    story.tools_called(answer, &["read", "look"]);

    let page = format!("It begins. {}It ends.", "blah ".repeat(10_000));
    story.tools_done(answer, &[("read", &page), ("look", "a window")]);

    let said = story.last_prompt();
    assert_eq!(said[0], user("What does the page say?"));
    assert!(said[2].1.starts_with("It begins. blah"), "{}", said[2].1);
    assert!(said[2].1.contains(" […] "));
    assert!(said[2].1.ends_with("blah It ends."));
    assert!(said[2].1.len() < 5000);
    assert_eq!(said[3], story::tool("a window"), "the short one is whole");
}

#[test]
fn many_rounds_in_a_small_context_lose_the_oldest() {
    let mut story = Story::with(small(400));
    story.say("Count to eight.");
    let answer = story.last_generated();

    for n in 1..=8 {
        story.tools_called(answer, &["count"]);
        story.tools_done(
            answer,
            &[("count", &format!("{n} {}", "and on ".repeat(20)))],
        );
    }

    let said = story.last_prompt();
    assert_eq!(said[0], user("Count to eight."));
    assert!(said.len() < 17, "{} messages", said.len());
    assert!(said.last().is_some_and(|(_, text)| text.starts_with('8')));
    let calls: usize = prompt(&story).iter().map(|m| m.calls.len()).sum();
    assert_eq!(said.len(), 1 + 2 * calls);
}

#[test]
fn what_is_offered_to_the_model_takes_from_its_context() {
    let turns = |tokens| {
        let mut story = Story::with(small(1000));
        story.input(Input::ToolsOffered { tokens });
        for n in 0..30 {
            story.exchange(&format!("Question number {n}?"), "A rather short answer.");
        }
        story.say("The last one?").last_prompt().len()
    };

    assert!(turns(500) < turns(0));
    assert!(turns(100_000) > 1, "a quarter is left for the conversation");
}
