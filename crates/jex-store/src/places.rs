//! Where what is kept outside the database lies.

use std::path::PathBuf;

use jex_config::{Paths, Settings};

/// Folder of the journal.
pub fn journal(settings: &Settings, paths: &Paths) -> PathBuf {
    let own = || paths.state.join("journal");
    settings.history.journal.clone().unwrap_or_else(own)
}

/// File of the audit's newest hash.
pub fn audit_head(settings: &Settings, paths: &Paths) -> PathBuf {
    let own = || paths.state.join("audit").join("head.json");
    settings.history.audit_head.clone().unwrap_or_else(own)
}
