//! Who carries out what is asked for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

/// n8n, whose workflows are what JEX can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct N8n {
    /// Base address of an n8n that runs already; absent: JEX runs its own. It is used as it is: JEX imports
    /// nothing into it.
    /// Example: `"http://192.168.1.20:5678"`
    pub url: Option<Url>,
    /// File with an API key of the n8n at `n8n.url`. For its own, JEX makes one.
    /// Example: `"/home/ada/.config/jex/n8n-api-key"`
    pub api_key_file: Option<PathBuf>,
    /// File with what webhooks of the n8n at `n8n.url` want to see in the header `X-Jex-Token`. For its own, JEX
    /// makes it.
    /// Example: `"/home/ada/.config/jex/n8n-webhook-token"`
    pub webhook_token_file: Option<PathBuf>,
    /// Address of the PostgreSQL database of the n8n at `n8n.url`, as a user that owns its tables: what you have
    /// deleted is then taken out of its files as well. Of its own n8n JEX knows it.
    /// Example: `"postgres://n8n@localhost/n8n?host=/run/postgresql"`
    pub database_url: Option<Url>,
    /// Folder in which JEX keeps its key of its own n8n and what it has imported there; absent: among its own
    /// files.
    /// Example: `"/var/lib/jex-n8n"`
    pub folder: Option<PathBuf>,
    /// File with the password of the owner of JEX's own n8n; absent: JEX makes one, among its own files.
    /// Example: `"/var/lib/jex/secrets/n8n-owner-password"`
    pub owner_password_file: Option<PathBuf>,
    /// Loopback port of JEX's own n8n.
    pub port: u16,
    /// Loopback port by which that n8n hands code to the process that runs it.
    pub broker_port: u16,
    /// Folder of the workflows that JEX brings into its own n8n; absent: those that came with JEX.
    /// Example: `"/home/ada/workflows"`
    pub workflows: Option<PathBuf>,
}

impl Default for N8n {
    fn default() -> Self {
        Self {
            url: None,
            api_key_file: None,
            webhook_token_file: None,
            database_url: None,
            folder: None,
            owner_password_file: None,
            port: 5690,
            broker_port: 5691,
            workflows: None,
        }
    }
}
