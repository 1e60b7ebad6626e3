//! Fakes and fixtures for tests, never part of what ships.
//!
//! - [`ScriptedModel`] answers from a script and remembers what it was asked.
//! - [`TemporaryRepository`] is a folder with files, with or without Git, that vanishes afterwards.
//! - [`FakeUpstream`] speaks the OpenAI dialect on a free port, faults included.
//! - [`FakeServer`] is the bare HTTP server underneath, for everything else that is fetched;
//!   [`DeafPort`] is a port where nobody answers.
//! - [`Browser`] keeps cookies, for signing in.
//! - [`TemporaryPostgres`] is a real PostgreSQL that can be killed and started again.
//!
//! A fake checks the protocol on every call and panics when its caller broke it: that fails the test.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "dev only: a fixture that cannot be set up must fail the test that asked for it"
)]

mod answer;
mod browser;
mod deaf_port;
mod postgres;
mod repository;
mod scripted_model;
mod server;
mod upstream;

pub use answer::{Answer, ScriptedSample};
pub use browser::{Browser, Page};
pub use deaf_port::DeafPort;
pub use postgres::TemporaryPostgres;
pub use repository::TemporaryRepository;
pub use scripted_model::ScriptedModel;
pub use server::{FakeServer, Framing, HttpAnswer, HttpRequest, Step};
pub use upstream::{FakeUpstream, StreamCut, StreamEnd, UpstreamReply, UpstreamSample};
