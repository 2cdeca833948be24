//! Which part of the history, as the owner writes it.

use anyhow::{Context as _, bail};
use jex_store::{Moment, Scope};
use jiff::civil::{Date, DateTime};
use jiff::{Span, Timestamp, Zoned};

use super::DeleteArgs;

/// From the time-related arguments.
pub fn scope(args: &DeleteArgs, now: &Zoned) -> anyhow::Result<Scope> {
    if args.all {
        return Ok(Scope::All);
    }
    let range = |from: Timestamp, to: Timestamp| Scope::Range {
        from: from.into(),
        to: to.into(),
    };
    if let Some(span) = &args.last {
        return Ok(range(before(now, span)?, now.timestamp()));
    }
    let from = args.from.as_deref().map(|text| moment(text, now));
    let to = args.to.as_deref().map(|text| moment(text, now));
    let from = from.transpose()?.unwrap_or(Timestamp::UNIX_EPOCH);
    let to = to.transpose()?.unwrap_or(now.timestamp());
    if from > to {
        bail!("--from is later than --to.");
    }
    Ok(range(from, to))
}

fn before(now: &Zoned, span: &str) -> anyhow::Result<Timestamp> {
    let parsed: Span = span
        .parse()
        .with_context(|| format!("\"{span}\" is no span of time; write 30m, 1h or 2days"))?;
    if !parsed.is_positive() {
        bail!("\"{span}\" is not before now.");
    }
    let then = now.checked_sub(parsed);
    Ok(then
        .with_context(|| format!("\"{span}\" is too long"))?
        .timestamp())
}

/// With a zone, or in the machine's.
fn moment(text: &str, now: &Zoned) -> anyhow::Result<Timestamp> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp);
    }
    let local = text.parse::<DateTime>().or_else(|_| {
        let date = text.parse::<Date>();
        date.map(|date| date.to_datetime(jiff::civil::Time::midnight()))
    });
    let local = local.with_context(|| {
        format!("\"{text}\" is no time; write it as 2026-11-27 or '2026-11-27 14:30'")
    })?;
    let there = local.to_zoned(now.time_zone().clone());
    Ok(there.context("there is no such time here")?.timestamp())
}

/// As the owner's clock shows it.
pub fn local(moment: Moment) -> String {
    let here = moment.timestamp().to_zoned(jiff::tz::TimeZone::system());
    here.strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2026-11-27T12:00:00+01:00[Europe/Berlin]".parse().unwrap()
    }

    fn args() -> DeleteArgs {
        DeleteArgs {
            conversation: None,
            last: None,
            from: None,
            to: None,
            all: false,
            yes: true,
        }
    }

    fn range(args: &DeleteArgs) -> (String, String) {
        let Scope::Range { from, to } = scope(args, &now()).unwrap() else {
            panic!("it is a range");
        };
        (from.to_string(), to.to_string())
    }

    #[test]
    fn the_last_hour_or_days_end_now() {
        for (last, from) in [
            ("1h", "2026-11-27T10:00:00Z"),
            ("30m", "2026-11-27T10:30:00Z"),
            ("2days", "2026-11-25T11:00:00Z"),
        ] {
            let last = DeleteArgs {
                last: Some(last.into()),
                ..args()
            };

            assert_eq!(range(&last), (from.into(), "2026-11-27T11:00:00Z".into()));
        }
    }

    #[test]
    fn times_are_the_machines_unless_they_have_a_zone() {
        let between = DeleteArgs {
            from: Some("2026-11-26".into()),
            to: Some("2026-11-26 14:30".into()),
            ..args()
        };
        let since = DeleteArgs {
            from: Some("2026-11-26T01:00:00Z".into()),
            ..args()
        };

        assert_eq!(
            range(&between),
            ("2026-11-25T23:00:00Z".into(), "2026-11-26T13:30:00Z".into())
        );
        assert_eq!(
            range(&since),
            ("2026-11-26T01:00:00Z".into(), "2026-11-27T11:00:00Z".into())
        );
    }

    #[test]
    fn what_is_no_time_is_told_with_an_example() {
        let wrong = [
            DeleteArgs {
                last: Some("soon".into()),
                ..args()
            },
            DeleteArgs {
                last: Some("-1h".into()),
                ..args()
            },
            DeleteArgs {
                from: Some("yesterday".into()),
                ..args()
            },
            DeleteArgs {
                from: Some("2026-11-27".into()),
                to: Some("2026-11-26".into()),
                ..args()
            },
        ];

        for args in wrong {
            assert!(scope(&args, &now()).is_err(), "{args:?}");
        }
    }
}
