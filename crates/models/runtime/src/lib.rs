//! The model port: what every adapter (embedded llama.cpp, remote upstreams, scripted models in tests) offers
//! and what the engine may ask for. Also the catalog of known models, the folder that holds their files, and how
//! the files are brought; how several models are asked as one, and which
//! of them are in memory.
//!
//! This room knows no prompt template, no repository and no transport of ours.

pub mod cached;
pub mod catalog;
pub mod folder;
pub mod gguf;
pub mod pool;
pub mod port;
pub mod pull;
pub mod route;
pub mod stop;
pub mod watch;

pub use cached::CachedModel;
pub use catalog::{CatalogEntry, PackagePart, Source, built_in_catalog};
pub use folder::{
    AddedModel, FileState, FolderError, ModelDetails, ModelFolder, ModelListing, Origin, Removed,
    ResolvedModel,
};
pub use gguf::{FillMarkers, GgufError, GgufSummary, read_gguf};
pub use pool::{LoadModel, Pool, PoolEvent, PooledModel};
pub use port::{
    Answering, CacheRole, CacheScope, Constraint, FinishReason, GenerateRequest, GenerateUsage, Listener,
    Message, Model, ModelDescriptor, ModelError, PromptInput, Role, Sample, SampleEvent, SampleStream,
    Sampling, generate_fitting,
};
pub use pull::{
    Network, PipOptions, PullError, PullEvent, PullObserver, PullOptions, Pulled, TriedSource, pull,
};
pub use route::{BreakerPolicy, EmptyRoute, Route, RoutePolicy, RouteTarget};
pub use stop::StopFilter;
pub use watch::{Answered, Served, Standing, Tokens, Watch, WatchedModel};
