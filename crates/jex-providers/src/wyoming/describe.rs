//! What a Wyoming server says it is: programs, their versions, models and voices.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use super::connection::WyomingEndpoint;
use super::protocol::Event;
use crate::ProviderError;

/// The answer to `describe`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerInfo {
    /// Programs for speech recognition.
    pub asr: Vec<Program>,
    /// Programs for speech synthesis.
    pub tts: Vec<Program>,
}

/// One program behind a server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Program {
    pub name: String,
    pub version: Option<String>,
    /// Models of a recogniser.
    pub models: Vec<Artifact>,
    /// Voices of a synthesiser.
    pub voices: Vec<Artifact>,
}

/// A model or a voice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Artifact {
    pub name: String,
    pub languages: Vec<String>,
}

impl ServerInfo {
    /// Reads an `info` event; entries that are not understood are left out.
    pub(crate) fn from_event(event: &Event) -> Self {
        let programs = |key: &str| {
            let listed = event.data.get(key).and_then(|value| value.as_array());
            let listed = listed.into_iter().flatten();
            listed
                .filter_map(|program| Program::deserialize(program).ok())
                .collect()
        };
        Self {
            asr: programs("asr"),
            tts: programs("tts"),
        }
    }
}

/// Asks a server what it is; `limit` is for the whole exchange.
pub async fn describe(
    endpoint: &WyomingEndpoint,
    limit: Duration,
) -> Result<ServerInfo, ProviderError> {
    let exchange = async {
        let mut connection = endpoint.connect(limit).await?;
        connection.send(Event::new("describe"), limit).await?;
        loop {
            let event = connection.next().await?;
            if event.kind == "info" {
                return Ok(ServerInfo::from_event(&event));
            }
        }
    };
    match tokio::time::timeout(limit, exchange).await {
        Ok(info) => info,
        Err(_) => Err(endpoint.origin.timed_out(limit)),
    }
}

/// A provider's name, learned from its server once that has answered.
///
/// A server that went away may come back as another one, so the name is forgotten then.
#[derive(Debug, Clone, Default)]
pub(super) struct LearnedName(Arc<Mutex<Option<String>>>);

impl LearnedName {
    pub fn get(&self) -> Option<String> {
        let name = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        name.clone()
    }

    pub fn is_known(&self) -> bool {
        self.get().is_some()
    }

    pub fn set(&self, name: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_info_with_strange_entries_keeps_the_good_ones() {
        let data = serde_json::json!({
            "asr": [{"name": "faster-whisper", "version": "3.8.1", "models": [{"name": "tiny.en"}]}, 7, {"name": []}],
            "tts": "none",
        });
        let event = Event {
            kind: "info".into(),
            data: data.as_object().cloned().unwrap_or_default(),
            ..Event::default()
        };

        let info = ServerInfo::from_event(&event);

        assert_eq!(info.asr.len(), 1);
        assert_eq!(info.asr[0].models[0].name, "tiny.en");
        assert_eq!(info.tts, []);
    }
}
