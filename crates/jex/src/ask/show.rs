//! What `jex ask` prints while the answer comes.

use std::io::Write;

use anstyle::AnsiColor;

use super::turn::{Answer, stages_line};

/// Prints to a terminal or a pipe as words come; prints nothing for `--json`.
pub struct Show {
    out: Option<Box<dyn Write>>,
    answering: bool,
}

impl Show {
    /// Words go to `out` as they come; `None` for silence.
    pub fn new(out: Option<Box<dyn Write>>) -> Self {
        Self {
            out,
            answering: false,
        }
    }

    /// What the agent understood.
    pub fn heard(&mut self, text: &str) {
        self.end_line();
        self.print(&format!("{} {text}\n", label("heard:")));
    }

    /// More words of the answer.
    pub fn spoken(&mut self, delta: &str) {
        if !std::mem::replace(&mut self.answering, true) {
            self.print(&format!("{} {}", label("answer:"), delta.trim_start()));
        } else {
            self.print(delta);
        }
    }

    /// The end of the answer and how long it took.
    pub fn done(&mut self, answer: &Answer) {
        if !self.answering {
            self.spoken(&answer.last.answer);
        }
        self.end_line();
        let stages = stages_line(&answer.last.stages_ms);
        let made = &answer.last.made_where;
        self.print(&format!("{} {stages} ({made})\n", label("time:")));
    }

    /// Ends a line that words were printed on.
    pub fn end_line(&mut self) {
        if std::mem::take(&mut self.answering) {
            self.print("\n");
        }
    }

    fn print(&mut self, text: &str) {
        if let Some(out) = &mut self.out {
            // A closed pipe is its reader's decision, and the answer is still written to --out.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        }
    }
}

fn label(text: &str) -> String {
    let style = AnsiColor::Cyan.on_default().bold();
    format!("{style}{text:<7}{style:#}")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::turn::{StagesMs, TurnReport};
    use super::*;

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn shown(scene: impl FnOnce(&mut Show)) -> String {
        let screen = Screen::default();
        scene(&mut Show::new(Some(Box::new(screen.clone()))));
        let bytes = screen.0.lock().unwrap().clone();
        // As when piped: no colours.
        anstream::adapter::strip_str(&String::from_utf8(bytes).unwrap()).to_string()
    }

    fn answer() -> Answer {
        let last = TurnReport {
            answer: "Paris, of course.".into(),
            made_where: "on this machine".into(),
            stages_ms: StagesMs {
                final_to_first_token: Some(310),
                ..StagesMs::default()
            },
            ..TurnReport::default()
        };
        Answer::of(vec![last]).unwrap()
    }

    #[test]
    fn words_come_one_by_one() {
        let text = shown(|show| {
            show.heard("Where?");
            show.spoken(" Paris,");
            show.spoken(" of course.");
            show.done(&answer());
        });

        let expected = "heard:  Where?\nanswer: Paris, of course.\ntime:   first word 0.31 s (on this machine)\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn an_answer_whose_words_got_lost_is_still_shown() {
        let text = shown(|show| show.done(&answer()));

        assert!(text.contains("answer: Paris, of course.\n"), "{text}");
    }
}
