//! Requests at a steady rate, whether or not the ones before were answered: `load URL RATE SECONDS [KEY]`.
//!
//! What is under `/api/v1/` is read; anything else is asked as a chat. A latency counts from when the request was due, so
//! that a server that falls behind is not flattered. Prints one JSON object: requests, errors, and percentiles in
//! milliseconds.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measuring instrument that cannot go on should say so and stop"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Url};
use serde_json::json;
use tokio::sync::mpsc;

const FAILED: u64 = u64::MAX;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, rate, seconds, key @ ..] = arguments.as_slice() else {
        panic!("usage: load URL RATE SECONDS [KEY]");
    };
    let url: Url = url.parse().expect("the address is that of a server");
    let rate: u32 = rate.parse().expect("the rate is a number of requests a second");
    let seconds: u32 = seconds.parse().expect("the time is a number of seconds");
    let client = Client::new();
    let between = Duration::from_secs(1) / rate;
    let (sender, mut dues) = mpsc::unbounded_channel();
    // The runtime's own timer goes by whole milliseconds, which is more than what is to be measured.
    let clock = thread::spawn(move || {
        let begun = Instant::now() + Duration::from_millis(100);
        for number in 0..rate * seconds {
            let due = begun + between * number;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            sender.send((number, due)).unwrap();
        }
    });
    // Memory that is touched for the first time costs more than what is to be measured: nothing grows meanwhile.
    let times: Arc<[AtomicU64]> = (0..rate * seconds).map(|_| AtomicU64::new(FAILED)).collect();
    let (running, mut ended) = mpsc::channel::<()>(1);
    while let Some((number, due)) = dues.recv().await {
        let mut request = question(&client, &url, number);
        if let Some(key) = key.first() {
            request = request.bearer_auth(key);
        }
        let (times, running) = (Arc::clone(&times), running.clone());
        tokio::spawn(async move {
            let answered = match request.send().await {
                Ok(response) if response.status().is_success() => response.bytes().await.is_ok(),
                _ => false,
            };
            if answered {
                let nanoseconds = u64::try_from(due.elapsed().as_nanos()).unwrap();
                times[number as usize].store(nanoseconds, Ordering::Relaxed);
            }
            drop(running);
        });
    }
    clock.join().unwrap();
    drop(running);
    // Ends when the last of them does.
    ended.recv().await;
    let answered = times.iter().map(|time| time.load(Ordering::Relaxed));
    let answered = answered.filter(|nanoseconds| *nanoseconds != FAILED);
    let mut times: Vec<f64> = answered.map(|nanoseconds| nanoseconds as f64 / 1e6).collect();
    let errors = rate * seconds - u32::try_from(times.len()).unwrap();
    times.sort_by(f64::total_cmp);
    let percentile = |percent: usize| times.get((times.len() * percent).div_ceil(100).max(1) - 1);
    println!(
        "{}",
        json!({
            "requests": rate * seconds, "errors": errors,
            "p50_ms": percentile(50), "p95_ms": percentile(95), "p99_ms": percentile(99), "max_ms": times.last(),
        })
    );
}

/// Every question of a chat is another, so that no answer was kept.
fn question(client: &Client, url: &Url, number: u32) -> RequestBuilder {
    if url.path().starts_with("/api/v1/") {
        return client.get(url.clone());
    }
    client.post(url.clone()).json(&json!({
        "model": "m", "temperature": 0, "max_tokens": 8,
        "messages": [{ "role": "user", "content": format!("Say hello, number {number}.") }],
    }))
}
