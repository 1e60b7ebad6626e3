//! Puts the rooms of the service together.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tenon_access::{Authorizer, MintedKey, mint};
use tenon_api::{Door, Model as ServedModel, Prompt};
use tenon_audit::{Journal, PublicKey, SigningKey, read_trusted};
use tenon_config::Settings;
use tenon_domain::{Digest, FailureCategory, Secret};
use tenon_engine::{Engine, Redactor};
use tenon_forge::Git;
use tenon_identity::{Admission, Provider, ProviderSettings};
use tenon_jobs::{EngineRunner, Gate, RunError, Runner, Sources, Worker, WorkerSettings, now_ms};
use tenon_runtime::{Model, Pool, PoolEvent, Watch};
use tenon_server::{Access, Control, GovernedRunner, ModelMeter, SignIn};
use tenon_signals::Metrics;
use tenon_store::{ClockSkew, Database, DatabaseUrl, ProposalStore};
use tenon_webhooks::{Guard, WebhookError};
use tokio::net::TcpListener;
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
const LOGINS: &str = "logins";

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

/// How people sign in, if that is configured. The provider is not asked anything yet.
///
/// # Errors
/// When its settings lead nowhere, or its secret cannot be had.
pub fn sign_in(settings: &Settings) -> Result<Option<SignIn>, Failure> {
    let Some(configured) = settings.sign_in.clone() else {
        return Ok(None);
    };
    let unusable = |error: &dyn std::fmt::Display| Failure::new(Exit::Usage, error.to_string());
    let client_secret = configured.client_secret.map_err(|error| unusable(&error))?;
    let provider = Provider::new(ProviderSettings {
        issuer: configured.issuer,
        client_id: configured.client_id,
        client_secret,
        public_url: configured.public_url,
        callback: Door::Callback.path().to_owned(),
        scopes: configured.scopes,
        user_claim: configured.user_claim,
        groups_claim: configured.groups_claim,
    });
    let provider = provider.map_err(|error| unusable(&error))?;
    let admission = Admission {
        allowed_domains: configured.allowed_domains,
        roles: configured.roles,
        default_role: configured.default_role,
        create_users: configured.create_users,
    };
    Ok(Some(SignIn::new(provider, admission, configured.session)))
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
            keep_new(&path, &key.text).map_err(|error| at(&error))?;
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

fn keep_new(path: &Path, key: &Secret) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.create_new(true).write(true).mode(0o600).open(path)?;
    writeln!(file, "{}", key.expose())?;
    file.sync_all()
}

fn keep_key(path: &Path, key: &Secret) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| missing(format!("cannot keep the key in {}: {error}", path.display()));
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    writeln!(file.map_err(failed)?, "{}", key.expose()).map_err(failed)
}

/// Keeps the key that signing in to a server gave, for its owner alone; where.
///
/// # Errors
/// When it cannot be kept.
pub fn keep_login(settings: &Settings, server: &str, key: &Secret) -> Result<PathBuf, Failure> {
    let path = login_key(settings, server);
    // The store knows how to make a folder that others cannot read.
    ProposalStore::open(settings.data_folder.join(LOGINS)).map_err(missing)?;
    keep_key(&path, key)?;
    Ok(path)
}

/// Where the key is that signing in to a server gave, if there is one.
pub fn login_key(settings: &Settings, server: &str) -> PathBuf {
    let name = Digest::of(server.trim_end_matches('/')).short();
    settings.data_folder.join(LOGINS).join(format!("{name}.key"))
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
    redactor: Redactor,
    journal: Journal,
    metrics: Metrics,
    settings: WorkerSettings,
) -> Worker {
    let runner: Arc<dyn Runner> = Arc::new(EngineRunner::new(engine, database.clone(), sources, redactor));
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

/// The models of a service: measured, and the embedded ones in memory of so many bytes, where those of `pinned` stay and,
/// where the service `completes`, the others give way to the one that does.
///
/// # Errors
/// When a name is unknown or its file is not here.
pub fn models(
    settings: &Settings,
    meter: &Arc<ModelMeter>,
    memory: u64,
    pinned: &[String],
    completes: bool,
    output: Output,
) -> Result<Vec<Arc<dyn Model>>, Failure> {
    let pooled = Arc::clone(meter);
    let pool = Pool::new(memory, move |event| {
        pooled.pooled(&event);
        tell(&event, output);
    });
    let watch: Arc<dyn Watch> = Arc::clone(meter) as _;
    composition::pooled_models(settings, &Arc::new(pool), pinned, &watch, completes)
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
    let machine = machine_name().unwrap_or_else(|| "worker".to_owned());
    format!("{machine}-{}", std::process::id())
}

/// What this machine is called, if it is called anything.
pub fn machine_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    (!name.trim().is_empty()).then(|| name.trim().to_owned())
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
