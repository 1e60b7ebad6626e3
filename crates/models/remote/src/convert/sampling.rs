use serde_json::{Map, Value, json};
use tenon_runtime::GenerateRequest;

use super::Route;
use crate::dialect::SamplingDialect;

/// The documented limit of OpenAI; the reader of the answer honours all of them anyway.
const MAX_STOPS: usize = 4;

/// Servers keep seeds in 32 bits, and some take the largest for "choose one yourself". The low bits are kept as they
/// are, so that sample `i` of a seed is sample 0 of the seed `i` above it.
const SEED_BITS: u64 = 0x7fff_ffff;

pub(super) fn options(
    dialect: SamplingDialect,
    request: &GenerateRequest,
    first_sample: u32,
    samples: u32,
    route: Route,
) -> Map<String, Value> {
    let sampling = request.sampling;
    let mut options = Map::new();
    let mut set = |name: &str, value: Value| {
        options.insert(name.to_owned(), value);
    };
    set("stream", json!(true));
    set("temperature", json!(sampling.temperature));
    set(
        "seed",
        json!(sampling.seed.wrapping_add(first_sample.into()) & SEED_BITS),
    );
    if sampling.temperature > 0.0 {
        set("top_p", json!(sampling.top_p));
    }
    if samples > 1 {
        set("n", json!(samples));
    }
    if route != Route::Infill {
        set("stream_options", json!({ "include_usage": true }));
    }
    match (route, dialect) {
        (Route::Infill, _) => set("n_predict", json!(request.max_tokens)),
        (Route::Chat, SamplingDialect::OpenAi) => set("max_completion_tokens", json!(request.max_tokens)),
        _ => set("max_tokens", json!(request.max_tokens)),
    }
    match dialect {
        SamplingDialect::Common | SamplingDialect::OpenAi => {}
        SamplingDialect::LlamaServer => {
            // Unsaid, the server takes its own: top_k 40, min_p 0.05.
            set("top_k", json!(sampling.top_k));
            set("min_p", json!(sampling.min_p));
            set("cache_prompt", json!(true));
            set("return_progress", json!(true));
        }
        SamplingDialect::Vllm => {
            // Unsaid, the server takes what the model's folder recommends.
            set(
                "top_k",
                if sampling.top_k == 0 {
                    json!(-1)
                } else {
                    json!(sampling.top_k)
                },
            );
            set("min_p", json!(sampling.min_p));
            set("repetition_penalty", json!(1.0));
        }
    }
    if matches!(dialect, SamplingDialect::LlamaServer | SamplingDialect::Vllm) {
        match route {
            Route::Chat => set("logprobs", json!(true)),
            Route::Completions => set("logprobs", json!(1)),
            Route::Infill => {}
        }
    }
    options
}

pub(super) fn insert_stop(dialect: SamplingDialect, stop: &[String], options: &mut Map<String, Value>) {
    let limit = match dialect {
        SamplingDialect::Common | SamplingDialect::OpenAi => MAX_STOPS,
        SamplingDialect::LlamaServer | SamplingDialect::Vllm => usize::MAX,
    };
    let stop: Vec<_> = stop.iter().take(limit).collect();
    if !stop.is_empty() {
        options.insert("stop".to_owned(), json!(stop));
    }
}
