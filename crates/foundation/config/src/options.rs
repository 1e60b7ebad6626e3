use std::path::PathBuf;
use std::time::Duration;

use tenon_domain::Secret;

use crate::route::RouteOptions;
use crate::sign_in::SignInOptions;
use crate::upstream::UpstreamOptions;
use crate::value::SandboxMode;
use crate::{ConfigError, Origin};

/// What one layer states; everything may be missing.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) models: Option<Stated<Vec<String>>>,
    pub(crate) sandbox: Option<Stated<SandboxMode>>,
    pub(crate) threads: Option<Stated<u32>>,
    pub(crate) context_length: Option<Stated<u32>>,
    pub(crate) parallel: Option<Stated<u32>>,
    pub(crate) hugging_face_url: Option<Stated<String>>,
    pub(crate) server: Option<Stated<String>>,
    pub(crate) database: Option<Stated<Secret>>,
    pub(crate) api_key: Option<Stated<Secret>>,
    pub(crate) event_sink: Option<Stated<String>>,
    pub(crate) sign_in: Option<Stated<SignInOptions>>,
    pub(crate) trace_endpoint: Option<Stated<String>>,
    pub(crate) trace_headers: Option<Stated<Vec<(String, Secret)>>>,
    pub(crate) max_time: Option<Stated<Duration>>,
    pub(crate) max_attempts: Option<Stated<u32>>,
    pub(crate) redact_secrets: Option<Stated<bool>>,
    pub(crate) redact_personal: Option<Stated<bool>>,
    pub(crate) data_folder: Option<Stated<PathBuf>>,
    pub(crate) cache_folder: Option<Stated<PathBuf>>,
    pub(crate) models_folder: Option<Stated<PathBuf>>,
    pub(crate) prompts_folder: Option<Stated<PathBuf>>,
    pub(crate) upstreams: Vec<Stated<UpstreamOptions>>,
    pub(crate) routes: Vec<Stated<RouteOptions>>,
}

/// A value and where it is stated.
#[derive(Debug, Clone)]
pub(crate) struct Stated<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

impl<T> Stated<T> {
    pub(crate) fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// Turns the value into another, or says what is wrong with it.
    pub(crate) fn read<U>(
        self,
        key: &str,
        read: impl FnOnce(T) -> Result<U, String>,
    ) -> Result<Stated<U>, ConfigError> {
        match read(self.value) {
            Ok(value) => Ok(Stated::new(value, self.origin)),
            Err(reason) => Err(ConfigError::Value {
                origin: self.origin,
                key: key.to_owned(),
                reason,
            }),
        }
    }
}
