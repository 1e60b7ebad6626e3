//! Models behind the OpenAI-compatible HTTP interface: llama-server, vLLM, Ollama and hosted services.
//!
//! ```text
//! GenerateRequest ─convert─▶ wire ─HTTP─▶ upstream ─events─▶ stream ─▶ SampleEvent
//! ```
//!
//! What an upstream can do beyond the common part is data ([`Dialect`]), chosen by [`UpstreamKind`]. Upstreams are
//! not trusted: every size and every wait is bounded, and each failure becomes a typed
//! [`ModelError`](tenon_runtime::ModelError). This room retries nothing; that is decided by who asks.

mod configuration;
mod convert;
mod dialect;
mod failure;
mod model;
mod stream;
mod wire;

pub use configuration::{ConfigurationError, RemoteConfiguration, Timeouts};
pub use dialect::{
    ConstraintDialect, Dialect, FillRoute, PrefillDialect, SampleDialect, SamplingDialect, TokenCounting,
    UpstreamKind,
};
pub use model::RemoteModel;
