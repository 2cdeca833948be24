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
    let here = wanted.folder.as_deref();
    let unseen = match here.map(|folder| (folder, manifest.missing_bytes(folder))) {
        // Before the first byte.
        Some((folder, Ok(bytes))) => {
            check_room(wanted, folder, bytes)?;
            None
        }
        // Not for our eyes: how much there is of a blob, Ollama tells when it comes to it.
        Some((folder, Err(_))) => Some(folder),
        None => None,
    };
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
        if let (Some(folder), Some(left)) = (unseen, progress.left_of_new(&step)) {
            check_room(wanted, folder, left)?;
        }
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

fn check_room(wanted: &ModelWanted, folder: &Path, needed: u64) -> Result<(), SupervisorError> {
    let free = free_bytes(folder);
    match free.and_then(|free| no_room(&wanted.name, needed, free)) {
        Some(reason) => Err(failed(reason)),
        None => Ok(()),
    }
}

/// Says so if it will not fit on the disk.
pub fn no_room(model: &str, needed: u64, free: u64) -> Option<String> {
    if needed == 0 || needed + RESERVE_BYTES <= free {
        return None;
    }
    Some(format!(
        "there is too little disk for {model}: {} to download, {} free where models lie. Free \
         some, or choose a smaller model with `jex model use NAME`.",
        memory::said(needed),
        memory::said(free)
    ))
}

/// Free for an ordinary user on the disk that holds `folder`. Tests set `JEX_TEST_DISK_FREE_BYTES`.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let set = std::env::var("JEX_TEST_DISK_FREE_BYTES").ok();
    if let Some(bytes) = set.and_then(|text| text.parse().ok()) {
        return Some(bytes);
    }
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

    /// Bytes still to come of a blob that Ollama speaks of for the first time.
    fn left_of_new(&self, step: &PullModelStatus) -> Option<u64> {
        let digest = step.digest.as_ref()?;
        let is_new = !self.done.contains_key(digest);
        let left = step
            .total?
            .saturating_sub(step.completed.unwrap_or_default());
        is_new.then_some(left)
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

        assert_eq!(progress.of(&step("a", 240)), "pulling 34 % of 1 kB");
    }

    #[test]
    fn what_is_left_of_a_blob_is_known_when_it_begins() {
        let mut progress = Progress::new(1000);
        let begun = PullModelStatus {
            total: Some(600),
            ..step("a", 400)
        };

        assert_eq!(progress.left_of_new(&begun), Some(200));
        progress.of(&begun);
        assert_eq!(progress.left_of_new(&begun), None, "once is enough");
        assert_eq!(progress.left_of_new(&step("b", 0)), None, "it is not told");
    }

    #[test]
    fn too_little_disk_is_said_with_both_sizes() {
        let said = no_room("llama3.1:405b", 230_000_000_000, 1_500_000_000).unwrap();

        assert!(said.contains("llama3.1:405b"), "{said}");
        assert!(said.contains("230.0 GB") && said.contains("1.5 GB free"));
        assert_eq!(no_room("small", 1000, 1_000_000_000), None);
        assert_eq!(no_room("here", 0, 0), None);
    }

    #[test]
    fn what_is_free_is_known_before_the_folder_is_there() {
        let folder = tempfile::tempdir().unwrap();

        assert!(free_bytes(&folder.path().join("models")).unwrap() > 0);
    }
}
