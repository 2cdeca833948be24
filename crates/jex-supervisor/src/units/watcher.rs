//! One component for as long as the supervisor runs: asked again and again, warmed up whenever a life of it
//! begins.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::life;
use super::patience::{Limits, Patience};
use crate::component::{Component, Origin, WarmUp};
use crate::components::{self, Stack};
use crate::face::Face;
use crate::probe::{self, Silence};
use crate::restart::RestartPolicy;
use crate::status::{State, unix_now};
use crate::warm_up;

/// Between two questions while it is not ready.
const SOON: Duration = Duration::from_secs(1);
/// Until one that cannot be declared is looked at again.
const LATER: Duration = Duration::from_secs(30);
/// A unit may have much to do at its first start: n8n makes its tables, Whisper gets its model.
const OF_A_UNIT: Limits = Limits {
    start: Duration::from_secs(180),
    comeback: Duration::from_secs(60),
};
/// Nothing here starts it.
const OF_ANOTHERS: Limits = Limits {
    start: Duration::ZERO,
    comeback: Duration::ZERO,
};

/// Watches the component of `face`, and never returns while these settings have it.
pub async fn watch(stack: Arc<Stack>, face: Face) {
    let Some(component) = declared(&stack, &face).await else {
        return;
    };
    let limits = match component.origin {
        Origin::External { .. } => OF_ANOTHERS,
        _ => OF_A_UNIT,
    };
    let mut watcher = Watcher {
        face,
        component,
        patience: Patience::new(limits, Instant::now()),
        retries: RestartPolicy::default(),
        life: None,
        is_warm: false,
    };
    watcher.face.set(State::Starting, None);
    loop {
        let pause = watcher.look().await;
        tokio::time::sleep(pause).await;
    }
}

/// What it is, as soon as that can be told: a secret may still be missing.
async fn declared(stack: &Stack, face: &Face) -> Option<Component> {
    loop {
        match components::declare(stack, face.name) {
            Ok(component) => return component,
            Err(error) => {
                let reason = error.to_string();
                tracing::warn!("{} cannot be watched: {reason}", face.name);
                face.again(State::Failed, None, Some(reason));
            }
        }
        tokio::time::sleep(LATER).await;
    }
}

struct Watcher {
    face: Face,
    component: Component,
    patience: Patience,
    /// Of its warm-up.
    retries: RestartPolicy,
    /// The one that has answered.
    life: Option<u64>,
    is_warm: bool,
}

impl Watcher {
    /// Asks once and does what the answer calls for. Returns how long to wait before the next time.
    async fn look(&mut self) -> Duration {
        match probe::ask(&self.component.ready).await {
            Ok(answer) => {
                self.face.learn_version(answer.version);
                let came_back = self.patience.answered();
                self.notice_another_life(came_back);
                if !self.is_warm
                    && let Err(pause) = self.warm_up().await
                {
                    return pause;
                }
                self.show_ready();
                probe::pause(&self.component.ready)
            }
            // It is there, and says what it waits for.
            Err(Silence {
                reason,
                alive: true,
            }) => {
                let came_back = self.patience.answered();
                self.notice_another_life(came_back);
                self.face.set(State::Starting, Some(reason));
                SOON
            }
            Err(Silence { reason, .. }) => {
                self.bear(&reason);
                SOON
            }
        }
    }

    fn bear(&mut self, reason: &str) {
        let Some(state) = self.patience.missed(Instant::now()) else {
            return;
        };
        self.is_warm = false;
        if state == State::Starting {
            self.face.set(state, None);
            return;
        }
        let error = self.silence(reason);
        if self.face.status.borrow().state != state {
            // The journal shows messages without their fields.
            tracing::warn!("{} is {state}: {error}", self.face.name);
        }
        self.face.again(state, None, Some(error));
    }

    /// A silence in words, with the remedy.
    fn silence(&self, reason: &str) -> String {
        let name = self.face.name;
        match &self.component.origin {
            Origin::External { address, key } => format!(
                "{name} at {address} does not answer: {reason}. `{key}` names it: see to it that it \
                 runs, and that this machine may reach it."
            ),
            Origin::Unit(unit) => format!(
                "{name} does not answer: {reason}. `systemctl status {unit}` shows how it is, \
                 `jex logs {name}` what it said."
            ),
            Origin::Own(_) => format!("{name} does not answer: {reason}."),
        }
    }

    /// Whoever answers now may be another than before.
    fn notice_another_life(&mut self, came_back: bool) {
        let now = probe::port(&self.component.ready).and_then(life::on);
        let is_another = match (self.life, now) {
            (Some(before), Some(now)) => before != now,
            _ => came_back,
        };
        self.life = now.or(self.life);
        if is_another {
            tracing::info!("{} was started anew", self.face.name);
            self.is_warm = false;
            self.face.status.send_modify(|status| {
                status.restarts += 1;
                status.since_unix = unix_now();
            });
        }
    }

    /// Returns how long to wait before the next try if it fails.
    async fn warm_up(&mut self) -> Result<(), Duration> {
        if matches!(self.component.warm_up, WarmUp::None) {
            self.is_warm = true;
            return Ok(());
        }
        self.face.set(State::Warming, None);
        let face = self.face.clone();
        let tell = move |detail| face.tell(Some(detail));
        match warm_up::warm_up(&self.component.warm_up, &tell).await {
            Ok(()) => {
                self.is_warm = true;
                self.retries = RestartPolicy::default();
                Ok(())
            }
            Err(error) => {
                let after = self.retries.hopeless().after;
                let error = self.with_its_logs(&error.to_string());
                let detail = format!("next try in {} s", after.as_secs());
                tracing::warn!("{}: {error} ({detail})", self.face.name);
                self.face.again(State::Failed, Some(detail), Some(error));
                Err(after)
            }
        }
    }

    fn with_its_logs(&self, error: &str) -> String {
        let name = self.face.name;
        match self.component.warm_up {
            // It is told with a remedy of its own.
            WarmUp::Model(_) => error.to_owned(),
            _ => format!("{name}, {error}. `jex logs {name}` has the details."),
        }
    }

    fn show_ready(&self) {
        let (state, detail) = match &self.component.origin {
            Origin::External { address, .. } => {
                let whose = format!("{} at {address}", self.face.name);
                (State::External, Some(whose))
            }
            _ => (State::Ready, None),
        };
        if self.face.status.borrow().state != state {
            tracing::info!("{} is {state}", self.face.name);
            self.face.set(state, detail);
        }
    }
}
