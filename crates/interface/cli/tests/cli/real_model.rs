//! The main job with the real 0.5B model, and what happens when it is interrupted.

use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tenon_testkit::TemporaryRepository;

use crate::world::World;

const SMALL: [&str; 2] = ["--model", "qwen2.5-coder-0.5b"];

fn textkit() -> TemporaryRepository {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples/textkit");
    TemporaryRepository::copy_of(&examples).with_git()
}

#[test]
fn a_function_is_added_proven_and_sampled_again() {
    let world = World::new();
    let repository = textkit();
    let intent = "add double_spaces(text) to text.py: every blank becomes two, e.g. double_spaces(\"a b\") == \"a  b\"";
    let ran = world
        .run(
            repository.path(),
            &[&["generate", intent, "--json"][..], &SMALL].concat(),
        )
        .expect(0);
    let proposal = ran.json();
    assert_eq!(proposal["level"], "tested", "{}", ran.stderr);
    let id = proposal["id"].as_str().unwrap();
    let replayed = world
        .run(repository.path(), &["replay", id, "--json"])
        .expect(0)
        .json();
    assert_eq!(replayed["same"], true, "{replayed:#}");
    world.run(repository.path(), &["apply", id]).expect(0);
    assert!(repository.read("text.py").contains("def double_spaces(text"));
}

#[test]
fn a_failing_test_is_made_to_pass() {
    let world = World::new();
    let repository = TemporaryRepository::new([
        ("prices.py", "def total(prices):\n    result = 1\n    for price in prices:\n        result += price\n    return result\n"),
        (
            "test_prices.py",
            "import unittest\nfrom prices import total\n\n\nclass Total(unittest.TestCase):\n    def test_sum(self):\n        self.assertEqual(total([1, 2]), 3)\n        self.assertEqual(total([]), 0)\n",
        ),
    ])
    .with_git();
    let ran = world
        .run(
            repository.path(),
            &[&["fix", "--test", "python3 -m unittest", "--apply"][..], &SMALL].concat(),
        )
        .expect(0);
    ran.says("tested");
    assert!(
        repository.read("prices.py").contains("result = 0"),
        "{}",
        repository.read("prices.py")
    );
    world
        .run(
            repository.path(),
            &[&["fix", "--test", "python3 -m unittest"][..], &SMALL].concat(),
        )
        .expect(2)
        .says("already");
}

/// A run under way whose attempts all fail: nothing satisfies both examples.
struct UnderWay {
    child: Child,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl UnderWay {
    /// Starts a run and waits until its first attempt was rejected: model, sandbox and work copy are all in use.
    fn start(world: &World, repository: &TemporaryRepository, attempts: &str) -> Self {
        let intent = "add riddle(text) to text.py: the answer to the riddle, e.g. riddle(\"a\") == \"b\" and riddle(\"a\") == \"c\"";
        let mut command = world.command(
            repository.path(),
            &[&["generate", intent, "--max-attempts", attempts][..], &SMALL].concat(),
        );
        command.stderr(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(stderr.any(|line| line.unwrap().contains("attempt 1 ")));
        Self { child, stderr }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn end(mut self) -> (Option<i32>, String) {
        let rest: Vec<String> = self.stderr.map(Result::unwrap).collect();
        (self.child.wait().unwrap().code(), rest.join("\n"))
    }
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap();
    let pids = processes.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line == format!("PPid:\t{parent}"))
    })
    .collect()
}

#[test]
fn an_interrupt_ends_everything_and_leaves_nothing() {
    let world = World::new();
    let repository = textkit();
    let before = repository.snapshot();
    for by in [Signal::INT, Signal::TERM] {
        let run = UnderWay::start(&world, &repository, "64");
        let children = children_of(run.pid());
        assert!(!children.is_empty(), "a worker is running");
        let begun = Instant::now();
        signal(run.pid(), by);
        let (code, said) = run.end();
        assert_eq!(code, Some(130), "{said}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(world.left_behind().is_empty(), "{:?}", world.left_behind());
        let gone = |pid: &u32| !Path::new(&format!("/proc/{pid}")).exists();
        let patience = Instant::now() + Duration::from_secs(5);
        while !children.iter().all(gone) {
            assert!(Instant::now() < patience, "the worker lives on: {children:?}");
            std::thread::yield_now();
        }
        assert_eq!(repository.snapshot(), before);
    }
}

#[test]
fn a_worker_that_is_killed_does_not_take_the_run_with_it() {
    let world = World::new();
    let repository = textkit();
    let run = UnderWay::start(&world, &repository, "6");
    let worker = children_of(run.pid())
        .into_iter()
        .find(|pid| {
            let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&words).contains("llama-worker")
        })
        .expect("a worker is running");
    signal(worker, Signal::KILL);
    let (code, said) = run.end();
    assert_eq!(code, Some(3), "the run goes on with a new worker: {said}");
    assert!(world.left_behind().is_empty());
}
