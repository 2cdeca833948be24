//! Which unit of systemd a component is, on a machine that JEX's NixOS module has set up.

/// The supervisor itself, which is no component.
pub const SUPERVISOR: &str = "supervisor";

/// The unit of a component.
pub fn unit_of(name: &str) -> &'static str {
    match name {
        "postgresql" => "postgresql.service",
        "redis" => "redis-livekit.service",
        "livekit" => "livekit.service",
        "ollama" => "ollama.service",
        "whisper" => "wyoming-faster-whisper-jex.service",
        "piper" => "wyoming-piper-jex.service",
        "coqui" => "tts-jex.service",
        "agent" => "jex-agent.service",
        "web" => "jex-web.service",
        "n8n" => "n8n.service",
        _ => "jex-supervisor.service",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::components;

    #[test]
    fn each_component_is_a_unit_of_its_own() {
        let names = components::NAMES.into_iter().chain([SUPERVISOR]);

        let units: BTreeSet<_> = names.clone().map(unit_of).collect();

        assert_eq!(units.len(), names.count());
    }
}
