//! What can be typed about the service.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use tenon_webhooks::Allowed;

use super::parse_duration;

/// Where the service keeps everything.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArguments {
    /// The database: sqlite:FILE, or postgres://USER:PASSWORD@HOST/DATABASE. Without it, a file in the data folder. A
    /// password is better off in the variable TENON_DATABASE: what is typed can be seen by others on this machine.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
}

/// What work on repositories needs, in the service.
#[derive(Debug, Clone, Args)]
pub struct JobsArguments {
    /// How many jobs are worked on at once in this process; 0 leaves them to `tenon worker`.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=64))]
    pub workers: u32,
    #[command(flatten)]
    pub sources: SourceArguments,
}

/// Where repositories may be.
#[derive(Debug, Clone, Args)]
pub struct SourceArguments {
    /// A folder of this machine whose repositories may be worked on by path; may be repeated.
    #[arg(long = "allow-path", value_name = "DIR")]
    pub allowed_paths: Vec<PathBuf>,
    /// A host or a range of addresses that repositories may be fetched from though it is not public, such as
    /// git.internal or 10.1.0.0/16; may be repeated.
    #[arg(long = "allow-host", value_name = "HOST|CIDR")]
    pub allowed_hosts: Vec<Allowed>,
}

/// `tenon serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// The address to listen on; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8642")]
    pub listen: SocketAddr,
    /// The models to serve, weakest first, separated by commas; the configured ones without it. Completion asks the
    /// first that fills in the middle, chat the last, and either may be asked for by name.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub model: Vec<String>,
    /// Serve no model: only jobs, which `tenon worker` does.
    #[arg(long, conflicts_with_all = ["model", "pin"])]
    pub no_models: bool,
    /// A file with one key a line, good for the models alone; beside the keys of `tenon key create`.
    #[arg(long, value_name = "FILE")]
    pub api_keys: Option<PathBuf>,
    /// Keep answers of temperature 0 in so many MiB of memory, for the same question of the same key; 0 keeps none.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(0..=65536))]
    pub cache_size: u64,
    /// Memory for embedded models, in MiB: the one that nobody asked for longest makes room. Without it all may stay.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(64..))]
    pub memory: Option<u64>,
    /// Models that are loaded at the start and stay in memory, separated by commas.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub pin: Vec<String>,
    /// Answer at most this many requests to models at once; more are told to come back.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub max_requests: u32,
    #[command(flatten)]
    pub database: DatabaseArguments,
    #[command(flatten)]
    pub jobs: JobsArguments,
    /// Let this many jobs wait; the next are told to come back, the least urgent at half of it.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub queue: u32,
    /// Keep prompts, code and samples of jobs so long after the job was submitted.
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = parse_days)]
    pub keep_payloads: Duration,
    /// Keep the audit log so long; 183 days at least.
    #[arg(long, value_name = "DURATION", default_value = "400d", value_parser = parse_days)]
    pub keep_audit: Duration,
    /// A host or a range of addresses that webhooks may lead to though it is not public or not encrypted, such as
    /// hooks.internal or 10.1.0.0/16; may be repeated.
    #[arg(long = "allow-webhook", value_name = "HOST|CIDR")]
    pub allowed_webhooks: Vec<Allowed>,
    /// A folder of Cedar policies that are added to the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// Ask for a key on this machine, too: behind a proxy, everybody comes from this machine.
    #[arg(long)]
    pub require_keys: bool,
    /// Print the OpenAPI document of /api/v1, and stop.
    #[arg(long)]
    pub openapi: bool,
}

/// `tenon login`.
#[derive(Debug, Args)]
pub struct LoginArguments {
    /// The server; the configured one without it, else the one on this machine.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// How long to wait for the browser.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    pub wait: Duration,
}

/// `tenon worker`.
#[derive(Debug, Args)]
pub struct WorkerArguments {
    #[command(flatten)]
    pub database: DatabaseArguments,
    /// How many jobs are worked on at once.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub slots: u32,
    /// The models to use, weakest first, separated by commas; the configured ones without it.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub model: Vec<String>,
    #[command(flatten)]
    pub sources: SourceArguments,
    /// Its name in the history of jobs; without it, the name of the machine and the number of the process.
    #[arg(long)]
    pub name: Option<String>,
    /// Answer /metrics, /health/live and /health/ready at this address; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,
    /// A file with one key a line: /metrics wants one of them. Without it only programs on this machine are answered.
    #[arg(long, value_name = "FILE", requires = "metrics")]
    pub metrics_keys: Option<PathBuf>,
    /// Another takes its jobs when it was not heard of for so many seconds.
    #[arg(long, value_name = "SECONDS", hide = true, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub lease: u64,
}

/// `tenon db`.
#[derive(Debug, Subcommand)]
pub enum DatabaseCommand {
    /// Bring the database up to date: whole, or not at all. `tenon serve` does it, too.
    Migrate {
        #[command(flatten)]
        database: DatabaseArguments,
        /// Change nothing: say what would be done, and end with 3 if that is something.
        #[arg(long)]
        check: bool,
    },
}

/// Which server is asked, and as whom.
#[derive(Debug, Clone, Args)]
pub struct ServerArguments {
    /// The server; the configured one without it, else the one on this machine.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// A file that holds the key. Without it: the variable TENON_API_KEY, then the key of
    /// `tenon login`, then the one that `tenon serve` made first.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `tenon job`.
#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// Submit a job, and say its id.
    Submit {
        /// generate, fix, test or explain.
        #[arg(value_parser = ["generate", "fix", "test", "explain"])]
        task: String,
        /// What is wanted, in your own words; for test and explain the symbol or file.
        #[arg(default_value = "")]
        intent: String,
        /// The registered repository.
        #[arg(long, value_name = "NAME")]
        repository: String,
        /// A file the change belongs in, relative to the repository; may be repeated.
        #[arg(long = "file", value_name = "PATH")]
        files: Vec<String>,
        /// A command that must succeed on the changed tree; may be repeated.
        #[arg(long = "test", value_name = "CMD")]
        tests: Vec<String>,
        /// The branch, tag or commit of a remote repository to start from.
        #[arg(long, value_name = "NAME")]
        revision: Option<String>,
        /// Before whom it goes.
        #[arg(long, value_parser = ["critical", "standard", "sheddable"])]
        criticality: Option<String>,
        /// When the answer is of no use any more, such as 10m.
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        deadline: Option<Duration>,
        /// Watch it to its end, too.
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// List jobs, newest first.
    List {
        /// In this state alone.
        #[arg(long, value_parser = ["queued", "running", "cancelling", "succeeded", "failed", "cancelled"])]
        state: Option<String>,
        /// Of this repository alone.
        #[arg(long, value_name = "NAME")]
        repository: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Show a job.
    Show(OneJobArguments),
    /// Watch a job to its end.
    Watch(OneJobArguments),
    /// Cancel a job.
    Cancel(OneJobArguments),
    /// Try a job again that failed or was cancelled.
    Retry(OneJobArguments),
    /// Approve what came of a job that somebody else submitted.
    Approve(OneJobArguments),
}

/// `tenon batch`.
#[derive(Debug, Subcommand)]
pub enum BatchCommand {
    /// Submit a batch, and say its id: all of its jobs, or none.
    ///
    /// A line of the file is a job as JSON: `{"intent": "…"}`, and where it differs from what is typed here "custom_id",
    /// "task", "files", "tests", "quality", "seed", "max_seconds" and "max_samples".
    Submit {
        /// The file with a job on each line; - for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The registered repository.
        #[arg(long, value_name = "NAME")]
        repository: String,
        /// What the lines ask for that do not say it.
        #[arg(long, value_parser = ["generate", "fix", "test", "explain"])]
        task: Option<String>,
        /// A command that must succeed on each changed tree; may be repeated.
        #[arg(long = "test", value_name = "CMD")]
        tests: Vec<String>,
        /// How many of the jobs may be open at once.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
        concurrency: Option<u32>,
        /// The branch, tag or commit of a remote repository to start from.
        #[arg(long, value_name = "NAME")]
        revision: Option<String>,
        /// Before whom they go.
        #[arg(long, value_parser = ["critical", "standard", "sheddable"])]
        criticality: Option<String>,
        /// When the answers are of no use any more, such as 10h.
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        deadline: Option<Duration>,
        /// Watch it to its end, too.
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// List batches, newest first.
    List {
        /// Of this repository alone.
        #[arg(long, value_name = "NAME")]
        repository: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Show how many jobs of a batch stand where.
    Show(OneBatchArguments),
    /// Watch a batch to its end.
    Watch(OneBatchArguments),
    /// Cancel every job of a batch that has not ended.
    Cancel(OneBatchArguments),
    /// Try every job of a batch again that failed or was cancelled.
    Resume(OneBatchArguments),
    /// Say what came of each job of a batch; with --json, a line of JSON for each.
    Results {
        /// In this state alone.
        #[arg(long, value_parser = ["queued", "running", "cancelling", "succeeded", "failed", "cancelled"])]
        state: Option<String>,
        /// Write the change of each job as a patch, or its explanation as text, into this folder.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        #[command(flatten)]
        one: OneBatchArguments,
    },
}

/// A batch.
#[derive(Debug, Args)]
pub struct OneBatchArguments {
    /// The batch's id.
    pub id: String,
    #[command(flatten)]
    pub server: ServerArguments,
}

/// A job.
#[derive(Debug, Args)]
pub struct OneJobArguments {
    /// The job's id.
    pub id: String,
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `tenon key`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key. It is shown this once.
    Create {
        /// What it is for.
        name: String,
        /// Whose it is; your own without it.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Make a user of that name with this role first, if there is none.
        #[arg(long, requires = "user", value_parser = ["viewer", "developer", "reviewer", "maintainer", "admin"])]
        role: Option<String>,
        /// An action that it is limited to, such as jobs:create; may be repeated.
        #[arg(long = "scope", value_name = "ACTION")]
        scopes: Vec<String>,
        /// A repository that it is limited to; may be repeated.
        #[arg(long = "repository", value_name = "NAME")]
        repositories: Vec<String>,
        /// How long it holds, such as 30m or 90d; without it, until it is revoked.
        #[arg(long, value_name = "DURATION", value_parser = parse_days)]
        expires: Option<Duration>,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// List keys, never their secrets.
    List {
        /// Of this user; your own without it.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Revoke a key, at once.
    Revoke {
        /// The part of the key that names it.
        id: String,
        #[command(flatten)]
        server: ServerArguments,
    },
}

/// `tenon user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a person or a service account.
    Add(UserArguments),
    /// Change the team and the roles of a person or a service account. What is not named stays as it is.
    Change(ChangeUserArguments),
    /// Refuse the keys of a person or a service account from now on.
    Disable {
        /// The name.
        name: String,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Let a person or a service account in again.
    Enable {
        /// The name.
        name: String,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// List people and service accounts.
    List(ServerArguments),
    /// Show who you are to the server.
    Me(ServerArguments),
}

/// A person or a service account.
#[derive(Debug, Args)]
pub struct UserArguments {
    /// The name.
    pub name: String,
    /// The role everywhere.
    #[arg(long, value_parser = ["viewer", "developer", "reviewer", "maintainer", "admin"])]
    pub role: String,
    /// Another role in one repository, as REPOSITORY=ROLE; may be repeated.
    #[arg(long = "in", value_name = "REPOSITORY=ROLE", value_parser = parse_pair)]
    pub repositories: Vec<(String, String)>,
    /// The team.
    #[arg(long)]
    pub team: Option<String>,
    /// It is a program, not a person.
    #[arg(long)]
    pub service_account: bool,
    #[command(flatten)]
    pub server: ServerArguments,
}

/// What changes about a person or a service account.
#[derive(Debug, Args)]
pub struct ChangeUserArguments {
    /// The name.
    pub name: String,
    /// The role everywhere.
    #[arg(long, value_parser = ["viewer", "developer", "reviewer", "maintainer", "admin"])]
    pub role: Option<String>,
    /// Another role in one repository, as REPOSITORY=ROLE; may be repeated.
    #[arg(long = "in", value_name = "REPOSITORY=ROLE", value_parser = parse_pair)]
    pub repositories: Vec<(String, String)>,
    /// A repository where the role is no longer another one; may be repeated.
    #[arg(long = "not-in", value_name = "REPOSITORY")]
    pub not_in: Vec<String>,
    /// The team.
    #[arg(long, conflicts_with = "no_team")]
    pub team: Option<String>,
    /// No team any more.
    #[arg(long)]
    pub no_team: bool,
    #[command(flatten)]
    pub server: ServerArguments,
}

/// How spending is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SpendingBy {
    /// By user.
    User,
    /// By team.
    Team,
    /// By model.
    Model,
    /// By what they asked through: jobs, or a protocol.
    Door,
    /// By day.
    Day,
}

/// `tenon spending`.
#[derive(Debug, Args)]
pub struct SpendingArguments {
    /// How many days, today included.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// What is added up.
    #[arg(long, value_enum, default_value_t = SpendingBy::User)]
    pub by: SpendingBy,
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `tenon repository`.
#[derive(Debug, Subcommand)]
pub enum RepositoryCommand {
    /// Register a folder of the server, or an address that it clones.
    Add {
        /// What requests call it.
        name: String,
        /// A folder on the server, or https://HOST/PATH.
        location: String,
        /// Nothing of it may be sent to another machine.
        #[arg(long)]
        confidential: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Upload a folder of this machine, or a tar file, as the tree of a repository; it is registered when it is new.
    ///
    /// Of a folder is sent what Git would look at.
    Upload {
        /// What requests call it.
        name: String,
        /// The folder, or the file.
        place: PathBuf,
        /// Nothing of it may be sent to another machine; only for one that is new.
        #[arg(long)]
        confidential: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// List the repositories.
    List(ServerArguments),
    /// Forget a repository. What was made for it stays.
    Remove {
        /// What requests call it.
        name: String,
        #[command(flatten)]
        server: ServerArguments,
    },
}

/// `tenon limit`.
#[derive(Debug, Subcommand)]
pub enum LimitCommand {
    /// Set a limit, such as: tenon limit set each:user requests 600 --per 1m
    Set {
        /// key:ID, user:NAME, team:NAME, repository:NAME, or each:user.
        scope: String,
        /// What is counted: requests, tokens, cost_micros (millionths of a dollar), or concurrency (open jobs).
        #[arg(value_parser = ["requests", "tokens", "cost_micros", "concurrency"])]
        unit: String,
        /// How much.
        quota: u64,
        /// The window, such as 1m or 1d; not for concurrency.
        #[arg(long, value_name = "DURATION", value_parser = parse_days)]
        per: Option<Duration>,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// List what is limited, and how much of it is used.
    List(ServerArguments),
    /// Lift a limit.
    Lift {
        /// Of whom.
        scope: String,
        /// What is counted.
        #[arg(value_parser = ["requests", "tokens", "cost_micros", "concurrency"])]
        unit: String,
        /// The window.
        #[arg(long, value_name = "DURATION", value_parser = parse_days)]
        per: Option<Duration>,
        #[command(flatten)]
        server: ServerArguments,
    },
}

/// `tenon webhook`.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Add a webhook. What its messages are signed with is shown this once.
    Add {
        /// Where events are sent: https://HOST/PATH.
        url: String,
        /// An event that it hears of; every one without it; may be repeated.
        #[arg(long = "event", value_name = "KIND",
            value_parser = ["job.submitted", "job.succeeded", "job.failed", "job.cancelled", "limit.reached"])]
        events: Vec<String>,
        /// The one repository that it hears of; every one that is not confidential without it.
        #[arg(long, value_name = "NAME")]
        repository: Option<String>,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// List the webhooks, never their secrets.
    List {
        /// Of this repository alone.
        #[arg(long, value_name = "NAME")]
        repository: Option<String>,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Remove a webhook, and what was to be sent to it.
    Remove(OneWebhookArguments),
    /// Send to a webhook again that was disabled.
    Enable(OneWebhookArguments),
    /// Give a webhook a new secret, shown this once. For 24 hours the old one signs, too.
    Rotate {
        #[command(flatten)]
        webhook: OneWebhookArguments,
        /// End a secret that was replaced in the last 24 hours: receivers that know it alone are cut off.
        #[arg(long)]
        now: bool,
    },
    /// List deliveries, newest first.
    Deliveries {
        /// Of this webhook alone.
        #[arg(long, value_name = "ID")]
        webhook: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Send an event again, under the same id.
    Replay(OneWebhookArguments),
}

/// A webhook, or a delivery.
#[derive(Debug, Args)]
pub struct OneWebhookArguments {
    /// Its id.
    pub id: String,
    #[command(flatten)]
    pub server: ServerArguments,
}

/// `tenon audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Verify the audit log of the server, or one that was exported: nothing changed, removed or put in another order.
    Verify {
        /// An exported log; without it, the server's own.
        file: Option<PathBuf>,
        /// A key that is trusted, as ed25519:…; may be repeated. What others signed counts for nothing.
        #[arg(long = "public-key", value_name = "KEY", requires = "file")]
        public_keys: Vec<String>,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Export the audit log with its signed checkpoints, a JSON object a line.
    Export {
        /// The file to write; - for standard output.
        #[arg(long, value_name = "FILE", default_value = "-")]
        out: PathBuf,
        #[command(flatten)]
        server: ServerArguments,
    },
}

/// A duration that may be said in days, too.
fn parse_days(text: &str) -> Result<Duration, String> {
    match text.trim().strip_suffix('d').map(str::parse::<u64>) {
        Some(Ok(days)) => Ok(Duration::from_secs(days.saturating_mul(86_400))),
        _ => parse_duration(text),
    }
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected REPOSITORY=ROLE")?;
    Ok((name.to_owned(), value.to_owned()))
}
