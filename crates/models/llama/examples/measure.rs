//! Times single requests for the comparison with llama.cpp's Python binding (`eval/benchmarks/llama_python_peer.py`).
//!
//! `measure MODEL.gguf THREADS` loads the model, then reads one request a line from standard input
//! (`{"prompt": "…", "tokens": 64}`) and answers with one line of seconds and tokens each. `measure --figures
//! MODEL.gguf THREADS` prints what `tenon model bench` measures.

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use serde::Deserialize;
use serde_json::json;
use tenon_llama::{BenchmarkPlan, LlamaModel, WorkerConfiguration, measure, run_worker, time_request};
use tenon_runtime::{CacheScope, GenerateRequest, PromptInput, Sampling};

#[derive(Deserialize)]
struct Ask {
    prompt: String,
    tokens: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["worker"] => Ok(run_worker()?),
        ["--figures", model, threads] => block_on(figures(model, threads.parse()?)),
        [model, threads] => block_on(answer(model, threads.parse()?)),
        _ => Err("usage: measure [--figures] MODEL.gguf THREADS".into()),
    }
}

fn block_on(work: impl Future<Output = Result<(), Box<dyn Error>>>) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(work)
}

async fn start(path: &str, threads: u32) -> Result<LlamaModel, Box<dyn Error>> {
    let mut configuration = WorkerConfiguration::new(std::env::current_exe()?, path, path);
    configuration.arguments = vec!["worker".into()];
    configuration.threads = threads;
    Ok(LlamaModel::start(configuration).await?)
}

async fn figures(path: &str, threads: u32) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let model = start(path, threads).await?;
    let load = begin.elapsed().as_secs_f64();
    let figures = measure(&model, BenchmarkPlan::default()).await?;
    let report = json!({
        "load_seconds": load,
        "figures": figures,
        "sharing_ratio": figures.sharing_ratio(),
        "reuse_ratio": figures.reuse_ratio(),
    });
    writeln!(std::io::stdout(), "{report:#}")?;
    Ok(())
}

async fn answer(path: &str, threads: u32) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let model = start(path, threads).await?;
    let mut output = std::io::stdout();
    writeln!(
        output,
        "{}",
        json!({ "load_seconds": begin.elapsed().as_secs_f64() })
    )?;
    for (round, line) in std::io::stdin().lock().lines().enumerate() {
        let ask: Ask = serde_json::from_str(&line?)?;
        let request = GenerateRequest {
            prompt: PromptInput::Raw { text: ask.prompt },
            sampling: Sampling::GREEDY,
            samples: 1,
            max_tokens: ask.tokens,
            stop: Vec::new(),
            constraint: None,
            // Each round reads its prompt anew, as the binding does.
            expected: None,
            cache_scope: CacheScope(format!("round-{round}")),
        };
        let timed = time_request(&model, request).await?;
        let reply = json!({
            "prompt_tokens": timed.prompt_tokens,
            "prompt_seconds": timed.reading.as_secs_f64(),
            "written_tokens": timed.written_tokens,
            "decode_seconds": timed.writing.as_secs_f64(),
            "text": timed.text,
        });
        writeln!(output, "{reply}")?;
    }
    Ok(())
}
