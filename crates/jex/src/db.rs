//! `jex db`: the database's schema; and the way to the database for the commands beside it.

use std::fmt::Write as _;

use jex_config::{LoadOptions, Paths, Settings, secrets};
use jex_store::{Step, Store, StoreError, places};
use jex_supervisor::{SupervisorError, control};
use jiff::tz::TimeZone;

use crate::cli::DbCommand;
use crate::exit;

/// Runs one of the subcommands. Returns the exit status: for `status` 0 only when no step is missing.
pub fn run(command: &DbCommand, options: &LoadOptions, paths: &Paths) -> anyhow::Result<u8> {
    let settings = jex_config::load(options)?.settings;
    with_store(&settings, paths, async |store| {
        if let DbCommand::Migrate = command {
            store.migrate().await?;
        }
        let steps = store.steps().await?;
        let json = matches!(command, DbCommand::Status { json: true });
        exit::say(&if json { as_json(&steps) } else { table(&steps) });
        let is_whole = steps.iter().all(|step| step.taken.is_some());
        Ok(if is_whole {
            exit::SUCCESS
        } else {
            exit::FAILURE
        })
    })
}

/// Does something with JEX's database.
pub fn with_store<T>(
    settings: &Settings,
    paths: &Paths,
    doing: impl AsyncFnOnce(Store) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(async { doing(open(settings, paths)?).await });
    done.map_err(|error| explained(error, settings, paths))
}

/// JEX's database, by the settings.
fn open(settings: &Settings, paths: &Paths) -> anyhow::Result<Store> {
    let address = settings.database_url(paths);
    let password = secrets::database_password(settings)?;
    let head = places::audit_head(settings, paths);
    Ok(Store::open(address.as_str(), password.as_ref(), head)?)
}

/// A PostgreSQL that `jex up` runs is away whenever that does not run.
fn explained(error: anyhow::Error, settings: &Settings, paths: &Paths) -> anyhow::Error {
    let is_away = matches!(error.downcast_ref(), Some(StoreError::Away { .. }));
    let is_ours = settings.database.url.is_none();
    match is_away && is_ours {
        true => match control::status(paths) {
            Err(not_running @ SupervisorError::NotRunning) => not_running.into(),
            _ => error,
        },
        false => error,
    }
}

fn table(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let taken = match step.taken {
            Some(at) => {
                let at = at.timestamp().to_zoned(TimeZone::system());
                format!("taken {}", at.strftime("%Y-%m-%d %H:%M"))
            }
            None => "missing: run `jex db migrate`".into(),
        };
        let _ = writeln!(text, "{:04}  {:<16}  {taken}", step.version, step.name);
    }
    text
}

fn as_json(steps: &[Step]) -> String {
    let step = |step: &Step| {
        serde_json::json!({
            "version": step.version,
            "name": step.name,
            "taken": step.taken,
        })
    };
    let steps: Vec<_> = steps.iter().map(step).collect();
    format!("{:#}\n", serde_json::Value::from(steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_step_is_shown_with_the_remedy() {
        let step = |version, taken| Step {
            version,
            name: "audit".into(),
            taken,
        };

        let shown = table(&[step(1, Some(jex_store::Moment::now())), step(2, None)]);

        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[0].starts_with("0001  audit") && lines[0].contains("taken 2"));
        assert!(lines[1].ends_with("missing: run `jex db migrate`"));
    }
}
