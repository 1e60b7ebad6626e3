//! The `TENON_*` environment variables, `K_SINK`, and OpenTelemetry's of its collector.

use std::collections::BTreeSet;

use tenon_domain::Secret;

use crate::options::{Options, Stated};
use crate::{ConfigError, Environment, Origin, value};

const PREFIX: &str = "TENON_";

/// Names another configuration file; read before everything else.
pub(crate) const CONFIG_VARIABLE: &str = "TENON_CONFIG";

/// Where Knative's SinkBinding says that events are wanted.
const SINK_VARIABLE: &str = "K_SINK";

/// Where OpenTelemetry says that traces are wanted.
const COLLECTOR_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// What is shown there.
const COLLECTOR_HEADERS_VARIABLE: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// Reads the variables. `foreign` are names that configuration files use for credentials.
pub(crate) fn read(environment: &Environment, foreign: &BTreeSet<String>) -> Result<Options, ConfigError> {
    let mut variables = Variables {
        environment,
        known: vec![CONFIG_VARIABLE],
    };
    let home = environment.absolute_path("HOME");
    let folder = |text: &str| value::folder(text, home.as_ref());
    let options = Options {
        models: variables.read("TENON_MODELS", value::models_text)?,
        sandbox: variables.read("TENON_SANDBOX", value::sandbox)?,
        threads: variables.read("TENON_THREADS", |text| value::number_text(text, value::THREADS))?,
        context_length: variables.read("TENON_CONTEXT_LENGTH", |text| {
            value::number_text(text, value::CONTEXT_LENGTH)
        })?,
        parallel: variables.read("TENON_PARALLEL", |text| value::number_text(text, value::PARALLEL))?,
        hugging_face_url: variables.read("TENON_HUGGING_FACE_URL", value::address)?,
        server: variables.read("TENON_SERVER", value::address)?,
        database: variables.read("TENON_DATABASE", |text| Ok(Secret::new(text)))?,
        api_key: variables.read("TENON_API_KEY", |text| Ok(Secret::new(text)))?,
        event_sink: match variables.read("TENON_EVENT_SINK", value::address)? {
            Some(sink) => Some(sink),
            None => variables.read(SINK_VARIABLE, value::address)?,
        },
        sign_in: None,
        trace_endpoint: match variables.read("TENON_TRACE_ENDPOINT", value::address)? {
            Some(endpoint) => Some(endpoint),
            None => variables.read(COLLECTOR_VARIABLE, value::address)?,
        },
        trace_headers: match variables.read("TENON_TRACE_HEADERS", value::headers)? {
            Some(headers) => Some(headers),
            None => variables.read(COLLECTOR_HEADERS_VARIABLE, value::headers)?,
        },
        max_time: variables.read("TENON_MAX_TIME", value::max_time_text)?,
        max_attempts: variables.read("TENON_MAX_ATTEMPTS", |text| {
            value::number_text(text, value::MAX_ATTEMPTS)
        })?,
        redact_secrets: variables.read("TENON_REDACT_SECRETS", value::switch_text)?,
        redact_personal: variables.read("TENON_REDACT_PERSONAL", value::switch_text)?,
        data_folder: variables.read("TENON_DATA_FOLDER", folder)?,
        cache_folder: variables.read("TENON_CACHE_FOLDER", folder)?,
        models_folder: variables.read("TENON_MODELS_FOLDER", folder)?,
        prompts_folder: variables.read("TENON_PROMPTS_FOLDER", folder)?,
        upstreams: Vec::new(),
        routes: Vec::new(),
    };
    variables.refuse_unknown(foreign)?;
    Ok(options)
}

struct Variables<'a> {
    environment: &'a Environment,
    known: Vec<&'static str>,
}

impl Variables<'_> {
    fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<Stated<T>>, ConfigError> {
        self.known.push(name);
        let Some(value) = self.environment.get(name) else {
            return Ok(None);
        };
        let origin = Origin::Variable {
            name: name.to_owned(),
        };
        Stated::new(value, origin)
            .read(name, |value| read(value.to_str().ok_or("is not text in UTF-8")?))
            .map(Some)
    }

    fn refuse_unknown(&self, foreign: &BTreeSet<String>) -> Result<(), ConfigError> {
        let unknown = self
            .environment
            .names_with_prefix(PREFIX)
            .find(|name| !self.known.contains(&name.as_str()) && !foreign.contains(name));
        unknown.map_or(Ok(()), |name| {
            let origin = Origin::Variable { name: name.clone() };
            Err(ConfigError::unknown(
                origin,
                "",
                &name,
                self.known.iter().copied(),
            ))
        })
    }
}
