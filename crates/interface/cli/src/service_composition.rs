//! Puts the rooms of the service together.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tenon_access::{Authorizer, MintedKey, mint};
use tenon_api::{Model as ServedModel, Prompt};
use tenon_audit::{Journal, PublicKey, SigningKey, read_trusted};
use tenon_config::Settings;
use tenon_domain::FailureCategory;
use tenon_engine::Engine;
use tenon_forge::Git;
use tenon_jobs::{EngineRunner, Gate, RunError, Runner, Sources, Worker, WorkerSettings, now_ms};
use tenon_runtime::Model;
use tenon_server::{Control, GovernedRunner};
use tenon_signals::Metrics;
use tenon_store::{ClockSkew, Database, DatabaseUrl, ProposalStore};
use tenon_webhooks::{Guard, WebhookError};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::arguments::{DatabaseArguments, SourceArguments};
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::output::Output;

const CONNECTIONS: u32 = 16;
const COMPARE: Duration = Duration::from_secs(60);
const FOLDER: &str = "service";
const FIRST_KEY: &str = "first.key";

fn missing(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Missing, error.to_string())
}

/// The folder of the service, for its owner alone.
///
/// # Errors
/// When it cannot be made.
pub fn folder(settings: &Settings) -> Result<PathBuf, Failure> {
    // The store knows how to make a folder that others cannot read.
    let store = ProposalStore::open(settings.data_folder.join(FOLDER)).map_err(missing)?;
    Ok(store.folder().to_owned())
}

/// Where the database is: as typed, as configured, or a file in the data folder.
///
/// # Errors
/// When what was typed names none.
pub fn database_url(settings: &Settings, arguments: &DatabaseArguments) -> Result<DatabaseUrl, Failure> {
    let wrong = |error: tenon_store::DatabaseError| Failure::new(Exit::Usage, error.to_string());
    match (&arguments.database, &settings.database) {
        (Some(typed), _) => typed.parse().map_err(wrong),
        (None, Some(configured)) => configured.expose().parse().map_err(wrong),
        (None, None) => Ok(DatabaseUrl::file(folder(settings)?.join("tenon.db"))),
    }
}

/// Opens the database and brings it up to date.
///
/// # Errors
/// When it cannot be reached, or is of a newer Tenon: then nothing was changed.
pub async fn database(settings: &Settings, arguments: &DatabaseArguments) -> Result<Database, Failure> {
    let url = database_url(settings, arguments)?;
    let database = Database::connect(&url, CONNECTIONS).await.map_err(missing)?;
    database.migrate().await.map_err(missing)?;
    Ok(database)
}

/// Refuses to begin where leases would be judged by a clock that is not that of the others.
///
/// # Errors
/// When the clock of this machine differs from the database's.
pub async fn require_right_clock(database: &Database) -> Result<(), Failure> {
    let skew = database.compare_clocks().await.map_err(missing)?;
    match skew.is_bearable() {
        true => Ok(()),
        false => {
            Err(missing(apart(skew)).with_help("set it, for example by NTP: who holds a job is judged by it"))
        }
    }
}

/// Goes on comparing until `stop`, and says when nothing is taken any more, and when it is again.
pub async fn watch_clock(database: Database, output: Output, stop: CancellationToken) {
    while stop.run_until_cancelled(sleep(COMPARE)).await.is_some() {
        let was_right = database.has_right_clock();
        // A database that does not answer is asked the next time.
        let Ok(skew) = database.compare_clocks().await else {
            continue;
        };
        match (was_right, skew.is_bearable()) {
            (true, false) => output.problem(&format!("{}: nothing is taken until it is set", apart(skew))),
            (false, true) => output.problem("the clock of this machine is right again: work goes on"),
            _ => {}
        }
    }
}

fn apart(skew: ClockSkew) -> String {
    let seconds = skew.ahead_ms.unsigned_abs() / 1000;
    let side = if skew.ahead_ms > 0 { "ahead of" } else { "behind" };
    format!("the clock of this machine is {seconds} s {side} that of the database")
}

/// The policies that decide.
///
/// # Errors
/// When one cannot be read or does not fit the schema, with its file and line.
pub fn authorizer(folder: Option<&Path>) -> Result<Authorizer, Failure> {
    let authorizer = match folder {
        Some(folder) => Authorizer::with_operator_policies(folder),
        None => Authorizer::built_in(),
    };
    authorizer.map_err(|error| Failure::new(Exit::Usage, error.to_string()))
}

/// The key that signs the audit log; made when it is missing.
///
/// # Errors
/// When it cannot be read, or others can read it.
pub fn signing_key(settings: &Settings) -> Result<SigningKey, Failure> {
    SigningKey::load_or_create(&folder(settings)?.join("audit.key")).map_err(missing)
}

/// The keys that the audit log is trusted by: one's own, and those that stand in a file beside it.
///
/// # Errors
/// When that file cannot be used.
pub fn audit_keys(settings: &Settings, own: PublicKey) -> Result<Vec<PublicKey>, Failure> {
    let others = read_trusted(&folder(settings)?.join("audit.trusted")).map_err(missing)?;
    Ok([vec![own], others].concat())
}

/// Makes the first user when the database has none yet. The key is kept where the command line finds it before anything
/// is changed, and one that is kept there already is taken: nobody is locked out of a start that was interrupted.
///
/// # Errors
/// When the database does not answer, or the key cannot be kept.
pub async fn first_key(settings: &Settings, database: &Database, output: Output) -> Result<(), Failure> {
    if !database.principals().await.map_err(missing)?.is_empty() {
        return Ok(());
    }
    let path = folder(settings)?.join(FIRST_KEY);
    let at = |error: &dyn std::fmt::Display| missing(format!("the first key, {}: {error}", path.display()));
    let key = match std::fs::read_to_string(&path) {
        Ok(text) => MintedKey::read(text.trim()).map_err(|error| at(&error))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = mint().map_err(missing)?;
            keep(&path, key.text.expose()).map_err(|error| at(&error))?;
            key
        }
        Err(error) => return Err(at(&error)),
    };
    if Control::found(database, &key).await.map_err(missing)? {
        output.say(&format!(
            "the key of the first user, `admin`, is in {}",
            path.display()
        ));
        if output.shows_live_progress() {
            output.say(&format!("  {}", key.text.expose()));
        }
    }
    Ok(())
}

fn keep(path: &Path, key: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.create_new(true).write(true).mode(0o600).open(path)?;
    writeln!(file, "{key}")?;
    file.sync_all()
}

/// Has events sent to the configured sink, too.
///
/// # Errors
/// When the database does not answer.
pub async fn event_sink(settings: &Settings, database: &Database) -> Result<(), Failure> {
    database
        .ensure_sink(settings.event_sink.as_deref(), now_ms())
        .await
        .map_err(missing)
}

/// The key that was made first on this machine, if it is still there.
pub fn kept_key(settings: &Settings) -> PathBuf {
    settings.data_folder.join(FOLDER).join(FIRST_KEY)
}

/// Where trees come from.
pub fn sources(settings: &Settings, arguments: &SourceArguments) -> Sources {
    let mirrors = settings.cache_folder.join("mirrors");
    let guard = Guard::new(arguments.allowed_hosts.clone());
    let gate: Gate = Arc::new(move |remote| guard.look_up(remote).map_err(|error| refused(remote, &error)));
    Sources::new(Git::default(), mirrors, arguments.allowed_paths.clone()).with_gate(gate)
}

/// The rule of the webhooks, in the words of repositories.
fn refused(remote: &str, error: &WebhookError) -> RunError {
    let (category, message) = match error {
        WebhookError::NotPublic { host } => (
            FailureCategory::ContentPolicy,
            format!(
                "`{host}` is not a public address: whoever runs the server allows it with --allow-host {host}"
            ),
        ),
        WebhookError::Resolve { host, .. } => {
            (FailureCategory::Network, format!("cannot find the host `{host}`"))
        }
        _ => (
            FailureCategory::BadRequest,
            format!("`{remote}` cannot be fetched: name it as https://HOST/PATH"),
        ),
    };
    RunError::new(category, message)
}

/// A worker over an engine.
pub fn worker(
    engine: Engine,
    database: &Database,
    sources: Sources,
    journal: Journal,
    metrics: Metrics,
    settings: WorkerSettings,
) -> Worker {
    let runner: Arc<dyn Runner> = Arc::new(EngineRunner::new(engine, database.clone(), sources));
    let governed = Arc::new(GovernedRunner::new(runner, journal, metrics));
    Worker::new(database.clone(), governed, settings)
}

/// The usual name of a worker: the machine and the process.
pub fn worker_name() -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let machine = match machine.trim() {
        "" => "worker",
        name => name,
    };
    format!("{machine}-{}", std::process::id())
}

/// The templates as the interface lists them.
///
/// # Errors
/// When a template is broken.
pub fn prompts(settings: &Settings) -> Result<Vec<Prompt>, Failure> {
    let library = composition::templates(settings)?;
    let prompts = library.templates().map(|(_, template)| {
        let reference = template.reference();
        Prompt {
            name: reference.name,
            version: reference.version,
            digest: reference.digest.to_string(),
        }
    });
    Ok(prompts.collect())
}

/// The models as the interface lists them.
pub fn listed(names: &[String], models: &[Arc<dyn Model>]) -> Vec<ServedModel> {
    let listed = names.iter().zip(models).map(|(name, model)| {
        let descriptor = model.descriptor();
        ServedModel {
            name: name.clone(),
            digest: descriptor.reference.digest.map(|digest| digest.to_string()),
            context_length: descriptor.context_length,
            fills_in_the_middle: descriptor.fills_in_the_middle,
        }
    });
    listed.collect()
}
