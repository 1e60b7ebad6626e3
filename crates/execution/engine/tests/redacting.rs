//! What a remote model is shown, and what comes back from it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

#[path = "redacting/answers.rs"]
mod answers;
#[path = "redacting/keeping.rs"]
mod keeping;
#[path = "redacting/prompts.rs"]
mod prompts;
#[path = "../../../foundation/secrets/tests/secrets/samples.rs"]
mod samples;
#[path = "redacting/saying.rs"]
mod saying;
#[path = "redacting/upstream.rs"]
mod upstream;

use std::sync::Arc;

use tenon_engine::{RedactingModel, RedactionSettings, Redactor};
use tenon_runtime::{
    CacheScope, GenerateRequest, Message, Model, ModelError, PromptInput, Role, Sample, SampleEvent, Sampling,
};
use tenon_secrets::Kind;
use tenon_testkit::ScriptedModel;

use samples::{Random, sample};

fn secret(kind: Kind) -> String {
    sample(kind, &mut Random(1)).value
}

fn request(prompt: PromptInput) -> GenerateRequest {
    GenerateRequest {
        prompt,
        sampling: Sampling::GREEDY,
        samples: 1,
        max_tokens: 2048,
        stop: Vec::new(),
        constraint: None,
        expected: None,
        cache_scope: CacheScope::local(),
    }
}

fn raw(text: &str) -> PromptInput {
    PromptInput::Raw {
        text: text.to_owned(),
    }
}

fn chat(contents: &[&str], prefill: &str) -> PromptInput {
    let message = |content: &&str| Message {
        role: Role::User,
        content: (*content).to_owned(),
    };
    PromptInput::Chat {
        messages: contents.iter().map(message).collect(),
        prefill: prefill.to_owned(),
    }
}

/// The model as an upstream that is not on this machine.
fn far(model: ScriptedModel) -> ScriptedModel {
    model.describe(|descriptor| descriptor.remote = true)
}

fn redacting(model: impl Model + 'static) -> Arc<dyn Model> {
    RedactingModel::around(Arc::new(model), &Redactor::new(RedactionSettings::default()))
}

/// The prompt as it arrives.
async fn as_sent(prompt: PromptInput) -> PromptInput {
    let model = far(ScriptedModel::new().then("ok"));
    let stream = redacting(model.clone()).generate(request(prompt)).await;
    stream.unwrap().collect(1).await.unwrap();
    model.requests().remove(0).prompt
}

/// A raw text as it arrives.
async fn raw_as_sent(text: &str) -> String {
    match as_sent(raw(text)).await {
        PromptInput::Raw { text } => text,
        other => panic!("{other:?} is no raw prompt"),
    }
}

/// What is streamed of each of two samples, and how they end.
async fn streamed(
    model: &dyn Model,
    request: GenerateRequest,
) -> Result<([String; 2], Vec<Sample>), ModelError> {
    let mut stream = model.generate(request).await?;
    let mut texts = [String::new(), String::new()];
    let mut finished = Vec::new();
    while let Some(event) = stream.next().await {
        match event? {
            SampleEvent::Text { sample, text } => texts[sample as usize].push_str(&text),
            SampleEvent::Finished { result, .. } => finished.push(result),
            SampleEvent::PromptRead { .. } => {}
        }
    }
    Ok((texts, finished))
}
