//! `jex model`: which language models there are, and which one answers.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anstyle::AnsiColor;
use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use jex_config::{DEMO_MODEL, LlmProvider, Loaded, Origin, Parts, Paths};
use jex_supervisor::SupervisorError;
use jex_supervisor::component::ModelWanted;
use jex_supervisor::control::{self, Reloading};
use jex_supervisor::memory::said;
use jex_supervisor::models::{self, ModelFacts};
use jex_supervisor::status::{StackStatus, State};

use crate::cli::ModelCommand;
use crate::exit;
use crate::progress::Progress;

/// Loading a large model from a slow disk.
const READY_WITHIN: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(250);

/// Runs one of the subcommands. Returns the exit status.
pub fn run(command: &ModelCommand, loaded: &Loaded, paths: &Paths) -> anyhow::Result<u8> {
    if loaded.settings.llm.provider != LlmProvider::Ollama {
        bail!(
            "the model is another server's (`llm.provider` is \"openai-compatible\"). Set \
             `llm.model` in {} to one that it offers.",
            loaded.file.display()
        );
    }
    let chosen = models::wanted(&loaded.settings, paths, &Parts::load(paths)?);
    match command {
        ModelCommand::List { json } => list(*json, &chosen)?,
        ModelCommand::Use { name, .. } if control::systemd_runs_it(paths) => bail!(
            "systemd runs JEX on this machine, and its NixOS configuration names the model: set \
             `services.jex.llm.model = \"{name}\"` there, then run `sudo nixos-rebuild switch`. \
             `jex status` shows how the model comes."
        ),
        ModelCommand::Use { name, yes } => take(name, *yes, chosen, loaded, paths)?,
    }
    Ok(exit::SUCCESS)
}

fn list(json: bool, chosen: &ModelWanted) -> anyhow::Result<()> {
    let facts = runtime()?.block_on(models::list(chosen))?;
    if json {
        exit::say(&format!("{}\n", serde_json::to_string_pretty(&facts)?));
        return Ok(());
    }
    exit::say(&table(&facts));
    if !facts.iter().any(|model| model.chosen) {
        exit::warn(&format!(
            "`llm.model` is {}, which is not here yet.",
            chosen.name
        ));
    }
    Ok(())
}

fn table(models: &[ModelFacts]) -> String {
    let green = AnsiColor::Green.on_default();
    let width = models
        .iter()
        .map(|model| model.name.len())
        .max()
        .unwrap_or(0)
        .max(5);
    let mut text = format!("  {:<width$}  {:>8}  {:>8}\n", "MODEL", "SIZE", "MEMORY");
    for model in models {
        let (mark, style) = match model.chosen {
            true => ("*", green),
            false => (" ", anstyle::Style::new()),
        };
        let notes = [
            (model.name.split(':').next() == Some(DEMO_MODEL)).then_some("a demo, English only"),
            model.loaded.then_some("in memory"),
            (model.fits == Some(false)).then_some("does not fit into the free memory"),
        ];
        let notes: Vec<&str> = notes.into_iter().flatten().collect();
        let line = format!(
            "{style}{mark} {:<width$}{style:#}  {:>8}  {:>8}  {}",
            model.name,
            said(model.size_bytes),
            said(model.memory_bytes),
            notes.join(", ")
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Shows what the model needs, gets it, and only then changes the settings.
fn take(
    name: &str,
    yes: bool,
    chosen: ModelWanted,
    loaded: &Loaded,
    paths: &Paths,
) -> anyhow::Result<()> {
    let runs = match control::status(paths) {
        Ok(_) => true,
        Err(SupervisorError::NotRunning) => false,
        Err(error) => return Err(error.into()),
    };
    let is_own = chosen.is_jexs_own();
    if !runs && name != DEMO_MODEL && is_own {
        bail!(
            "JEX is not running, so its Ollama cannot be asked about {name}. `jex up` starts it."
        );
    }
    let runtime = runtime()?;
    if name == DEMO_MODEL {
        exit::say(&packaged(chosen.packaged.as_deref()));
    } else {
        let facts = runtime.block_on(models::describe(&chosen, name))?;
        exit::say(&needs(&facts));
        if let Some(obstacle) = facts.obstacle() {
            bail!("{obstacle}");
        }
        if !facts.here && !yes && !confirmed()? {
            bail!("nothing was changed.");
        }
    }
    if runs || !is_own {
        let wanted = ModelWanted {
            name: name.into(),
            ..chosen
        };
        runtime.block_on(get(&wanted))?;
        // What its context takes is known only of a model that is here.
        if name != DEMO_MODEL
            && let Some(obstacle) = runtime
                .block_on(models::describe(&wanted, name))?
                .obstacle()
        {
            bail!("{obstacle} {name} stays here, and JEX goes on with the model it has.");
        }
    }
    use_from_now_on(name, loaded, paths, runs)
}

fn packaged(file: Option<&Path>) -> String {
    let bytes = file.and_then(|file| file.metadata().ok());
    let bytes = bytes.map_or_else(String::new, |file| format!("{}, ", said(file.len())));
    format!("{DEMO_MODEL} is the packaged model: {bytes}135 million parameters, English: a demo.\n")
}

fn needs(facts: &ModelFacts) -> String {
    let mut text = format!("{}: {} on disk", facts.name, said(facts.size_bytes));
    if facts.here {
        text.push_str(", which is here already");
    } else {
        text.push_str(&format!(", {} to download", said(facts.download_bytes)));
        if let Some(free) = facts.disk_free_bytes {
            text.push_str(&format!(" ({} free)", said(free)));
        }
    }
    text.push_str(&format!("; about {} of memory", said(facts.memory_bytes)));
    if let Some(available) = facts.available_bytes {
        text.push_str(&format!(" ({} free)", said(available)));
    }
    if !facts.here {
        text.push_str(", and more for its context");
    }
    text.push_str(".\n");
    text
}

fn confirmed() -> anyhow::Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        bail!("a download has to be agreed to: add --yes.");
    }
    let mut out = std::io::stderr();
    write!(out, "Download it? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Gets the model into Ollama, showing progress.
async fn get(wanted: &ModelWanted) -> anyhow::Result<()> {
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {wide_msg}");
    bar.set_style(style.expect("the template is a constant"));
    bar.enable_steady_tick(Duration::from_millis(120));
    let outcome = models::ensure(wanted, &|step| bar.set_message(step)).await;
    bar.finish_and_clear();
    outcome.with_context(|| format!("{} was not taken; the settings are as before", wanted.name))
}

fn use_from_now_on(name: &str, loaded: &Loaded, paths: &Paths, runs: bool) -> anyhow::Result<()> {
    models::write_model(&loaded.file, name)?;
    let file = loaded.file.display();
    exit::say(&format!("llm.model is {name} now, in {file}.\n"));
    if !runs {
        if let Origin::Environment(variable) = loaded.origin("llm.model") {
            exit::warn(&format!(
                "{variable} is set and wins over the file: unset it."
            ));
        }
        return Ok(());
    }
    let Reloading { model, model_from } = control::reload(paths)?;
    if model != name {
        bail!(
            "JEX goes on with {model}: it was started in such a way that {model_from} decides, not \
             {file}. End it (`jex stop`) and start it without that."
        );
    }
    wait_until_ready(paths)?;
    exit::say(&format!("JEX answers with {name}.\n"));
    Ok(())
}

fn wait_until_ready(paths: &Paths) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut progress = Progress::new();
    loop {
        let status = control::status(paths)?;
        if status.ready {
            return Ok(());
        }
        if let Some(reason) = failure(&status) {
            bail!("{reason}");
        }
        if began.elapsed() > READY_WITHIN {
            bail!("JEX is not ready yet; `jex status` shows what it waits for.");
        }
        progress.show(&status);
        std::thread::sleep(PAUSE);
    }
}

fn failure(status: &StackStatus) -> Option<&str> {
    let ollama = status
        .components
        .iter()
        .find(|component| component.name == "ollama")?;
    (ollama.state == State::Failed)
        .then(|| ollama.last_error.as_deref().unwrap_or("Ollama failed."))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> ModelFacts {
        ModelFacts {
            name: "llama3.1:8b".into(),
            size_bytes: 4_900_000_000,
            memory_bytes: 6_200_000_000,
            fits: Some(true),
            available_bytes: Some(12_000_000_000),
            here: false,
            loaded: false,
            chosen: false,
            download_bytes: 4_900_000_000,
            disk_free_bytes: Some(80_000_000_000),
        }
    }

    #[test]
    fn what_a_model_needs_is_shown_first() {
        assert_eq!(
            needs(&facts()),
            "llama3.1:8b: 4.9 GB on disk, 4.9 GB to download (80.0 GB free); about 6.2 GB of memory (12.0 GB free), and more for its context.\n"
        );
    }

    #[test]
    fn the_chosen_model_is_marked_and_the_demo_is_called_one() {
        let demo = ModelFacts {
            name: "jex-demo:latest".into(),
            size_bytes: 92_000_000,
            memory_bytes: 300_000_000,
            chosen: true,
            loaded: true,
            ..facts()
        };

        let text = anstream::adapter::strip_str(&table(&[demo, facts()])).to_string();

        let expected = "  MODEL                SIZE    MEMORY
* jex-demo:latest     92 MB    300 MB  a demo, English only, in memory
  llama3.1:8b        4.9 GB    6.2 GB
";
        assert_eq!(text, expected);
    }
}
