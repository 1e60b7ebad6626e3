//! What the operator wants: the only reader of configuration files and environment variables.
//!
//! ```text
//! defaults < user file < repository file < TENON_* variables < flags     options: what each layer states
//!                                └──────────▶ layered ─────────▶ Settings: every value resolved, nothing optional
//! ```
//!
//! The repository's file is written by whoever wrote the repository, so it may tune a run but not widen what is
//! permitted: it names no upstreams, routes, credentials, addresses or folders, and cannot switch the sandbox off. What cannot
//! be understood is refused with the place and the key; nothing is skipped in silence.

mod environment;
mod error;
mod explain;
mod file;
mod layered;
mod loading;
mod options;
mod origin;
mod overrides;
mod repository;
mod route;
mod settings;
mod sign_in;
mod upstream;
mod value;
mod variables;

pub use environment::Environment;
pub use error::ConfigError;
pub use explain::ExplainedSetting;
pub use loading::{REPOSITORY_FILE, load, user_file};
pub use origin::Origin;
pub use overrides::Overrides;
pub use route::{RouteSettings, RouteTargetSettings};
pub use settings::{Limits, RedactionSettings, Settings};
pub use sign_in::SignInSettings;
pub use upstream::{UpstreamFill, UpstreamKind, UpstreamSettings};
pub use value::{SandboxMode, parse_duration};
