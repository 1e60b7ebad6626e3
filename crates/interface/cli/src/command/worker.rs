//! `tenon worker`: works on the jobs of a service.

use std::sync::Arc;
use std::time::Duration;

use tenon_audit::Journal;
use tenon_config::{Overrides, Settings};
use tenon_engine::Engine;
use tenon_jobs::WorkerSettings;
use tenon_server::{Access, Vitals};
use tenon_signals::Metrics;
use tenon_store::Database;
use tokio_util::sync::CancellationToken;

use crate::arguments::WorkerArguments;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::traces::Traces;
use crate::{composition, service_composition};

/// `tenon worker`.
pub async fn run(arguments: WorkerArguments) -> Result<Exit, Failure> {
    let overrides = Overrides {
        models: arguments.model.clone(),
        ..Overrides::default()
    };
    let settings = composition::settings(None, &overrides)?;
    let output = Output::new(false, settings.no_color);
    let traces = Traces::start(&settings, "tenon-worker", output)?;
    let worked = work(arguments, &settings, output).await;
    traces.finish().await;
    worked
}

async fn work(arguments: WorkerArguments, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let access = access(&arguments)?;
    let metrics = Metrics::of_worker();
    let meter = service_composition::meter(settings, &metrics);
    let engine = Engine {
        models: service_composition::models(settings, &meter, u64::MAX, &[], false, output)?,
        templates: Arc::new(composition::templates(settings)?),
        sandbox: composition::sandbox(settings).await,
        cache_folder: settings.cache_folder.clone(),
    };
    if let Err(reason) = &engine.sandbox {
        output.say(&format!("checks that execute are refused: {reason}"));
    }
    let database = service_composition::database(settings, &arguments.database).await?;
    service_composition::require_right_clock(&database).await?;
    let end = CancellationToken::new();
    let vitals = vitals(&arguments, access, &metrics, &database, &end, output).await?;
    // The server signs: it alone has the key.
    let (journal, writer) = Journal::start(database.clone(), None);
    let slots = arguments.slots;
    let name = arguments.name.unwrap_or_else(service_composition::worker_name);
    let worker = service_composition::worker(
        engine,
        &database,
        service_composition::sources(settings, &arguments.sources),
        composition::redactor(settings),
        journal,
        metrics,
        WorkerSettings {
            slots: slots as usize,
            lease: Duration::from_secs(arguments.lease),
            ..WorkerSettings::new(&name)
        },
    );
    let interrupt = Interrupt::watch();
    let stop = interrupt.token().clone();
    output.say(&format!("{name} takes jobs ({slots} at once); Ctrl-C stops"));
    vitals.make_ready(true);
    let stopping = async {
        stop.cancelled().await;
        vitals.make_ready(false);
    };
    let clock = service_composition::watch_clock(database.clone(), output, stop.clone());
    tokio::join!(worker.run(stop.clone()), clock, stopping);
    end.cancel();
    writer.finish().await;
    database.close().await;
    Ok(Exit::Success)
}

/// Who may see what is counted: it tells who works here on what.
fn access(arguments: &WorkerArguments) -> Result<Access, Failure> {
    match (&arguments.metrics_keys, arguments.metrics) {
        (Some(path), _) => service_composition::keys(path),
        (None, Some(address)) if !address.ip().is_loopback() => Err(Failure::new(
            Exit::Usage,
            format!("`{address}` can be reached from other machines, and metrics are not for everybody"),
        )
        .with_help("name a file of keys with --metrics-keys, or an address of this machine")),
        (None, _) => Ok(Access::ThisMachine),
    }
}

/// The vital signs, shown where an address is given for that, until `end`.
async fn vitals(
    arguments: &WorkerArguments,
    access: Access,
    metrics: &Metrics,
    database: &Database,
    end: &CancellationToken,
    output: Output,
) -> Result<Arc<Vitals>, Failure> {
    let vitals = Vitals::new(metrics.clone(), database.clone(), access);
    if let Some(address) = arguments.metrics {
        let listener = service_composition::listen(address, "--metrics").await?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
        output.say(&format!("metrics at http://{address}/metrics"));
        // It ends with `end`; that a listener fails is no reason to stop working.
        tokio::spawn(Arc::clone(&vitals).serve(listener, end.clone()));
    }
    Ok(vitals)
}
