//! The whole of `jex up`.

mod background;
mod machine;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jex_config::{LoadOptions, Parts, Paths, secrets, write_default_if_missing};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::components::{self, Backend, Children, Stack};
use crate::control::{self, Access, Command, Reloading, Reply, Request};
use crate::orphans::{self, Keeper, Mark};
use crate::progress::say;
use crate::run::{Supervisor, preflight};
use crate::{Lock, SupervisorError, address, progress};

/// Until everything that has not ended in order is killed: together with [`DIES_WITHIN`] less than
/// the 10 s in which JEX ends.
const ENDS_WITHIN: Duration = Duration::from_millis(8500);
const DIES_WITHIN: Duration = Duration::from_secs(1);

/// What `jex up` was asked for.
#[derive(Debug, Clone)]
pub struct UpOptions {
    /// The file and flags that settings come from; read again when they change.
    pub load: LoadOptions,
    pub paths: Paths,
    /// Detach, and return when everything is ready.
    pub background: bool,
    /// Names of the components to run; `None` for all. For tests of single parts.
    pub only: Option<Vec<String>>,
}

/// Runs the stack until it is told to end.
pub fn up(options: &UpOptions) -> Result<(), SupervisorError> {
    if control::systemd_runs_it(&options.paths) {
        return Err(SupervisorError::SystemdRunsIt);
    }
    if options.background && !background::is_child() {
        return background::start(options);
    }
    if options.background {
        background::detach()?;
    }
    let stack = prepare(options)?;
    let address = components::address(&stack.settings);
    let _lock = Lock::take(&options.paths, &address)?;
    let mark = Mark::new(&options.paths);
    let left = orphans::kill_leftovers(&mark);
    if left > 0 {
        say(&format!(
            "Ended {left} processes that an earlier JEX left behind."
        ));
    }
    let problems = preflight(&stack, options.only.as_deref());
    if !problems.is_empty() {
        return Err(SupervisorError::NotReady(problems.join("\n")));
    }
    let keeper = Keeper::start(&mark).map_err(SupervisorError::system("no keeper process"))?;
    // One thread: everything here waits, nothing computes.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(SupervisorError::system("no runtime"))?;
    let outcome = runtime.block_on(run(options, stack, &mark, keeper));
    orphans::kill_run(&mark);
    let _ = std::fs::remove_file(options.paths.control_socket());
    // A look-up of a host's name, which nothing can break off, would hold the lock for seconds.
    runtime.shutdown_background();
    outcome
}

/// Files of a first start, settings, secrets, parts.
fn prepare(options: &UpOptions) -> Result<Stack, SupervisorError> {
    let paths = &options.paths;
    if options.load.file.is_none() {
        write_default_if_missing(&paths.config_file)?;
    }
    let loaded = jex_config::load(&options.load)?;
    secrets::ensure_secrets(&loaded.settings, paths)?;
    let flags = loaded.flags_as_variables();
    let node_ip = loaded
        .settings
        .livekit
        .node_ip
        .unwrap_or_else(|| address::choose(None, address::way_out(), &address::current()));
    Ok(Stack {
        settings: loaded.settings,
        paths: paths.clone(),
        parts: Parts::load(paths)?,
        backend: Backend::Children(Children {
            // The programs that get it may be started from another folder.
            config_file: std::path::absolute(&loaded.file).unwrap_or(loaded.file),
            binaries: binaries()?,
            node_ip,
            flags,
        }),
    })
}

/// `$JEX_BIN`, or the folder of this program.
fn binaries() -> Result<PathBuf, SupervisorError> {
    if let Some(folder) = std::env::var_os("JEX_BIN") {
        return Ok(folder.into());
    }
    let program = std::env::current_exe()
        .map_err(SupervisorError::system("this program does not find itself"))?;
    Ok(program.parent().map(PathBuf::from).unwrap_or_default())
}

async fn run(
    options: &UpOptions,
    stack: Stack,
    mark: &Mark,
    keeper: Keeper,
) -> Result<(), SupervisorError> {
    let requests = control::listen(&options.paths.control_socket(), Access::Owner)?;
    let mut signals = Signals::new().map_err(SupervisorError::system("no signal handler"))?;
    let supervisor = Supervisor::start(stack, mark.clone(), options.only.as_deref());
    let supervisor = Arc::new(supervisor);
    let end = CancellationToken::new();
    tokio::spawn(progress::print(supervisor.board().clone()));
    if options.background {
        tokio::spawn(background::keep_log_small(options.paths.log("jex")));
    }
    tokio::spawn(greet(supervisor.clone(), options.background, end.clone()));
    tokio::spawn(machine::watch(
        supervisor.clone(),
        mark.clone(),
        keeper,
        end.clone(),
    ));
    tokio::spawn(serve(
        options.clone(),
        supervisor.clone(),
        requests,
        end.clone(),
    ));
    tokio::select! {
        () = signals.any() => end.cancel(),
        () = end.cancelled() => {}
    }
    say("Ending. Once more (Ctrl-C) ends it at once.");
    let stopping = supervisor.stop();
    tokio::pin!(stopping);
    let ended = tokio::select! {
        () = &mut stopping => true,
        () = signals.again() => false,
        () = tokio::time::sleep(ENDS_WITHIN) => false,
    };
    if !ended {
        supervisor.kill_now();
        // What does not even die now is looked for once more when this has returned.
        let _ = tokio::time::timeout(DIES_WITHIN, stopping).await;
    }
    say("JEX has ended.");
    Ok(())
}

/// The signals that mean "end".
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }

    /// A terminal that closes sends a hang-up of its own accord: no second one means "at once".
    async fn again(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Says where to go once there is somewhere to go.
async fn greet(supervisor: Arc<Supervisor>, background: bool, end: CancellationToken) {
    tokio::select! {
        () = supervisor.board().wait_until_one_can_talk() => {}
        () = end.cancelled() => return,
    }
    // The line of the last component comes first.
    tokio::task::yield_now().await;
    say(&format!("\nJEX is ready: open {}", supervisor.address()));
    if supervisor.settings().model_is_demo() {
        say(
            "Its model is a demo: 135 million parameters, English only, often wrong. \
             `jex model use NAME` takes a better one.",
        );
    }
    let kept = match supervisor.settings().history.conversations_days {
        0 => "Nothing of a conversation is stored.".to_owned(),
        1 => "What is said is kept here for a day: see `jex history`.".to_owned(),
        days => format!("What is said is kept here for {days} days: see `jex history`."),
    };
    let how = if background { "`jex stop`" } else { "Ctrl-C" };
    say(&format!("{kept} {how} ends JEX."));
}

/// Answers questions, also while everything ends.
async fn serve(
    options: UpOptions,
    supervisor: Arc<Supervisor>,
    mut requests: mpsc::Receiver<Request>,
    end: CancellationToken,
) {
    while let Some(Request { command, reply }) = requests.recv().await {
        let answer = match command {
            Command::Status => Reply::Status(supervisor.status()),
            Command::Stop => {
                end.cancel();
                Reply::Stopping { stopping: true }
            }
            Command::Reload => reload(&options, &supervisor),
        };
        // Whoever asked may have gone.
        let _ = reply.send(answer);
    }
}

fn reload(options: &UpOptions, supervisor: &Arc<Supervisor>) -> Reply {
    let loaded = match jex_config::load(&options.load) {
        Ok(loaded) => loaded,
        Err(error) => {
            return Reply::Error {
                error: error.to_string(),
            };
        }
    };
    let others = supervisor.other_parts(&loaded.settings);
    if !others.is_empty() {
        return Reply::Error {
            error: format!(
                "the settings have changed which parts there are ({}): JEX has to start anew for \
                 that. `jex stop`, then `jex up`.",
                others.join(", ")
            ),
        };
    }
    let reloading = Reloading {
        model: loaded.settings.llm.model.clone(),
        model_from: loaded.origin("llm.model").to_string(),
    };
    supervisor.apply(loaded.settings);
    Reply::Reloading(reloading)
}
