//! The tools that the settings name.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jex_config::{ConfigError, McpServer, Paths, Settings};
use reqwest::header::{AUTHORIZATION, HeaderName};

use crate::mcp::{Launch, LaunchOptions, Mcp, McpServerOptions};
use crate::n8n::{N8n, N8nOptions, Secret};
use crate::policy::{Limits, Policy};
use crate::{Source, ToolError, Toolbox};

/// Why the settings name no usable tools.
#[derive(Debug, thiserror::Error)]
pub enum FromSettingsError {
    #[error(transparent)]
    Settings(#[from] ConfigError),
    #[error(transparent)]
    Source(#[from] ToolError),
}

impl Policy {
    pub fn from_settings(settings: &Settings) -> Self {
        let policy = Self::new(settings.tools.policy.clone());
        settings.tools.mcp.iter().fold(policy, |policy, server| {
            policy.with_server(server.name.clone(), server.policy.clone())
        })
    }
}

impl Limits {
    pub fn from_settings(settings: &Settings) -> Self {
        Self {
            calls_per_minute: settings.tools.calls_per_minute,
            ..Self::default()
        }
    }
}

/// JEX's `own`, n8n's workflows, then the MCP servers in their order. Contacts nobody. `launcher`: the program
/// `jex-mcp-launcher`.
pub fn toolbox(
    settings: &Settings,
    paths: &Paths,
    own: Vec<Arc<dyn Source>>,
    n8n: Option<N8nOptions>,
    launcher: &Path,
) -> Result<Toolbox, FromSettingsError> {
    let limit = Duration::from_secs(settings.tools.timeout_seconds);
    let mut sources = own;
    if let Some(n8n) = n8n {
        sources.push(Arc::new(N8n::new(n8n)?));
    }
    for server in &settings.tools.mcp {
        let options = options(server, paths, launcher)?;
        let allowed = server.tools.clone();
        sources.push(Arc::new(Mcp::new(
            server.name.clone(),
            options,
            allowed,
            limit,
        )));
    }
    Ok(Toolbox::new(sources))
}

fn options(
    server: &McpServer,
    paths: &Paths,
    launcher: &Path,
) -> Result<McpServerOptions, ConfigError> {
    if let Some(url) = &server.url {
        let header = header(server)?;
        let token = server
            .token_file
            .as_deref()
            .map(|file| (header, secret_in(file)));
        let url = url.clone();
        return Ok(McpServerOptions::Address { url, token });
    }
    let secrets = paths.secrets();
    let shows_secrets = |path: &&PathBuf| secrets.starts_with(path) || path.starts_with(&secrets);
    if let Some(path) = server.readable.iter().find(shows_secrets) {
        return Err(wrong(
            server,
            format!("may read {}, where JEX's secrets lie", path.display()),
            "Name only the folders that it needs by `readable`.",
        ));
    }
    Ok(McpServerOptions::Program(Launch::new(LaunchOptions {
        launcher: launcher.to_owned(),
        command: server.command.clone(),
        network: server.network,
        readable: server.readable.clone(),
        environment_file: server.environment_file.clone(),
    })))
}

fn header(server: &McpServer) -> Result<HeaderName, ConfigError> {
    if server.token_header.is_empty() {
        return Ok(AUTHORIZATION);
    }
    HeaderName::from_bytes(server.token_header.as_bytes()).map_err(|_| {
        let reason = format!(
            "has the `token_header` \"{}\", which is none",
            server.token_header
        );
        wrong(
            server,
            reason,
            "Write a header's name, such as X-Jex-Token.",
        )
    })
}

fn wrong(server: &McpServer, reason: String, remedy: &str) -> ConfigError {
    ConfigError::WrongValue {
        origin: "settings".into(),
        key: "tools.mcp".into(),
        reason: format!("has a server \"{}\" that {reason}", server.name),
        remedy: remedy.into(),
    }
}

/// The secret in a file, read whenever it is needed.
pub fn secret_in(file: &Path) -> Secret {
    let file = file.to_owned();
    Arc::new(move || jex_config::secrets::in_file(&file).map_err(|error| error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(section: &str) -> Result<Toolbox, FromSettingsError> {
        let settings: Settings = toml_of(section);
        let paths =
            Paths::from_lookup(|name| (name == "HOME").then(|| "/home/ada".into())).unwrap();
        toolbox(
            &settings,
            &paths,
            Vec::new(),
            None,
            Path::new("/opt/jex/jex-mcp-launcher"),
        )
    }

    fn toml_of(section: &str) -> Settings {
        let mut settings = Settings::default();
        let server: McpServer = serde_json::from_str(section).unwrap();
        settings.tools.mcp.push(server);
        settings
    }

    #[test]
    fn a_server_may_not_be_shown_the_folder_of_secrets() {
        let section =
            r#"{"name": "files", "command": ["/usr/bin/files"], "readable": ["/home/ada"]}"#;

        let error = with(section).err().unwrap().to_string();

        assert!(
            error.contains("\"files\"") && error.contains("secrets"),
            "{error}"
        );
    }

    #[test]
    fn each_server_has_a_policy_of_its_own() {
        let mut settings = toml_of(r#"{"name": "files", "policy": {"look": "allow"}}"#);
        settings
            .tools
            .policy
            .insert("look".into(), jex_config::ToolPolicy::Allow);
        let policy = Policy::from_settings(&settings);
        let mut draft = crate::tool::samples::draft("look");
        draft.source = "files".into();

        assert_eq!(
            policy.of(&draft.clone().check().unwrap()),
            crate::policy::Decision::Allow
        );
        settings.tools.mcp[0].policy.clear();
        let policy = Policy::from_settings(&settings);
        assert_eq!(
            policy.of(&draft.check().unwrap()),
            crate::policy::Decision::Ask
        );
    }

    #[test]
    fn each_server_is_a_source() {
        let toolbox =
            with(r#"{"name": "files", "command": ["/usr/bin/files"], "readable": ["/srv"]}"#)
                .unwrap();

        assert!(toolbox.source_named("files").is_some());
    }
}
