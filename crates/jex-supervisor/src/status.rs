//! What `jex status` shows: the vocabulary of the control socket.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where a component is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// For what it depends on.
    Waiting,
    /// Its process runs, but does not answer yet.
    Starting,
    /// It answers; its first slow answer is being made.
    Warming,
    Ready,
    /// It ended by itself and will be started again.
    Restarting,
    Stopping,
    Stopped,
    /// It cannot start; it is tried again now and then.
    Failed,
    /// Someone else runs it, and it answers.
    External,
}

impl State {
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Ready | Self::External)
    }

    /// As in the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Warming => "warming",
            Self::Ready => "ready",
            Self::Restarting => "restarting",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::External => "external",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// One component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComponentStatus {
    pub name: String,
    pub state: State,
    /// Seconds since 1970 at which it came into this state.
    pub since_unix: u64,
    pub pid: Option<u32>,
    pub version: Option<String>,
    /// Resident memory of its process and everything that it started.
    pub memory_bytes: Option<u64>,
    /// Starts after the first one.
    pub restarts: u32,
    /// What went wrong last, with the remedy.
    pub last_error: Option<String>,
    /// Absent for external ones.
    pub log: Option<PathBuf>,
    /// What it is doing, such as `pulling 34 %`.
    pub detail: Option<String>,
    /// Nobody can talk with JEX while it is not ready.
    #[serde(default = "yes")]
    pub essential: bool,
}

/// For who asks a JEX that does not tell.
fn yes() -> bool {
    true
}

impl ComponentStatus {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            state: State::Waiting,
            since_unix: unix_now(),
            pid: None,
            version: None,
            memory_bytes: None,
            restarts: 0,
            last_error: None,
            log: None,
            detail: None,
            essential: true,
        }
    }

    /// Whether talking need not wait for it.
    pub fn lets_talk(&self) -> bool {
        self.state.is_ready() || !self.essential
    }
}

/// The whole stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StackStatus {
    pub components: Vec<ComponentStatus>,
    /// All that talking needs are.
    pub ready: bool,
    /// What to open in the browser.
    pub address: String,
}

impl StackStatus {
    pub fn new(components: Vec<ComponentStatus>, address: String) -> Self {
        Self {
            ready: components.iter().all(ComponentStatus::lets_talk),
            components,
            address,
        }
    }

    /// In one line, such as `4 of 7 ready · ollama warming: pulling 34 % · whisper starting`.
    pub fn summary(&self) -> String {
        let (ready, not_ready): (Vec<_>, Vec<_>) =
            { self.components.iter() }.partition(|one| one.state.is_ready());
        let mut parts = vec![match self.ready {
            true => "ready".into(),
            false => format!("{} of {} ready", ready.len(), self.components.len()),
        }];
        for component in not_ready {
            let ComponentStatus { name, state, .. } = component;
            parts.push(match &component.detail {
                Some(detail) => format!("{name} {state}: {detail}"),
                None => format!("{name} {state}"),
            });
        }
        parts.join(" · ")
    }
}

/// Seconds since 1970.
pub(crate) fn unix_now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(name: &str, state: State, detail: Option<&str>) -> ComponentStatus {
        ComponentStatus {
            state,
            detail: detail.map(str::to_owned),
            ..ComponentStatus::new(name)
        }
    }

    #[test]
    fn the_line_names_what_is_not_ready() {
        let components = vec![
            component("redis", State::Ready, None),
            component("ollama", State::Warming, Some("pulling 34 %")),
            component("web", State::Starting, None),
        ];

        let line = StackStatus::new(components, String::new()).summary();

        assert_eq!(
            line,
            "1 of 3 ready · ollama warming: pulling 34 % · web starting"
        );
    }

    #[test]
    fn when_all_are_ready_that_is_all_there_is_to_say() {
        let components = vec![component("redis", State::External, Some("redis at x"))];

        assert_eq!(
            StackStatus::new(components, String::new()).summary(),
            "ready"
        );
    }

    #[test]
    fn what_talking_does_not_need_is_told_and_not_waited_for() {
        let mut n8n = component("n8n", State::Warming, Some("provisioning 4 of 9"));
        n8n.essential = false;
        let components = vec![component("web", State::Ready, None), n8n];

        let status = StackStatus::new(components, String::new());

        assert!(status.ready);
        assert_eq!(status.summary(), "ready · n8n warming: provisioning 4 of 9");
    }
}
