//! The `tenon` command.

mod arguments;
mod command;
mod composition;
mod failure;
mod interrupt;
mod lazy_model;
mod log;
mod output;
mod progress;
mod server_client;
mod service_composition;
mod traces;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};
use crate::failure::{Exit, Failure};
use crate::output::Output;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    // The worker has no business with a runtime of ours: llama.cpp's threads get the cores.
    if matches!(arguments.command, Command::LlamaWorker) {
        return match tenon_llama::run_worker() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report(&Failure::new(Exit::Bug, error.to_string())),
        };
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failure::new(Exit::Missing, format!("cannot start: {error}"))),
    };
    let outcome = runtime.block_on(command::run(arguments.command));
    // Whatever still runs was cancelled; nobody waits for it.
    runtime.shutdown_background();
    match outcome {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => report(&failure),
    }
}

fn report(failure: &Failure) -> ExitCode {
    let output = Output::new(false, false);
    output.problem(&format!("tenon: {}", failure.message));
    if let Some(help) = &failure.help {
        output.problem(&format!("  help: {help}"));
    }
    ExitCode::from(failure.exit as u8)
}
