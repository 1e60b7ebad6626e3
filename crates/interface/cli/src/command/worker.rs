//! `tenon worker`: works on the jobs of a service.

use std::time::Duration;

use tenon_audit::Journal;
use tenon_config::Overrides;
use tenon_jobs::WorkerSettings;
use tenon_signals::Metrics;

use crate::arguments::WorkerArguments;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::{composition, service_composition};

/// `tenon worker`.
pub async fn run(arguments: WorkerArguments) -> Result<Exit, Failure> {
    let overrides = Overrides {
        models: arguments.model,
        ..Overrides::default()
    };
    let settings = composition::settings(None, &overrides)?;
    let output = Output::new(false, settings.no_color);
    let engine = composition::engine(&settings).await?;
    if let Err(reason) = &engine.sandbox {
        output.say(&format!("checks that execute are refused: {reason}"));
    }
    let database = service_composition::database(&settings, &arguments.database).await?;
    service_composition::require_right_clock(&database).await?;
    // The server signs: it alone has the key.
    let (journal, writer) = Journal::start(database.clone(), None);
    let name = arguments.name.unwrap_or_else(service_composition::worker_name);
    let worker = service_composition::worker(
        engine,
        &database,
        service_composition::sources(&settings, &arguments.sources),
        journal,
        Metrics::new(),
        WorkerSettings {
            slots: arguments.slots as usize,
            lease: Duration::from_secs(arguments.lease),
            ..WorkerSettings::new(&name)
        },
    );
    let interrupt = Interrupt::watch();
    output.say(&format!(
        "{name} takes jobs ({} at once); Ctrl-C stops",
        arguments.slots
    ));
    let stop = interrupt.token().clone();
    let clock = service_composition::watch_clock(database.clone(), output, stop.clone());
    tokio::join!(worker.run(stop), clock);
    writer.finish().await;
    database.close().await;
    Ok(Exit::Success)
}
