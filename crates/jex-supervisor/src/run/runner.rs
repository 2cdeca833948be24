//! One component through all its lives.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::process::{self, Running};
use super::supervisor::Shared;
use crate::component::{Component, Origin, Probe, Process, WarmUp};
use crate::face::Face;
use crate::probe::{self, Answer, Silence};
use crate::restart::{RestartPolicy, Retry};
use crate::status::State;
use crate::{SupervisorError, components, ports, warm_up};

/// Between two questions while it is ready.
const WATCH_EVERY: Duration = Duration::from_secs(5);
/// Unanswered questions in a row until it counts as hung.
const PATIENCE: u32 = 3;
/// Until what could not be had (a model, its workflows) is tried again.
const WARM_RETRY: Duration = Duration::from_secs(30);
/// Ollama needs to note how far a download has come.
const NOTING: Duration = Duration::from_millis(500);

/// What a runner is told.
#[derive(Debug)]
pub enum Order {
    Stop,
    /// Start anew, for this reason.
    Restart(String),
    /// The settings have changed: do what that takes.
    Reload,
}

/// Why a life ended.
enum End {
    Stop,
    Restart(String),
    Died(String),
    /// Trying again at once would be no use.
    CannotStart(String),
}

/// Runs one component until it is told to stop.
pub struct Runner {
    pub shared: Arc<Shared>,
    pub face: Face,
    pub orders: mpsc::UnboundedReceiver<Order>,
    pub policy: RestartPolicy,
    /// Starts so far.
    pub starts: u32,
}

impl Runner {
    pub async fn run(mut self) {
        let _at_the_end = SaysStopped(self.face.clone());
        loop {
            let end = self.live().await;
            self.face.status.send_modify(|status| status.pid = None);
            let retry = match end {
                End::Stop => break,
                End::Restart(reason) => {
                    self.face.again(State::Restarting, Some(reason), None);
                    continue;
                }
                End::Died(reason) => (self.policy.ended(Instant::now()), reason),
                End::CannotStart(reason) => (self.policy.hopeless(), reason),
            };
            if !self.wait_to_retry(retry).await {
                break;
            }
        }
    }

    /// `false` when it was told to stop meanwhile.
    async fn wait_to_retry(&mut self, (retry, reason): (Retry, String)) -> bool {
        let Retry { after, failed } = retry;
        let state = if failed {
            State::Failed
        } else {
            State::Restarting
        };
        let seconds = after.as_secs_f32();
        let detail = format!("next try in {seconds:.1} s");
        // The owner is shown the board.
        tracing::info!(component = self.face.name, %reason, "{detail}");
        self.face.again(state, Some(detail), Some(reason));
        tokio::select! {
            () = tokio::time::sleep(after) => true,
            order = self.orders.recv() => !matches!(order, None | Some(Order::Stop)),
        }
    }

    async fn live(&mut self) -> End {
        let declared = || components::declare(&self.shared.stack(), self.face.name);
        let again = |_| {
            self.shared.look_for_parts();
            declared()
        };
        let component = match declared().or_else(again) {
            Ok(Some(component)) => component,
            Ok(None) => return End::CannotStart("these settings do without it".into()),
            Err(error) => return End::CannotStart(error.to_string()),
        };
        if let Some(end) = self.wait_for_dependencies(&component).await {
            return end;
        }
        match &component.origin {
            Origin::External { address, key } => {
                let remedy =
                    format!("Start it, or remove `{key}` from jex.toml so that JEX runs its own.");
                let whose = format!("{} at {address}", self.face.name);
                self.live_elsewhere(&component, &whose, &remedy).await
            }
            Origin::Own(process) => self.live_here(&component, process).await,
            Origin::Unit(unit) => End::CannotStart(format!("systemd runs it here, as {unit}")),
        }
    }

    async fn wait_for_dependencies(&mut self, component: &Component) -> Option<End> {
        let board = self.shared.board.clone();
        for needed in component.depends_on {
            let there = board
                .slot(needed)
                .is_none_or(|slot| slot.borrow().state.is_ready());
            if there {
                continue;
            }
            self.face.set(State::Waiting, Some(format!("for {needed}")));
            tokio::select! {
                () = board.wait_for(needed, |status| status.state.is_ready()) => {}
                order = self.orders.recv() => return Some(ended_by(order)),
            }
        }
        None
    }

    async fn live_here(&mut self, component: &Component, process: &Process) -> End {
        let ports = process.ports.clone();
        let conflict = tokio::task::spawn_blocking(move || ports::conflict(&ports)).await;
        if let Ok(Some(conflict)) = conflict {
            return End::CannotStart(conflict);
        }
        self.face.set(State::Starting, None);
        let log = self.shared.stack().paths.log(self.face.name);
        let (name, mark) = (self.face.name, self.shared.mark.clone());
        let starting = async {
            match process::unfit(name, process, &mark).await {
                Some(reason) => Err(SupervisorError::CannotStart {
                    component: name,
                    reason,
                }),
                None => Running::start(name, process, &log, &mark).await,
            }
        };
        let started = tokio::select! {
            started = starting => started,
            order = self.orders.recv() => return ended_by(order),
        };
        let mut running = match started {
            Ok(running) => running,
            Err(error) => return End::CannotStart(error.to_string()),
        };
        self.face.status.send_modify(|status| {
            status.pid = Some(running.pid);
            status.restarts = self.starts;
            status.log = Some(log);
        });
        self.starts += 1;
        let end = self.attend(component, process, &mut running).await;
        match end {
            End::Stop | End::Restart(_) => {
                self.face.set(State::Stopping, None);
                running.stop(&process.stop, &self.shared.kill_now).await;
                end
            }
            End::Died(reason) => {
                running.stop(&process.stop, &self.shared.kill_now).await;
                End::Died(self.face.with_last_lines(&reason, &running.last_lines))
            }
            End::CannotStart(_) => end,
        }
    }

    /// From the first probe to the end.
    async fn attend(
        &mut self,
        component: &Component,
        process: &Process,
        running: &mut Running,
    ) -> End {
        let mark = self.shared.mark.clone();
        let version = process::version(self.face.name, process, &mark);
        let answer = self.face.first_answer(component, process.start_limit);
        let greeted = async { tokio::join!(version, answer) };
        tokio::select! {
            ended = running.ended() => return End::Died(format!("{} {ended}", self.face.name)),
            order = self.orders.recv() => return ended_by(order),
            (version, answered) = greeted => {
                if let Err(reason) = answered {
                    return End::Died(reason);
                }
                self.face.learn_version(version);
            }
        }
        let mut component = component.clone();
        loop {
            let warmed = self.warm(&component, process, running).await;
            match &warmed {
                Warmed::Ready => {
                    self.policy.became_ready(Instant::now());
                    self.face.set(State::Ready, None);
                }
                Warmed::NotYet => {}
                Warmed::Changed(changed) => {
                    component = (**changed).clone();
                    continue;
                }
                Warmed::End(_) => {}
            }
            if let Warmed::End(end) = warmed {
                return end;
            }
            match self.watch(&component, process, running, warmed).await {
                Ok(changed) => component = *changed,
                Err(end) => return end,
            }
        }
    }

    async fn warm(
        &mut self,
        component: &Component,
        process: &Process,
        running: &mut Running,
    ) -> Warmed {
        if matches!(component.warm_up, WarmUp::None) {
            return Warmed::Ready;
        }
        self.face.set(State::Warming, None);
        let is_model = matches!(component.warm_up, WarmUp::Model(_));
        let may_come_later = component.warm_up.may_come_later();
        let face = self.face.clone();
        let tell = move |detail| face.tell(Some(detail));
        let mut warming = Box::pin(warm_up::warm_up(&component.warm_up, &tell));
        let reason = loop {
            tokio::select! {
                ended = running.ended() => {
                    return Warmed::End(End::Died(format!("{} {ended}", self.face.name)));
                }
                order = self.orders.recv() => {
                    let next = match order {
                        Some(Order::Reload) => match self.changed(component, process) {
                            Ok(None) => continue,
                            Ok(Some(changed)) => Warmed::Changed(changed),
                            Err(end) => Warmed::End(end),
                        },
                        order => Warmed::End(ended_by(order)),
                    };
                    drop(warming);
                    if is_model {
                        self.let_it_note_its_progress().await;
                    }
                    return next;
                }
                warmed = &mut warming => match warmed {
                    Ok(()) => return Warmed::Ready,
                    Err(error) => break error.to_string(),
                }
            }
        };
        // Without its model Ollama is still of use: one can choose another.
        if may_come_later {
            tracing::info!(component = self.face.name, %reason, "not warm");
            let seconds = WARM_RETRY.as_secs();
            self.face.again(
                State::Failed,
                Some(format!("next try in {seconds} s")),
                Some(reason),
            );
            return Warmed::NotYet;
        }
        Warmed::End(End::Died(reason))
    }

    /// Ollama writes down how far a download has come when whoever asked for it hangs up, not when
    /// it is told to end.
    async fn let_it_note_its_progress(&self) {
        tokio::select! {
            () = tokio::time::sleep(NOTING) => {}
            () = self.shared.kill_now.cancelled() => {}
        }
    }

    /// Until something has to happen: another warm-up, or the end.
    async fn watch(
        &mut self,
        component: &Component,
        process: &Process,
        running: &mut Running,
        warmed: Warmed,
    ) -> Result<Box<Component>, End> {
        if !matches!(warmed, Warmed::Ready) {
            return self.wait_to_warm_again(component, process, running).await;
        }
        let mut silent = 0;
        let next = || Box::pin(ask_after(WATCH_EVERY, &component.ready));
        let mut asking = next();
        loop {
            tokio::select! {
                ended = running.ended() => {
                    return Err(End::Died(format!("{} {ended}", self.face.name)));
                }
                order = self.orders.recv() => match order {
                    Some(Order::Reload) => {
                        if let Some(changed) = self.changed(component, process)? {
                            return Ok(changed);
                        }
                    }
                    order => return Err(ended_by(order)),
                },
                answer = &mut asking => {
                    asking = next();
                    match answer {
                        Ok(answer) => {
                            silent = 0;
                            self.face.learn_version(answer.version);
                            if !self.face.status.borrow().state.is_ready() {
                                self.face.set(State::Ready, None);
                            }
                        }
                        Err(Silence { reason, alive: true }) => {
                            silent = 0;
                            self.face.set(State::Starting, Some(reason));
                        }
                        Err(Silence { reason, alive: false }) => {
                            silent += 1;
                            if silent >= PATIENCE {
                                let name = self.face.name;
                                return Err(End::Died(format!("{name} does not answer: {reason}")));
                            }
                        }
                    }
                }
            }
        }
    }

    /// Until its warm-up is to be tried again.
    async fn wait_to_warm_again(
        &mut self,
        component: &Component,
        process: &Process,
        running: &mut Running,
    ) -> Result<Box<Component>, End> {
        let again = || Box::new(component.clone());
        tokio::select! {
            ended = running.ended() => Err(End::Died(format!("{} {ended}", self.face.name))),
            order = self.orders.recv() => match order {
                Some(Order::Reload) => {
                    Ok(self.changed(component, process)?.unwrap_or_else(again))
                }
                order => Err(ended_by(order)),
            },
            () = tokio::time::sleep(WARM_RETRY) => Ok(again()),
        }
    }

    /// What the new settings mean: nothing, another warm-up, or another process.
    fn changed(
        &self,
        component: &Component,
        process: &Process,
    ) -> Result<Option<Box<Component>>, End> {
        let stack = self.shared.stack();
        let declared = components::declare(&stack, self.face.name);
        let restart = || End::Restart("new settings".into());
        let Ok(Some(new)) = declared else {
            return Err(restart());
        };
        let same = matches!(&new.origin, Origin::Own(new) if new.is_same(process));
        if !same || components::is_jexs_own(self.face.name) {
            return Err(restart());
        }
        let model = |component: &Component| match &component.warm_up {
            WarmUp::Model(wanted) => Some(wanted.name.clone()),
            _ => None,
        };
        Ok((model(&new) != model(component)).then(|| Box::new(new)))
    }

    async fn live_elsewhere(&mut self, component: &Component, whose: &str, remedy: &str) -> End {
        let mut warm = false;
        let mut silent = 0;
        loop {
            let face = self.face.clone();
            let tell = move |detail| face.tell(Some(detail));
            let asking = async {
                let answer = probe::ask(&component.ready).await.map_err(|silence| {
                    let Silence { reason, .. } = silence;
                    format!("{whose} does not answer: {reason}. {remedy}")
                })?;
                if !warm {
                    warm_up::warm_up(&component.warm_up, &tell)
                        .await
                        .map_err(|error: SupervisorError| error.to_string())?;
                }
                Ok::<_, String>(answer.version)
            };
            let answer = tokio::select! {
                answer = asking => answer,
                order = self.orders.recv() => return ended_by(order),
            };
            match answer {
                Ok(version) => {
                    (warm, silent) = (true, 0);
                    self.face.learn_version(version);
                    if self.face.status.borrow().state != State::External {
                        self.face.set(State::External, Some(whose.to_owned()));
                    }
                }
                Err(reason) => {
                    silent += 1;
                    // One that has answered may miss a question, as JEX's own may.
                    if !warm || silent >= PATIENCE {
                        warm = false;
                        self.face.again(State::Failed, None, Some(reason));
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(WATCH_EVERY) => {}
                order = self.orders.recv() => return ended_by(order),
            }
        }
    }
}

/// Says so however a runner ends: whoever waits for it must not wait for ever.
struct SaysStopped(Face);

impl Drop for SaysStopped {
    fn drop(&mut self) {
        let mishap = std::thread::panicking()
            .then(|| "JEX itself has failed here: end it and start it again".into());
        self.0.again(State::Stopped, None, mishap);
    }
}

enum Warmed {
    Ready,
    /// It runs, but without its model or its workflows.
    NotYet,
    /// The settings want something else.
    Changed(Box<Component>),
    End(End),
}

/// An answer that is asked for later. Whoever waits for it listens to orders meanwhile: one that
/// does not come takes as long as the probe allows.
async fn ask_after(pause: Duration, probe: &Probe) -> Result<Answer, Silence> {
    tokio::time::sleep(pause).await;
    probe::ask(probe).await
}

fn ended_by(order: Option<Order>) -> End {
    match order {
        None | Some(Order::Stop) => End::Stop,
        Some(Order::Restart(reason)) => End::Restart(reason),
        Some(Order::Reload) => End::Restart("new settings".into()),
    }
}
