//! `tenon serve`: the models and the service's own interface over HTTP.

use std::sync::Arc;
use std::time::Duration;

use tenon_audit::{EventKind, Journal, JournalWriter, Retention, SigningKey};
use tenon_config::{Overrides, Settings};
use tenon_engine::{Completer, Engine};
use tenon_jobs::{Sources, WorkerSettings};
use tenon_runtime::{CachedModel, Model, ModelError};
use tenon_server::{
    Access, Batcher, BatcherSettings, Control, ControlParts, Keeping, ModelMeter, ServedModel, Service,
};
use tenon_signals::Metrics;
use tenon_store::Database;
use tenon_webhooks::{Deliverer, DelivererSettings, Guard};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::arguments::ServeArguments;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::traces::Traces;
use crate::{composition, service_composition};

/// Between a stop and the end of the listener, so that whoever balances the load sees that it is not ready.
const NOTICE: Duration = Duration::from_millis(200);
/// Connections that are still open at the end hold the log so long.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// `tenon serve`.
pub async fn run(arguments: ServeArguments) -> Result<Exit, Failure> {
    if arguments.openapi {
        Output::new(true, true).json(&tenon_api::document());
        return Ok(Exit::Success);
    }
    let overrides = Overrides {
        models: arguments.model.clone(),
        ..Overrides::default()
    };
    let settings = composition::settings(None, &overrides)?;
    let output = Output::new(false, settings.no_color);
    let traces = Traces::start(&settings, "tenon-server", output)?;
    let served = serve(arguments, settings, output).await;
    traces.finish().await;
    served
}

async fn serve(arguments: ServeArguments, settings: Settings, output: Output) -> Result<Exit, Failure> {
    let metrics = Metrics::new();
    let meter = service_composition::meter(&settings, &metrics);
    let models = models(&arguments, &settings, &meter, output)?;
    let access = access(&arguments)?;
    let retention = Retention::new(arguments.keep_audit);
    let keeping = Keeping {
        payloads: arguments.keep_payloads,
        audit: retention.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?,
    };
    let house = House::open(&arguments, &settings, &models, metrics, output).await?;
    let listener = service_composition::listen(arguments.listen, "--listen").await?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
    let room = arguments.max_requests as usize;
    let service = Service::new(served(&arguments, &settings, &models), None, access, room);
    let service = Arc::new(service.with_control(Arc::clone(&house.control)));
    let interrupt = Interrupt::watch();
    let end = CancellationToken::new();
    let serving = tokio::spawn(tenon_server::serve(listener, Arc::clone(&service), end.clone()));
    let keeper = house.keeper(keeping, &end);
    let paid = CancellationToken::new();
    let bookkeeper = house.bookkeeper(&paid);
    let clock = service_composition::watch_clock(house.database.clone(), output, end.clone());
    let clock = tokio::spawn(clock);
    let loading = load(&arguments, &settings, &models, &service, output);
    let exit = match interrupt.token().run_until_cancelled(loading).await {
        None => Ok(Exit::Interrupted),
        Some(Err(failure)) => Err(failure),
        Some(Ok(())) => {
            let worker = house
                .worker(&arguments, &settings, models, &meter, interrupt.token(), output)
                .await?;
            let deliverer = house.deliverer(&arguments, interrupt.token());
            let batcher = batcher(&service, interrupt.token());
            house.control.make_ready(true);
            output.say(&format!("serving {}; Ctrl-C stops", what(&arguments, &settings)));
            output.result(&format!("http://{address}"));
            interrupt.token().cancelled().await;
            house.control.make_ready(false);
            if let Some(worker) = worker {
                // A worker that panicked left its jobs to their leases.
                let _ = worker.await;
            }
            let _ = deliverer.await;
            let _ = batcher.await;
            Ok(Exit::Success)
        }
    };
    tokio::time::sleep(NOTICE).await;
    end.cancel();
    let served = serving.await;
    let _ = tokio::join!(keeper, clock);
    paid.cancel();
    let _ = bookkeeper.await;
    drop(service);
    house.close().await;
    match served {
        Ok(Ok(())) => exit,
        Ok(Err(error)) => Err(Failure::new(Exit::Bug, format!("the listener failed: {error}"))),
        Err(error) => Err(Failure::new(Exit::Bug, format!("the server failed: {error}"))),
    }
}

/// Everything behind the listener.
struct House {
    control: Arc<Control>,
    database: Database,
    journal: Journal,
    writer: JournalWriter,
    key: SigningKey,
    metrics: Metrics,
    sources: Sources,
}

impl House {
    async fn open(
        arguments: &ServeArguments,
        settings: &Settings,
        models: &[Arc<dyn Model>],
        metrics: Metrics,
        output: Output,
    ) -> Result<Self, Failure> {
        let authorizer = service_composition::authorizer(arguments.policies.as_deref())?;
        let policies = authorizer.digest();
        let database = service_composition::database(settings, &arguments.database).await?;
        service_composition::require_right_clock(&database).await?;
        service_composition::first_key(settings, &database, output).await?;
        let key = service_composition::signing_key(settings)?;
        let (journal, writer) = Journal::start(database.clone(), Some(key.clone()));
        let sources = service_composition::sources(settings, &arguments.jobs.sources);
        let control = Control::new(ControlParts {
            database: database.clone(),
            authorizer,
            journal: journal.clone(),
            audit_keys: service_composition::audit_keys(settings, key.public_key())?,
            metrics: metrics.clone(),
            sources: sources.clone(),
            sign_in: service_composition::sign_in(settings)?,
            guard: Guard::new(arguments.allowed_webhooks.clone()),
            prompts: service_composition::prompts(settings)?,
            models: service_composition::listed(&settings.models, models),
            queue: arguments.queue,
        });
        service_composition::event_sink(settings, &database).await?;
        let started = [
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("policies", policies.to_string()),
        ];
        let loaded = [("digest", policies.to_string())];
        let recorded = match control.record(EventKind::PolicyLoaded, &loaded).await {
            Ok(()) => control.record(EventKind::ServiceStarted, &started).await,
            failed => failed,
        };
        recorded.map_err(|error| Failure::new(Exit::Missing, error.to_string()))?;
        Ok(Self {
            control,
            database,
            journal,
            writer,
            key,
            metrics,
            sources,
        })
    }

    fn keeper(&self, keeping: Keeping, end: &CancellationToken) -> JoinHandle<()> {
        let (control, key, end) = (Arc::clone(&self.control), self.key.clone(), end.clone());
        tokio::spawn(async move { control.keep(keeping, &key, &end).await })
    }

    /// Writes what models came to into the ledger, until the last request is answered.
    fn bookkeeper(&self, paid: &CancellationToken) -> JoinHandle<()> {
        let (control, paid) = (Arc::clone(&self.control), paid.clone());
        tokio::spawn(async move { control.settle_accounts(&paid).await })
    }

    /// The worker of this process, if it is to have one.
    async fn worker(
        &self,
        arguments: &ServeArguments,
        settings: &Settings,
        models: Vec<Arc<dyn Model>>,
        meter: &Arc<ModelMeter>,
        stop: &CancellationToken,
        output: Output,
    ) -> Result<Option<JoinHandle<()>>, Failure> {
        if arguments.jobs.workers == 0 {
            return Ok(None);
        }
        let worker = service_composition::worker(
            engine(settings, models, meter, output).await?,
            &self.database,
            self.sources.clone(),
            composition::redactor(settings),
            self.journal.clone(),
            self.metrics.clone(),
            WorkerSettings {
                slots: arguments.jobs.workers as usize,
                ..WorkerSettings::new(service_composition::worker_name())
            },
        );
        Ok(Some(tokio::spawn(worker.run(stop.clone()))))
    }

    /// Brings events to webhooks.
    fn deliverer(&self, arguments: &ServeArguments, stop: &CancellationToken) -> JoinHandle<()> {
        let guard = Guard::new(arguments.allowed_webhooks.clone());
        let deliverer = Deliverer::new(self.database.clone(), guard, DelivererSettings::default());
        tokio::spawn(deliverer.run(stop.clone()))
    }

    async fn close(self) {
        let _ = self.control.record(EventKind::ServiceStopped, &[]).await;
        drop((self.control, self.journal));
        let _ = tokio::time::timeout(LAST_WORDS, self.writer.finish()).await;
        self.database.close().await;
    }
}

/// Answers batches of requests to models.
fn batcher(service: &Arc<Service>, stop: &CancellationToken) -> JoinHandle<()> {
    let batcher = Batcher::new(Arc::clone(service), BatcherSettings::default());
    let stop = stop.clone();
    tokio::spawn(async move {
        if let Some(batcher) = batcher {
            batcher.run(stop).await;
        }
    })
}

fn what(arguments: &ServeArguments, settings: &Settings) -> String {
    match arguments.no_models {
        true => "jobs".to_owned(),
        false => settings.models.join(", "),
    }
}

fn models(
    arguments: &ServeArguments,
    settings: &Settings,
    meter: &Arc<ModelMeter>,
    output: Output,
) -> Result<Vec<Arc<dyn Model>>, Failure> {
    if arguments.no_models {
        return Ok(Vec::new());
    }
    let memory = arguments
        .memory
        .map_or(u64::MAX, |memory| memory.saturating_mul(1 << 20));
    service_composition::models(settings, meter, memory, &arguments.pin, true, output)
}

/// The models under their names, with a cache before each.
fn served(arguments: &ServeArguments, settings: &Settings, models: &[Arc<dyn Model>]) -> Vec<ServedModel> {
    // The models share the memory evenly.
    let cache = arguments.cache_size * 1024 * 1024 / models.len().max(1) as u64;
    let served = settings
        .models
        .iter()
        .zip(models)
        .map(|(name, model)| ServedModel {
            name: name.clone(),
            model: match cache {
                0 => Arc::clone(model),
                bytes => Arc::new(CachedModel::new(Arc::clone(model), bytes)),
            },
        });
    served.collect()
}

/// Loads what is to be there before the first request.
async fn load(
    arguments: &ServeArguments,
    settings: &Settings,
    models: &[Arc<dyn Model>],
    service: &Service,
    output: Output,
) -> Result<(), Failure> {
    preload(settings, models, &arguments.pin).await?;
    if arguments.no_models {
        return Ok(());
    }
    if let Some(completer) = completer(settings, models, output).await? {
        service.set_completer(completer);
    }
    Ok(())
}

/// The engine over the models that are served: what both need is in memory once.
async fn engine(
    settings: &Settings,
    models: Vec<Arc<dyn Model>>,
    meter: &Arc<ModelMeter>,
    output: Output,
) -> Result<Engine, Failure> {
    let models = match models.is_empty() {
        true => service_composition::models(settings, meter, u64::MAX, &[], false, output)?,
        false => models,
    };
    let engine = Engine {
        models,
        templates: Arc::new(composition::templates(settings)?),
        sandbox: composition::sandbox(settings).await,
        cache_folder: settings.cache_folder.clone(),
    };
    if let Err(reason) = &engine.sandbox {
        output.say(&format!("checks that execute are refused: {reason}"));
    }
    Ok(engine)
}

/// Loads what is to stay in memory.
async fn preload(settings: &Settings, models: &[Arc<dyn Model>], pinned: &[String]) -> Result<(), Failure> {
    for name in pinned {
        let mut served = settings.models.iter().zip(models);
        let Some((_, model)) = served.find(|(served, _)| *served == name) else {
            return Err(
                Failure::new(Exit::Usage, format!("`{name}` is pinned, but not served"))
                    .with_help("name it with --model, too"),
            );
        };
        let is_remote = settings.routes.iter().any(|route| &route.name == name)
            || settings.upstreams.iter().any(|upstream| &upstream.name == name);
        if is_remote {
            let message = format!("`{name}` is a route or an upstream: only embedded models are in memory");
            return Err(Failure::new(Exit::Usage, message));
        }
        let loaded = model.count_tokens(&[String::new()]).await;
        loaded.map_err(|error| Failure::new(Exit::Missing, error.to_string()))?;
    }
    Ok(())
}

/// Who may ask the models. The service's own interface always wants a key.
fn access(arguments: &ServeArguments) -> Result<Access, Failure> {
    match arguments.api_keys.as_deref() {
        Some(path) => service_composition::keys(path),
        None if arguments.listen.ip().is_loopback() && !arguments.require_keys => Ok(Access::ThisMachine),
        None => Ok(Access::Governed),
    }
}

/// Loads the first model that fills in the middle. Without one, chat alone is served.
async fn completer(
    settings: &Settings,
    models: &[Arc<dyn Model>],
    output: Output,
) -> Result<Option<Arc<Completer>>, Failure> {
    let missing = |said: String| Failure::new(Exit::Missing, said);
    let able = models.iter().find(|model| model.descriptor().fills_in_the_middle);
    let Some(model) = able else {
        output.say("no model fills in the middle: completions for editors are not served");
        return Ok(None);
    };
    // Repositories are with the clients.
    let folder = settings.cache_folder.join("serve");
    std::fs::create_dir_all(&folder).map_err(|error| missing(error.to_string()))?;
    let completer = Arc::new(Completer::new(Arc::clone(model), &folder));
    match completer.warm_up().await {
        Ok(()) => Ok(Some(completer)),
        Err(ModelError::Refused { reason }) => {
            output.say(&format!("completions for editors are not served: {reason}"));
            Ok(None)
        }
        Err(error) => Err(missing(error.to_string())),
    }
}
