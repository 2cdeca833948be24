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
}

impl Policy {
    pub fn new(declared: BTreeMap<String, Decision>) -> Self {
        Self { declared }
    }

    /// Undeclared, a tool is asked for, unless JEX came with it and it says that it only reads.
    pub fn of(&self, tool: &Tool) -> Decision {
        let harmless = tool.shipped && tool.effect == Effect::Reads;
        match self.declared.get(tool.name.as_str()) {
            Some(declared) => *declared,
            None if harmless => Decision::Allow,
            None => Decision::Ask,
        }
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
