//! What a slow start is doing: one line on a terminal that is kept up to date, elsewhere a line
//! for each change.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jex_supervisor::status::{StackStatus, State};

const TURN: Duration = Duration::from_millis(120);

/// Progress on stderr.
pub struct Progress {
    /// On a terminal.
    spinner: Option<ProgressBar>,
    /// What was told of each part last.
    told: BTreeMap<String, String>,
}

impl Progress {
    pub fn new() -> Self {
        let spinner = std::io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{spinner} {wide_msg}");
            spinner.set_style(style.expect("the template is a constant"));
            spinner.enable_steady_tick(TURN);
            spinner
        });
        Self {
            spinner,
            told: BTreeMap::new(),
        }
    }

    /// Shows what the parts are doing.
    pub fn show(&mut self, status: &StackStatus) {
        let news = self.news(status);
        match &self.spinner {
            Some(spinner) => {
                spinner.set_message(status.summary());
                // Failures stay on the screen.
                for line in news.iter().filter(|line| line.is_failure) {
                    spinner.println(&line.text);
                }
            }
            None => {
                for line in news {
                    // With stderr closed there is nobody left to tell.
                    let _ = writeln!(std::io::stderr(), "{}", line.text);
                }
            }
        }
    }

    /// What is new since the last time.
    fn news(&mut self, status: &StackStatus) -> Vec<News> {
        let mut news = Vec::new();
        for component in &status.components {
            let mut text = component.state.to_string();
            if component.state == State::Failed {
                text = format!("{text}: {}", component.last_error.as_deref().unwrap_or("-"));
            } else if let Some(detail) = &component.detail {
                // Percentages would fill a log.
                let stage =
                    detail.trim_end_matches(|c: char| c.is_ascii_digit() || " %.".contains(c));
                text = format!("{text}: {stage}");
            }
            let before = self.told.insert(component.name.clone(), text.clone());
            if before.as_ref() != Some(&text) {
                news.push(News {
                    text: format!("{}: {text}", component.name),
                    is_failure: component.state == State::Failed,
                });
            }
        }
        news
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct News {
    text: String,
    is_failure: bool,
}

#[cfg(test)]
mod tests {
    use jex_supervisor::status::ComponentStatus;

    use super::*;

    fn status(states: &[(&str, State, Option<&str>)]) -> StackStatus {
        let components = states.iter().map(|(name, state, detail)| ComponentStatus {
            state: *state,
            detail: detail.map(str::to_owned),
            ..ComponentStatus::new(name)
        });
        StackStatus {
            components: components.collect(),
            ready: false,
            address: String::new(),
        }
    }

    #[test]
    fn a_log_gets_a_line_for_each_change_and_not_for_each_percent() {
        let mut progress = Progress {
            spinner: None,
            told: BTreeMap::new(),
        };
        let pulling = |percent| status(&[("ollama", State::Warming, Some(percent))]);

        let texts: Vec<Vec<String>> = ["pulling 1 %", "pulling 2.5 %", "loading"]
            .map(|detail| {
                progress
                    .news(&pulling(detail))
                    .into_iter()
                    .map(|n| n.text)
                    .collect()
            })
            .into();

        assert_eq!(texts[0], ["ollama: warming: pulling"]);
        assert!(texts[1].is_empty());
        assert_eq!(texts[2], ["ollama: warming: loading"]);
    }
}
