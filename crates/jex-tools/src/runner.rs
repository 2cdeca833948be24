//! From permit to outcome: written down, called, told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::policy::{Decision, Permit};
use crate::{
    CallContext, Effect, Handling, Intent, Ledger, LookUp, NotRecorded, Outcome, Refusal, Source,
    ToolCall, Toolbox,
};

/// After this long whoever waits is told that it goes on.
const STILL_WORKING: Duration = Duration::from_secs(1);
/// And again.
const STILL_WORKING_AGAIN: Duration = Duration::from_secs(10);
/// Lines of progress that may wait to be told; more are dropped.
const MOST_PROGRESS: usize = 16;
/// Longest line of progress, in characters.
const LONGEST_PROGRESS: usize = 200;
/// Waits between two looks for a lost call: from the first to the longest.
const LOOKS_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What happens to a call that runs.
#[derive(Debug, Clone, PartialEq)]
pub enum CallEvent {
    /// It has been running for `for_so_long`: after 1 s, then every 10 s.
    StillWorking { call: Uuid, for_so_long: Duration },
    /// What the tool says meanwhile, in one line: data from outside.
    Progress { call: Uuid, text: String },
    /// It is over, and written down. An `Unknown` one is to be handed to [`Runner::settle`].
    Ended {
        call: ToolCall,
        source: String,
        sent: Timestamp,
        outcome: Outcome,
    },
}

/// A call whose outcome nobody knows yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Unresolved {
    pub call: ToolCall,
    /// Name of the source that it was sent to.
    pub source: String,
    pub sent: Timestamp,
}

/// A call that runs.
#[derive(Debug, Clone)]
pub struct Running {
    pub call: Uuid,
    cancel: CancellationToken,
}

impl Running {
    /// Stops it. Its end is told by [`CallEvent::Ended`] as ever.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

/// Runs calls, as many at once as there are permits.
pub struct Runner {
    toolbox: Arc<Toolbox>,
    ledger: Arc<dyn Ledger>,
    progress: Mutex<HashMap<Uuid, mpsc::Sender<String>>>,
}

impl Runner {
    pub fn new(toolbox: Arc<Toolbox>, ledger: Arc<dyn Ledger>) -> Self {
        Self {
            toolbox,
            ledger,
            progress: Mutex::default(),
        }
    }

    /// Starts a call. Events go on after `events` is closed, unheard.
    pub fn start(
        self: &Arc<Self>,
        permit: Permit,
        context: CallContext,
        events: mpsc::UnboundedSender<CallEvent>,
    ) -> Running {
        let running = Running {
            call: permit.call().id,
            cancel: CancellationToken::new(),
        };
        let (runner, cancel) = (self.clone(), running.cancel.clone());
        tokio::spawn(async move { runner.run(permit, context, events, cancel).await });
        running
    }

    /// Writes down that a call was not sent.
    pub async fn refused(&self, call: &ToolCall, refusal: Refusal) -> Outcome {
        let outcome = Outcome::Refused(refusal);
        self.ledger.outcome(call, &outcome).await;
        outcome
    }

    /// What a tool says of a call that runs, as it came to the address of [`CallContext::progress`]. Returns whether
    /// there is such a call.
    pub fn progress(&self, call: Uuid, text: &str) -> bool {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = progress.get(&call) else {
            return false;
        };
        // A tool that talks faster than it is heard is not heard.
        let _ = sender.try_send(text.to_owned());
        true
    }

    /// Finds out what became of a call, as soon as its source can be asked, and writes it down. Never sends it again.
    /// `Unknown` is the last word of a source that keeps no records; `None`: cancelled before there was one.
    pub async fn settle(&self, lost: &Unresolved, end: CancellationToken) -> Option<Outcome> {
        let Some(source) = self.toolbox.source_named(&lost.source) else {
            let reason = format!("{} is no longer among the settings", lost.source);
            return Some(self.settled(lost, Outcome::Unknown(reason)).await);
        };
        let (mut wait, longest) = LOOKS_AGAIN;
        loop {
            match source.look_up(&lost.call, lost.sent).await {
                Ok(LookUp::Ended(outcome)) => return Some(self.settled(lost, outcome).await),
                Ok(LookUp::NoTrace) => {
                    let reason = format!("{} has no record of it: it was not begun", lost.source);
                    return Some(self.settled(lost, Outcome::Failed(reason)).await);
                }
                Ok(LookUp::CannotTell) => {
                    let reason = format!("{} keeps no record of its calls", lost.source);
                    return Some(self.settled(lost, Outcome::Unknown(reason)).await);
                }
                Ok(LookUp::StillRunning) | Err(_) => {}
            }
            tokio::select! {
                () = sleep(wait) => {}
                () = end.cancelled() => return None,
            }
            wait = (wait * 2).min(longest);
        }
    }

    async fn settled(&self, lost: &Unresolved, outcome: Outcome) -> Outcome {
        tracing::info!(tool = %lost.call.tool, call = %lost.call.id, "a lost call is settled: {}", kind(&outcome));
        self.ledger.outcome(&lost.call, &outcome).await;
        outcome
    }

    async fn run(
        &self,
        permit: Permit,
        context: CallContext,
        events: mpsc::UnboundedSender<CallEvent>,
        cancel: CancellationToken,
    ) {
        let (call, tool, decision) = permit.into_parts();
        let sent = Timestamp::now();
        let intent = Intent {
            call: call.clone(),
            source: tool.source.clone(),
            effect: tool.effect,
            decision,
            at: sent,
        };
        let outcome = match self.may_go_on(&intent).await {
            Err(NotRecorded(reason)) => Outcome::Refused(Refusal::NotRecorded(reason)),
            Ok(()) if cancel.is_cancelled() => Outcome::Refused(Refusal::Withdrawn),
            Ok(()) => match self.toolbox.catalogue().source(call.tool.as_str()) {
                Some(source) if source.name() == tool.source => {
                    self.call(source, &call, context, &events, cancel).await
                }
                _ => Outcome::Failed("it is no longer there".into()),
            },
        };
        tracing::info!(tool = %call.tool, call = %call.id, "{}", kind(&outcome));
        self.ledger.outcome(&call, &outcome).await;
        let source = tool.source;
        let _ = events.send(CallEvent::Ended {
            call,
            source,
            sent,
            outcome,
        });
    }

    /// What only reads and needs no yes may also be called when nothing can be written down.
    async fn may_go_on(&self, intent: &Intent) -> Result<(), NotRecorded> {
        match self.ledger.intent(intent).await {
            Err(_) if intent.decision == Decision::Allow && intent.effect == Effect::Reads => {
                Ok(())
            }
            written => written,
        }
    }

    async fn call(
        &self,
        source: Arc<dyn Source>,
        call: &ToolCall,
        context: CallContext,
        events: &mpsc::UnboundedSender<CallEvent>,
        cancel: CancellationToken,
    ) -> Outcome {
        let id = call.id;
        let (sender, mut progress) = mpsc::channel(MOST_PROGRESS);
        let handling = Handling {
            cancel,
            progress: sender.clone(),
        };
        self.listeners().insert(id, sender);
        // Apart, so that a mistake of ours in there is an outcome, too.
        let mut calling = tokio::spawn({
            let call = call.clone();
            async move { source.call(&call, &context, handling).await }
        });
        let began = Instant::now();
        let mut tell = began + STILL_WORKING;
        let outcome = loop {
            tokio::select! {
                biased;
                ended = &mut calling => break ended.unwrap_or_else(|mistake| {
                    tracing::error!(%mistake, "a call broke off");
                    Outcome::Unknown("JEX made a mistake while it was called".into())
                }),
                () = tokio::time::sleep_until(tell) => {
                    let for_so_long = tell - began;
                    let _ = events.send(CallEvent::StillWorking { call: id, for_so_long });
                    tell += STILL_WORKING_AGAIN;
                }
                Some(text) = progress.recv() => {
                    let text = crate::text::one_line(&text, LONGEST_PROGRESS);
                    let _ = events.send(CallEvent::Progress { call: id, text });
                }
            }
        };
        self.listeners().remove(&id);
        outcome
    }

    fn listeners(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, mpsc::Sender<String>>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For the log, which holds no words of a conversation.
fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Failed(_) => "failed",
        Outcome::Unknown(_) => "unknown",
        Outcome::Cancelled => "stopped",
        Outcome::Refused(_) => "not called",
    }
}
