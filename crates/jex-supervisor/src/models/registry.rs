//! How much there is to download, from the manifest in the registry.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::name::ModelName;
use crate::http;

const LIMIT: Duration = Duration::from_secs(20);

/// A model's blobs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Manifest {
    pub config: Blob,
    pub layers: Vec<Blob>,
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Blob {
    /// `sha256:…`
    pub digest: String,
    pub size: u64,
    #[serde(default, rename = "mediaType")]
    pub media_type: String,
}

impl Manifest {
    /// Asks the registry.
    pub async fn fetch(name: &ModelName) -> Result<Self, String> {
        let url = name
            .manifest_url()
            .ok_or_else(|| "its name makes no address".to_owned())?;
        let host = &name.host;
        let client = http::client(&url).map_err(|error| http::reason(&error))?;
        let response = client
            .get(url)
            .header(
                "Accept",
                "application/vnd.docker.distribution.manifest.v2+json",
            )
            .timeout(LIMIT)
            .send()
            .await
            .map_err(|error| {
                let reason = http::reason(&error.without_url());
                format!("{host} cannot be reached ({reason}). Is this machine online?")
            })?;
        match response.status() {
            reqwest::StatusCode::NOT_FOUND => Err(format!(
                "{host} has no model of this name. Check the spelling, and the tag after the colon."
            )),
            status if !status.is_success() => Err(format!("{host} answers {status}.")),
            _ => response
                .json()
                .await
                .map_err(|_| format!("{host} answers with something that is no manifest.")),
        }
    }

    /// Everything that is to be downloaded.
    pub fn total_bytes(&self) -> u64 {
        self.blobs().map(|blob| blob.size).sum()
    }

    /// The weights alone.
    pub fn weights_bytes(&self) -> u64 {
        self.layers
            .iter()
            .filter(|layer| {
                layer.media_type.ends_with("image.model")
                    || layer.media_type.ends_with("image.tensor")
            })
            .map(|layer| layer.size)
            .sum()
    }

    /// What is still missing in Ollama's folder; an error if one cannot look into it. A blob that was
    /// begun is as large as it will be there already, its blocks are not: those count.
    pub fn missing_bytes(&self, folder: &Path) -> std::io::Result<u64> {
        use std::os::unix::fs::MetadataExt;
        std::fs::read_dir(folder)?;
        let blobs = folder.join("blobs");
        let missing = self
            .blobs()
            .map(|blob| {
                let file = blobs.join(blob.digest.replace(':', "-"));
                if file.exists() {
                    return 0;
                }
                let begun = file.with_file_name(format!(
                    "{}-partial",
                    file.file_name().unwrap_or_default().display()
                ));
                let there = std::fs::metadata(begun).map_or(0, |begun| begun.blocks() * 512);
                blob.size.saturating_sub(there)
            })
            .sum();
        Ok(missing)
    }

    fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.layers.iter().chain([&self.config])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(name: &str, size: u64, kind: &str) -> Blob {
        Blob {
            digest: format!("sha256:{name}"),
            size,
            media_type: format!("application/vnd.ollama.image.{kind}"),
        }
    }

    #[test]
    fn only_what_is_not_there_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = folder.path().join("blobs");
        std::fs::create_dir(&blobs).unwrap();
        std::fs::write(blobs.join("sha256-there"), "x").unwrap();
        std::fs::write(blobs.join("sha256-begun-partial"), vec![1; 8192]).unwrap();
        let manifest = Manifest {
            config: blob("config", 500, "config"),
            layers: vec![
                blob("there", 1_000_000, "model"),
                blob("begun", 10_000, "template"),
            ],
        };

        let missing = manifest.missing_bytes(folder.path()).unwrap();
        assert_eq!(missing, 500 + 10_000 - 8192);
        assert_eq!(manifest.weights_bytes(), 1_000_000);
    }

    #[test]
    fn a_folder_that_cannot_be_seen_is_not_taken_for_an_empty_one() {
        let manifest = Manifest {
            config: blob("config", 500, "config"),
            layers: Vec::new(),
        };

        assert!(manifest.missing_bytes("/nowhere".as_ref()).is_err());
    }
}
