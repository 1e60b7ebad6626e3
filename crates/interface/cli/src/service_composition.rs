//! Puts the rooms of the service together.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tenon_access::Authorizer;
use tenon_api::{Door, Model as ServedModel, Prompt};
use tenon_audit::{Journal, SigningKey};
use tenon_config::Settings;
use tenon_domain::{Digest, Secret};
use tenon_engine::Engine;
use tenon_forge::Git;
use tenon_identity::{Admission, Provider, ProviderSettings};
use tenon_jobs::{EngineRunner, Runner, Sources, Worker, WorkerSettings, now_ms};
use tenon_runtime::Model;
use tenon_server::{Control, GovernedRunner, SignIn};
use tenon_signals::Metrics;
use tenon_store::{Database, DatabaseUrl, ProposalStore};

use crate::arguments::DatabaseArguments;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::output::Output;

const CONNECTIONS: u32 = 16;
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

/// Makes the first key when the database has no user yet, and keeps it where the command line finds it.
///
/// # Errors
/// When the database does not answer, or the key cannot be kept.
pub async fn first_key(settings: &Settings, database: &Database, output: Output) -> Result<(), Failure> {
    let Some(first) = Control::found(database).await.map_err(missing)? else {
        return Ok(());
    };
    let path = folder(settings)?.join(FIRST_KEY);
    keep_key(&path, &first.text)?;
    output.say(&format!(
        "the first key, of the user `admin`, kept in {}: {}",
        path.display(),
        first.text.expose()
    ));
    Ok(())
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
