//! The model port: what every adapter (embedded llama.cpp, remote upstreams, scripted models in tests) offers
//! and what the engine may ask for. Also the catalog of known models and how their files are brought.
//!
//! This room knows no prompt template, no repository and no transport of ours.

pub mod port;

pub use port::{
    CacheScope, Constraint, FinishReason, GenerateRequest, GenerateUsage, Message, Model, ModelDescriptor,
    ModelError, PromptInput, Role, Sample, SampleEvent, SampleStream, Sampling,
};
