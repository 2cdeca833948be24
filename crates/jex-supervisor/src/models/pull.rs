//! A model from a registry into Ollama: disk checked first, with progress, resumable.

use std::path::Path;

use futures::StreamExt;
use ollama_rs::models::pull::PullModelStatus;

use super::name::ModelName;
use super::registry::Manifest;
use super::{failed, said};
use crate::component::ModelWanted;
use crate::{SupervisorError, http, memory};

/// Left free on the disk after a pull.
const RESERVE_BYTES: u64 = 512 * 1024 * 1024;

/// Pulls; Ollama itself goes on where an earlier pull broke off.
pub async fn pull(
    wanted: &ModelWanted,
    name: &ModelName,
    tell: &(dyn Fn(String) + Sync),
) -> Result<(), SupervisorError> {
    tell("asking for its size".into());
    let missing = |reason: String| {
        failed(format!(
            "the model {} is not here and cannot be pulled: {reason} `jex model list` shows what \
             is here.",
            wanted.name
        ))
    };
    let manifest = Manifest::fetch(name).await.map_err(missing)?;
    if let Some(folder) = &wanted.folder {
        check_disk(&wanted.name, manifest.missing_bytes(folder), folder)?;
    }
    let ollama = http::ollama(&wanted.ollama);
    let mut steps = ollama
        .pull_model_stream(wanted.name.clone(), name.insecure)
        .await
        .map_err(|error| missing(format!("{}.", said(&error))))?;
    let mut progress = Progress::new(manifest.total_bytes());
    let mut done = false;
    while let Some(step) = steps.next().await {
        let step = step.map_err(|error| {
            failed(format!(
                "pulling {} broke off: {}. It goes on from there at the next try.",
                wanted.name,
                said(&error)
            ))
        })?;
        done = step.message == "success";
        tell(progress.of(&step));
    }
    if !done {
        return Err(failed(format!(
            "pulling {} broke off. It goes on from there at the next try.",
            wanted.name
        )));
    }
    Ok(())
}

/// Says so before the first byte if it will not fit.
fn check_disk(model: &str, needed: u64, folder: &Path) -> Result<(), SupervisorError> {
    let Some(free) = free_bytes(folder) else {
        return Ok(());
    };
    if needed + RESERVE_BYTES <= free {
        return Ok(());
    }
    Err(failed(format!(
        "there is too little disk for {model}: {} to download, {} free in {}. Free some, or choose \
         a smaller model with `jex model use NAME`.",
        memory::said(needed),
        memory::said(free),
        folder.display()
    )))
}

/// Free for an ordinary user on the disk that holds `folder`.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    // The folder may not be there yet; one of its parents is.
    let there = folder.ancestors().find(|folder| folder.exists())?;
    let disk = nix::sys::statvfs::statvfs(there).ok()?;
    Some(disk.blocks_available() * disk.fragment_size())
}

/// Sums up over the blobs.
struct Progress {
    total: u64,
    done: std::collections::HashMap<String, u64>,
}

impl Progress {
    fn new(total: u64) -> Self {
        Self {
            total,
            done: std::collections::HashMap::new(),
        }
    }

    fn of(&mut self, step: &PullModelStatus) -> String {
        let Some(digest) = &step.digest else {
            return step.message.clone();
        };
        self.done
            .insert(digest.clone(), step.completed.unwrap_or_default());
        let done: u64 = self.done.values().sum();
        let percent = (done.saturating_mul(100) / self.total.max(1)).min(100);
        format!("pulling {percent} % of {}", memory::said(self.total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(digest: &str, completed: u64) -> PullModelStatus {
        PullModelStatus {
            message: format!("pulling {digest}"),
            digest: Some(digest.into()),
            total: None,
            completed: Some(completed),
        }
    }

    #[test]
    fn progress_is_of_the_whole_model() {
        let mut progress = Progress::new(1000);

        progress.of(&step("a", 100));
        progress.of(&step("b", 100));

        assert_eq!(progress.of(&step("a", 240)), "pulling 34 % of 0 MB");
    }

    #[test]
    fn too_little_disk_is_said_with_both_sizes() {
        let folder = tempfile::tempdir().unwrap();

        let error = check_disk("llama3.1:405b", 1 << 60, &folder.path().join("models"))
            .unwrap_err()
            .to_string();

        assert!(
            error.contains("llama3.1:405b") && error.contains("free in"),
            "{error}"
        );
        assert!(check_disk("small", 1000, folder.path()).is_ok());
    }
}
