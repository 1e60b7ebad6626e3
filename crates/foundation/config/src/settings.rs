use std::path::PathBuf;
use std::time::Duration;

use tenon_domain::Secret;

use crate::explain::Record;
use crate::loading::config_folder;
use crate::options::{Options, Stated};
use crate::value::SandboxMode;
use crate::{
    ConfigError, Environment, ExplainedSetting, Origin, RouteSettings, SignInSettings, UpstreamSettings,
    route, sign_in, upstream,
};

/// Every setting, resolved.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where proposals and models are kept.
    pub data_folder: PathBuf,
    /// Where indexes, work copies and build caches are kept; everything in it can be made again.
    pub cache_folder: PathBuf,
    /// Where model files are kept.
    pub models_folder: PathBuf,
    /// Where the user's own prompt templates are.
    pub prompts_folder: PathBuf,
    /// The models to ask, weakest first.
    pub models: Vec<String>,
    /// The models behind HTTP interfaces.
    pub upstreams: Vec<UpstreamSettings>,
    /// Several models behind one name.
    pub routes: Vec<RouteSettings>,
    /// How generated code is isolated.
    pub sandbox: SandboxMode,
    /// Threads of the embedded engine; `None`: one for each physical core.
    pub threads: Option<u32>,
    /// Tokens of context of the embedded models.
    pub context_length: u32,
    /// Sequences that the embedded engine decodes at once.
    pub parallel: u32,
    /// What a run may spend.
    pub limits: Limits,
    /// What is replaced in text that leaves the machine.
    pub redaction: RedactionSettings,
    /// Where models are pulled from.
    pub hugging_face_url: String,
    /// The server that `tenon job` and its like ask.
    pub server: Option<String>,
    /// Where the service keeps everything; a file in the data folder, if it is not said.
    pub database: Option<Secret>,
    /// The key to show to the server.
    pub api_key: Option<Secret>,
    /// Where the service sends every event, as a CloudEvent.
    pub event_sink: Option<String>,
    /// How people sign in to the service; `None`: they do not, and keys are all there is.
    pub sign_in: Option<SignInSettings>,
    /// Where `tenon serve` and `tenon worker` send traces, by OTLP over HTTP; nowhere, if it is not said.
    pub trace_endpoint: Option<String>,
    /// What is shown there: names of headers and their values.
    pub trace_headers: Vec<(String, Secret)>,
    /// Whether the user asked for no colour (`NO_COLOR`).
    pub no_color: bool,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// The absolute folders of `PATH`.
    pub search_path: Vec<PathBuf>,
    /// The Python virtual environment that is active.
    pub virtual_env: Option<PathBuf>,
    pub(crate) records: Vec<Record>,
}

/// What a run may spend; `None` leaves it to the task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time.
    pub max_time: Option<Duration>,
    /// Candidates that may be sampled.
    pub max_attempts: Option<u32>,
}

/// What is replaced in text that leaves the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedactionSettings {
    /// Tokens, keys and passwords.
    pub secrets: bool,
    /// What belongs to a person.
    pub personal: bool,
}

impl Settings {
    /// Every setting with its value and where it comes from, credentials redacted.
    pub fn explain(&self) -> Vec<ExplainedSetting> {
        crate::explain::explain(self)
    }
}

const DEFAULT_MODELS: [&str; 2] = ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"];
const DEFAULT_CONTEXT_LENGTH: u32 = 8192;
const DEFAULT_PARALLEL: u32 = 8;
const DEFAULT_HUGGING_FACE_URL: &str = "https://huggingface.co";

pub(crate) fn resolve(options: Options, environment: &Environment) -> Result<Settings, ConfigError> {
    let mut resolving = Resolving { records: Vec::new() };
    let models = DEFAULT_MODELS.map(str::to_owned).to_vec();
    let models = resolving.value("models", options.models, models, |names| names.join(", "));
    let sandbox = resolving.value("sandbox", options.sandbox, SandboxMode::Bubblewrap, |mode| {
        mode.as_str().to_owned()
    });
    let threads = resolving.optional("threads", options.threads, "one for each core", u32::to_string);
    let context_length = options.context_length;
    let context_length = resolving.value(
        "context_length",
        context_length,
        DEFAULT_CONTEXT_LENGTH,
        u32::to_string,
    );
    let parallel = resolving.value("parallel", options.parallel, DEFAULT_PARALLEL, u32::to_string);
    let limits = Limits {
        max_time: resolving.optional("limits.max_time", options.max_time, "by task", |time| {
            format!("{}s", time.as_secs())
        }),
        max_attempts: resolving.optional(
            "limits.max_attempts",
            options.max_attempts,
            "by task",
            u32::to_string,
        ),
    };
    let redaction = RedactionSettings {
        secrets: resolving.value("redaction.secrets", options.redact_secrets, true, bool::to_string),
        personal: resolving.value(
            "redaction.personal",
            options.redact_personal,
            true,
            bool::to_string,
        ),
    };
    let url = DEFAULT_HUGGING_FACE_URL.to_owned();
    let hugging_face_url = resolving.value("hugging_face_url", options.hugging_face_url, url, String::clone);
    let server = resolving.optional("server", options.server, "the one on this machine", String::clone);
    let database = resolving.optional(
        "database",
        options.database,
        "a file in the data folder",
        Secret::to_string,
    );
    let api_key = resolving.optional("api_key", options.api_key, "none", Secret::to_string);
    let event_sink = resolving.optional("event_sink", options.event_sink, "none", String::clone);
    let sign_in = options
        .sign_in
        .map(|stated| sign_in::resolve(stated, environment))
        .transpose()?;
    let trace_endpoint = resolving.optional("trace_endpoint", options.trace_endpoint, "none", String::clone);
    let shown = |headers: &Vec<(String, Secret)>| {
        let names: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        names.join(",")
    };
    let trace_headers = resolving.optional("trace_headers", options.trace_headers, "none", shown);
    let data_folder = resolving.folder("folders.data", options.data_folder, || {
        environment
            .base_folder("XDG_DATA_HOME", ".local/share")
            .ok_or(ConfigError::NoHome {
                what: "proposals and models",
                variable: "TENON_DATA_FOLDER",
            })
    })?;
    let cache_folder = resolving.folder("folders.cache", options.cache_folder, || {
        environment
            .base_folder("XDG_CACHE_HOME", ".cache")
            .ok_or(ConfigError::NoHome {
                what: "caches",
                variable: "TENON_CACHE_FOLDER",
            })
    })?;
    let models_folder = resolving.folder("folders.models", options.models_folder, || {
        Ok(data_folder.join("models"))
    })?;
    let prompts_folder = resolving.folder("folders.prompts", options.prompts_folder, || {
        // Without a home there is no configuration folder; templates are then looked for beside the data.
        Ok(config_folder(environment)
            .map_or_else(|| data_folder.join("prompts"), |folder| folder.join("prompts")))
    })?;
    let upstreams = upstream::resolve_all(options.upstreams, environment)?;
    Ok(Settings {
        routes: route::resolve_all(options.routes, &upstreams)?,
        data_folder,
        cache_folder,
        models_folder,
        prompts_folder,
        models,
        upstreams,
        sandbox,
        threads,
        context_length,
        parallel,
        limits,
        redaction,
        hugging_face_url,
        server,
        database,
        api_key,
        event_sink,
        sign_in,
        trace_endpoint,
        trace_headers: trace_headers.unwrap_or_default(),
        no_color: environment.get("NO_COLOR").is_some(),
        home: environment.absolute_path("HOME"),
        search_path: environment.folders("PATH"),
        virtual_env: environment.absolute_path("VIRTUAL_ENV"),
        records: resolving.records,
    })
}

/// Takes what is stated or the default, and writes down which it was.
struct Resolving {
    records: Vec<Record>,
}

impl Resolving {
    fn value<T>(
        &mut self,
        key: &'static str,
        stated: Option<Stated<T>>,
        default: T,
        show: impl FnOnce(&T) -> String,
    ) -> T {
        let stated = stated.unwrap_or(Stated::new(default, Origin::Default));
        self.records.push(Record {
            key,
            value: show(&stated.value),
            origin: stated.origin,
        });
        stated.value
    }

    fn optional<T>(
        &mut self,
        key: &'static str,
        stated: Option<Stated<T>>,
        unset: &str,
        show: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let (value, origin) = match stated {
            Some(stated) => (Some(stated.value), stated.origin),
            None => (None, Origin::Default),
        };
        self.records.push(Record {
            key,
            value: value.as_ref().map_or_else(|| unset.to_owned(), show),
            origin,
        });
        value
    }

    fn folder(
        &mut self,
        key: &'static str,
        stated: Option<Stated<PathBuf>>,
        default: impl FnOnce() -> Result<PathBuf, ConfigError>,
    ) -> Result<PathBuf, ConfigError> {
        let stated = match stated {
            Some(stated) => stated,
            None => Stated::new(default()?, Origin::Default),
        };
        self.records.push(Record {
            key,
            value: stated.value.display().to_string(),
            origin: stated.origin,
        });
        Ok(stated.value)
    }
}
