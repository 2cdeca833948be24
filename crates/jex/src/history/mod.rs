//! `jex history`: what was said, listed, shown, searched, exported and deleted.
//!
//! * [`span`]: which part of it, as the owner writes it; [`show`]: how it looks

mod show;
mod span;

use std::io::{BufRead as _, BufWriter, IsTerminal as _, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use jex_config::{LoadOptions, Paths, Settings};
use jex_store::{Erased, Journal, Moment, Page, Scope, Store, places};
use jiff::Zoned;
use uuid::Uuid;

use crate::cli::{DeleteArgs, HistoryCommand};
use crate::{db, exit};

/// Runs one of the subcommands. Returns the exit status.
pub fn run(command: &HistoryCommand, options: &LoadOptions, paths: &Paths) -> anyhow::Result<u8> {
    let settings = jex_config::load(options)?.settings;
    db::with_store(&settings, paths, async |store| {
        match command {
            HistoryCommand::List { lines, json } => list(&store, *lines, *json).await?,
            HistoryCommand::Show { id, json } => {
                let id = conversation(&store, id).await?;
                let conversation = store.conversation(id).await?;
                let conversation =
                    conversation.context("the conversation was deleted just now.")?;
                exit::say(&match json {
                    true => format!("{}\n", serde_json::to_string_pretty(&conversation)?),
                    false => show::conversation(&conversation),
                });
            }
            HistoryCommand::Search { words, lines, json } => {
                let found = store.search(&words.join(" "), Page::first(*lines)).await?;
                exit::say(&match json {
                    true => format!("{}\n", serde_json::to_string_pretty(&found)?),
                    false => show::found(&found),
                });
            }
            HistoryCommand::Export { file } => export(&store, file.as_deref()).await?,
            HistoryCommand::Delete(args) => return delete(&store, args, &settings, paths).await,
            HistoryCommand::Erase => exit::say(erased(store.erase().await?)),
        }
        Ok(exit::SUCCESS)
    })
}

async fn list(store: &Store, lines: u32, json: bool) -> anyhow::Result<()> {
    let headings = store.conversations(Page::first(lines)).await?;
    exit::say(&match json {
        true => format!("{}\n", serde_json::to_string_pretty(&headings)?),
        false => show::list(&headings),
    });
    Ok(())
}

async fn conversation(store: &Store, beginning: &str) -> anyhow::Result<Uuid> {
    match store.conversations_called(beginning).await?[..] {
        [id] => Ok(id),
        [] => bail!("no conversation has the ID {beginning}. `jex history list` shows them."),
        _ => bail!("more than one ID begins with {beginning}: write more of it."),
    }
}

async fn export(store: &Store, file: Option<&Path>) -> anyhow::Result<()> {
    let Some(file) = file else {
        store.export(&mut std::io::stdout()).await?;
        return Ok(());
    };
    let failed = || format!("cannot write {}", file.display());
    // What was said is for the owner's eyes alone; what is there is not theirs to lose.
    if file.symlink_metadata().is_ok() {
        return Err(std::io::Error::from(std::io::ErrorKind::AlreadyExists)).with_context(failed);
    }
    // Whole or not at all. Its mode is 0600.
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let scratch = tempfile::Builder::new()
        .prefix("unfinished-export-")
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .with_context(failed)?;
    let mut out = BufWriter::new(scratch.as_file());
    let lines = store.export(&mut out).await?;
    out.flush().with_context(failed)?;
    drop(out);
    scratch.persist_noclobber(file).with_context(failed)?;
    exit::say(&format!("{lines} lines are in {}.\n", file.display()));
    Ok(())
}

async fn delete(
    store: &Store,
    args: &DeleteArgs,
    settings: &Settings,
    paths: &Paths,
) -> anyhow::Result<u8> {
    let scope = match &args.conversation {
        Some(beginning) => Scope::Conversation(conversation(store, beginning).await?),
        None => span::scope(args, &Zoned::now())?,
    };
    if !args.yes && !is_confirmed(scope)? {
        return Ok(exit::FAILURE);
    }
    // What waits to be written there is deleted as well.
    let mut journal = Journal::at(places::journal(settings, paths));
    journal.drain(store).await?;
    let deleted = store.delete(scope, Moment::now()).await?;
    exit::say(&show::deleted(&deleted));
    let gone = store.erase().await.context(
        "that is deleted, but its words are still in the files of the database; JEX tries again while it runs",
    )?;
    exit::say(erased(gone));
    if deleted.calls > 0 && !store.executions_due().await?.is_empty() {
        exit::say(
            "n8n still knows of calls that are deleted here; JEX deletes them there while both run.\n",
        );
    }
    Ok(exit::SUCCESS)
}

fn is_confirmed(scope: Scope) -> anyhow::Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        bail!("a deletion has to be agreed to: add --yes.");
    }
    exit::say(&format!("Delete {} for good? [y/N] ", show::scope(scope)));
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn erased(erased: Option<Erased>) -> &'static str {
    match erased {
        Some(Erased::Everywhere) => "The words are in none of the database's files any more.\n",
        Some(Erased::NotInLog) => {
            "The words are in none of the database's tables any more; its write-ahead log holds them until PostgreSQL \
             writes over it.\n"
        }
        None => "",
    }
}
