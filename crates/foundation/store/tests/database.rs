//! The database as its callers see it: every test on SQLite and on a real PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on should say so and stop"
)]

#[path = "database/audit.rs"]
mod audit;
#[path = "database/charging.rs"]
mod charging;
#[path = "database/faults.rs"]
mod faults;
#[path = "database/feedback.rs"]
mod feedback;
#[path = "database/histories.rs"]
mod histories;
#[path = "database/jobs.rs"]
mod jobs;
#[path = "database/ledger.rs"]
mod ledger;
#[path = "database/lost_workers.rs"]
mod lost_workers;
#[path = "database/notices.rs"]
mod notices;
#[path = "database/place.rs"]
mod place;
#[path = "database/principals.rs"]
mod principals;
#[path = "database/queue.rs"]
mod queue;
#[path = "database/samples.rs"]
mod samples;
#[path = "database/schema.rs"]
mod schema;
#[path = "database/spending.rs"]
mod spending;
#[path = "database/submitting.rs"]
mod submitting;
#[path = "database/webhooks.rs"]
mod webhooks;
