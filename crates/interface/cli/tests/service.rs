//! The service as a team meets it: every process is a real one, and so is the database. The model is an HTTP upstream
//! with a script.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

#[path = "service/afterwards.rs"]
mod afterwards;
#[path = "service/batches.rs"]
mod batches;
#[path = "cli/clients.rs"]
mod clients;
#[path = "service/confidential.rs"]
mod confidential;
#[path = "service/dice.rs"]
mod dice;
#[path = "service/faults.rs"]
mod faults;
#[path = "service/fuzzing.rs"]
mod fuzzing;
#[path = "service/http.rs"]
mod http;
#[path = "service/killing.rs"]
mod killing;
#[path = "service/port.rs"]
mod port;
#[path = "service/running.rs"]
mod running;
#[path = "service/signing_in.rs"]
mod signing_in;
#[path = "service/site.rs"]
mod site;
#[path = "service/stopping.rs"]
mod stopping;
#[path = "service/storm.rs"]
mod storm;
#[path = "service/submitting.rs"]
mod submitting;
#[path = "service/tour.rs"]
mod tour;
#[path = "service/tracing.rs"]
mod tracing;
#[path = "service/vitals.rs"]
mod vitals;
#[path = "service/webhooks.rs"]
mod webhooks;
#[path = "cli/world.rs"]
#[allow(dead_code, reason = "the tests of the other commands use the rest")]
mod world;
