//! How long JEX remembers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What is remembered, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    /// Days that conversations are kept: what was said, and summaries of it. 0: it is never written down.
    pub conversations_days: u32,
    /// Days that calls of tools are kept, with their arguments and results. 0: until it is known how each ended. That a
    /// tool was called stays in the audit, without words.
    pub calls_days: u32,
    /// Days that what you asked to remember is kept; absent: until you ask to forget it. 0: nothing is remembered.
    /// Example: `365`
    pub facts_days: Option<u32>,
    /// Days that reminders are kept after they were spoken. 0: they are deleted with the next clean-up.
    pub announcements_days: u32,
    /// Folder for what cannot be written while PostgreSQL is away, 64 MiB at most; best on another volume than the
    /// database. Absent: beside JEX's own files.
    /// Example: `"/mnt/usb/jex-journal"`
    pub journal: Option<PathBuf>,
    /// File with the newest hash of the audit, by which one sees that its end was cut off. Absent: beside JEX's own
    /// files.
    /// Example: `"/mnt/usb/jex-audit-head.json"`
    pub audit_head: Option<PathBuf>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            conversations_days: 90,
            calls_days: 90,
            facts_days: None,
            announcements_days: 30,
            journal: None,
            audit_head: None,
        }
    }
}
