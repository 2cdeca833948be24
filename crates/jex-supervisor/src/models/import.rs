//! The packaged model, from its file into Ollama.
//!
//! `ollama-rs` cannot upload blobs, so that goes by `HEAD` and `POST /api/blobs/sha256:…`; the
//! model's parameters and template come out of the file itself.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use ollama_rs::models::create::CreateModelRequest;
use sha2::{Digest, Sha256};
use tokio_util::io::ReaderStream;

use super::{failed, said};
use crate::component::ModelWanted;
use crate::{SupervisorError, http};

pub async fn import(
    wanted: &ModelWanted,
    tell: &(dyn Fn(String) + Sync),
) -> Result<(), SupervisorError> {
    let Some(file) = &wanted.packaged else {
        return Err(failed(format!(
            "the packaged model {} is missing. Run `./dev parts`, or choose another with \
             `jex model use NAME`.",
            wanted.name
        )));
    };
    tell("importing".into());
    let digest = digest(file.clone()).await?;
    upload(wanted, file, &digest, tell).await?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let request = CreateModelRequest::new(wanted.name.clone())
        .files(HashMap::from([(name.into_owned(), digest)]));
    let status = http::ollama(&wanted.ollama)
        .create_model(request)
        .await
        .map_err(|error| {
            failed(format!(
                "Ollama cannot use the packaged model: {}. Run `./dev parts` again.",
                said(&error)
            ))
        })?;
    if status.message != "success" {
        let message = status.message;
        return Err(failed(format!(
            "Ollama did not take the packaged model: {message}."
        )));
    }
    Ok(())
}

async fn digest(file: PathBuf) -> Result<String, SupervisorError> {
    let path = file.clone();
    let hashing = tokio::task::spawn_blocking(move || -> std::io::Result<String> {
        let mut reader = std::fs::File::open(&path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1024 * 1024];
        loop {
            match reader.read(&mut buffer)? {
                0 => break,
                read => hasher.update(&buffer[..read]),
            }
        }
        let digest = hasher.finalize();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("sha256:{hex}"))
    });
    hashing
        .await
        .map_err(std::io::Error::other)
        .flatten()
        .map_err(SupervisorError::file(
            "cannot read the packaged model",
            file,
        ))
}

/// Skips what Ollama has already.
async fn upload(
    wanted: &ModelWanted,
    file: &Path,
    digest: &str,
    tell: &(dyn Fn(String) + Sync),
) -> Result<(), SupervisorError> {
    let broken = |error: &dyn std::error::Error| {
        failed(format!(
            "the packaged model cannot be given to Ollama: {}.",
            http::reason(error)
        ))
    };
    let url = wanted
        .ollama
        .join(&format!("api/blobs/{digest}"))
        .map_err(|error| broken(&error))?;
    let client = http::client(&url).map_err(|error| broken(&error))?;
    let there = client
        .head(url.clone())
        .send()
        .await
        .map_err(|error| broken(&error))?;
    if there.status().is_success() {
        return Ok(());
    }
    tell("importing the packaged model".into());
    let reader = tokio::fs::File::open(file)
        .await
        .map_err(SupervisorError::file(
            "cannot read the packaged model",
            file,
        ))?;
    let length = reader.metadata().await.map_or(0, |metadata| metadata.len());
    let answer = client
        .post(url)
        .header("Content-Length", length)
        .body(reqwest::Body::wrap_stream(ReaderStream::new(reader)))
        .send()
        .await
        .map_err(|error| broken(&error))?;
    let status = answer.status();
    if !status.is_success() {
        let text = answer.text().await.unwrap_or_default();
        return Err(failed(format!(
            "Ollama refuses the packaged model ({status}): {}",
            text.trim()
        )));
    }
    Ok(())
}
