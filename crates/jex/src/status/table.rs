//! The table of `jex status`.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jex_supervisor::memory::said;
use jex_supervisor::status::{ComponentStatus, StackStatus, State};

const HEAD: [&str; 7] = [
    "PART", "STATE", "SINCE", "MEMORY", "RESTARTS", "PID", "VERSION",
];

/// The table, what is wrong below it, and the address when everything is ready. `now_unix` is in
/// seconds since 1970. Colours are always in it; whoever prints it strips them where they do not
/// belong.
pub fn render(status: &StackStatus, now_unix: u64) -> String {
    let rows: Vec<[String; 7]> = status
        .components
        .iter()
        .map(|component| row(component, now_unix))
        .collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    line(
        &mut text,
        &HEAD.map(str::to_owned),
        widths,
        Style::new().bold(),
    );
    for (component, row) in status.components.iter().zip(&rows) {
        line(&mut text, row, widths, style(component.state));
    }
    for component in &status.components {
        trouble(&mut text, component);
    }
    let _ = match status.ready {
        true => writeln!(text, "\nReady: {}", status.address),
        false => writeln!(text, "\nNot ready."),
    };
    text
}

fn row(component: &ComponentStatus, now_unix: u64) -> [String; 7] {
    let known = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    let state = match &component.detail {
        Some(detail) => format!("{}: {detail}", component.state),
        None => component.state.to_string(),
    };
    [
        component.name.clone(),
        state,
        duration(now_unix.saturating_sub(component.since_unix)),
        known(component.memory_bytes.map(said)),
        component.restarts.to_string(),
        known(component.pid.map(|pid| pid.to_string())),
        known(component.version.clone()),
    ]
}

/// Only the state has a colour.
fn line(text: &mut String, cells: &[String; 7], widths: [usize; 7], style: Style) {
    let mut line = String::new();
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let styled = column == 1 || style == Style::new().bold();
        let style = if styled { style } else { Style::new() };
        let _ = write!(line, "{style}{cell:<width$}{style:#}  ");
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

fn style(state: State) -> Style {
    match state {
        State::Ready | State::External => AnsiColor::Green.on_default(),
        State::Failed => AnsiColor::Red.on_default(),
        State::Stopped | State::Stopping => AnsiColor::BrightBlack.on_default(),
        State::Waiting | State::Starting | State::Warming | State::Restarting => {
            AnsiColor::Yellow.on_default()
        }
    }
}

/// What went wrong last, when it is not over.
fn trouble(text: &mut String, component: &ComponentStatus) {
    let Some(error) = &component.last_error else {
        return;
    };
    let mut lines = error.trim_end().lines();
    let first = lines.next().unwrap_or_default();
    if component.state.is_ready() {
        // Over: its log has the rest.
        let first = first.trim_end_matches(" Its last lines:");
        let _ = writeln!(text, "\n{}: earlier: {first}", component.name);
        return;
    }
    let _ = writeln!(text, "\n{}: {first}", component.name);
    for line in lines {
        let _ = writeln!(text, "    {line}");
    }
}

/// Such as `12 s`, `3 min`, `2 h 05 min`, `4 d 3 h`.
fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(name: &str, state: State) -> ComponentStatus {
        ComponentStatus {
            state,
            since_unix: 1000,
            ..ComponentStatus::new(name)
        }
    }

    fn plain(status: &StackStatus) -> String {
        anstream::adapter::strip_str(&render(status, 1090)).to_string()
    }

    #[test]
    fn a_ready_stack_is_a_table_and_an_address() {
        let mut ollama = component("ollama", State::Ready);
        ollama.pid = Some(42);
        ollama.version = Some("0.12.3".into());
        ollama.memory_bytes = Some(1_234_000_000);
        let status = StackStatus {
            components: vec![ollama, component("web", State::Ready)],
            ready: true,
            address: "http://localhost:3000".into(),
        };

        let expected = "\
PART    STATE  SINCE  MEMORY  RESTARTS  PID  VERSION
ollama  ready  1 min  1.2 GB  0         42   0.12.3
web     ready  1 min  -       0         -    -

Ready: http://localhost:3000
";
        assert_eq!(plain(&status), expected);
    }

    #[test]
    fn trouble_and_progress_are_told_in_full() {
        let mut livekit = component("livekit", State::Failed);
        livekit.last_error = Some("Port 7880 is in use.\nSet livekit.port.".into());
        let mut ollama = component("ollama", State::Warming);
        ollama.detail = Some("pulling 34 %".into());
        let mut piper = component("piper", State::Ready);
        piper.last_error = Some("It was killed. Its last lines:\nan old line".into());
        let status = StackStatus {
            components: vec![livekit, ollama, piper],
            ready: false,
            address: String::new(),
        };

        let text = plain(&status);

        assert!(
            text.contains("ollama   warming: pulling 34 %  1 min"),
            "{text}"
        );
        assert!(
            text.contains("\nlivekit: Port 7880 is in use.\n    Set livekit.port.\n"),
            "{text}"
        );
        assert!(
            text.contains("\npiper: earlier: It was killed.\n"),
            "{text}"
        );
        assert!(text.ends_with("\nNot ready.\n"), "{text}");
    }

    #[test]
    fn times_are_short() {
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(3599), "59 min");
        assert_eq!(duration(7500), "2 h 05 min");
        assert_eq!(duration(90_000), "1 d 1 h");
    }
}
