//! How fast a model is on this machine, measured through the port as any caller would see it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tenon_runtime::{
    CacheScope, GenerateRequest, Model, ModelError, PromptInput, SampleEvent, SampleStream, Sampling,
};

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchmarkPlan {
    /// Tokens of the prompt whose reading is timed, and which the samples share.
    pub prompt_tokens: u32,
    /// Tokens of the prefix that two requests share.
    pub prefix_tokens: u32,
    /// Tokens written by each sample.
    pub written_tokens: u32,
    /// Distinguishes this run's prompts from those of another, which may be cached.
    pub run: u64,
}

impl Default for BenchmarkPlan {
    fn default() -> Self {
        Self {
            prompt_tokens: 500,
            prefix_tokens: 1000,
            written_tokens: 64,
            run: 0,
        }
    }
}

/// What was measured. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Benchmark {
    /// Prompt tokens read in a second, one stream.
    pub prompt_tokens_per_second: f64,
    /// Tokens written in a second, one stream.
    pub decode_tokens_per_second: f64,
    /// Four samples of one prompt, asked for together.
    pub four_samples_seconds: f64,
    /// Four requests for one sample each, one after the other, none of which finds another's prompt.
    pub four_requests_seconds: f64,
    /// From the request to the first text, nothing cached.
    pub first_token_cold_seconds: f64,
    /// The same for a second request with the same prefix.
    pub first_token_reused_seconds: f64,
}

impl Benchmark {
    /// The time of four samples of one prompt against four requests.
    pub fn sharing_ratio(&self) -> f64 {
        self.four_samples_seconds / self.four_requests_seconds
    }

    /// The time to the first token with a known prefix against that without.
    pub fn reuse_ratio(&self) -> f64 {
        self.first_token_reused_seconds / self.first_token_cold_seconds
    }
}

/// Measures `model`; takes about a minute on two cores.
///
/// # Errors
/// The model's, or [`ModelError::Broken`] when it ends a text before there was anything to time.
pub async fn measure(model: &dyn Model, plan: BenchmarkPlan) -> Result<Benchmark, ModelError> {
    let run = Run { model, plan };
    let (prompt_tokens_per_second, decode_tokens_per_second) = run.speeds().await?;
    let (four_samples_seconds, four_requests_seconds) = run.sharing().await?;
    let (first_token_cold_seconds, first_token_reused_seconds) = run.reuse().await?;
    Ok(Benchmark {
        prompt_tokens_per_second,
        decode_tokens_per_second,
        four_samples_seconds,
        four_requests_seconds,
        first_token_cold_seconds,
        first_token_reused_seconds,
    })
}

/// One timed request.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedRequest {
    /// From the call to the end of reading.
    pub reading: Duration,
    /// From the call to the first text.
    pub first_text: Duration,
    /// From the end of reading to the end of the last sample.
    pub writing: Duration,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens of all samples.
    pub written_tokens: u32,
    /// The text of the first sample.
    pub text: String,
}

/// Sends `request` and times what comes.
///
/// # Errors
/// The model's.
pub async fn time_request(model: &dyn Model, request: GenerateRequest) -> Result<TimedRequest, ModelError> {
    let begin = Instant::now();
    let mut stream: SampleStream = model.generate(request).await?;
    let mut timed = TimedRequest {
        reading: Duration::ZERO,
        first_text: Duration::ZERO,
        writing: Duration::ZERO,
        prompt_tokens: 0,
        written_tokens: 0,
        text: String::new(),
    };
    while let Some(event) = stream.next().await {
        match event? {
            SampleEvent::PromptRead { prompt_tokens, .. } => {
                timed.reading = begin.elapsed();
                timed.prompt_tokens = prompt_tokens.unwrap_or(0);
            }
            SampleEvent::Text { .. } if timed.first_text.is_zero() => timed.first_text = begin.elapsed(),
            SampleEvent::Text { .. } => {}
            SampleEvent::Finished { sample, result } => {
                timed.writing = begin.elapsed().saturating_sub(timed.reading);
                timed.written_tokens += result.completion_tokens.unwrap_or(0);
                if sample == 0 {
                    timed.text = result.text;
                }
            }
        }
    }
    Ok(timed)
}

struct Run<'model> {
    model: &'model dyn Model,
    plan: BenchmarkPlan,
}

impl Run<'_> {
    async fn speeds(&self) -> Result<(f64, f64), ModelError> {
        let prompt = self.prompt("speed", self.plan.prompt_tokens).await?;
        let timed = time_request(self.model, self.request(prompt, "speed", 0, 1)).await?;
        let steps = timed.written_tokens.saturating_sub(1);
        if steps == 0 {
            return Err(ModelError::Broken {
                reason: "the model ended the text at once; nothing could be timed".to_owned(),
            });
        }
        // The first token comes with the end of the reading.
        Ok((
            f64::from(timed.prompt_tokens) / timed.reading.as_secs_f64(),
            f64::from(steps) / timed.writing.as_secs_f64(),
        ))
    }

    async fn sharing(&self) -> Result<(f64, f64), ModelError> {
        let prompt = self.prompt("sharing", self.plan.prompt_tokens).await?;
        let begin = Instant::now();
        time_request(self.model, self.request(prompt.clone(), "shared", 0, 4)).await?;
        let together = begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        for index in 0..4 {
            let scope = format!("apart-{index}");
            time_request(self.model, self.request(prompt.clone(), &scope, index, 1)).await?;
        }
        Ok((together, begin.elapsed().as_secs_f64()))
    }

    async fn reuse(&self) -> Result<(f64, f64), ModelError> {
        let prefix = self.prompt("reuse", self.plan.prefix_tokens).await?;
        let mut seconds = [0.0; 2];
        for (question, slot) in ["first", "second"].iter().zip(&mut seconds) {
            let prompt = format!("{prefix}# the {question} of these values, doubled:\n");
            let timed = time_request(self.model, self.request(prompt, "reuse", 0, 1)).await?;
            *slot = timed.first_text.as_secs_f64();
        }
        let [cold, reused] = seconds;
        Ok((cold, reused))
    }

    fn request(&self, text: String, scope: &str, seed: u64, samples: u32) -> GenerateRequest {
        GenerateRequest {
            prompt: PromptInput::Raw { text },
            sampling: Sampling {
                temperature: 0.8,
                top_p: 0.95,
                seed,
                ..Sampling::GREEDY
            },
            samples,
            max_tokens: self.plan.written_tokens,
            stop: Vec::new(),
            constraint: None,
            expected: None,
            cache_scope: CacheScope(format!("benchmark-{}-{scope}", self.plan.run)),
        }
    }

    /// Assignments that any code model goes on writing, about `tokens` long.
    async fn prompt(&self, name: &str, tokens: u32) -> Result<String, ModelError> {
        let line = |index: u64| {
            format!(
                "{name}_{index} = compute({}, {index})\n",
                index * 7 + self.plan.run
            )
        };
        let sample: String = (0..16).map(line).collect();
        let counted = self.model.count_tokens(&[sample]).await?;
        let per_line = f64::from(counted.first().copied().unwrap_or(16).max(16)) / 16.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number of lines"
        )]
        let lines = (f64::from(tokens) / per_line).round() as u64;
        Ok((0..lines).map(line).collect())
    }
}
