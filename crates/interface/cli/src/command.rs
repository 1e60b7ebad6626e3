//! What each command means: one file per command.

mod evaluate;
mod model;
mod work;

use crate::arguments::{Command, EvalCommand};
use crate::failure::{Exit, Failure};

/// Runs a command to its exit code.
///
/// # Errors
/// When it does not succeed, with the exit code of the contract.
pub async fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Generate(arguments) => work::generate(arguments).await,
        Command::Fix(arguments) => work::fix(arguments).await,
        Command::Test(arguments) => work::test(arguments).await,
        Command::Explain(arguments) => work::explain(arguments).await,
        Command::Eval(EvalCommand::Run(arguments)) => evaluate::run(arguments).await,
        Command::Model(command) => model::run(command).await,
        _ => Err(Failure::new(Exit::Usage, "this command is not there yet")),
    }
}
