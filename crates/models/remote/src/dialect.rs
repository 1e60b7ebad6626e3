use serde::{Deserialize, Serialize};

/// What serves the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// What an upstream can do beyond the common part, and how it is told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// How an answer is begun for the model.
    pub prefill: PrefillDialect,
    /// How several samples are asked for.
    pub samples: SampleDialect,
    /// How text is constrained.
    pub constraint: ConstraintDialect,
    /// Which numbers of the sampling are sent.
    pub sampling: SamplingDialect,
    /// How tokens are counted.
    pub counting: TokenCounting,
    /// How the middle is filled in.
    pub fill: FillRoute,
}

/// How an answer is begun for the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrefillDialect {
    /// A last message of the assistant is continued.
    TrailingMessage,
    /// The same, when asked for with `continue_final_message`.
    ContinueFinalMessage,
    /// Not at all: the model is asked in words to begin so, and what it repeats is cut off.
    InWords,
}

/// How several samples are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleDialect {
    /// With `n`, in one request.
    OneRequest,
    /// One request each, so that each has its own seed.
    RequestEach,
}

/// How text is constrained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintDialect {
    /// Not at all.
    None,
    /// `grammar` in GBNF, and `json_schema`.
    Gbnf,
    /// `structured_outputs`.
    StructuredOutputs,
    /// `guided_choice`, `guided_regex`, `guided_json`, `guided_grammar`: vLLM before 0.12.
    Guided,
    /// `response_format` with a JSON Schema.
    ResponseFormat,
}

/// Which numbers of the sampling are sent, and under which names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamplingDialect {
    /// `temperature`, `top_p`, `seed`, `max_tokens`.
    Common,
    /// The same, but `max_completion_tokens`.
    OpenAi,
    /// All, and what the server would else choose itself.
    LlamaServer,
    /// All, and what the server would else take from the model's folder.
    Vllm,
}

/// How tokens are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenCounting {
    /// Bytes divided by three.
    Estimated,
    /// `POST /tokenize` of llama-server.
    LlamaServer,
    /// `POST /tokenize` of vLLM.
    Vllm,
}

/// How the middle is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FillRoute {
    /// Not at all.
    None,
    /// `POST /v1/completions` with `suffix`.
    CompletionsWithSuffix,
    /// `POST /infill` of llama-server.
    Infill,
}

impl UpstreamKind {
    /// What is known about servers of this kind.
    pub fn dialect(self) -> Dialect {
        let common = Dialect {
            prefill: PrefillDialect::InWords,
            samples: SampleDialect::RequestEach,
            constraint: ConstraintDialect::None,
            sampling: SamplingDialect::Common,
            counting: TokenCounting::Estimated,
            fill: FillRoute::None,
        };
        match self {
            Self::LlamaServer => Dialect {
                prefill: PrefillDialect::TrailingMessage,
                constraint: ConstraintDialect::Gbnf,
                sampling: SamplingDialect::LlamaServer,
                counting: TokenCounting::LlamaServer,
                ..common
            },
            Self::Vllm => Dialect {
                prefill: PrefillDialect::ContinueFinalMessage,
                samples: SampleDialect::OneRequest,
                constraint: ConstraintDialect::StructuredOutputs,
                sampling: SamplingDialect::Vllm,
                counting: TokenCounting::Vllm,
                ..common
            },
            Self::Ollama => Dialect {
                prefill: PrefillDialect::TrailingMessage,
                constraint: ConstraintDialect::ResponseFormat,
                ..common
            },
            Self::OpenAi => Dialect {
                samples: SampleDialect::OneRequest,
                constraint: ConstraintDialect::ResponseFormat,
                sampling: SamplingDialect::OpenAi,
                ..common
            },
            Self::Compatible => common,
        }
    }
}
