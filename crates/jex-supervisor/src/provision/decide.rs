//! What is to be done about one workflow. No requests, no files: what is known is an argument.

use super::state::{Outcome, Record};

/// What comes with JEX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of what n8n would be given, to the letter.
    pub given: String,
    pub enabled: bool,
    /// JEX may call it: it has a note that says how.
    pub is_tool: bool,
}

/// What n8n has under the identity that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remote {
    /// Nothing, or something in its archive.
    Gone,
    There {
        draft: String,
        /// `None` while nothing is published.
        published: Option<String>,
    },
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// n8n took it at a sudden end: note that.
    Settle,
    /// Give n8n the newer one.
    Update,
    Tag,
    Publish,
    /// Nothing more.
    Leave(Outcome),
}

/// Of one that n8n was given before, or had.
pub fn next(record: &Record, wanted: &Wanted, remote: &Remote) -> Step {
    let (draft, published) = match remote {
        Remote::Gone => return Step::Leave(Outcome::Deleted),
        Remote::There { draft, published } => (draft, published.as_ref()),
    };
    let is_current = record.given == wanted.given;
    let ours =
        |digest: &String| *digest == record.digest || record.pending.as_ref() == Some(digest);
    if !ours(draft) || !published.is_none_or(ours) {
        return Step::Leave(match is_current {
            true => Outcome::Yours,
            false => Outcome::YoursAndOlder,
        });
    }
    if record.pending.is_some() {
        return match record.pending.as_ref() == Some(draft)
            && published.is_none_or(|it| it == draft)
        {
            true => Step::Settle,
            false => Step::Update,
        };
    }
    if !is_current {
        return Step::Update;
    }
    if wanted.is_tool && !record.tagged {
        return Step::Tag;
    }
    match (record.published, published.is_some()) {
        (true, false) => Step::Leave(Outcome::SwitchedOff),
        (false, _) if wanted.enabled => Step::Publish,
        (false, false) => Step::Leave(Outcome::Off),
        (_, true) => Step::Leave(Outcome::Unchanged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(version: &str) -> Wanted {
        Wanted {
            given: format!("given {version}"),
            enabled: true,
            is_tool: true,
        }
    }

    fn digest(version: &str) -> String {
        format!("digest of {version}")
    }

    /// Imported and published, and nothing was changed since.
    fn record() -> Record {
        Record {
            file: "timer".into(),
            name: "Timer".into(),
            id: Some("1".into()),
            digest: digest("one"),
            pending: None,
            given: wanted("one").given,
            tagged: true,
            published: true,
            outcome: Outcome::Imported,
            absent: false,
        }
    }

    fn there(draft: &str, published: Option<&str>) -> Remote {
        Remote::There {
            draft: digest(draft),
            published: published.map(digest),
        }
    }

    #[test]
    fn what_nobody_touched_stays_and_is_renewed() {
        let remote = there("one", Some("one"));

        assert_eq!(
            next(&record(), &wanted("one"), &remote),
            Step::Leave(Outcome::Unchanged)
        );
        assert_eq!(next(&record(), &wanted("two"), &remote), Step::Update);
    }

    #[test]
    fn the_owners_draft_or_published_version_is_never_overwritten() {
        for remote in [
            there("owner's", Some("one")),
            there("one", Some("owner's")),
            there("owner's", Some("owner's")),
            there("owner's", None),
        ] {
            let now = next(&record(), &wanted("one"), &remote);
            let newer = next(&record(), &wanted("two"), &remote);

            assert_eq!(now, Step::Leave(Outcome::Yours));
            assert_eq!(newer, Step::Leave(Outcome::YoursAndOlder));
        }
    }

    #[test]
    fn what_the_owner_switched_off_or_deleted_stays_so() {
        let off = next(&record(), &wanted("one"), &there("one", None));
        let gone = next(&record(), &wanted("two"), &Remote::Gone);

        assert_eq!(off, Step::Leave(Outcome::SwitchedOff));
        assert_eq!(gone, Step::Leave(Outcome::Deleted));
    }

    #[test]
    fn a_sudden_end_is_made_up_for() {
        let mut updating = record();
        updating.pending = Some(digest("two"));
        let two = wanted("two");

        assert_eq!(
            next(&updating, &two, &there("one", Some("one"))),
            Step::Update
        );
        assert_eq!(
            next(&updating, &two, &there("two", Some("one"))),
            Step::Update
        );
        assert_eq!(
            next(&updating, &two, &there("two", Some("two"))),
            Step::Settle
        );
        assert_eq!(
            next(&updating, &two, &there("owner's", Some("two"))),
            Step::Leave(Outcome::YoursAndOlder)
        );

        let mut fresh = record();
        (fresh.tagged, fresh.published) = (false, false);
        assert_eq!(next(&fresh, &wanted("one"), &there("one", None)), Step::Tag);
        fresh.tagged = true;
        assert_eq!(
            next(&fresh, &wanted("one"), &there("one", None)),
            Step::Publish
        );
    }

    #[test]
    fn one_that_is_no_tool_gets_no_tag() {
        let mut fresh = record();
        (fresh.tagged, fresh.published) = (false, false);
        let mut wanted = wanted("one");
        wanted.is_tool = false;

        assert_eq!(next(&fresh, &wanted, &there("one", None)), Step::Publish);
    }

    #[test]
    fn one_that_is_off_by_default_waits_for_the_owner() {
        let mut record = record();
        record.published = false;
        let mut wanted = wanted("one");
        wanted.enabled = false;

        let off = next(&record, &wanted, &there("one", None));
        let on = next(&record, &wanted, &there("one", Some("one")));

        assert_eq!(off, Step::Leave(Outcome::Off));
        assert_eq!(on, Step::Leave(Outcome::Unchanged));
    }
}
