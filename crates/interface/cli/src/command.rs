//! What each command means: one file per command.

mod complete;
mod context;
mod db;
mod doctor;
mod evaluate;
mod govern;
mod job;
mod lsp;
mod model;
mod prompt;
mod proposals;
mod replay_keys;
mod serve;
mod settings;
mod spending;
mod webhook;
mod work;
mod worker;

use clap::CommandFactory as _;

use crate::arguments::{Arguments, Command, EvalCommand};
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
        Command::Complete(arguments) => complete::run(arguments).await,
        Command::Show(arguments) => proposals::show(&arguments),
        Command::Replay(arguments) => proposals::replay(&arguments).await,
        Command::Apply(arguments) => proposals::apply(&arguments),
        Command::ReplayKeys(arguments) => replay_keys::run(arguments).await,
        Command::Lsp(arguments) => lsp::run(arguments).await,
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Worker(arguments) => worker::run(arguments).await,
        Command::Job(command) => job::run(command).await,
        Command::Key(command) => govern::key(command).await,
        Command::User(command) => govern::user(command).await,
        Command::Repository(command) => govern::repository(command).await,
        Command::Limit(command) => govern::limit(command).await,
        Command::Spending(arguments) => spending::run(arguments).await,
        Command::Webhook(command) => webhook::run(command).await,
        Command::Audit(command) => govern::audit(command).await,
        Command::Db(command) => db::run(command).await,
        Command::Model(command) => model::run(command).await,
        Command::Prompt(command) => prompt::run(command).await,
        Command::Context(arguments) => context::run(arguments).await,
        Command::Eval(EvalCommand::Run(arguments)) => evaluate::run(arguments).await,
        Command::Doctor(arguments) => doctor::run(&arguments).await,
        Command::Config(arguments) => settings::run(&arguments),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "tenon", &mut script);
            crate::output::Output::new(true, true).result(&String::from_utf8_lossy(&script));
            Ok(Exit::Success)
        }
        Command::LlamaWorker => Err(Failure::new(Exit::Bug, "the worker is not started here")),
    }
}
