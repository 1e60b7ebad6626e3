//! What can be typed. Meaning is given to it in [`command`](crate::command).

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod service;

pub use service::{
    AuditCommand, BatchCommand, DatabaseArguments, DatabaseCommand, JobCommand, KeyCommand, LimitCommand,
    LoginArguments, OneBatchArguments, OneJobArguments, RepositoryCommand, ServeArguments, ServerArguments,
    SourceArguments, SpendingArguments, SpendingBy, UserArguments, UserCommand, WebhookCommand,
    WorkerArguments,
};

/// Tenon generates code changes with evidence: every change is parsed, checked, built and tested in a sandbox before
/// you see it. It runs offline, on your own machine, with small open models.
#[derive(Debug, Parser)]
#[command(
    name = "tenon",
    version,
    propagate_version = true,
    max_term_width = 100,
    disable_help_subcommand = true
)]
#[command(
    after_help = "Exit codes: 0 a verified change; 2 bad usage; 3 no change passed; 4 refused by policy; \
                        5 something needed is missing; 1 a bug in Tenon; 130 interrupted."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Change or add code as described, and prove it.
    ///
    /// Prints a unified diff on standard output and the evidence on standard error. Your files stay as they are
    /// unless you ask for --apply or --branch.
    Generate(GenerateArguments),
    /// Make a failing command pass.
    Fix(FixArguments),
    /// Write tests for a symbol or a file; only tests that prove something are kept.
    Test(TestArguments),
    /// Explain a symbol or a file.
    Explain(ExplainArguments),
    /// Suggest what comes next at a cursor, checked, or say why nothing is suggested.
    Complete(CompleteArguments),
    /// Replay recorded typing sessions and measure completion: how soon, how often, how much typing it saves.
    ReplayKeys(ReplayKeysArguments),
    /// Serve completions to an editor, as a language server over standard input and output.
    Lsp(LspArguments),
    /// Serve a team over HTTP: the models to editors and clients in the protocols that they speak already, and jobs.
    ///
    /// OpenAI (completions, chat, responses), Anthropic messages, Tabby, llama.cpp's /infill, Ollama, and the
    /// fill-in-the-middle forms of Mistral and DeepSeek. What editors ask for as one types is checked before it is
    /// sent. Jobs, proposals, keys, limits and the audit log are under /api/v1; /docs shows them.
    Serve(ServeArguments),
    /// Sign in to a server with a browser, and keep a key for it on this machine.
    Login(LoginArguments),
    /// Work on the jobs of a service: start as many as there are machines, with one PostgreSQL.
    Worker(WorkerArguments),
    /// Submit jobs to a server, watch and cancel them.
    #[command(subcommand)]
    Job(JobCommand),
    /// Submit many jobs to a server at once, watch them, and fetch what came of them.
    #[command(subcommand)]
    Batch(BatchCommand),
    /// Manage the keys of a server.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Manage the people and service accounts of a server.
    #[command(subcommand)]
    User(UserCommand),
    /// Manage the repositories of a server.
    #[command(subcommand)]
    Repository(RepositoryCommand),
    /// Manage what may be spent on a server.
    #[command(subcommand)]
    Limit(LimitCommand),
    /// Show what models read and wrote for whom, and what it cost.
    Spending(SpendingArguments),
    /// Manage who hears of what happens on a server.
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Verify and export the audit log of a server.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Manage the database of a server.
    #[command(subcommand)]
    Db(DatabaseCommand),
    /// Show a stored proposal, or list the latest ones.
    Show(ShowArguments),
    /// Generate the sample of a stored proposal again and compare.
    Replay(ProposalArguments),
    /// Apply a stored proposal to the working tree.
    Apply(ApplyArguments),
    /// Manage models: list, pull, add, remove, show and bench.
    #[command(subcommand)]
    Model(ModelCommand),
    /// Inspect prompt templates: list, show and render.
    #[command(subcommand)]
    Prompt(PromptCommand),
    /// Show what of the repository a wish would put before a model, and why.
    Context(ContextArguments),
    /// Measure Tenon on a suite of tasks.
    #[command(subcommand)]
    Eval(EvalCommand),
    /// Check this machine: models, sandbox, toolchains, disk and processor, each with the mend.
    Doctor(JsonArguments),
    /// Show the settings in force and where each comes from.
    Config(JsonArguments),
    /// Print a completion script for your shell.
    Completions {
        /// The shell to complete for.
        shell: clap_complete::Shell,
    },
    /// Serve an embedded model over standard input and output. Started by Tenon itself.
    #[command(hide = true)]
    LlamaWorker,
}

/// Where the work happens and what it may use.
#[derive(Debug, Clone, Args)]
pub struct WorkArguments {
    /// The repository to work in.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub repo: PathBuf,
    /// A file the change belongs in, relative to the repository; may be repeated. Without it, Tenon locates the place.
    #[arg(long = "file", value_name = "PATH")]
    pub files: Vec<String>,
    /// A command that must succeed on the changed tree; may be repeated. It runs in the sandbox.
    #[arg(long = "test", value_name = "CMD")]
    pub tests: Vec<String>,
    /// How much work to spend on being right.
    #[arg(long, value_enum, default_value_t = QualityArgument::Standard)]
    pub quality: QualityArgument,
    /// The models to use, weakest first, separated by commas. Which goes first depends on what can tell a right answer
    /// from a wrong one; the others are asked when it fails.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub model: Vec<String>,
    /// The seed from which every sample derives its own.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Stop after this time, such as 90s, 5m or 1h.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub max_time: Option<Duration>,
    /// Sample at most this many candidates.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub max_attempts: Option<u32>,
    /// How generated code is isolated when it runs. `none` runs it with your own rights: only for code you trust.
    #[arg(long, value_enum)]
    pub sandbox: Option<SandboxArgument>,
    /// Print one JSON object on standard output instead of the diff.
    #[arg(long)]
    pub json: bool,
    /// Say less: no progress on standard error.
    #[arg(long, short)]
    pub quiet: bool,
    /// Have a server do the work, on a repository that it knows.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// What the server calls the repository; the name of the folder without it.
    #[arg(long, value_name = "NAME")]
    pub repository: Option<String>,
    /// A file that holds the key for the server.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// What happens with a change that passed.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub struct DeliveryArguments {
    /// Write the change to the working tree, if it is verified and the files are still what was read.
    #[arg(long)]
    pub apply: bool,
    /// Write the diff to a file.
    #[arg(long, value_name = "FILE")]
    pub patch: Option<PathBuf>,
    /// Commit the change to a new branch, without touching the working tree.
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
}

/// `tenon generate`.
#[derive(Debug, Args)]
pub struct GenerateArguments {
    /// What should change, in your own words. `-` reads it from standard input.
    pub intent: String,
    #[command(flatten)]
    pub work: WorkArguments,
    #[command(flatten)]
    pub delivery: DeliveryArguments,
}

/// `tenon fix`.
#[derive(Debug, Args)]
pub struct FixArguments {
    /// What is wrong, if you can say more than the failing command does.
    #[arg(default_value = "")]
    pub hint: String,
    #[command(flatten)]
    pub work: WorkArguments,
    #[command(flatten)]
    pub delivery: DeliveryArguments,
}

/// `tenon test`.
#[derive(Debug, Args)]
pub struct TestArguments {
    /// A symbol such as `slugify` or `Cart.total`, or a file.
    pub target: String,
    #[command(flatten)]
    pub work: WorkArguments,
    #[command(flatten)]
    pub delivery: DeliveryArguments,
}

/// `tenon explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// A symbol such as `slugify` or `Cart.total`, or a file.
    pub target: String,
    #[command(flatten)]
    pub work: WorkArguments,
}

/// `tenon complete`.
#[derive(Debug, Args)]
pub struct CompleteArguments {
    /// The file.
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
    /// The cursor's line, from 1.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub line: u32,
    /// The cursor's column in characters, from 1; without it, the end of the line.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub column: Option<u32>,
    /// The repository that the file belongs to.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub repo: PathBuf,
    /// Read the file's text from standard input: a buffer that is not saved.
    #[arg(long)]
    pub stdin: bool,
    /// How much is wanted.
    #[arg(long, value_enum, default_value_t = ExtentArgument::Natural)]
    pub extent: ExtentArgument,
    /// Give up to N different suggestions.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=5))]
    pub alternatives: u32,
    /// Answer within this many milliseconds, with what is there by then. Loading the model is not counted.
    #[arg(long, value_name = "MS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub deadline: u64,
    /// The model to ask; the first configured one without it.
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Say on standard error what the model was shown, what was dropped and why, and how long it took.
    #[arg(long)]
    pub explain: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// `tenon replay-keys`.
#[derive(Debug, Args)]
pub struct ReplayKeysArguments {
    /// The sessions, as files of JSON lines.
    #[arg(required = true)]
    pub traces: Vec<PathBuf>,
    /// The model to ask, an embedded one or a configured upstream; the first configured one without it.
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Ask the bare model at every key, without memory, checks and preparation: what the rest is compared with.
    #[arg(long)]
    pub plain: bool,
    /// Print JSON, with every answer.
    #[arg(long)]
    pub json: bool,
}

/// `tenon lsp`.
#[derive(Debug, Args)]
pub struct LspArguments {
    /// The model to ask; the first configured one without it.
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Count at the server (TENON_SERVER) what becomes of suggestions: taken, typed, dismissed. No code is sent.
    #[arg(long)]
    pub report: bool,
    /// What it does anyway; editors say it.
    #[arg(long, hide = true)]
    pub stdio: bool,
}

/// `--extent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExtentArgument {
    /// A block where one begins, else the rest of the line.
    Natural,
    /// The rest of the line.
    Line,
    /// The rest of the block.
    Block,
}

/// `tenon show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// The proposal's id or the beginning of it; without it, the latest proposals are listed.
    pub id: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Show every attempt with its prompt and text.
    #[arg(long)]
    pub attempts: bool,
}

/// A stored proposal.
#[derive(Debug, Args)]
pub struct ProposalArguments {
    /// The proposal's id or the beginning of it.
    pub id: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `tenon apply`.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// The proposal's id or the beginning of it.
    pub id: String,
    /// The repository to change.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub repo: PathBuf,
    /// Apply although the proposal is not verified.
    #[arg(long)]
    pub unverified: bool,
}

/// `tenon model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// List the models Tenon knows and which of them are here.
    List(JsonArguments),
    /// Bring models: verified, resumable, from Hugging Face or its mirror.
    Pull {
        /// The models' names; without any, the two that Tenon works with by default.
        names: Vec<String>,
        /// Say less: no progress on standard error.
        #[arg(long, short)]
        quiet: bool,
    },
    /// Register a GGUF file you have; it stays where it is.
    Add {
        /// The file.
        path: PathBuf,
        /// The name to register it under; derived from the file's name without it.
        #[arg(long)]
        name: Option<String>,
    },
    /// Remove a model: a pulled file is deleted, a registered one is forgotten.
    Remove {
        /// The model's name.
        name: String,
    },
    /// Show what is known about a model.
    Show {
        /// The model's name.
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Measure how fast a model reads and writes on this machine.
    Bench {
        /// The model's name; the first default model without it.
        name: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `tenon prompt`.
#[derive(Debug, Subcommand)]
pub enum PromptCommand {
    /// List the templates, and which of your own take the place of built-in ones.
    List(JsonArguments),
    /// Show a template and its digest.
    Show {
        /// The template's name, such as generate/edit-symbol.
        name: String,
    },
    /// Render a template with values.
    Render {
        /// The template's name, such as generate/edit-symbol.
        name: String,
        /// A value, as NAME=VALUE or NAME=@FILE; may be repeated.
        #[arg(long = "set", value_name = "NAME=VALUE")]
        values: Vec<String>,
        /// The most tokens the prompt may have.
        #[arg(long, value_name = "TOKENS")]
        budget: Option<u32>,
    },
}

/// `tenon context`.
#[derive(Debug, Args)]
pub struct ContextArguments {
    /// The wish to look for.
    pub query: String,
    /// The repository to read.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub repo: PathBuf,
    /// Show at most this many snippets.
    #[arg(long, default_value_t = 8)]
    pub limit: usize,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `tenon eval`.
#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Run a suite and print a table of results.
    Run(EvalArguments),
}

/// `tenon eval run`.
#[derive(Debug, Args)]
pub struct EvalArguments {
    /// The suite, .jsonl or .jsonl.gz.
    pub suite: PathBuf,
    /// The shape of its lines.
    #[arg(long, value_parser = ["humaneval", "mbpp", "humaneval-infilling", "repo"])]
    pub format: String,
    /// `raw` is one greedy sample, unchecked; `verified` is the whole pipeline on what the task shows.
    #[arg(long, value_enum, default_value_t = EvalModeArgument::Verified)]
    pub mode: EvalModeArgument,
    /// The models to use, weakest first, separated by commas.
    #[arg(long, value_name = "M", value_delimiter = ',')]
    pub model: Vec<String>,
    /// How much work to spend on being right.
    #[arg(long, value_enum, default_value_t = QualityArgument::Standard)]
    pub quality: QualityArgument,
    /// Run only the first N of the chosen tasks.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Run only these tasks: ids, numbers or ranges such as 11-110, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub ids: Vec<String>,
    /// The seed from which every sample derives its own.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Work on N tasks at the same time: faster in all, but the seconds of one task then say little.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub jobs: u8,
    /// Give up on a task after this time, such as 90s, 5m or 1h.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub max_time: Option<Duration>,
    /// Write one line per task to this file; a run that was interrupted continues where it stopped.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Print the table as JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// A command whose only choice is its output.
#[derive(Debug, Args)]
pub struct JsonArguments {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `--quality`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QualityArgument {
    /// One sample and its checks, one retry.
    Fast,
    /// The first candidate that passes everything visible.
    Standard,
    /// Several survivors, compared by behaviour.
    High,
}

/// `--mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EvalModeArgument {
    /// One greedy sample, unchecked.
    Raw,
    /// The whole pipeline.
    Verified,
}

/// `--sandbox`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SandboxArgument {
    /// Namespaces, a read-only system and no network, through bubblewrap.
    Bubblewrap,
    /// No isolation.
    None,
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = tenon_config::parse_duration(text)?;
    if duration.is_zero() || duration > Duration::from_secs(24 * 3600) {
        return Err("expected between one second and 24 hours".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("5m"), Ok(Duration::from_secs(300)));
        assert!(
            ["", "0s", "5x", "-1s", "99h"]
                .into_iter()
                .all(|text| parse_duration(text).is_err())
        );
    }
}
