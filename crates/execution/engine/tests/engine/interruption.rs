//! Whoever stops a run gets it stopped at once, with nothing left running or lying about.

use std::path::Path;
use std::time::{Duration, Instant};

use tenon_domain::Intent;
use tenon_engine::{EngineError, Event};
use tenon_runtime::Model as _;
use tenon_testkit::Answer;

use crate::scene::{NeverReady, Scene, accepting, coder, fix, generate, write_tests};

const TEXT: &str = "def shout(text):\n    return text.upper()\n";
const ANSWER: &str = "def shout(text):\n    return text.upper() + \"!\"\n";
const WISH: &str = "make `shout` end with an exclamation mark";

/// The contract grants a second; loaded machines that run tests are granted some more.
const AT_ONCE: Duration = Duration::from_secs(4);

/// Interrupts a run when `moment` comes, and sees that it ends.
async fn interrupted_at(scene: &Scene, intent: &Intent, moment: impl Fn(&Event) -> bool + Send + 'static) {
    let stop = scene.stop.clone();
    let (sender, receiver) = std::sync::mpsc::channel();
    scene.events.on_event(move |event| {
        if !stop.is_cancelled() && moment(event) {
            let (stop, sender) = (stop.clone(), sender.clone());
            // The run is in the middle of what it told about, not at its beginning.
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(300));
                let _ = sender.send(Instant::now());
                stop.cancel();
            });
        }
    });
    let error = scene.refusal(intent).await;
    assert!(matches!(error, EngineError::Interrupted), "{error:?}");
    let waited = receiver.recv().unwrap().elapsed();
    assert!(waited < AT_ONCE, "it took {waited:?}");
}

/// Whether a process somewhere on this machine has `word` on its command line.
fn is_running(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut command_lines =
        processes.filter_map(|entry| std::fs::read(Path::new(&entry.path()).join("cmdline")).ok());
    command_lines.any(|line| String::from_utf8_lossy(&line).contains(word))
}

/// A killed tree of processes is reaped by the kernel in its own time.
async fn assert_ends(word: &str) {
    let deadline = Instant::now() + AT_ONCE;
    while is_running(word) {
        assert!(Instant::now() < deadline, "`{word}` still runs");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_before_it_begins_does_nothing() {
    let model = coder();
    let scene = Scene::new(&[("text.py", TEXT)]).with(model.clone());
    scene.stop.cancel();
    let error = scene.refusal(&generate(WISH)).await;
    assert!(matches!(error, EngineError::Interrupted), "{error:?}");
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn in_the_middle_of_an_answer() {
    let model = coder().then(Answer::Hang);
    let scene = Scene::new(&[("text.py", TEXT)]).with(model.clone());
    interrupted_at(&scene, &generate(WISH), |event| {
        matches!(event, Event::Sampling { .. })
    })
    .await;
    model.cancelled().await;
}

#[tokio::test]
async fn while_a_model_is_still_being_loaded() {
    let scene = Scene::new(&[("text.py", TEXT)]).with(NeverReady(coder().descriptor().clone()));
    interrupted_at(&scene, &generate(WISH), |event| {
        matches!(event, Event::Sampling { .. })
    })
    .await;
}

#[tokio::test]
async fn in_the_middle_of_a_check() {
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder().otherwise(ANSWER));
    let marker = format!("marker-check-{}", std::process::id());
    let command = format!("sh -c 'while true; do mktemp -p . ; done' {marker}");
    let intent = accepting(generate(WISH), &command);
    interrupted_at(&scene, &intent, |event| {
        matches!(event, Event::Checked { report, .. } if report.check == "syntax")
            || matches!(event, Event::Text { .. })
    })
    .await;
    assert_ends(&marker).await;
    assert!(scene.left_behind().is_empty());
}

#[tokio::test]
async fn while_the_failing_command_runs() {
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder());
    let marker = format!("marker-fix-{}", std::process::id());
    let intent = fix(&format!("sh -c 'while true; do sleep 60; done' {marker}"));
    interrupted_at(
        &scene,
        &intent,
        |event| matches!(event, Event::Working { what } if what.starts_with("running ")),
    )
    .await;
    assert_ends(&marker).await;
}

#[tokio::test]
async fn while_written_tests_are_tried() {
    let tests = "import unittest\nfrom text import shout\n\n\nclass T(unittest.TestCase):\n    def test_long(self):\n        while True:\n            pass\n";
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder().otherwise(tests));
    interrupted_at(&scene, &write_tests("shout"), |event| {
        matches!(event, Event::Text { .. })
    })
    .await;
}
