use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jex_config::Settings;
use jex_tools::{
    CallContext, Draft, Effect, Handling, Listing, LookUp, Source, ToolError, Toolbox,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::announcements::Announcements;
use crate::ledger::Books;
use crate::memory::testing::memory;

const ANSWER: AnswerId = AnswerId(3);
const ADA: &str = "ada";

/// A source that writes down what it was asked; `slow` runs until it is cancelled.
#[derive(Default)]
struct Shelf {
    called: Mutex<Vec<(String, Value)>>,
}

fn draft(name: &str, effect: Effect) -> Draft {
    Draft {
        name: ToolName::new(name).unwrap(),
        description: "A tool.".into(),
        parameters: json!({"type": "object", "properties": {"item": {"type": "string"}}}),
        effect,
        says: None,
        shipped: true,
        source: "shelf".into(),
    }
}

#[async_trait]
impl Source for Shelf {
    fn name(&self) -> &str {
        "shelf"
    }

    async fn list(&self) -> Result<Listing, ToolError> {
        let drafts = [
            draft("look", Effect::Reads),
            draft("slow", Effect::Reads),
            draft("add", Effect::Changes),
            draft("forbidden", Effect::Reads),
            draft(END_CONVERSATION, Effect::Reads),
        ];
        Ok(Listing {
            tools: drafts.map(|draft| draft.check().unwrap()).into(),
            rejected: Vec::new(),
        })
    }

    async fn call(&self, call: &ToolCall, _: &CallContext, handling: Handling) -> Outcome {
        let arguments = Value::Object(call.arguments.clone());
        let called = (call.tool.to_string(), arguments);
        self.called.lock().unwrap().push(called);
        if call.tool.as_str() == "slow" {
            handling.cancel.cancelled().await;
            return Outcome::Cancelled;
        }
        Outcome::Done(json!("it is done"))
    }

    async fn look_up(&self, _: &ToolCall, _: jiff::Timestamp) -> Result<LookUp, ToolError> {
        Ok(LookUp::CannotTell)
    }
}

struct Scene {
    hands: Hands,
    shelf: Arc<Shelf>,
    inbox: mpsc::UnboundedReceiver<Signal>,
}

impl Scene {
    async fn begin(folder: &Path) -> Self {
        let mut settings = Settings::default();
        let never = jex_config::ToolPolicy::Never;
        settings.tools.policy.insert("forbidden".into(), never);
        let shelf = Arc::<Shelf>::default();
        let toolbox = Toolbox::new(vec![shelf.clone()]);
        toolbox.refresh().await;
        let memory = memory(folder);
        let books = Arc::new(Books::new(memory.recorder.clone()));
        let announcements = Announcements::new(memory.clone());
        let end = CancellationToken::new();
        let tools = Tools::new(&settings, toolbox, books, memory, announcements, end).unwrap();
        let (signals, inbox) = mpsc::unbounded_channel();
        Self {
            hands: Hands::new(tools, Uuid::new_v4(), "en", signals),
            shelf,
            inbox,
        }
    }

    fn act(&mut self, calls: &[(&str, &str)]) -> Vec<Input> {
        let call = |(name, arguments): &(&str, &str)| jex_conversation::ToolCall {
            id: format!("call_{name}"),
            name: (*name).into(),
            arguments: (*arguments).into(),
        };
        self.hands
            .act(ANSWER, calls.iter().map(call).collect(), ADA)
    }

    /// What the calls that run lead to, until there is something.
    async fn next(&mut self) -> Vec<Input> {
        loop {
            let signal = tokio::time::timeout(Duration::from_secs(10), self.inbox.recv());
            let Some(Signal::Call(event)) = signal.await.expect("something happens") else {
                panic!("nothing but calls is told");
            };
            let inputs = self.hands.call_event(event);
            if !inputs.is_empty() {
                return inputs;
            }
        }
    }

    fn called(&self) -> Vec<(String, Value)> {
        self.shelf.called.lock().unwrap().clone()
    }
}

fn asked(inputs: &[Input]) -> QuestionId {
    let question = inputs.iter().find_map(|input| match input {
        Input::Ask { question, .. } => Some(*question),
        _ => None,
    });
    question.unwrap_or_else(|| panic!("nothing is asked in {inputs:?}"))
}

fn results(inputs: &[Input]) -> Vec<(&str, &str)> {
    let done = inputs.iter().find_map(|input| match input {
        Input::ToolsDone { answer, results } => {
            assert_eq!(*answer, ANSWER);
            Some(results)
        }
        _ => None,
    });
    let done = done.unwrap_or_else(|| panic!("not done in {inputs:?}"));
    done.iter()
        .map(|r| (r.call.as_str(), r.text.as_str()))
        .collect()
}

#[tokio::test]
async fn what_only_reads_is_called_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::begin(folder.path()).await;

    assert_eq!(scene.act(&[("look", r#"{"item": "milk"}"#)]), []);
    let inputs = scene.next().await;

    assert_eq!(scene.called(), [("look".into(), json!({"item": "milk"}))]);
    let results = results(&inputs);
    assert_eq!(results[0].0, "call_look");
    assert!(results[0].1.contains("it is done"), "{results:?}");
}

#[tokio::test]
async fn what_changes_things_is_called_after_a_yes() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::begin(folder.path()).await;
    let question = asked(&scene.act(&[("add", "{}")]));
    assert_eq!(scene.called(), []);
    assert!(
        scene
            .hands
            .open_question()
            .is_some_and(|open| open.until.is_none())
    );

    scene.hands.question_spoken(question);
    assert!(
        scene
            .hands
            .open_question()
            .is_some_and(|open| open.until.is_some())
    );
    let (inputs, is_reply_only) = scene.hands.said(ADA, "Yes, please.");

    assert!(is_reply_only);
    let expected = [
        Input::QuestionClosed(question),
        Input::ReplyTaken { is_turn: false },
    ];
    assert_eq!(inputs, expected);
    assert_eq!(scene.hands.open_question(), None);
    results(&scene.next().await);
    assert_eq!(scene.called().len(), 1);
}

#[tokio::test]
async fn without_a_yes_nothing_is_called() {
    for (words, who, is_turn) in [
        ("No.", ADA, false),
        ("No, add eggs.", ADA, true),
        ("What?", ADA, true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut scene = Scene::begin(folder.path()).await;
        let question = asked(&scene.act(&[("add", "{}")]));
        scene.hands.question_spoken(question);

        let (inputs, _) = scene.hands.said(who, words);

        assert!(
            inputs.contains(&Input::ReplyTaken { is_turn }),
            "{words}: {inputs:?}"
        );
        let results = results(&inputs);
        assert!(results[0].1.contains("not called"), "{results:?}");
        assert_eq!(scene.called(), []);
    }
}

#[tokio::test]
async fn a_yes_of_somebody_else_or_before_the_end_of_the_question_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::begin(folder.path()).await;
    let question = asked(&scene.act(&[("add", "{}")]));

    let (early, _) = scene.hands.said(ADA, "Yes.");
    scene.hands.question_spoken(question);
    let (other, _) = scene.hands.said("bob", "Yes.");

    assert_eq!(early, [Input::ReplyTaken { is_turn: false }]);
    assert_eq!(other, [Input::ReplyTaken { is_turn: true }]);
    assert!(scene.hands.open_question().is_some());
    assert_eq!(scene.called(), []);
}

#[tokio::test]
async fn a_question_that_was_cut_is_asked_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::begin(folder.path()).await;
    let first = asked(&scene.act(&[("add", "{}")]));

    let second = asked(&scene.hands.question_cut(first));
    assert_ne!(first, second);
    let inputs = scene.hands.question_cut(second);

    assert!(results(&inputs)[0].1.contains("not called"));
}

#[tokio::test]
async fn the_page_may_say_yes() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::begin(folder.path()).await;
    let question = asked(&scene.act(&[("add", "{}")]));
    scene.hands.question_spoken(question);

    assert_eq!(scene.hands.pressed("bob", question.0, true), []);
    let inputs = scene.hands.pressed(ADA, question.0, true);

    assert_eq!(inputs, [Input::QuestionClosed(question)]);
    results(&scene.next().await);
    assert_eq!(scene.called().len(), 1);
}

#[tokio::test]
async fn several_calls_have_their_results_together() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::begin(folder.path()).await;

    let inputs = scene.act(&[
        ("look", "{}"),
        ("nonesuch", "{}"),
        ("no name", "{}"),
        ("look", "[1]"),
    ]);
    assert_eq!(inputs, []);
    let inputs = scene.next().await;

    let results = results(&inputs);
    assert_eq!(results.len(), 4);
    let of = |call: &str| results.iter().filter(|result| result.0 == call).count();
    assert_eq!(
        (of("call_look"), of("call_nonesuch"), of("call_no name")),
        (2, 1, 1)
    );
}

#[tokio::test]
async fn what_the_owner_forbids_is_not_offered_and_not_called() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::begin(folder.path()).await;

    let offered: Vec<_> = scene
        .hands
        .offered()
        .iter()
        .map(|t| t.name.to_string())
        .collect();
    let inputs = scene.act(&[("forbidden", "{}")]);

    assert_eq!(offered, ["add", END_CONVERSATION, "look", "slow"]);
    assert!(results(&inputs)[0].1.contains("forbid"));
    assert_eq!(scene.called(), []);
}

#[tokio::test]
async fn what_takes_long_is_told_once_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::begin(folder.path()).await;
    scene.act(&[("slow", "{}")]);

    let inputs = scene.next().await;
    assert!(
        matches!(
            &inputs[..],
            [Input::ToolStillRunning { answer: ANSWER, .. }]
        ),
        "{inputs:?}"
    );
    scene.hands.cancel(ANSWER);

    let event = tokio::time::timeout(Duration::from_secs(10), scene.inbox.recv());
    let Some(Signal::Call(event)) = event.await.expect("it ends") else {
        panic!("the call's end is told");
    };
    assert!(
        matches!(
            &event,
            CallEvent::Ended {
                outcome: Outcome::Cancelled,
                ..
            }
        ),
        "{event:?}"
    );
    assert_eq!(scene.hands.call_event(event), [], "nobody waits for it");
}

#[tokio::test]
async fn what_was_stopped_together_with_a_goodbye_ends_no_later_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::begin(folder.path()).await;
    scene.act(&[(END_CONVERSATION, "{}"), ("slow", "{}")]);
    // By the time that it takes long, the goodbye is done.
    scene.next().await;
    scene.hands.cancel(ANSWER);

    scene.act(&[("look", "{}")]);
    let inputs = scene.next().await;

    assert_eq!(results(&inputs)[0].0, "call_look");
}

#[tokio::test]
async fn a_goodbye_waits_until_what_was_asked_for_with_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::begin(folder.path()).await;

    scene.act(&[(END_CONVERSATION, "{}"), ("look", "{}")]);
    let inputs = scene.next().await;
    let mut told = results(&inputs);
    told.sort_unstable();
    assert_eq!(told[0], ("call_end_conversation", TELL_FIRST));
    assert!(told[1].1.contains("it is done"), "{told:?}");

    scene.act(&[(END_CONVERSATION, "{}")]);
    assert_eq!(scene.next().await, [Input::HangUp { answer: ANSWER }]);
}

#[tokio::test]
async fn a_caller_who_is_gone_agrees_to_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::begin(folder.path()).await;
    let question = asked(&scene.act(&[("add", "{}")]));
    scene.hands.question_spoken(question);

    let inputs = scene.hands.caller_left();

    assert!(results(&inputs)[0].1.contains("not called"));
    scene.hands.said(ADA, "Yes.");
    assert_eq!(scene.called(), []);
}
