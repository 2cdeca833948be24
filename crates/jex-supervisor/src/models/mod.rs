//! The language models in Ollama: which there are, what they need, how one gets there.
//!
//! * [`name`]: reading a model's name; [`registry`]: how large one is before it is pulled
//! * [`import`]: the packaged model; [`pull`]: any other
//! * [`facts`]: size and memory; [`choose`]: changing `llm.model`

mod choose;
mod facts;
mod import;
mod name;
mod pull;
mod registry;

use std::time::Duration;

use jex_config::{DEMO_MODEL, Parts, Paths, Settings};
use ollama_rs::generation::completion::request::GenerationRequest;
use ollama_rs::models::ModelOptions;

pub use choose::write_model;
pub use facts::{ModelFacts, describe, list};
pub use name::ModelName;

use crate::component::ModelWanted;
use crate::{SupervisorError, http, memory};

/// Longest wait for the first token: a large model comes from a slow disk.
const LOAD_LIMIT: Duration = Duration::from_secs(600);

/// The model that the settings name.
pub fn wanted(settings: &Settings, paths: &Paths, parts: &Parts) -> ModelWanted {
    let is_own = settings.llm.url.is_none();
    ModelWanted {
        ollama: settings.ollama_url(),
        name: settings.llm.model.clone(),
        context_tokens: settings.llm.context_tokens,
        download: settings.llm.download,
        packaged: parts.model_gguf.clone(),
        folder: is_own.then(|| paths.models()),
        in_memory: is_own && !memory::graphics_card_serves(parts.ollama.as_deref()),
    }
}

/// Sees to it that the model is in Ollama.
pub async fn ensure(
    wanted: &ModelWanted,
    tell: &(dyn Fn(String) + Sync),
) -> Result<(), SupervisorError> {
    let name = parse(&wanted.name)?;
    if is_there(wanted, &name).await? {
        return Ok(());
    }
    if wanted.name == DEMO_MODEL {
        return import::import(wanted, tell).await;
    }
    if !wanted.download {
        return Err(failed(not_to_be_pulled(&wanted.name)));
    }
    pull::pull(wanted, &name, tell).await
}

/// Says so if the model is not in Ollama.
pub async fn require(wanted: &ModelWanted) -> Result<(), SupervisorError> {
    let name = parse(&wanted.name)?;
    if is_there(wanted, &name).await? {
        return Ok(());
    }
    let ModelWanted { ollama, name, .. } = wanted;
    Err(failed(format!(
        "the model {name} is not in the Ollama at {ollama}. `jex model use {name}` gets it there, \
         `jex model list` shows what is there."
    )))
}

fn not_to_be_pulled(name: &str) -> String {
    format!(
        "the model {name} is not here, and none may be downloaded (`llm.download` is false). Bring it \
         along when this machine is installed (`services.jex.models.ollama` on an appliance), or \
         choose one that is here: `jex model list` shows them."
    )
}

fn parse(name: &str) -> Result<ModelName, SupervisorError> {
    ModelName::parse(name).ok_or_else(|| failed(format!("`{name}` is no name of a model.")))
}

async fn is_there(wanted: &ModelWanted, name: &ModelName) -> Result<bool, SupervisorError> {
    let present = facts::local(&http::ollama(&wanted.ollama)).await?;
    Ok(present.iter().any(|model| name.is(&model.name)))
}

/// Loads the model and has it write one token.
pub async fn load(wanted: &ModelWanted) -> Result<(), SupervisorError> {
    let ollama = http::ollama(&wanted.ollama);
    if wanted.in_memory {
        facts::check_memory(&ollama, wanted).await?;
    }
    let request = GenerationRequest::new(wanted.name.clone(), "Hello")
        .options(ModelOptions::default().num_predict(1));
    let answer = tokio::time::timeout(LOAD_LIMIT, ollama.generate(request)).await;
    match answer {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(failed(format!(
            "{} cannot be loaded: {}. Choose another with `jex model use NAME`; `jex logs ollama` \
             has the details.",
            wanted.name,
            said(&error)
        ))),
        Err(_) => Err(failed(format!(
            "{} gave no token within {} minutes. Choose a smaller model with `jex model use NAME`.",
            wanted.name,
            LOAD_LIMIT.as_secs() / 60
        ))),
    }
}

fn failed(text: String) -> SupervisorError {
    SupervisorError::Model(text)
}

/// What Ollama says, out of the JSON that it says it in.
fn said(error: &ollama_rs::error::OllamaError) -> String {
    let text = http::reason(error);
    let json: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let message = json.and_then(|json| json["error"].as_str().map(str::to_owned));
    message.unwrap_or(text).trim_end_matches('.').to_owned()
}
