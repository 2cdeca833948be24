//! An answer may have tools called; what comes back belongs to the same turn.

mod story;

use jex_conversation::{AgentState, AnswerId, Input, Output, Stage};
use story::{
    BARGE_IN, ENDPOINTING, HANGOVER, Story, assistant, broken, call, ended, ms, shown, spoken,
    tool, user,
};

/// The caller asked, and the model has the list read.
fn acting() -> (Story, AnswerId) {
    let mut story = Story::begin();
    story.say("What is on my list?");
    let answer = story.last_generated();
    story.tools_called(answer, &["read_list"]);
    (story, answer)
}

#[test]
fn tools_are_called_and_their_results_go_to_the_model_in_the_same_turn() {
    let mut story = Story::begin();
    story.say("What is on my list?").forget();
    let answer = story.last_generated();

    story.tools_called(answer, &["read_list"]);
    let expected = [
        Output::Act {
            answer,
            calls: vec![call("read_list")],
        },
        Output::Acting(vec!["read_list".into()]),
    ];
    assert_eq!(story.outputs(), expected);
    story.tools_done(answer, &[("read_list", "milk")]);

    let outputs = story.outputs();
    assert_eq!(outputs[0], Output::Acting(Vec::new()));
    assert!(
        matches!(outputs[1], Output::Generate { answer: again, .. } if again == answer),
        "{outputs:?}"
    );
    let expected = [user("What is on my list?"), assistant(""), tool("milk")];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn the_call_and_its_result_stay_in_the_history() {
    let (mut story, answer) = acting();
    story.tools_done(answer, &[("read_list", "milk")]);
    story.model_answers("Only milk.");
    story.last_played();

    story.say("Thanks.");

    let prompt = story.all.iter().rev().find_map(|output| match output {
        Output::Generate { messages, .. } => Some(messages.clone()),
        _ => None,
    });
    let prompt = prompt.expect("the model was asked");
    assert_eq!(prompt[2].calls, [call("read_list")]);
    assert_eq!(prompt[3].result_of.as_deref(), Some("call_read_list"));
    let expected = [
        user("What is on my list?"),
        assistant(""),
        tool("milk"),
        assistant("Only milk."),
        user("Thanks."),
    ];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn what_the_model_said_before_is_spoken_meanwhile_and_the_sentences_go_on() {
    let mut story = Story::begin();
    story.say("What is on my list?").forget();
    let answer = story.last_generated();

    story.sentence(answer, "Let me see.");
    story.tools_called(answer, &["read_list"]);
    assert_eq!(spoken(&story.outputs()), ["Let me see."]);
    story.tools_done(answer, &[("read_list", "milk")]);
    let expected = [
        user("What is on my list?"),
        assistant("Let me see."),
        tool("milk"),
    ];
    assert_eq!(story.last_prompt(), expected, "said, though not heard yet");
    story.sentence(answer, "Only milk.").done(answer);

    assert_eq!(story.last_spoken(), (answer, 1));
    story.played(answer, 0).played(answer, 1);
    let text = "Let me see. Only milk.";
    assert_eq!(ended(&story.all, answer), Some((text.into(), false)));
    assert_eq!(shown(&story.all, answer), text);
}

#[test]
fn nothing_is_generated_while_tools_run() {
    let (mut story, answer) = acting();
    story.forget();

    story.done(answer).wait(ms(60_000));

    assert_eq!(story.outputs(), []);
    assert_eq!(story.state(), AgentState::Thinking);
    assert_eq!(ended(&story.all, answer), None);
}

#[test]
fn a_call_without_a_result_gets_one_that_says_so() {
    let mut story = Story::begin();
    story.say("Do both.");
    let answer = story.last_generated();
    story.tools_called(answer, &["one", "two"]);

    story.tools_done(answer, &[("two", "done"), ("three", "who asked?")]);

    let prompt = story.last_prompt();
    assert_eq!(prompt.len(), 4);
    assert!(prompt[2].1.contains("may have taken effect"), "{prompt:?}");
    assert_eq!(prompt[3], tool("done"));
}

#[test]
fn after_eight_rounds_the_model_must_answer() {
    let mut story = Story::begin();
    story.say("Count for ever.");
    let answer = story.last_generated();
    for round in 0..8 {
        let Some(Output::Generate { tools, .. }) = last_generate(&story) else {
            panic!("the model was not asked in round {round}");
        };
        assert!(tools, "round {round}");
        story
            .tools_called(answer, &["count"])
            .tools_done(answer, &[("count", "one")]);
    }

    let Some(Output::Generate { tools, .. }) = last_generate(&story) else {
        panic!("the model was not asked");
    };
    assert!(!tools);
    story.forget().tools_called(answer, &["count"]);
    let outputs = story.outputs();
    assert!(!outputs.iter().any(|o| matches!(o, Output::Act { .. })));
    assert_eq!(spoken(&outputs), ["Sorry, I have no answer to that."]);
}

fn last_generate(story: &Story) -> Option<&Output> {
    let generate = |output: &&Output| matches!(output, Output::Generate { .. });
    story.all.iter().rev().find(generate)
}

#[test]
fn that_it_takes_long_is_said_once_when_it_is_quiet() {
    let mut story = Story::begin();
    story.say("What is on my list?");
    let answer = story.last_generated();
    story.sentence(answer, "Let me see.");
    story.tools_called(answer, &["read_list"]).forget();

    story.input(Input::ToolStillRunning {
        answer,
        text: "I am still reading.".into(),
    });
    assert_eq!(story.outputs(), [], "something is being said");
    story.played(answer, 0);
    assert_eq!(spoken(&story.outputs()), ["I am still reading."]);
    story.played(answer, 1).wait(ms(10_000));
    story.tools_done(answer, &[("read_list", "milk")]);
    story.sentence(answer, "Only milk.").done(answer);
    story.played(answer, 2);

    let text = "Let me see. I am still reading. Only milk.";
    assert_eq!(ended(&story.all, answer), Some((text.into(), false)));
    story.say("Thanks.");
    let expected = [
        user("What is on my list?"),
        assistant("Let me see."),
        tool("milk"),
        assistant("Only milk."),
        user("Thanks."),
    ];
    assert_eq!(story.last_prompt(), expected, "no words of the model's");
}

#[test]
fn that_it_takes_long_is_not_said_over_the_caller() {
    let (mut story, answer) = acting();
    story.input(Input::SpeechStarted).forget();

    story.input(Input::ToolStillRunning {
        answer,
        text: "I am still reading.".into(),
    });

    assert_eq!(spoken(&story.outputs()), Vec::<&str>::new());
}

#[test]
fn stop_stops_the_tools_and_says_so() {
    for words in ["Stop!", "Bitte abbrechen."] {
        let (mut story, answer) = acting();
        story.forget();

        story.say(words);

        let outputs = story.outputs();
        assert!(outputs.contains(&Output::CancelTools(answer)), "{words}");
        assert!(outputs.contains(&Output::Acting(Vec::new())));
        assert_eq!(ended(&outputs, answer), Some((String::new(), true)));
        assert_eq!(spoken(&outputs), ["All right, I am stopping."]);
        assert_eq!(story.times_generated(), 1);
    }
}

#[test]
fn stop_can_be_typed() {
    let (mut story, answer) = acting();

    story.type_in("stop");

    assert!(story.outputs().contains(&Output::CancelTools(answer)));
}

#[test]
fn the_stop_button_stops_the_tools() {
    let (mut story, answer) = acting();
    story.forget();

    story.input(Input::Interrupt);

    let expected = [
        Output::CancelTools(answer),
        Output::Acting(Vec::new()),
        Output::AnswerEnded {
            answer,
            text: String::new(),
            interrupted: true,
        },
        Output::State(AgentState::Listening),
    ];
    assert_eq!(story.outputs(), expected);
}

#[test]
fn the_model_knows_afterwards_that_a_stopped_call_may_have_happened() {
    let (mut story, answer) = acting();
    story.say("Stop!");
    story.last_played();
    story.tools_done(answer, &[("read_list", "milk")]);

    story.say("What was on it?");

    let prompt = story.last_prompt();
    assert_eq!(prompt.len(), 4, "{prompt:?}");
    assert!(prompt[2].1.starts_with("Stopped by the caller"));
}

#[test]
fn a_turn_over_a_running_tool_waits_and_is_answered_with_its_result() {
    let (mut story, answer) = acting();

    story.say("And what is on the other one?");
    assert_eq!(story.times_generated(), 1);
    assert!(!story.all.contains(&Output::CancelTools(answer)));
    story.tools_done(answer, &[("read_list", "milk")]);

    let expected = [
        user("What is on my list?"),
        assistant(""),
        tool("milk"),
        user("And what is on the other one?"),
    ];
    assert_eq!(story.last_prompt(), expected);
    assert!(story.last_generated() > answer);
}

#[test]
fn a_turn_that_waits_goes_with_the_tools_when_all_is_stopped() {
    let (mut story, _) = acting();
    story.say("And what is on the other one?");

    story.input(Input::Interrupt).wait(ms(60_000));
    assert_eq!(story.times_generated(), 1);
    story.say("Good night.");

    let words = "And what is on the other one? Good night.";
    assert_eq!(story.last_prompt().last(), Some(&user(words)));
}

#[test]
fn results_that_come_while_the_caller_speaks_wait_for_the_end_of_their_turn() {
    let (mut story, answer) = acting();
    story.input(Input::SpeechStarted).wait(ms(500));

    story.tools_done(answer, &[("read_list", "milk")]);
    assert_eq!(story.times_generated(), 1);
    story.input(Input::SpeechStopped { silence: HANGOVER });
    story.wait(ENDPOINTING);
    let utterance = story.last_ended();
    story.transcript(utterance, "Quickly, please.");

    let expected = [
        user("What is on my list?"),
        assistant(""),
        tool("milk"),
        user("Quickly, please."),
    ];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn a_noise_without_words_does_not_lose_the_results() {
    for failed in [false, true] {
        let (mut story, answer) = acting();
        story.input(Input::SpeechStarted).wait(ms(500));
        story.tools_done(answer, &[("read_list", "milk")]);
        story.input(Input::SpeechStopped { silence: HANGOVER });
        story.wait(ENDPOINTING);
        let utterance = story.last_ended();

        if failed {
            let problem = broken(Stage::SpeechToText);
            story.input(Input::RecognitionFailed { utterance, problem });
        } else {
            story.transcript(utterance, "");
        }

        let expected = [user("What is on my list?"), assistant(""), tool("milk")];
        assert_eq!(story.last_prompt(), expected, "{failed}");
    }
}

#[test]
fn speech_over_what_was_said_before_silences_it_and_leaves_the_tools_alone() {
    let mut story = Story::begin();
    story.say("What is on my list?");
    let answer = story.last_generated();
    story.sentence(answer, "Let me see what there is.");
    story.tools_called(answer, &["read_list"]);
    story.heard(answer, 0, "Let me".len()).forget();

    story.input(Input::SpeechStarted).wait(BARGE_IN);

    let outputs = story.outputs();
    assert!(outputs.contains(&Output::StopSpeaking(answer)));
    assert!(!outputs.contains(&Output::CancelTools(answer)));
    story.input(Input::SpeechStopped { silence: ms(0) });
    story.wait(ENDPOINTING);
    let utterance = story.last_ended();
    story.transcript(utterance, "");
    story.tools_done(answer, &[("read_list", "milk")]);
    story.sentence(answer, "Only milk.").done(answer);
    story.last_played();
    let text = "Let me— Only milk.";
    assert_eq!(ended(&story.all, answer), Some((text.into(), false)));
    assert_eq!(story.last_prompt()[1], assistant("Let me—"));
}

#[test]
fn a_short_sound_over_silence_while_tools_run_is_speech() {
    let (mut story, _) = acting();

    story.voice(ms(150)).wait(ENDPOINTING);
    let utterance = story.last_ended();
    story.transcript(utterance, "Hm?").forget();

    assert_eq!(story.last_started(), utterance, "it was not dismissed");
}

#[test]
fn a_result_after_barge_in_is_not_lost() {
    let (mut story, answer) = acting();
    story.tools_done(answer, &[("read_list", "milk")]);

    story.say("In one word.");

    let expected = [
        user("What is on my list?"),
        assistant(""),
        tool("milk"),
        user("In one word."),
    ];
    assert_eq!(story.last_prompt(), expected);
}

#[test]
fn tools_go_on_while_the_caller_is_away_and_are_told_when_they_are_back() {
    let (mut story, answer) = acting();

    story.input(Input::CallerLeft);
    assert!(!story.all.contains(&Output::CancelTools(answer)));
    story.tools_done(answer, &[("read_list", "milk")]);
    assert_eq!(story.times_generated(), 1, "for nobody");
    story.input(Input::CallerJoined);

    let expected = [user("What is on my list?"), assistant(""), tool("milk")];
    assert_eq!(story.last_prompt(), expected);
    story.model_answers("Only milk.");
    assert_eq!(spoken(&story.outputs()).last(), Some(&"Only milk."));
}

#[test]
fn tools_are_stopped_at_the_end() {
    let (mut story, answer) = acting();

    story.input(Input::End);

    assert!(story.outputs().contains(&Output::CancelTools(answer)));
}

#[test]
fn late_news_of_tools_is_ignored() {
    let (mut story, answer) = acting();
    story.tools_done(answer, &[("read_list", "milk")]).forget();

    story.tools_done(answer, &[("read_list", "eggs")]);
    story.input(Input::ToolStillRunning {
        answer,
        text: "I am still reading.".into(),
    });

    assert_eq!(story.outputs(), []);
}

#[test]
fn words_without_a_question_are_no_reply() {
    let (mut story, _) = acting();

    story.say("Yes.").type_in("Yes.");

    let reply = |output: &Output| matches!(output, Output::Reply { .. });
    assert!(!story.all.iter().any(reply));
}
