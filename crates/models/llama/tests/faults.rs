//! Workers that die, hang, or never come up. A test binary of its own: it looks for its workers among its children.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

#[path = "support/setup.rs"]
mod setup;

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tenon_llama::{LlamaModel, WorkerConfiguration, WorkerLog};
use tenon_runtime::{Model as _, ModelError, SampleEvent};

use crate::setup::{SMALL, answer, configuration, long_text, model_path, raw, start, text, until_text};

/// The worker processes of this test's own process.
fn workers() -> Vec<Pid> {
    let own = std::process::id().to_string();
    let parent_of = |folder: &Path| {
        let status = fs::read_to_string(folder.join("stat")).ok()?;
        let (_, rest) = status.rsplit_once(") ")?;
        rest.split(' ').nth(1).map(str::to_owned)
    };
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| parent_of(&entry.path()).as_deref() == Some(own.as_str()))
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
        .collect()
}

/// Under `cargo test` all share one process.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn signal_worker(signal: Signal) {
    let workers = workers();
    assert_eq!(workers.len(), 1, "one worker");
    kill_process(workers[0], signal).unwrap();
}

#[tokio::test]
async fn a_worker_killed_while_writing_is_an_error_and_then_replaced() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let model = start(SMALL).await;
    let expected = text(&model, raw("1, 2, 3, 4,")).await;
    let mut endless = raw("1, 2, 3, 4, 5, 6, 7, 8, 9,");
    endless.max_tokens = 1500;
    let mut stream = model.generate(endless).await.unwrap();
    until_text(&mut stream).await;
    signal_worker(Signal::KILL);
    let error = loop {
        match stream.next().await.expect("an error before the end") {
            Ok(SampleEvent::Finished { .. }) => panic!("finished without a worker"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&error, ModelError::Broken { reason } if reason.contains("signal 9")),
        "{error}"
    );
    assert!(error.is_transient());
    assert!(stream.next().await.is_none(), "the stream ends after its error");
    assert_eq!(text(&model, raw("1, 2, 3, 4,")).await, expected);
}

#[tokio::test]
async fn a_worker_killed_while_reading_is_replaced_unnoticed() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let model = start(SMALL).await;
    let mut stream = model.generate(raw(&long_text("row", 150))).await.unwrap();
    signal_worker(Signal::KILL);
    let mut readings = 0;
    let mut finished = 0;
    while let Some(event) = stream.next().await {
        match event.expect("repeated without an error") {
            SampleEvent::PromptRead { .. } => readings += 1,
            SampleEvent::Finished { .. } => finished += 1,
            SampleEvent::Text { .. } => {}
        }
    }
    assert_eq!((readings, finished), (1, 1));
}

#[tokio::test]
async fn an_idle_worker_may_die_and_nobody_notices() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let model = start(SMALL).await;
    signal_worker(Signal::KILL);
    assert!(!text(&model, raw("1, 2, 3,")).await.is_empty());
}

#[tokio::test]
async fn a_hung_worker_is_killed_and_replaced() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut configuration = configuration(SMALL);
    configuration.silence_timeout = Duration::from_secs(5);
    let model = LlamaModel::start(configuration).await.unwrap();
    signal_worker(Signal::STOP);
    // Nothing was delivered, so the request is repeated on the new worker.
    assert!(!text(&model, raw("1, 2, 3,")).await.is_empty());
}

#[tokio::test]
async fn a_worker_ends_with_its_client() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let model = start(SMALL).await;
    let mut endless = raw("1, 2, 3, 4, 5, 6, 7, 8, 9,");
    endless.max_tokens = 1500;
    let mut stream = model.generate(endless).await.unwrap();
    until_text(&mut stream).await;
    drop(model);
    assert!(workers().is_empty(), "nothing is left behind");
    let mut rest = Vec::new();
    while let Some(event) = stream.next().await {
        rest.push(event);
    }
    assert!(
        !rest
            .iter()
            .any(|event| matches!(event, Ok(SampleEvent::Finished { .. })))
    );
}

#[tokio::test]
async fn a_worker_whose_client_was_killed_ends_by_itself() {
    let _turn = ONE_AT_A_TIME.lock().await;
    use std::io::Read as _;
    let (client, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut worker = std::process::Command::new(env!("CARGO_BIN_EXE_tenon-llama-worker"))
        .stdin(std::os::fd::OwnedFd::from(theirs))
        .spawn()
        .unwrap();
    let order = serde_json::json!({
        "order": "load", "path": model_path(SMALL), "context_length": 512, "cache_cells": 512,
        "parallel": 1, "threads": 2, "niceness": 7, "prompt_chunk": 64, "speaks": false,
    });
    let order = order.to_string();
    let mut frame = u32::try_from(order.len()).unwrap().to_le_bytes().to_vec();
    frame.extend(order.as_bytes());
    std::io::Write::write_all(&mut &client, &frame).unwrap();
    let mut loaded = [0; 8];
    (&client).read_exact(&mut loaded).unwrap();
    for thread in fs::read_dir(format!("/proc/{}/task", worker.id())).unwrap() {
        let status = fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
        // Behind the name, which may hold anything in its brackets, the 17th word.
        let niceness = status.rsplit_once(')').unwrap().1.split_whitespace().nth(16);
        assert_eq!(niceness, Some("7"), "{status}");
    }
    // What the kernel does with the sockets of a killed process.
    drop(client);
    let status = worker.wait().unwrap();
    assert!(!status.success());
}

#[tokio::test]
async fn a_worker_typed_by_hand_says_what_it_is() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tenon-llama-worker"))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("NoSocket"), "{message}");
}

#[tokio::test]
async fn files_that_are_no_model_are_refused_with_the_mend() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(model_path(SMALL)).unwrap();
    let cases: [(&str, Option<&[u8]>, &str); 5] = [
        ("missing.gguf", None, "no file"),
        ("empty.gguf", Some(b""), "not a GGUF"),
        ("page.gguf", Some(b"<html>404</html>"), "not a GGUF"),
        ("header.gguf", Some(&whole[..100_000]), "cut short"),
        ("half.gguf", Some(&whole[..whole.len() / 2]), "cut short"),
    ];
    for (name, content, expected) in cases {
        let path = folder.path().join(name);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let program = env!("CARGO_BIN_EXE_tenon-llama-worker");
        let error = LlamaModel::start(WorkerConfiguration::new(program, &path, "broken"))
            .await
            .unwrap_err();
        let ModelError::Unavailable { model, reason } = &error else {
            panic!("{name}: {error}");
        };
        assert_eq!(model, "broken");
        assert!(
            reason.contains(expected) && reason.contains(name),
            "{name}: {reason}"
        );
        assert!(reason.contains("tenon model pull"), "{name}: {reason}");
    }
}

#[tokio::test]
async fn a_file_that_only_llama_cpp_can_refuse_is_unavailable() {
    let _turn = ONE_AT_A_TIME.lock().await;
    // A whole GGUF file as far as its own table goes, of an architecture that does not exist.
    let mut bytes = fs::read(model_path(SMALL)).unwrap();
    let key = b"general.architecture";
    let at = bytes.windows(key.len()).position(|window| window == key).unwrap() + key.len() + 12;
    bytes[at..at + 5].copy_from_slice(b"xxxxx");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("strange.gguf");
    fs::write(&path, bytes).unwrap();
    let program = env!("CARGO_BIN_EXE_tenon-llama-worker");
    let error = LlamaModel::start(WorkerConfiguration::new(program, &path, "strange"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("cannot be loaded"), "{error}");
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_unavailable() {
    let _turn = ONE_AT_A_TIME.lock().await;
    for (program, expected) in [
        ("/bin/false", "exit code 1"),
        ("/no/such/program", "cannot be started"),
    ] {
        let configuration = WorkerConfiguration::new(program, model_path(SMALL), "x");
        let error = LlamaModel::start(configuration).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn the_log_goes_to_its_file() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("worker.log");
    let mut configuration = configuration(SMALL);
    configuration.log = WorkerLog::File(log.clone());
    let model = LlamaModel::start(configuration).await.unwrap();
    answer(&model, raw("a")).await;
    drop(model);
    assert!(fs::read_to_string(log).unwrap().contains("llama"));
}
