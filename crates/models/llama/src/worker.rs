//! The worker process: one model, one socket, until the client is gone.

mod attention;
mod constraint;
mod date;
mod decoder;
mod intake;
mod ledger;
mod outbox;
mod prefixes;
mod prompt;
mod request;
mod sample;
mod sampler;
mod softmax;
mod template;
mod text;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::sync_channel;
use std::thread;

use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;

use self::attention::Attention;
use self::constraint::ConstraintCompiler;
use self::decoder::{Decoder, PrefixReuse};
use self::intake::{LONGEST_QUEUE, Preparer, read_orders};
use self::outbox::Outbox;
use self::prompt::PromptEncoder;
use crate::wire::{LoadOrder, ModelFacts, Order, Reply, read_frame};

/// Why a worker did not even begin.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Somebody typed the hidden subcommand.
    #[error(
        "this command is started by tenon itself, with a socket as its standard input; run `tenon --help` for yours"
    )]
    NoSocket,
    /// The first frame was not an order to load.
    #[error("the first order was not to load a model; the client and its worker must be the same build")]
    UnexpectedOrder,
    /// The socket failed.
    #[error("the socket to the client failed: {0}")]
    Socket(#[from] io::Error),
}

/// Serves one client over the socket that is this process's standard input; returns when the client is gone.
///
/// Frames do not go through standard output, so that nothing the C++ code prints can come between them.
///
/// # Errors
/// When the process was not started by a client. A model that cannot be loaded is the client's error.
pub fn run_worker() -> Result<(), WorkerError> {
    let mut stream = client_socket()?;
    let Some(Order::Load(order)) = read_frame(&mut stream)? else {
        return Err(WorkerError::UnexpectedOrder);
    };
    // Every thread that is begun from here on has it too.
    rustix::process::nice(i32::from(order.niceness)).map_err(io::Error::from)?;
    let outbox = Outbox::new(stream.try_clone()?);
    if let Err(reason) = serve(&order, stream, &outbox) {
        outbox.send_one(&Reply::LoadFailed { reason })?;
    }
    Ok(())
}

fn client_socket() -> Result<UnixStream, WorkerError> {
    let descriptor: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    let status = rustix::fs::fstat(&descriptor).map_err(io::Error::from)?;
    match rustix::fs::FileType::from_raw_mode(status.st_mode) {
        rustix::fs::FileType::Socket => Ok(UnixStream::from(descriptor)),
        _ => Err(WorkerError::NoSocket),
    }
}

/// Loads the model and serves until the client is gone; an error is the reason why it could not be loaded.
fn serve(order: &LoadOrder, stream: UnixStream, outbox: &Outbox) -> Result<(), String> {
    let mut backend = LlamaBackend::init().map_err(|error| error.to_string())?;
    if !order.speaks {
        backend.void_logs();
    }
    let model =
        LlamaModel::load_from_file(&backend, &order.path, &LlamaModelParams::default()).map_err(|_| {
            "llama.cpp cannot read it: it is damaged, or of a kind this build does not know".to_owned()
        })?;
    let attention = Attention::new(&backend, &model, order)?;
    let encoder = PromptEncoder::new(&model);
    let facts = ModelFacts {
        context_length: order.context_length.min(model.n_ctx_train()),
        fills_in_the_middle: encoder.fills_in_the_middle(),
    };
    let reuse = match model.is_recurrent() || model.is_hybrid() {
        true => PrefixReuse::Never,
        false => PrefixReuse::AnyLength,
    };
    let decoder = Decoder::new(attention, model.vocab(), reuse, order, outbox.clone());
    let preparer = Preparer {
        model: &model,
        encoder,
        constraints: ConstraintCompiler::default(),
        context_length: facts.context_length,
        outbox: outbox.clone(),
    };
    outbox
        .send_one(&Reply::Loaded(facts))
        .map_err(|error| error.to_string())?;
    serve_loaded(stream, preparer, decoder);
    Ok(())
}

fn serve_loaded(stream: UnixStream, preparer: Preparer<'_>, decoder: Decoder<'_>) {
    let (to_preparer, tasks) = sync_channel(LONGEST_QUEUE);
    let (to_decoder, prepared) = sync_channel(LONGEST_QUEUE);
    thread::scope(|scope| {
        scope.spawn(move || {
            read_orders(stream, &to_preparer);
            // The client is gone. The decoder may be deep in a batch, and nothing of it is wanted any more.
            end_process();
        });
        scope.spawn(move || or_end_process(|| preparer.run(&tasks, &to_decoder)));
        or_end_process(|| decoder.run(&prepared));
        end_process();
    });
}

/// A worker with a thread missing would answer nothing for ever: better none at all, which the client notices.
fn or_end_process(work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        end_process();
    }
}

/// Ends this process at once, without running C++ destructors under threads that still compute.
fn end_process() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}
