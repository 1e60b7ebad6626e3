//! What a worker is told when it is started.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tenon_domain::Digest;

use crate::wire::LoadOrder;

/// How to start a worker, and what it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerConfiguration {
    /// The program that runs [`run_worker`](crate::run_worker): usually this very binary.
    pub program: PathBuf,
    /// Its arguments: usually the hidden subcommand.
    pub arguments: Vec<OsString>,
    /// The GGUF file.
    pub model_path: PathBuf,
    /// The name the model is configured under.
    pub model_name: String,
    /// The digest of the file, if it was verified.
    pub digest: Option<Digest>,
    /// The most tokens of one prompt and completion together; never more than the model was trained on.
    pub context_length: u32,
    /// Tokens of attention state kept in memory, for running requests and cached prompts together.
    /// At least `context_length`. One token costs about 12 KiB on the 0.5B model, 28 KiB on the 1.5B.
    pub cache_cells: u32,
    /// How many samples are written at once.
    pub parallel: u32,
    /// Threads that compute; physical cores serve best.
    pub threads: u32,
    /// How far it stands back while others compute: 0 to 19, as `nice` counts.
    pub niceness: u8,
    /// Prompt tokens read at a time: a cancel or a new request waits at most for one such chunk.
    pub prompt_chunk: u32,
    /// Requests admitted at once; more wait in [`generate`](tenon_runtime::Model::generate).
    pub most_requests: u32,
    /// How long loading may take.
    pub load_timeout: Duration,
    /// How long a busy worker may say nothing before it is killed.
    pub silence_timeout: Duration,
    /// Where the worker's log goes.
    pub log: WorkerLog,
}

/// Where the worker's log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerLog {
    /// Only the last words of a worker that crashed are kept, for its error.
    LastWords,
    /// Everything llama.cpp says is appended to this file.
    File(PathBuf),
}

impl WorkerConfiguration {
    /// The defaults: 8,192 tokens of context, 16,384 cells, eight samples at once, all available cores.
    pub fn new(
        program: impl Into<PathBuf>,
        model_path: impl Into<PathBuf>,
        model_name: impl Into<String>,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        Self {
            program: program.into(),
            arguments: Vec::new(),
            model_path: model_path.into(),
            model_name: model_name.into(),
            digest: None,
            context_length: 8192,
            cache_cells: 16384,
            parallel: 8,
            threads: u32::try_from(cores).unwrap_or(1),
            niceness: 0,
            prompt_chunk: 256,
            most_requests: 64,
            load_timeout: Duration::from_secs(180),
            silence_timeout: Duration::from_secs(60),
            log: WorkerLog::LastWords,
        }
    }

    pub(crate) fn load_order(&self) -> LoadOrder {
        LoadOrder {
            path: self.model_path.clone(),
            context_length: self.context_length,
            cache_cells: self.cache_cells.max(self.context_length),
            parallel: self.parallel.clamp(1, 64),
            threads: self.threads.max(1),
            niceness: self.niceness,
            prompt_chunk: self.prompt_chunk.clamp(16, 2048),
            speaks: matches!(self.log, WorkerLog::File(_)),
        }
    }
}
