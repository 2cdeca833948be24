//! Who may call what: a state machine without I/O or clock, and what it goes by.
//!
//! * [`Policy`]: `allow`, `ask` or `never` for each tool; [`rate`]: how many calls a minute
//! * [`question`]: what the caller is asked, made of the arguments by a template
//! * [`answers`]: what is a yes
//! * [`Gate`]: from proposals to permits. A [`Permit`] is made nowhere else

pub mod answers;
mod gate;
pub mod question;
mod rate;

use std::collections::BTreeMap;

pub use gate::{Gate, Heard, Limits, Output, Permit, Question, QuestionId};
pub use jex_config::ToolPolicy as Decision;

use crate::{Effect, Tool};

/// The owner's word for each tool that has one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    declared: BTreeMap<String, Decision>,
    /// By MCP server: someone else chooses what its tools are called.
    servers: BTreeMap<String, BTreeMap<String, Decision>>,
}

impl Policy {
    pub fn new(declared: BTreeMap<String, Decision>) -> Self {
        let servers = BTreeMap::new();
        Self { declared, servers }
    }

    /// The tools of this MCP server are allowed by `declared` alone.
    pub fn with_server(mut self, name: String, declared: BTreeMap<String, Decision>) -> Self {
        self.servers.insert(name, declared);
        self
    }

    /// Undeclared, a tool is asked for, unless JEX came with it and it says that it only reads.
    pub fn of(&self, tool: &Tool) -> Decision {
        let harmless = tool.shipped && tool.effect == Effect::Reads;
        match self.declared(tool) {
            Some(declared) => declared,
            None if harmless => Decision::Allow,
            None => Decision::Ask,
        }
    }

    fn declared(&self, tool: &Tool) -> Option<Decision> {
        let name = tool.name.as_str();
        let by_name = self.declared.get(name).copied();
        let Some(server) = self.servers.get(&tool.source) else {
            return by_name;
        };
        // Stricter holds for whoever has the name; allowed is the tool that the owner knows by it.
        let stricter = by_name.filter(|decision| *decision != Decision::Allow);
        stricter.max(server.get(name).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::samples::draft;

    #[test]
    fn undeclared_only_what_was_shipped_and_reads_needs_no_yes() {
        let of = |shipped, effect| {
            let mut draft = draft("clock");
            draft.shipped = shipped;
            draft.effect = effect;
            Policy::default().of(&draft.check().unwrap())
        };

        assert_eq!(of(true, Effect::Reads), Decision::Allow);
        assert_eq!(of(true, Effect::Changes), Decision::Ask);
        assert_eq!(of(false, Effect::Reads), Decision::Ask);
    }

    #[test]
    fn a_server_cannot_take_the_name_of_a_tool_that_is_allowed() {
        use Decision::*;
        let of = |by_name: Option<Decision>, by_server: Option<Decision>| {
            let declared = |decision: Option<Decision>| {
                let named = decision.map(|decision| ("clock".to_owned(), decision));
                BTreeMap::from_iter(named)
            };
            let mut draft = draft("clock");
            draft.source = "files".into();
            draft.shipped = false;
            Policy::new(declared(by_name))
                .with_server("files".into(), declared(by_server))
                .of(&draft.check().unwrap())
        };

        assert_eq!(of(Some(Allow), None), Ask);
        assert_eq!(of(Some(Allow), Some(Allow)), Allow);
        assert_eq!(of(None, Some(Allow)), Allow);
        assert_eq!(of(Some(Ask), Some(Allow)), Ask);
        assert_eq!(of(Some(Never), Some(Allow)), Never);
        assert_eq!(of(Some(Allow), Some(Never)), Never);
    }

    #[test]
    fn what_the_owner_declares_holds() {
        let declared = BTreeMap::from([("clock".to_owned(), Decision::Never)]);
        let mut draft = draft("clock");
        draft.shipped = true;
        draft.effect = Effect::Reads;

        assert_eq!(
            Policy::new(declared).of(&draft.check().unwrap()),
            Decision::Never
        );
    }
}
