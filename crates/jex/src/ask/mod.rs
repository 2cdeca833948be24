//! `jex ask`: a question as any caller would ask it, over a room.
//!
//! * [`token`]: the way into a room; [`call`]: joins it and carries events and decisions
//! * [`dialogue`]: what to do when, without network or clock
//! * [`turn`]: the agent's reports; [`sound`]: WAV files; [`show`]: what is printed

mod call;
mod dialogue;
mod show;
mod sound;
mod token;
mod turn;

use std::io::Write;
use std::time::Duration;

use jex_config::Settings;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::AskArgs;
use crate::exit;
use call::{Ended, Question};
use dialogue::Patience;
use show::Show;
use turn::Answer;

/// An agent that has to be started anew (killed just now) is there within this time.
const AGENT_PATIENCE: Duration = Duration::from_secs(30);

/// What `--json` prints after an answer.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    answer: &'a Answer,
    room: &'a str,
    /// The file with the answer's sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
}

/// Why there is no answer, and what to do.
struct Trouble {
    message: String,
    remedy: String,
    status: u8,
}

impl Trouble {
    fn new(message: impl ToString, remedy: impl ToString) -> Self {
        Self {
            message: message.to_string(),
            remedy: remedy.to_string(),
            status: exit::FAILURE,
        }
    }
}

/// Asks and prints. Returns the exit status.
pub fn run(args: &AskArgs, settings: &Settings) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let trouble = match runtime.block_on(ask(args, settings)) {
        Ok(status) => return Ok(status),
        Err(trouble) => trouble,
    };
    if args.json {
        let error = serde_json::json!({
            "error": { "message": trouble.message, "remedy": trouble.remedy }
        });
        exit::say(&format!("{error}\n"));
    }
    exit::complain(&format!("{} {}", trouble.message, trouble.remedy));
    Ok(trouble.status)
}

async fn ask(args: &AskArgs, settings: &Settings) -> Result<u8, Trouble> {
    let question = question(args)?;
    let mut cancelled = std::pin::pin!(cancelled());
    let ticket = tokio::select! {
        ticket = token::request(settings.web.port) => ticket,
        () = &mut cancelled => return Ok(exit::CANCELLED),
    }
    .map_err(|error| Trouble {
        status: match error {
            token::TokenError::NotRunning { .. } => exit::NOT_RUNNING,
            _ => exit::FAILURE,
        },
        ..Trouble::new(&error, error.remedy())
    })?;
    let endpointing = Duration::from_millis(settings.conversation.endpointing_ms);
    let patience = Patience {
        agent: AGENT_PATIENCE.min(args.timeout),
        answer: args.timeout,
        endpointing: matches!(question, Question::Spoken(_)).then_some(endpointing),
    };
    let screen = || Box::new(anstream::stdout()) as Box<dyn Write>;
    let mut show = Show::new((!args.json).then(screen));
    let outcome = call::ask(&ticket, question, patience, &mut show, cancelled).await;
    let outcome = outcome.map_err(|error| {
        let message = format!("the room could not be joined: {error}.");
        Trouble::new(message, "`jex status` shows which part is not well.")
    })?;
    let written = write_sound(args, &outcome.sound);
    match outcome.ended {
        Ended::Answered(answer) => {
            let out = written?;
            show.done(&answer);
            if let Some(problem) = &answer.last.problem {
                exit::warn(&format!("{} {}", problem.message, problem.remedy));
            }
            if args.json {
                let room = &ticket.room_name;
                let report = Report {
                    answer: &answer,
                    room,
                    out,
                };
                let json =
                    serde_json::to_string(&report).expect("strings and numbers always serialise");
                exit::say(&format!("{json}\n"));
            }
            Ok(exit::SUCCESS)
        }
        Ended::Failed(failure) => {
            show.end_line();
            Err(Trouble::new(&failure, failure.remedy()))
        }
        Ended::Cancelled => {
            show.end_line();
            Ok(exit::CANCELLED)
        }
    }
}

fn question(args: &AskArgs) -> Result<Question, Trouble> {
    match (&args.text, &args.audio) {
        (Some(text), _) if text.trim().is_empty() => Err(Trouble::new(
            "the question is empty.",
            "Write it in quotes: jex ask \"What is the capital of France?\"",
        )),
        (Some(text), _) => Ok(Question::Typed(text.clone())),
        (None, Some(file)) => {
            let samples = sound::read(file).map_err(|error| Trouble::new(error, ""))?;
            Ok(Question::Spoken(samples))
        }
        (None, None) => Err(Trouble::new(
            "there is no question.",
            "`jex ask --help` shows how.",
        )),
    }
}

fn write_sound(args: &AskArgs, samples: &[i16]) -> Result<Option<String>, Trouble> {
    let Some(file) = &args.out else {
        return Ok(None);
    };
    let samples = sound::trimmed(samples);
    sound::write(file, samples).map_err(|error| Trouble::new(error, ""))?;
    if samples.is_empty() {
        exit::warn("nothing was to be heard of the answer; the file holds no sound.");
    }
    Ok(Some(file.display().to_string()))
}

/// Ctrl-C or SIGTERM.
async fn cancelled() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
