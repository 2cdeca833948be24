//! What JEX may do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

/// What the model may call, and who is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tools {
    /// What happens when the model wants to call a tool, by the tool's name: `"allow"`, `"ask"` (JEX says what it is
    /// about to do and waits for a yes) or `"never"`. A tool that is not named is asked for, unless it came with JEX
    /// and only reads. A tool of an MCP server is allowed by that server's own `policy` only. For example: `policy = { take_note = "allow", home_control = "never" }`
    pub policy: BTreeMap<String, ToolPolicy>,
    /// Calls that the model may want in one conversation within a minute.
    pub calls_per_minute: u32,
    /// Longest run of a tool, in seconds; then it is stopped.
    pub timeout_seconds: u64,
    /// MCP servers whose tools JEX may use, each a section of its own that begins with `[[tools.mcp]]` and has a
    /// `name` and either `command` or `url`; docs/tools.md tells the rest.
    pub mcp: Vec<McpServer>,
}

/// What happens when the model wants to call a tool, the strictest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolPolicy {
    /// It is called.
    Allow,
    /// It is called after a yes of the caller's.
    Ask,
    /// It is not called.
    Never,
}

/// An MCP server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct McpServer {
    /// Short and unique, such as `files`.
    pub name: String,
    /// Program, by its whole path, and arguments. It runs as an unprivileged user without network, sees the
    /// system's programs and libraries and what `readable` names, and can write to nothing but a `/tmp` of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Address of a server that runs already (streamable HTTP).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// Names of the tools that JEX may use; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// What happens when the model wants to call one of them, as in `tools.policy`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub policy: BTreeMap<String, ToolPolicy>,
    /// For `command`: whether it may use the network.
    #[serde(skip_serializing_if = "is_false")]
    pub network: bool,
    /// For `command`: files and folders beside the system's that it may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readable: Vec<PathBuf>,
    /// For `command`: file with lines `NAME=value` for its environment, such as an API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_file: Option<PathBuf>,
    /// For `url`: file with the token that the server wants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// For `url`: header that the token is sent in; empty: `Authorization: Bearer`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token_header: String,
}

impl Default for Tools {
    fn default() -> Self {
        Self {
            policy: BTreeMap::new(),
            calls_per_minute: 20,
            timeout_seconds: 60,
            mcp: Vec::new(),
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
