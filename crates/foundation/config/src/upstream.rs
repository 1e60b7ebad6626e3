use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;
use tenon_domain::{Price, Secret};

use crate::options::Stated;
use crate::{ConfigError, Environment, Origin, file, value};

const DEFAULT_CONTEXT_LENGTH: u32 = 8192;
const MAX_KEY_BYTES: u64 = 16 * 1024;

/// A model behind an HTTP interface, as the operator configured it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// The name Tenon calls it by, in `models` and `--model`.
    pub name: String,
    /// What serves it.
    pub kind: UpstreamKind,
    /// The address up to and including `/v1`, without a slash at the end.
    pub base_url: String,
    /// The name the upstream calls it by.
    pub model: String,
    /// What identifies us to it.
    pub api_key: Option<Secret>,
    /// Tokens of context, prompt and completion together.
    pub context_length: u32,
    /// How it fills in the middle; `None`: not at all.
    pub fill: Option<UpstreamFill>,
    /// What its tokens cost; `None` when it is not stated.
    pub price: Option<Price>,
    /// The place it is stated at.
    pub origin: Origin,
}

/// What serves a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpstreamKind {
    /// llama.cpp's server.
    LlamaServer,
    /// vLLM.
    Vllm,
    /// Ollama.
    Ollama,
    /// OpenAI itself.
    #[serde(rename = "openai")]
    OpenAi,
    /// Anything else that speaks the common part.
    Compatible,
}

/// How an upstream fills in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpstreamFill {
    /// By completions with a `suffix`.
    Suffix,
    /// By llama.cpp's `/infill`.
    Infill,
}

impl UpstreamFill {
    /// The word in configuration files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suffix => "suffix",
            Self::Infill => "infill",
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "suffix" => Ok(Self::Suffix),
            "infill" => Ok(Self::Infill),
            _ => Err(format!("is `{text}`; accepted are `suffix` and `infill`")),
        }
    }
}

impl UpstreamKind {
    const ALL: [Self; 5] = [
        Self::LlamaServer,
        Self::Vllm,
        Self::Ollama,
        Self::OpenAi,
        Self::Compatible,
    ];

    /// The word in configuration files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LlamaServer => "llama-server",
            Self::Vllm => "vllm",
            Self::Ollama => "ollama",
            Self::OpenAi => "openai",
            Self::Compatible => "compatible",
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| {
            let accepted = Self::ALL.map(|kind| format!("`{}`", kind.as_str()));
            format!("is `{text}`; accepted are {}", accepted.join(", "))
        })
    }
}

/// One `[[upstream]]` table as it is written.
#[derive(Debug)]
pub(crate) struct UpstreamOptions {
    pub(crate) name: Option<Stated<String>>,
    pub(crate) kind: Option<Stated<String>>,
    pub(crate) base_url: Option<Stated<String>>,
    pub(crate) model: Option<Stated<String>>,
    pub(crate) context_length: Option<Stated<u32>>,
    pub(crate) fill: Option<Stated<String>>,
    pub(crate) input_price: Option<Stated<u64>>,
    pub(crate) output_price: Option<Stated<u64>>,
    pub(crate) api_key_env: Option<Stated<String>>,
    pub(crate) api_key_file: Option<Stated<PathBuf>>,
}

pub(crate) fn resolve_all(
    upstreams: Vec<Stated<UpstreamOptions>>,
    environment: &Environment,
) -> Result<Vec<UpstreamSettings>, ConfigError> {
    let mut names = BTreeSet::new();
    let mut settings = Vec::with_capacity(upstreams.len());
    for upstream in upstreams {
        let upstream = resolve(upstream, environment)?;
        if !names.insert(upstream.name.clone()) {
            return Err(ConfigError::Value {
                reason: format!(
                    "is `{}`, as another upstream's is; names must differ",
                    upstream.name
                ),
                key: "upstream.name".to_owned(),
                origin: upstream.origin,
            });
        }
        settings.push(upstream);
    }
    Ok(settings)
}

fn resolve(
    stated: Stated<UpstreamOptions>,
    environment: &Environment,
) -> Result<UpstreamSettings, ConfigError> {
    let Stated {
        value: options,
        origin,
    } = stated;
    let api_key = api_key(options.api_key_env, options.api_key_file, environment)?;
    let price = price(options.input_price, options.output_price)?;
    Ok(UpstreamSettings {
        name: required(options.name, "upstream.name", &origin, |text| {
            value::model_name(text)
        })?,
        kind: required(options.kind, "upstream.kind", &origin, UpstreamKind::parse)?,
        base_url: required(options.base_url, "upstream.base_url", &origin, value::address)?,
        model: required(options.model, "upstream.model", &origin, |text| {
            value::model_name(text)
        })?,
        context_length: options
            .context_length
            .map_or(DEFAULT_CONTEXT_LENGTH, |stated| stated.value),
        fill: match options.fill {
            Some(fill) => Some(
                fill.read("upstream.fill", |text| UpstreamFill::parse(&text))?
                    .value,
            ),
            None => None,
        },
        price,
        api_key,
        origin,
    })
}

/// Half a price would make a sum look whole that is not.
fn price(input: Option<Stated<u64>>, output: Option<Stated<u64>>) -> Result<Option<Price>, ConfigError> {
    let alone = |stated: Stated<u64>, key: &str, missing: &str| ConfigError::Value {
        origin: stated.origin,
        key: key.to_owned(),
        reason: format!("is stated without `{missing}`; state both"),
    };
    match (input, output) {
        (Some(input), Some(output)) => Ok(Some(Price {
            input: input.value,
            output: output.value,
        })),
        (None, None) => Ok(None),
        (Some(input), None) => Err(alone(input, "upstream.input_price", "output_price")),
        (None, Some(output)) => Err(alone(output, "upstream.output_price", "input_price")),
    }
}

pub(crate) fn required<T>(
    stated: Option<Stated<String>>,
    key: &str,
    table: &Origin,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, ConfigError> {
    let stated = stated.ok_or_else(|| ConfigError::Value {
        origin: table.clone(),
        key: key.to_owned(),
        reason: "is missing".to_owned(),
    })?;
    Ok(stated.read(key, |text| read(&text))?.value)
}

/// A key that is configured but cannot be had is an error: a request without it would only fail later, elsewhere.
fn api_key(
    variable: Option<Stated<String>>,
    file: Option<Stated<PathBuf>>,
    environment: &Environment,
) -> Result<Option<Secret>, ConfigError> {
    let secret = match (variable, file) {
        (None, None) => return Ok(None),
        (Some(variable), None) => variable.read("upstream.api_key_env", |name| {
            let value = environment.get(&name).and_then(|value| value.to_str());
            value
                .map(Secret::new)
                .ok_or_else(|| format!("names the environment variable `{name}`, which is not set"))
        })?,
        (None, Some(file)) => file.read("upstream.api_key_file", |path| {
            let text = file::read_bounded(&path, MAX_KEY_BYTES)
                .and_then(|text| text.ok_or_else(|| std::io::ErrorKind::NotFound.into()))
                .map_err(|error| format!("names `{}`, which cannot be read: {error}", path.display()))?;
            Ok(Secret::new(&text))
        })?,
        (Some(_), Some(file)) => file.read("upstream.api_key_file", |_| {
            Err("is stated beside `api_key_env`; keep one of them".to_owned())
        })?,
    };
    secret
        .read("upstream", |secret| match secret.expose() {
            "" => Err("has an empty api key".to_owned()),
            _ => Ok(secret),
        })
        .map(|stated| Some(stated.value))
}
