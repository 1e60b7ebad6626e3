//! Puts the rooms of the service together.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tenon_access::{Authorizer, MintedKey, mint};
use tenon_api::{Model as ServedModel, Prompt};
use tenon_audit::{Journal, SigningKey};
use tenon_config::Settings;
use tenon_engine::Engine;
use tenon_forge::Git;
use tenon_jobs::{EngineRunner, Runner, Sources, Worker, WorkerSettings, now_ms};
use tenon_runtime::{Model, Pool, PoolEvent, Watch};
use tenon_server::{Access, Control, GovernedRunner, ModelMeter};
use tenon_signals::Metrics;
use tenon_store::{Database, DatabaseUrl, ProposalStore};
use tokio::net::TcpListener;

use crate::arguments::DatabaseArguments;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::output::Output;

const CONNECTIONS: u32 = 16;
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
pub fn sources(settings: &Settings, allowed: &[PathBuf]) -> Sources {
    Sources::new(
        Git::default(),
        settings.cache_folder.join("mirrors"),
        allowed.to_vec(),
    )
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

/// Listens on an address, which `option` chooses.
///
/// # Errors
/// When the address cannot be had.
pub async fn listen(address: SocketAddr, option: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        missing(format!("cannot listen on `{address}`: {error}")).with_help(format!(
            "choose another address with {option}; port 0 takes any that is free"
        ))
    })
}

/// The keys of a file.
///
/// # Errors
/// When it cannot be read, or a key in it could be guessed.
pub fn keys(path: &Path) -> Result<Access, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        let message = format!("cannot use the keys in `{}`: {error}", path.display());
        Failure::new(Exit::Usage, message)
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    Access::keys(&text).map_err(|error| wrong(&error))
}

/// The models of a service: measured, and the embedded ones in memory of so many bytes, where those of `pinned` stay.
///
/// # Errors
/// When a name is unknown or its file is not here.
pub fn models(
    settings: &Settings,
    meter: &Arc<ModelMeter>,
    memory: u64,
    pinned: &[String],
    output: Output,
) -> Result<Vec<Arc<dyn Model>>, Failure> {
    let pooled = Arc::clone(meter);
    let pool = Pool::new(memory, move |event| {
        pooled.pooled(&event);
        tell(&event, output);
    });
    let watch: Arc<dyn Watch> = Arc::clone(meter) as _;
    composition::pooled_models(settings, &Arc::new(pool), pinned, &watch)
}

fn tell(event: &PoolEvent, output: Output) {
    output.say(&match event {
        PoolEvent::Loaded { name, took } => format!("loaded {name} in {:.1} s", took.as_secs_f64()),
        PoolEvent::Unloaded { name } => format!("unloaded {name} to make room"),
    });
}

/// What measures the models.
pub fn meter(settings: &Settings, metrics: &Metrics) -> Arc<ModelMeter> {
    let providers = settings.upstreams.iter();
    let providers = providers.map(|upstream| (upstream.name.clone(), composition::provider(upstream.kind)));
    Arc::new(ModelMeter::new(metrics.clone(), providers.collect()))
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
