//! What `[tools]` must hold.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Check, address, fault, within};
use crate::settings::McpServer;
use crate::{Settings, Tools};

pub fn check(settings: &Settings) -> Check {
    let tools: &Tools = &settings.tools;
    within(
        "tools.calls_per_minute",
        tools.calls_per_minute,
        (1, 600),
        "20 is the default.",
    )?;
    within(
        "tools.timeout_seconds",
        tools.timeout_seconds,
        (1, 3600),
        "60 is the default.",
    )?;
    let mut names = BTreeSet::new();
    for server in &tools.mcp {
        one(server)?;
        if !names.insert(server.name.as_str()) {
            return wrong(
                server,
                "is there twice",
                "Give each server a name of its own.",
            );
        }
    }
    Ok(())
}

fn wrong(server: &McpServer, reason: &str, remedy: &str) -> Check {
    let reason = format!("has a server \"{}\" that {reason}", server.name);
    fault(&["tools.mcp"], reason, remedy)
}

fn one(server: &McpServer) -> Check {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if server.name.is_empty() || server.name.len() > 32 || !server.name.chars().all(plain) {
        let remedy = "Name each server with 1 to 32 letters, digits, - and _.";
        return wrong(server, "has no such name", remedy);
    }
    if ["jex", "n8n"].contains(&server.name.as_str()) {
        let remedy = "Choose another name: this one is of JEX's own tools, or n8n's workflows.";
        return wrong(server, "cannot be called so", remedy);
    }
    let program = server.command.first();
    match (program, &server.url) {
        (Some(_), Some(_)) => {
            return wrong(
                server,
                "has both `command` and `url`",
                "Leave one of them out.",
            );
        }
        (None, None) => {
            return wrong(
                server,
                "has neither `command` nor `url`",
                "Name the program to run by `command`, or the address of a server by `url`.",
            );
        }
        (None, Some(url)) => address("tools.mcp", url, &["http", "https"])?,
        (Some(program), None) if !Path::new(program).is_absolute() => {
            return wrong(
                server,
                "has a `command` without the program's whole path",
                "Write the path out, beginning with /.",
            );
        }
        (Some(_), None) => {}
    }
    let mut files = server.readable.iter();
    let secrets = [&server.environment_file, &server.token_file];
    let mut secrets = secrets.into_iter().flatten();
    if !files.all(|file| file.is_absolute()) || !secrets.all(|file| file.is_absolute()) {
        let remedy = "Write the whole path, beginning with /. A secret itself never goes here.";
        return wrong(server, "names a file by no absolute path", remedy);
    }
    let of_command =
        server.network || !server.readable.is_empty() || server.environment_file.is_some();
    if server.url.is_some() && of_command {
        return wrong(
            server,
            "has `url` together with `network`, `readable` or `environment_file`",
            "Those are for servers that JEX starts by `command`.",
        );
    }
    if program.is_some() && (server.token_file.is_some() || !server.token_header.is_empty()) {
        return wrong(
            server,
            "has `command` together with `token_file` or `token_header`",
            "Put the token into `environment_file`.",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(section: &str) -> String {
        let text = format!("[[tools.mcp]]\n{section}\n");
        let settings: Settings = toml::from_str(&text).unwrap();
        check(&settings)
            .err()
            .map_or_else(String::new, |fault| fault.reason)
    }

    #[test]
    fn a_server_is_a_program_or_an_address() {
        assert_eq!(said("name = \"files\"\ncommand = [\"/usr/bin/files\"]"), "");
        assert_eq!(
            said("name = \"files\"\nurl = \"http://127.0.0.1:9000/mcp\""),
            ""
        );
        assert!(said("name = \"files\"").contains("neither"));
        assert!(said("name = \"files\"\ncommand = [\"files\"]").contains("whole path"));
        assert!(said("name = \"n8n\"\ncommand = [\"/usr/bin/files\"]").contains("n8n"));
        assert!(said("name = \"jex\"\ncommand = [\"/usr/bin/files\"]").contains("jex"));
        assert!(said("name = \"a b\"\ncommand = [\"/usr/bin/files\"]").contains("name"));
    }

    #[test]
    fn a_server_on_the_internet_is_reached_encrypted() {
        assert!(said("name = \"x\"\nurl = \"http://example.com/mcp\"").contains("unencrypted"));
        assert_eq!(said("name = \"x\"\nurl = \"https://example.com/mcp\""), "");
    }

    #[test]
    fn what_belongs_to_the_other_kind_is_told() {
        let program = "name = \"x\"\ncommand = [\"/usr/bin/x\"]\n";
        let address = "name = \"x\"\nurl = \"https://example.com/mcp\"\n";

        assert!(said(&format!("{program}token_file = \"/etc/x\"")).contains("token_file"));
        assert!(said(&format!("{address}network = true")).contains("network"));
        assert!(said(&format!("{program}readable = [\"x\"]")).contains("absolute"));
    }

    #[test]
    fn two_servers_of_one_name_are_told() {
        let one = "name = \"x\"\ncommand = [\"/usr/bin/x\"]";

        assert!(said(&format!("{one}\n[[tools.mcp]]\n{one}")).contains("twice"));
    }
}
