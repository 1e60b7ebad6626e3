//! `tenon db`: the database of a service.

use tenon_config::Overrides;
use tenon_store::Database;

use crate::arguments::DatabaseCommand;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::{composition, service_composition};

/// `tenon db …`.
pub async fn run(command: DatabaseCommand) -> Result<Exit, Failure> {
    let DatabaseCommand::Migrate { database, check } = command;
    let settings = composition::settings(None, &Overrides::default())?;
    let output = Output::new(false, settings.no_color);
    let url = service_composition::database_url(&settings, &database)?;
    let missing = |error: tenon_store::DatabaseError| Failure::new(Exit::Missing, error.to_string());
    let database = Database::connect(&url, 1).await.map_err(missing)?;
    let pending = database.pending_migrations().await.map_err(missing)?;
    if !check {
        database.migrate().await.map_err(missing)?;
    }
    database.close().await;
    let done = if check { "to do" } else { "done" };
    for name in &pending {
        output.result(&format!("{done}: {name}"));
    }
    if pending.is_empty() {
        output.say(&format!("{url} is up to date"));
    }
    Ok(match check && !pending.is_empty() {
        true => Exit::NotVerified,
        false => Exit::Success,
    })
}
