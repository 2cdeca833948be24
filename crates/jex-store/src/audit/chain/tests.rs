use proptest::prelude::*;

use super::*;

type Rows = Vec<(Link, Hash)>;

fn link() -> impl Strategy<Value = Link> {
    let word = || prop::option::of("[a-z]{0,4}");
    (
        any::<u128>(),
        0_i64..4_000_000_000_000_000,
        "[a-z]{1,4}",
        prop::option::of(any::<u128>()),
        (word(), word(), word()),
        prop::option::of(any::<Hash>()),
    )
        .prop_map(
            |(event, at, kind, call, (tool, decision, outcome), digest)| Link {
                seq: 0,
                event: Uuid::from_u128(event),
                at: jiff::Timestamp::from_microsecond(at).unwrap().into(),
                kind,
                call: call.map(Uuid::from_u128),
                tool,
                decision,
                outcome,
                digest,
                previous: NOTHING,
            },
        )
}

fn chain() -> impl Strategy<Value = Rows> {
    prop::collection::vec(link(), 1..12).prop_map(|links| chained(links, 0, NOTHING))
}

/// As they are appended after row `seq`.
fn chained(links: Vec<Link>, mut seq: i64, mut previous: Hash) -> Rows {
    let append = |mut link: Link| {
        seq += 1;
        link.seq = seq;
        link.previous = previous;
        previous = link.hash();
        (link, previous)
    };
    links.into_iter().map(append).collect()
}

fn head(rows: &[(Link, Hash)]) -> Option<(i64, Hash)> {
    rows.last().map(|(link, hash)| (link.seq, *hash))
}

fn read(rows: &[(Link, Hash)], head: Option<(i64, Hash)>) -> Result<i64, Fault> {
    let mut reader = Reader::new(head);
    for (link, hash) in rows {
        reader.read(link, *hash)?;
    }
    reader.end()
}

/// One field of a row, made another.
fn change(link: &mut Link, field: usize) {
    let other = |text: &mut Option<String>| match text {
        Some(text) => text.push('x'),
        None => *text = Some(String::new()),
    };
    match field {
        0 => link.event = Uuid::from_u128(link.event.as_u128() ^ 1),
        1 => link.at = link.at.before(std::time::Duration::from_micros(1)),
        2 => link.kind.push('x'),
        3 => link.call = link.call.xor(Some(Uuid::nil())),
        4 => other(&mut link.tool),
        5 => other(&mut link.decision),
        6 => other(&mut link.outcome),
        7 => link.digest = link.digest.xor(Some(NOTHING)),
        _ => link.previous[31] ^= 1,
    }
}

proptest! {
    #[test]
    fn what_was_only_appended_to_is_whole(rows in chain(), newest_known in any::<prop::sample::Index>()) {
        // The file outside may be behind by what was written just before a crash.
        let known = rows[..=newest_known.index(rows.len())].to_vec();

        prop_assert_eq!(read(&rows, head(&known)), Ok(rows.len() as i64));
    }

    #[test]
    fn a_changed_row_is_found(rows in chain(), which in any::<prop::sample::Index>(), field in 0_usize..9) {
        let mut tampered = rows.clone();
        let at = which.index(rows.len());
        change(&mut tampered[at].0, field);

        prop_assert!(read(&tampered, head(&rows)).is_err());
    }

    /// Whoever can write the table can make hashes as well as we can: the file outside tells.
    #[test]
    fn a_changed_row_is_found_even_with_every_hash_made_anew(
        rows in chain(), which in any::<prop::sample::Index>(), field in 0_usize..8
    ) {
        let mut links: Vec<Link> = rows.iter().map(|(link, _)| link.clone()).collect();
        change(&mut links[which.index(rows.len())], field);

        let forged = chained(links, 0, NOTHING);

        let newest = rows.len() as i64;
        prop_assert_eq!(read(&forged, head(&rows)), Err(Fault::Replaced { seq: newest }));
    }

    #[test]
    fn a_missing_row_is_found(rows in chain(), which in any::<prop::sample::Index>()) {
        let mut tampered = rows.clone();
        tampered.remove(which.index(rows.len()));

        prop_assert!(read(&tampered, head(&rows)).is_err());
    }

    #[test]
    fn a_cut_off_end_is_found(rows in chain(), left in any::<prop::sample::Index>()) {
        let left = left.index(rows.len());

        let read = read(&rows[..left], head(&rows));

        let head = rows.len() as i64;
        prop_assert_eq!(read, Err(Fault::CutOff { last: left as i64, head }));
    }

    #[test]
    fn rows_appended_after_a_cut_do_not_hide_it(
        rows in chain(), more in prop::collection::vec(link(), 12..20), left in any::<prop::sample::Index>()
    ) {
        let left = left.index(rows.len());
        let mut tampered = rows[..left].to_vec();
        let (seq, previous) = head(&tampered).unwrap_or((0, NOTHING));
        tampered.extend(chained(more, seq, previous));

        let newest = rows.len() as i64;
        prop_assert_eq!(read(&tampered, head(&rows)), Err(Fault::Replaced { seq: newest }));
    }

    #[test]
    fn two_rows_in_the_others_place_are_found(rows in chain(), at in any::<prop::sample::Index>()) {
        prop_assume!(rows.len() > 1);
        let at = at.index(rows.len() - 1);
        let mut tampered = rows.clone();
        tampered.swap(at, at + 1);

        prop_assert!(read(&tampered, head(&rows)).is_err());
    }
}

#[test]
fn without_the_file_outside_nothing_is_vouched_for() {
    let link = Link {
        seq: 1,
        event: Uuid::nil(),
        at: Moment::now(),
        kind: "intent".into(),
        call: None,
        tool: None,
        decision: None,
        outcome: None,
        digest: None,
        previous: NOTHING,
    };
    let hash = link.hash();

    assert_eq!(read(&[(link, hash)], None), Err(Fault::NoHead { last: 1 }));
    assert_eq!(read(&[], None), Ok(0));
}

#[test]
fn the_same_text_has_another_digest_with_another_salt() {
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));

    assert_ne!(digest(one, "milk"), digest(other, "milk"));
    assert_eq!(digest(one, "milk"), digest(one, "milk"));
}
