//! Where the models lie, and requests with everything filled in.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::PathBuf;

use tenon_llama::{LlamaModel, WorkerConfiguration};
use tenon_runtime::{
    CacheScope, GenerateRequest, GenerateUsage, Message, Model, ModelError, PromptInput, Role, Sample,
    SampleEvent, SampleStream, Sampling,
};

/// Small and quick; knows ChatML, does not fill in the middle.
pub const SMALL: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
/// One of the two official models.
pub const CODER: &str = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";

pub fn model_path(file: &str) -> PathBuf {
    let home = std::env::home_dir().expect("a home folder");
    let path = home.join(".local/share/tenon/models").join(file);
    assert!(path.is_file(), "{} is missing: run `make setup`", path.display());
    path
}

pub fn configuration(file: &str) -> WorkerConfiguration {
    let mut configuration =
        WorkerConfiguration::new(env!("CARGO_BIN_EXE_tenon-llama-worker"), model_path(file), file);
    configuration.context_length = 2048;
    configuration.cache_cells = 4096;
    configuration
}

pub async fn start(file: &str) -> LlamaModel {
    LlamaModel::start(configuration(file))
        .await
        .expect("the model loads")
}

pub fn user(text: &str) -> Vec<Message> {
    vec![Message {
        role: Role::User,
        content: text.to_owned(),
    }]
}

pub fn chat(text: &str) -> GenerateRequest {
    request(PromptInput::Chat {
        messages: user(text),
        prefill: String::new(),
    })
}

pub fn raw(text: &str) -> GenerateRequest {
    request(PromptInput::Raw {
        text: text.to_owned(),
    })
}

pub fn request(prompt: PromptInput) -> GenerateRequest {
    GenerateRequest {
        prompt,
        sampling: Sampling::GREEDY,
        samples: 1,
        max_tokens: 24,
        stop: Vec::new(),
        constraint: None,
        expected: None,
        cache_scope: CacheScope::local(),
    }
}

pub fn warm(seed: u64) -> Sampling {
    Sampling {
        temperature: 0.9,
        top_p: 0.95,
        seed,
        ..Sampling::GREEDY
    }
}

pub async fn answer(model: &LlamaModel, request: GenerateRequest) -> (Vec<Sample>, GenerateUsage) {
    let samples = request.samples;
    let stream = model.generate(request).await.expect("the request is accepted");
    stream.collect(samples).await.expect("the model answers")
}

pub async fn text(model: &LlamaModel, request: GenerateRequest) -> String {
    answer(model, request).await.0.remove(0).text
}

pub async fn refusal(model: &LlamaModel, request: GenerateRequest) -> ModelError {
    model.generate(request).await.expect_err("the request is refused")
}

/// Reads until the first text, so that the request is known to be writing.
pub async fn until_text(stream: &mut SampleStream) -> String {
    loop {
        match stream.next().await.expect("more events").expect("no error") {
            SampleEvent::Text { text, .. } => return text,
            SampleEvent::PromptRead { .. } => {}
            SampleEvent::Finished { .. } => panic!("ended before any text"),
        }
    }
}

/// About four tokens for each number.
pub fn long_text(name: &str, lines: u32) -> String {
    (0..lines)
        .map(|line| format!("{name} {line} is {}.\n", line * 7))
        .collect()
}
