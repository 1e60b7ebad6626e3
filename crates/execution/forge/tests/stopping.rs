//! Nobody waits for a Git that nobody wants any more.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say so and stop"
)]

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tenon_forge::{ForgeError, Git, Mirror};
use tenon_testkit::TemporaryRepository;

const PATIENCE: Duration = Duration::from_secs(20);

/// A Git that starts a helper, says both numbers, and waits for it.
fn hanging(folder: &TemporaryRepository) -> Git {
    let script = format!(
        "#!/bin/sh\nsleep 600 &\necho $$ $! > {0}/begun\nmv {0}/begun {0}/started\nwait\n",
        folder.path().display()
    );
    folder.write("git", script);
    fs::set_permissions(folder.at("git"), fs::Permissions::from_mode(0o755)).unwrap();
    Git::at(folder.at("git"))
}

fn patiently(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn has_ended(process: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Who is dead may wait to be buried.
    status.is_empty() || status.contains(") Z ")
}

#[test]
fn a_stop_ends_git_and_everything_that_it_started() {
    let folder = TemporaryRepository::empty();
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let git = hanging(&folder).with_stop(move || asked.load(Ordering::Relaxed));
    let mirror = folder.at("mirrors/a.git");
    let fetching = thread::spawn(move || Mirror::fetch(&git, "file:///nothing", &[], &mirror));
    patiently("it starts", || folder.at("started").exists());
    stop.store(true, Ordering::Relaxed);
    let error = fetching.join().unwrap().unwrap_err();
    assert!(matches!(error, ForgeError::Stopped), "{error}");
    for process in folder.read("started").split_whitespace() {
        patiently("it ends", || has_ended(process));
    }
}

#[test]
fn whoever_waits_for_another_to_fetch_can_be_stopped() {
    let folder = TemporaryRepository::empty();
    let mirror = folder.at("a.git");
    let lock = File::create(folder.at("a.lock")).unwrap();
    lock.lock().unwrap();
    let fetch = |git: &Git, mirror: &Path| Mirror::fetch(git, "file:///nothing", &[], mirror).unwrap_err();
    let error = fetch(&Git::default().with_stop(|| true), &mirror);
    assert!(matches!(error, ForgeError::Stopped), "{error}");
}
