//! The providers on the real parts: wyoming-piper, wyoming-faster-whisper and Ollama with the
//! packaged model, each started once on a free port.
//!
//! A program of its own rather than the usual harness, so that the servers end with it. The tests
//! run one after the other, because they measure times; those that stop a server come last.

mod language;
mod servers;
mod speech;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use servers::Servers;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    if arguments.list {
        return libtest_mimic::run(&arguments, trials(None)).exit_code();
    }
    let servers = match Servers::start() {
        Ok(servers) => servers,
        Err(reason) => {
            eprintln!("{reason}");
            return ExitCode::FAILURE;
        }
    };
    let servers = std::sync::Arc::new(servers);
    libtest_mimic::run(&arguments, trials(Some(servers))).exit_code()
}

type Test = fn(&Servers);

fn trials(servers: Option<std::sync::Arc<Servers>>) -> Vec<Trial> {
    let tests: Vec<(&str, Test)> = [speech::TESTS, language::TESTS, speech::LAST_TESTS].concat();
    let trial = |(name, test): (&str, Test)| {
        let servers = servers.clone();
        Trial::test(name, move || {
            let servers = servers.expect("the servers run whenever tests do");
            test(&servers);
            Ok(())
        })
    };
    tests.into_iter().map(trial).collect()
}

/// Runs a test's future.
fn wait<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(test)
}
