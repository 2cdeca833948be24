//! What models there are, how large, and whether they fit into this machine.

use jex_config::DEMO_MODEL;
use ollama_rs::Ollama;
use ollama_rs::models::LocalModel;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::name::ModelName;
use super::registry::Manifest;
use super::{failed, parse, pull, said};
use crate::component::ModelWanted;
use crate::memory::{self, ModelNeeds, Shape};
use crate::{SupervisorError, http};

/// One model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelFacts {
    pub name: String,
    pub size_bytes: u64,
    /// With the configured context; an estimate. How large that is, only a model that is here tells.
    pub memory_bytes: u64,
    /// `None` where the machine's memory says nothing about it (a graphics card, another machine).
    pub fits: Option<bool>,
    /// Free memory that `fits` was judged by; what JEX's loaded model holds counts as free.
    pub available_bytes: Option<u64>,
    /// It is in Ollama already.
    pub here: bool,
    /// It is in memory.
    pub loaded: bool,
    /// `llm.model` names it.
    pub chosen: bool,
    /// To be downloaded.
    pub download_bytes: u64,
    /// Free on the disk that models lie on; `None` where that is another machine's.
    pub disk_free_bytes: Option<u64>,
}

impl ModelFacts {
    /// Why it cannot be used here, with the remedy.
    pub fn obstacle(&self) -> Option<String> {
        if self.fits == Some(false) {
            let free = self.available_bytes.unwrap_or_default();
            return Some(too_large(&self.name, self.memory_bytes, free));
        }
        pull::no_room(&self.name, self.download_bytes, self.disk_free_bytes?)
    }
}

fn too_large(model: &str, needed: u64, free: u64) -> String {
    format!(
        "{model} needs about {} of memory, and {} are free. End other programs, lower \
         `llm.context_tokens`, or choose a smaller model with `jex model use NAME`.",
        memory::said(needed),
        memory::said(free)
    )
}

/// All models in the Ollama of `chosen`, by name.
pub async fn list(chosen: &ModelWanted) -> Result<Vec<ModelFacts>, SupervisorError> {
    let ollama = http::ollama(&chosen.ollama);
    let loaded = loaded(&chosen.ollama).await?;
    let mut models = Vec::new();
    for model in local(&ollama).await? {
        models.push(of_local(&ollama, chosen, &loaded, model).await);
    }
    models.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(models)
}

/// One model for the Ollama of `chosen`: from there if it has it, else from its registry.
pub async fn describe(chosen: &ModelWanted, name: &str) -> Result<ModelFacts, SupervisorError> {
    let wanted = parse(name)?;
    let ollama = http::ollama(&chosen.ollama);
    let (present, loaded) = (local(&ollama).await?, loaded(&chosen.ollama).await?);
    if let Some(model) = present.into_iter().find(|model| wanted.is(&model.name)) {
        return Ok(of_local(&ollama, chosen, &loaded, model).await);
    }
    if name == DEMO_MODEL {
        return Err(failed(
            "the packaged model comes in when JEX starts with it.".into(),
        ));
    }
    let manifest = Manifest::fetch(&wanted)
        .await
        .map_err(|reason| failed(format!("{name} is not here: {reason}")))?;
    let needs = ModelNeeds {
        weights_bytes: manifest.weights_bytes(),
        context_bytes: 0,
    };
    let available_bytes = available(chosen, &loaded);
    let folder = chosen.folder.as_deref();
    Ok(ModelFacts {
        name: name.into(),
        size_bytes: manifest.total_bytes(),
        memory_bytes: needs.total_bytes(),
        fits: available_bytes.map(|available| needs.fit(available)),
        available_bytes,
        here: false,
        loaded: false,
        chosen: chosen.name == name,
        download_bytes: folder
            .and_then(|folder| manifest.missing_bytes(folder).ok())
            .unwrap_or_else(|| manifest.total_bytes()),
        disk_free_bytes: folder.and_then(pull::free_bytes),
    })
}

/// Refuses a model that would make the machine swap or Ollama die.
pub(super) async fn check_memory(
    ollama: &Ollama,
    wanted: &ModelWanted,
) -> Result<(), SupervisorError> {
    let loaded = loaded(&wanted.ollama).await?;
    let name = ModelName::parse(&wanted.name);
    let is_it = |listed: &str| name.as_ref().is_some_and(|name| name.is(listed));
    if loaded.iter().any(|model| is_it(&model.name)) {
        return Ok(());
    }
    let Some(model) = local(ollama)
        .await?
        .into_iter()
        .find(|model| is_it(&model.name))
    else {
        return Ok(());
    };
    let needs = needs(ollama, &model, wanted.context_tokens).await;
    let Some(available) = free_after_unloading(&loaded) else {
        return Ok(());
    };
    if needs.fit(available) {
        return Ok(());
    }
    Err(failed(too_large(
        &wanted.name,
        needs.total_bytes(),
        available,
    )))
}

pub(super) async fn local(ollama: &Ollama) -> Result<Vec<LocalModel>, SupervisorError> {
    ollama.list_local_models().await.map_err(|error| {
        failed(format!(
            "Ollama at {} does not list its models: {}. Is JEX running (`jex status`)?",
            ollama.url_str(),
            said(&error)
        ))
    })
}

async fn of_local(
    ollama: &Ollama,
    chosen: &ModelWanted,
    loaded: &[Loaded],
    model: LocalModel,
) -> ModelFacts {
    let needs = needs(ollama, &model, chosen.context_tokens).await;
    let available_bytes = available(chosen, loaded);
    let is_loaded = loaded.iter().any(|other| other.name == model.name);
    ModelFacts {
        chosen: ModelName::parse(&chosen.name).is_some_and(|name| name.is(&model.name)),
        size_bytes: model.size,
        memory_bytes: needs.total_bytes(),
        fits: available_bytes.map(|available| is_loaded || needs.fit(available)),
        available_bytes,
        here: true,
        loaded: is_loaded,
        download_bytes: 0,
        disk_free_bytes: chosen.folder.as_deref().and_then(pull::free_bytes),
        name: model.name,
    }
}

async fn needs(ollama: &Ollama, model: &LocalModel, context_tokens: u32) -> ModelNeeds {
    let shape = ollama
        .show_model_info(model.name.clone())
        .await
        .ok()
        .and_then(|info| shape(&info.model_info));
    ModelNeeds {
        weights_bytes: model.size,
        context_bytes: shape.map_or(0, |shape| shape.context_bytes(context_tokens)),
    }
}

/// The keys are named after the architecture: `llama.block_count` and so on.
fn shape(info: &serde_json::Map<String, Value>) -> Option<Shape> {
    let architecture = info.get("general.architecture")?.as_str()?;
    let number = |key: &str| info.get(&format!("{architecture}.{key}"))?.as_u64();
    let heads = number("attention.head_count")?;
    let head_size = number("attention.key_length")
        .or_else(|| number("embedding_length")?.checked_div(heads))?;
    Some(Shape {
        layers: number("block_count")?,
        kv_heads: number("attention.head_count_kv").unwrap_or(heads),
        head_size,
    })
}

#[derive(Debug)]
struct Loaded {
    name: String,
    memory_bytes: u64,
}

async fn loaded(ollama: &Url) -> Result<Vec<Loaded>, SupervisorError> {
    let asking = async {
        let url = ollama.join("api/ps").map_err(|error| error.to_string())?;
        let client = http::client(&url).map_err(|error| http::reason(&error))?;
        let response = client
            .get(url)
            .send()
            .await
            .map_err(|error| http::reason(&error))?;
        let body: Value = response
            .json()
            .await
            .map_err(|error| http::reason(&error))?;
        let models = body["models"].as_array().into_iter().flatten();
        Ok(models
            .filter_map(|model| {
                let total = model["size"].as_u64().unwrap_or_default();
                let on_card = model["size_vram"].as_u64().unwrap_or_default();
                Some(Loaded {
                    name: model["name"].as_str()?.to_owned(),
                    memory_bytes: total.saturating_sub(on_card),
                })
            })
            .collect())
    };
    asking.await.map_err(|reason: String| {
        failed(format!(
            "Ollama at {ollama} does not answer: {reason}. Is JEX running (`jex status`)?"
        ))
    })
}

fn available(chosen: &ModelWanted, loaded: &[Loaded]) -> Option<u64> {
    chosen.in_memory.then(|| free_after_unloading(loaded))?
}

/// Ollama unloads the model it has before it loads another.
fn free_after_unloading(loaded: &[Loaded]) -> Option<u64> {
    let freed: u64 = loaded.iter().map(|model| model.memory_bytes).sum();
    Some(memory::available_bytes()? + freed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_shape_is_read_from_ollamas_words() {
        let info = json!({
            "general.architecture": "llama",
            "llama.block_count": 30,
            "llama.attention.head_count": 9,
            "llama.attention.head_count_kv": 3,
            "llama.embedding_length": 576,
        });

        let shape = shape(info.as_object().unwrap()).unwrap();

        assert_eq!(
            shape,
            Shape {
                layers: 30,
                kv_heads: 3,
                head_size: 64
            }
        );
    }

    #[test]
    fn a_model_that_tells_nothing_has_no_shape() {
        assert_eq!(shape(json!({}).as_object().unwrap()), None);
        let zero = json!({
            "general.architecture": "x",
            "x.attention.head_count": 0,
            "x.embedding_length": 1,
            "x.block_count": 1,
        });
        assert_eq!(shape(zero.as_object().unwrap()), None);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let facts = ModelFacts {
            name: "llama3.1:8b".into(),
            size_bytes: 4_900_000_000,
            memory_bytes: 6_200_000_000,
            fits: Some(true),
            available_bytes: Some(12_000_000_000),
            here: false,
            loaded: false,
            chosen: false,
            download_bytes: 4_900_000_000,
            disk_free_bytes: Some(80_000_000_000),
        };
        let memory = ModelFacts {
            fits: Some(false),
            available_bytes: Some(2_000_000_000),
            ..facts.clone()
        };
        let disk = ModelFacts {
            disk_free_bytes: Some(5_000_000_000),
            ..facts.clone()
        };

        assert_eq!(facts.obstacle(), None);
        let memory = memory.obstacle().unwrap();
        assert!(memory.contains("6.2 GB of memory") && memory.contains("2.0 GB are free"));
        assert!(disk.obstacle().unwrap().contains("too little disk"));
    }
}
