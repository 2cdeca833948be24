//! Questions in virtual time.

use super::*;

const ENDPOINTING: Duration = Duration::from_millis(600);

struct Scene {
    dialogue: Dialogue,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        Self::with(Some(ENDPOINTING))
    }

    fn with(endpointing: Option<Duration>) -> Self {
        let now = Instant::now();
        let patience = Patience {
            agent: Duration::from_secs(20),
            answer: Duration::from_secs(60),
            endpointing,
        };
        let dialogue = Dialogue::new(now, patience);
        Self { dialogue, now }
    }

    /// An agent that listens, and a question that is out.
    fn asked() -> Self {
        Self::asked_with(Some(ENDPOINTING))
    }

    fn asked_with(endpointing: Option<Duration>) -> Self {
        let mut scene = Self::with(endpointing);
        scene.tell(Input::AgentCame);
        assert_eq!(scene.state("listening"), [Output::Ask]);
        assert_eq!(scene.tell(Input::Asked), []);
        scene
    }

    fn tell(&mut self, input: Input) -> Vec<Output> {
        self.dialogue.handle(self.now, input);
        std::iter::from_fn(|| self.dialogue.poll()).collect()
    }

    fn state(&mut self, state: &str) -> Vec<Output> {
        self.tell(Input::State(state.into()))
    }

    /// Lets time pass, waking the dialogue when it asks for it.
    fn wait(&mut self, time: Duration) -> Vec<Output> {
        let end = self.now + time;
        let mut outputs = Vec::new();
        while let Some(due) = self.dialogue.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            outputs.extend(self.tell(Input::Tick));
        }
        self.now = end;
        outputs
    }

    fn seconds(&mut self, seconds: f64) -> Vec<Output> {
        self.wait(Duration::from_secs_f64(seconds))
    }
}

fn turn(answer: &str) -> TurnReport {
    TurnReport {
        turn_id: Some("T1".into()),
        answer_id: format!("S_{answer}"),
        heard: Some("Why?".into()),
        answer: answer.into(),
        ..TurnReport::default()
    }
}

fn spoken(stream: &str, delta: &str) -> Input {
    Input::Spoken {
        stream: stream.into(),
        delta: delta.into(),
    }
}

fn problem(stage: &str) -> Problem {
    Problem {
        stage: stage.into(),
        message: "It is down.".into(),
        remedy: "Start it.".into(),
    }
}

fn failure(outputs: &[Output]) -> &Failure {
    match outputs {
        [Output::End(Err(failure))] => failure,
        other => panic!("no failure: {other:?}"),
    }
}

fn answer(outputs: &[Output]) -> &TurnReport {
    match outputs {
        [Output::End(Ok(answer))] => &answer.last,
        other => panic!("no answer: {other:?}"),
    }
}

#[test]
fn the_greeting_is_interrupted_and_the_question_waits_for_silence() {
    let mut scene = Scene::new();
    scene.tell(Input::AgentCame);
    assert_eq!(scene.state("initializing"), []);

    assert_eq!(scene.state("speaking"), [Output::Interrupt]);
    assert_eq!(scene.tell(spoken("s1", "Hello")), []);
    assert_eq!(scene.state("listening"), []);
    assert_eq!(scene.wait(SETTLE), [Output::Ask]);
    assert_eq!(scene.tell(spoken("s1", ", this")), []);
}

#[test]
fn a_greeting_that_goes_on_is_interrupted_again() {
    let mut scene = Scene::new();
    scene.tell(Input::AgentCame);
    scene.state("speaking");

    assert_eq!(scene.seconds(2.9), []);
    assert_eq!(scene.seconds(0.2), [Output::Interrupt]);
}

#[test]
fn without_a_greeting_the_question_goes_out_at_once() {
    let mut scene = Scene::new();
    scene.tell(Input::AgentCame);

    assert_eq!(scene.state("listening"), [Output::Ask]);
}

#[test]
fn the_answer_is_shown_as_it_is_spoken_and_ends_when_the_agent_listens_again() {
    let mut scene = Scene::asked();
    scene.state("thinking");
    assert_eq!(
        scene.tell(Input::Heard("Why?".into())),
        [Output::ShowHeard("Why?".into())]
    );
    scene.state("speaking");
    assert_eq!(
        scene.tell(spoken("s2", "Because.")),
        [Output::ShowSpoken("Because.".into())]
    );

    assert_eq!(scene.tell(Input::Turn(Box::new(turn("Because.")))), []);
    let end = scene.state("listening");

    assert_eq!(answer(&end).answer, "Because.");
}

#[test]
fn the_order_of_the_report_and_the_state_does_not_matter() {
    let mut scene = Scene::asked();
    scene.state("speaking");
    assert_eq!(scene.state("listening"), []);

    let end = scene.tell(Input::Turn(Box::new(turn("Because."))));

    assert_eq!(answer(&end).answer, "Because.");
}

#[test]
fn the_report_of_the_greeting_is_no_answer() {
    let mut scene = Scene::asked();
    let greeting = TurnReport {
        turn_id: None,
        ..turn("Hello")
    };

    assert_eq!(scene.tell(Input::Turn(Box::new(greeting))), []);
}

#[test]
fn an_answer_that_the_recording_interrupts_is_followed_by_another() {
    let mut scene = Scene::asked();
    scene.tell(Input::Hearing(true));
    scene.tell(Input::Hearing(false));
    let cut = TurnReport {
        interrupted: true,
        heard: Some("One".into()),
        ..turn("Be")
    };
    assert_eq!(scene.tell(Input::Turn(Box::new(cut))), []);
    assert_eq!(scene.seconds(0.7), []);
    scene.state("thinking");
    scene.seconds(2.0);
    scene.tell(Input::Turn(Box::new(turn("Because."))));

    let end = scene.state("listening");

    assert_eq!(answer(&end).answer, "Because.");
    assert_eq!(answer(&end).heard.as_deref(), Some("One Why?"));
}

#[test]
fn no_agent_is_told_after_a_while() {
    let mut scene = Scene::new();

    assert_eq!(scene.seconds(19.9), []);
    assert_eq!(
        *failure(&scene.seconds(0.2)),
        Failure::NoAgent(Duration::from_secs(20))
    );
}

#[test]
fn an_agent_that_never_listens_is_told_with_its_state() {
    let mut scene = Scene::new();
    scene.tell(Input::AgentCame);
    scene.state("initializing");

    let end = scene.seconds(20.1);

    assert!(failure(&end).to_string().contains("initializing"));
}

#[test]
fn an_agent_that_is_replaced_before_the_question_is_no_failure() {
    let mut scene = Scene::new();
    scene.tell(Input::AgentCame);
    scene.state("initializing");
    assert_eq!(scene.tell(Input::AgentLeft), []);
    scene.tell(Input::AgentCame);

    assert_eq!(scene.state("listening"), [Output::Ask]);
}

#[test]
fn an_agent_that_leaves_during_the_answer_is_one() {
    let mut scene = Scene::asked();
    scene.state("thinking");

    assert_eq!(*failure(&scene.tell(Input::AgentLeft)), Failure::AgentLeft);
}

#[test]
fn a_silent_recording_is_told_soon() {
    let mut scene = Scene::asked();

    let end = scene.wait(ENDPOINTING + QUIET);

    assert_eq!(*failure(&end), Failure::NoSpeech);
}

#[test]
fn a_typed_question_cannot_go_unheard() {
    let mut scene = Scene::asked_with(None);

    assert_eq!(scene.seconds(59.9), []);
    assert_eq!(
        *failure(&scene.seconds(0.2)),
        Failure::NoAnswer(Duration::from_secs(60))
    );
}

#[test]
fn noise_without_words_is_told_once_recognition_is_through() {
    let mut scene = Scene::asked();
    scene.tell(Input::Hearing(true));
    scene.tell(Input::Hearing(false));
    scene.state("thinking");
    assert_eq!(scene.seconds(10.0), []);
    scene.state("listening");

    let end = scene.wait(ENDPOINTING + QUIET);

    assert_eq!(*failure(&end), Failure::NoWords);
}

#[test]
fn recognition_that_is_down_is_told_with_its_remedy() {
    let mut scene = Scene::asked();
    scene.tell(Input::Problem(Some(problem("stt"))));

    let end = scene.wait(ENDPOINTING + QUIET);

    assert_eq!(failure(&end).remedy(), "Start it.");
}

#[test]
fn an_apology_for_a_model_that_is_down_is_no_answer() {
    let mut scene = Scene::asked();
    let sorry = TurnReport {
        problem: Some(problem("llm")),
        ..turn("Sorry.")
    };

    let end = scene.tell(Input::Turn(Box::new(sorry)));

    assert_eq!(*failure(&end), Failure::Problem(problem("llm")));
}

#[test]
fn an_answer_in_the_voice_of_last_resort_is_one() {
    let mut scene = Scene::asked();
    let robotic = TurnReport {
        problem: Some(problem("tts")),
        ..turn("Because.")
    };

    let end = scene.tell(Input::Turn(Box::new(robotic)));

    assert_eq!(answer(&end).answer, "Because.");
}

#[test]
fn a_report_that_comes_twice_counts_once() {
    let mut scene = Scene::asked();
    scene.state("thinking");
    scene.tell(Input::Turn(Box::new(turn("Because."))));
    scene.tell(Input::Turn(Box::new(turn("Because."))));

    let end = scene.state("listening");

    assert_eq!(answer(&end).heard.as_deref(), Some("Why?"));
}

#[test]
fn an_answer_that_does_not_end_is_told_after_the_timeout() {
    let mut scene = Scene::asked();
    scene.state("thinking");

    assert_eq!(scene.seconds(59.9), []);
    assert_eq!(
        *failure(&scene.seconds(0.2)),
        Failure::NoAnswer(Duration::from_secs(60))
    );
}

#[test]
fn a_long_answer_is_waited_for_while_it_is_spoken() {
    let mut scene = Scene::asked();
    scene.state("speaking");

    for _ in 0..4 {
        assert_eq!(scene.seconds(50.0), []);
        let delta = "and so on ".to_owned();
        let stream = "SG_1".to_owned();
        let shown = scene.tell(Input::Spoken { stream, delta });
        assert_eq!(shown, [Output::ShowSpoken("and so on ".into())]);
    }

    assert_eq!(
        *failure(&scene.seconds(60.0)),
        Failure::NoAnswer(Duration::from_secs(60))
    );
}

#[test]
fn an_empty_answer_and_a_lost_room_are_failures() {
    let mut scene = Scene::asked();
    assert_eq!(
        *failure(&scene.tell(Input::Turn(Box::new(turn(" "))))),
        Failure::EmptyAnswer
    );
    assert_eq!(scene.tell(Input::AgentLeft), [], "over is over");

    let lost = Scene::asked().tell(Input::Lost("ServerShutdown".into()));
    assert!(failure(&lost).to_string().contains("ServerShutdown"));
}
