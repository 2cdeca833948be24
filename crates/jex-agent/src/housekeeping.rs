//! What is deleted goes everywhere, and what was kept long enough is deleted.
//!
//! Whoever deletes something (the page, the command, the caller) takes it out of the tables. n8n's records of the runs
//! follow here, as soon as n8n can be asked, and once a day what the settings say is old.

use std::sync::Arc;
use std::time::Duration;

use jex_config::{Paths, Settings};
use jex_store::{Moment, Retention, StoreError, erase};
use jex_tools::{SentCall, ToolName, Toolbox, n8n};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::memory::Memory;

/// How often it is asked whether something was deleted.
const LOOKS_EVERY: Duration = Duration::from_secs(20);
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub struct Housekeeping {
    memory: Memory,
    toolbox: Arc<Toolbox>,
    retention: Retention,
    /// Where n8n keeps its runs, if JEX may clean there.
    n8n_database: Option<String>,
}

/// Why something is left to be done.
#[derive(Debug, thiserror::Error)]
enum Left {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    N8n(#[from] jex_tools::ToolError),
}

impl Housekeeping {
    pub fn new(settings: &Settings, paths: &Paths, memory: Memory, toolbox: Arc<Toolbox>) -> Self {
        let n8n_database = settings.n8n_database_url(paths);
        Self {
            memory,
            toolbox,
            retention: Retention::of(&settings.history),
            n8n_database: n8n_database.map(String::from),
        }
    }

    /// Until cancelled. What cannot be done now is done later.
    pub async fn run(self, end: CancellationToken) {
        let mut daily_is_due = Instant::now();
        let mut said = None;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOKS_EVERY) => {}
                () = end.cancelled() => return,
            }
            let mut done = self.erase().await;
            if done.is_ok() && daily_is_due <= Instant::now() {
                done = self.daily().await;
                if done.is_ok() {
                    daily_is_due = Instant::now() + A_DAY;
                }
            }
            // Last: n8n may be away for long, and nothing else waits for it.
            let runs = self.forget_runs().await;
            let left = done.and(runs).err().map(|error| error.to_string());
            if let Some(reason) = left.as_ref().filter(|_| left != said) {
                tracing::info!("what was deleted is not wholly gone yet: {reason}");
            }
            said = left;
        }
    }

    /// Takes out of the files what was deleted and could not be then.
    async fn erase(&self) -> Result<(), Left> {
        self.memory.store.erase().await?;
        // Others write rows of the audit, too, and may not write the file.
        self.memory.store.note_audit_head().await;
        Ok(())
    }

    async fn daily(&self) -> Result<(), Left> {
        let store = &self.memory.store;
        let deleted = store
            .apply_retention(&self.retention, Moment::now())
            .await?;
        if !deleted.is_nothing() {
            tracing::info!(?deleted, "kept long enough");
        }
        store.erase().await?;
        Ok(())
    }

    /// Has n8n forget the runs of calls that were deleted.
    async fn forget_runs(&self) -> Result<(), Left> {
        let due = self.memory.store.executions_due().await?;
        if due.is_empty() {
            return Ok(());
        }
        // What has no name of a tool was never sent.
        let calls: Vec<SentCall> = due
            .iter()
            .filter_map(|due| {
                Some(SentCall {
                    id: due.call,
                    tool: ToolName::new(&due.tool).ok()?,
                    at: due.at.into(),
                })
            })
            .collect();
        let gone = self.toolbox.forget(n8n::NAME, &calls).await?;
        // Noted last: a sudden end in between has all of it done again.
        if let (Some(database), false) = (&self.n8n_database, gone.is_empty()) {
            erase::erase_runs(database).await?;
            self.memory.store.leave_log().await?;
        }
        self.memory.store.executions_deleted(&gone).await?;
        tracing::info!(runs = gone.len(), "n8n has forgotten what was deleted here");
        Ok(())
    }
}
