use std::path::PathBuf;
use std::time::Duration;

use crate::options::{Options, Stated};
use crate::{ConfigError, Origin, SandboxMode, value};

/// What was typed on the command line; it goes before everything else.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--model`: weakest first; empty when not typed.
    pub models: Vec<String>,
    /// `--sandbox`.
    pub sandbox: Option<SandboxMode>,
    /// `--threads`.
    pub threads: Option<u32>,
    /// `--max-time`.
    pub max_time: Option<Duration>,
    /// `--max-attempts`.
    pub max_attempts: Option<u32>,
    /// `--models-folder`.
    pub models_folder: Option<PathBuf>,
}

impl Overrides {
    pub(crate) fn options(&self) -> Result<Options, ConfigError> {
        let models = (!self.models.is_empty()).then(|| self.models.clone());
        Ok(Options {
            models: typed("--model", models, value::models)?,
            sandbox: typed("--sandbox", self.sandbox, Ok)?,
            threads: typed("--threads", self.threads, |count| {
                value::number(count.into(), value::THREADS)
            })?,
            max_time: typed("--max-time", self.max_time, value::max_time)?,
            max_attempts: typed("--max-attempts", self.max_attempts, |count| {
                value::number(count.into(), value::MAX_ATTEMPTS)
            })?,
            models_folder: typed("--models-folder", self.models_folder.clone(), Ok)?,
            ..Options::default()
        })
    }
}

fn typed<T, U>(
    flag: &'static str,
    value: Option<T>,
    read: impl FnOnce(T) -> Result<U, String>,
) -> Result<Option<Stated<U>>, ConfigError> {
    value
        .map(|value| Stated::new(value, Origin::Flag { name: flag }).read(flag, read))
        .transpose()
}
