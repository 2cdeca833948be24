//! The command line: one definition gives flags, help and completions.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  jex up                                     start everything; Ctrl-C ends it
  jex up --background && jex status --wait 120
  jex ask \"What is the capital of France?\"
  jex ask --audio question.wav --out answer.wav
  jex model use llama3.1:8b
  jex config show

Exit status: 0 when all went well, 1 when not (the reason is on stderr), 2 for a wrong command
line, 3 when JEX is not running, 130 after Ctrl-C.";

/// JEX, a private voice assistant on this machine.
#[derive(Debug, Parser)]
#[command(name = "jex", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub settings: SettingsArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Where settings come from, beside the environment.
#[derive(Debug, Args)]
pub struct SettingsArgs {
    /// Another settings file than the usual one (`jex config path`)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting for this command only, such as llm.model=llama3.1:8b; may be repeated
    #[arg(long = "set", global = true, value_name = "SECTION.KEY=VALUE", value_parser = assignment)]
    pub overrides: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start everything and watch it until Ctrl-C
    Up(UpArgs),
    /// End the JEX that runs
    Stop,
    /// Show each part: its state, since when, memory, version, last error
    #[command(after_help = STATUS_HELP)]
    Status(StatusArgs),
    /// Show what a part has logged, or all of them; where systemd runs JEX, out of its journal
    #[command(
        after_help = "Examples:\n  jex logs\n  jex logs ollama --follow\n  jex logs agent --lines 500"
    )]
    Logs(LogsArgs),
    /// Show or check the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// List the language models that are here, or use another one
    #[command(subcommand)]
    Model(ModelCommand),
    /// List, show, search, export or delete what was said
    #[command(subcommand)]
    History(HistoryCommand),
    /// Check that what was done is still written as it was
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Show or bring up to date the database's schema
    #[command(subcommand)]
    Db(DbCommand),
    /// Show the way to the workflows' editor, or how the workflows that came with JEX are
    #[command(subcommand)]
    N8n(N8nCommand),
    /// Let a browser on another machine in, or see and take away those that are
    #[command(after_help = PAIR_HELP)]
    Pair(PairArgs),
    /// Ask a question as a caller would, typed or spoken
    #[command(after_help = ASK_HELP)]
    Ask(AskArgs),
    /// Print a completion script for your shell
    #[command(
        after_help = "Example:\n  jex completions bash > ~/.local/share/bash-completion/completions/jex"
    )]
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, Args)]
pub struct UpArgs {
    /// Come back to the prompt once everything is ready; `jex stop` ends it
    #[arg(long)]
    pub background: bool,
}

const STATUS_HELP: &str = "\
Exit status: 0 when every part is ready that talking needs, 1 when one is not, 3 when JEX is not running.
PostgreSQL and n8n may come later: without them JEX talks, but remembers nothing and does nothing.

The JSON object has `ready`, `address` and `components`, each with `name`, `state` (waiting,
starting, warming, ready, restarting, stopping, stopped, failed, external), `since_unix`, `pid`,
`version`, `memory_bytes`, `restarts`, `last_error`, `log`, `detail` and `essential` (talking needs it);
what is unknown is null.
While JEX is not running, starts or ends, `components` is empty.";

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
    /// Wait this long for every part to be ready that talking needs
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub wait: Option<Duration>,
}

#[derive(Debug, Args)]
pub struct LogsArgs {
    /// A part as `jex status` names it; all of them without
    pub component: Option<String>,
    /// Go on as more is logged
    #[arg(long, short)]
    pub follow: bool,
    /// How many of the last lines of each part [default: 200, or 20 of each when all are shown]; of all
    /// parts together where systemd runs JEX
    #[arg(long, short = 'n', value_name = "COUNT")]
    pub lines: Option<usize>,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting in force and where it came from
    Show {
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Check a settings file without using it
    Check {
        /// The file to check; without it, the one in use
        file: Option<PathBuf>,
    },
    /// Print where the settings file is
    Path,
}

#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// The models that are here, with their size and the memory they need
    List {
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Get a model if it is not here yet, and use it from now on
    Use {
        /// Name as Ollama knows it, such as llama3.1:8b; jex-demo is the packaged one
        name: String,
        /// Do not ask before a download
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum N8nCommand {
    /// Print how to open the editor and, the first time, its login
    Open,
    /// Print what n8n is told of the owner's password
    #[command(hide = true)]
    PasswordHash,
    /// Show each workflow that came with JEX: as it came, changed by you, switched off
    Status {
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// The conversations, the newest first
    List {
        /// How many
        #[arg(long, short = 'n', value_name = "COUNT", default_value = "20")]
        lines: u32,
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
    /// One conversation, word by word, with what was done
    Show {
        /// Its ID in the list, or how that begins
        id: String,
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// What was said with all of these words, the newest first
    #[command(
        after_help = "Examples:\n  jex history search milk\n  jex history search '\"blue pot\" or key -spare'"
    )]
    Search {
        /// In quotes they stand side by side; `or` and a `-` before a word are understood
        #[arg(required = true)]
        words: Vec<String>,
        /// How many
        #[arg(long, short = 'n', value_name = "COUNT", default_value = "20")]
        lines: u32,
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Everything that is remembered, as JSON lines
    Export {
        /// Where to write it, for you alone; without it, to the terminal
        file: Option<PathBuf>,
    },
    /// Delete, for good: what was said, done and remembered of it
    #[command(after_help = DELETE_HELP)]
    Delete(DeleteArgs),
    /// Take what is deleted out of the database's files, where `delete` could not
    Erase,
}

const DELETE_HELP: &str = "\
Examples:
  jex history delete --last 1h
  jex history delete --from 2026-11-27 --to '2026-11-28 09:30'
  jex history delete --conversation 1f3a09c4
  jex history delete --all --yes

Reminders that are still to be spoken stay, and so does what you put on lists or into notes. What
n8n still knows of it is deleted there as soon as n8n runs. docs/memory.md says what backups hold.";

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub struct DeleteArgs {
    /// One conversation, by its ID in the list
    #[arg(long, group = "what", value_name = "ID", conflicts_with_all = ["last", "from", "to", "all"])]
    pub conversation: Option<String>,
    /// The time just before now, such as 30m, 1h or 2days
    #[arg(long, group = "what", value_name = "SPAN", conflicts_with_all = ["from", "to", "all"])]
    pub last: Option<String>,
    /// Since then, such as 2026-11-27 or '2026-11-27 14:30'
    #[arg(long, group = "what", value_name = "TIME", conflicts_with = "all")]
    pub from: Option<String>,
    /// Until then
    #[arg(long, group = "what", value_name = "TIME", conflicts_with = "all")]
    pub to: Option<String>,
    /// All of it
    #[arg(long, group = "what")]
    pub all: bool,
    /// Do not ask first
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Read the audit from its first row to its last, and say whether a row was changed, taken away or cut off
    Verify,
}

#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Show which steps of the schema the database has taken
    Status {
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Take the steps that are missing; `jex up` does so by itself
    Migrate,
}

const PAIR_HELP: &str = "\
Examples:
  sudo jex pair                    on the appliance, where JEX is a user of its own
  jex pair                         for the JEX of `jex up`, with web.public_urls in jex.toml
  sudo jex pair --list
  sudo jex pair --forget 1f3a09c4

The address lets one browser in, once, and another one takes its place. On a terminal it is shown as
a QR code, too.";

#[derive(Debug, Args)]
pub struct PairArgs {
    /// Show the browsers that are paired
    #[arg(long)]
    pub list: bool,
    /// Take a browser away, by its ID in the list, or all of them; from then on it is not let in
    #[arg(long, value_name = "ID|all", conflicts_with = "list")]
    pub forget: Option<String>,
}

const ASK_HELP: &str = "\
Examples:
  jex ask \"What is the capital of France?\"
  jex ask --audio question.wav --out answer.wav
  jex ask --json \"How are you?\" | jq -r .answer

The JSON object has `heard`, `answer`, `interrupted`, `typed`, `made_where`, `providers`,
`stages_ms` (milliseconds of each stage that happened), `problem`, `room`, `out` and `turns` (when a
recording holds several). When no answer came it has `error` with `message` and `remedy`.";

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("question").required(true))]
pub struct AskArgs {
    /// The question, typed
    #[arg(group = "question", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub text: Option<String>,
    /// The question, spoken: a WAV file of any rate and number of channels
    #[arg(long, group = "question", value_name = "FILE")]
    pub audio: Option<PathBuf>,
    /// Where to write the answer's sound, as a WAV file (48 kHz, mono)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Longest wait without a new word of the answer
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub timeout: Duration,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if key.contains('.') => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("write it as section.key=value, such as llm.model=llama3.1:8b".into()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds is needed")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration <= Duration::from_secs(86_400) => Ok(duration),
        _ => Err("between 0 and 86400 seconds".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_question_is_typed_or_spoken_never_both_or_neither() {
        let parse = |args: &[&str]| Cli::try_parse_from([&["jex", "ask"], args].concat());

        assert!(parse(&["hello"]).is_ok());
        assert!(parse(&["--audio", "q.wav"]).is_ok());
        assert!(parse(&[]).is_err());
        assert!(parse(&[""]).is_err());
        assert!(parse(&["hello", "--audio", "q.wav"]).is_err());
    }

    #[test]
    fn settings_are_taken_before_and_after_the_command() {
        for args in [
            ["jex", "--set", "a.b=c=d", "stop"],
            ["jex", "stop", "--set", "a.b=c=d"],
        ] {
            let cli = Cli::try_parse_from(args).unwrap();
            assert_eq!(cli.settings.overrides, [("a.b".into(), "c=d".into())]);
        }
        assert!(Cli::try_parse_from(["jex", "--set", "model=x", "stop"]).is_err());
    }

    #[test]
    fn seconds_may_have_fractions_but_not_be_negative() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(seconds("-1").is_err());
        assert!(seconds("NaN").is_err());
        assert!(seconds("1e300").is_err());
    }
}
