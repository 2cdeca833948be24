//! `jex audit`: whether what was done is still written as it was.

use anyhow::bail;
use jex_config::{LoadOptions, Paths};
use jex_store::{Fault, Verified};

use crate::cli::AuditCommand;
use crate::{db, exit};

/// Returns the exit status: 0 only for an audit that is whole.
pub fn run(command: &AuditCommand, options: &LoadOptions, paths: &Paths) -> anyhow::Result<u8> {
    let AuditCommand::Verify = command;
    let settings = jex_config::load(options)?.settings;
    let found = db::with_store(&settings, paths, async |store| {
        Ok(store.verify_audit().await?)
    })?;
    match found {
        Ok(verified) => exit::say(&whole(verified)),
        Err(fault) => bail!(broken(&fault)),
    }
    Ok(exit::SUCCESS)
}

fn whole(verified: Verified) -> String {
    let Verified { rows, texts } = verified;
    format!(
        "The audit is whole: {rows} rows, each as it was written. {texts} of them have their text still, unchanged.\n"
    )
}

fn broken(fault: &Fault) -> String {
    let means = match fault {
        Fault::NoHead { .. } => "Put that file back from a backup.",
        Fault::CutOff { .. } | Fault::Replaced { .. } => {
            "If you restored the database from an older backup, restore JEX's state from the same one. If not, \
             somebody changed the database."
        }
        _ => "Somebody changed the database.",
    };
    format!("the audit is not as it was written: {fault}. {means}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_is_said_with_what_it_means() {
        let cut_off = broken(&Fault::CutOff { last: 3, head: 5 });

        assert!(cut_off.contains("after 3") && cut_off.contains("backup"));
        assert!(broken(&Fault::Changed { seq: 2 }).contains("row 2 was changed"));
    }
}
