//! Code that means harm, in the real sandbox: contained, reported, and gone afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tenon_sandbox::{
    Execution, ExecutionCommand, ExecutionResult, ExecutionStatus, Isolation, Limits, Sandbox, SandboxError,
    SandboxRequest, WorkCopy,
};

struct Room {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
}

fn search_path() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect()
}

async fn room() -> Room {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("work")).unwrap();
    let request = SandboxRequest {
        mode: Isolation::Bubblewrap,
        home: std::env::home_dir(),
        search_path: search_path(),
        cache_directory: folder.path().join("cache"),
        extra_read_only: Vec::new(),
    };
    Room {
        sandbox: Sandbox::detect(request).await.unwrap(),
        folder,
    }
}

impl Room {
    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    async fn limited(&self, program: ExecutionCommand, limits: Limits) -> ExecutionResult {
        let execution = Execution {
            limits,
            ..Execution::new(program, &self.work())
        };
        self.sandbox.run(execution).await.unwrap()
    }

    async fn shell(&self, line: &str) -> ExecutionResult {
        self.limited(ExecutionCommand::Shell(line.to_owned()), Limits::quick())
            .await
    }

    async fn python(&self, code: &str) -> ExecutionResult {
        let arguments = ["python3", "-c", code].map(Into::into).to_vec();
        self.limited(ExecutionCommand::Arguments(arguments), Limits::quick())
            .await
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Processes on the host whose command line holds `marker`.
fn survivors(marker: &str) -> usize {
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .chars()
                .all(|digit| digit.is_ascii_digit())
        })
        .filter(|entry| {
            std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| text(&line).contains(marker))
        })
        .count()
}

/// Waits until nothing of a run is left; the kernel takes a moment to reap a process namespace.
fn assert_none_survive(marker: &str) {
    let patience = Instant::now() + Duration::from_secs(5);
    while survivors(marker) > 0 {
        assert!(Instant::now() < patience, "{marker} is still running");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn toolchains_work_inside() {
    let room = room().await;
    for line in [
        "python3 -c 'print(6 * 7)'",
        "node -e 'console.log(6 * 7)'",
        "echo $((6 * 7))",
    ] {
        let result = room
            .limited(ExecutionCommand::Shell(line.into()), Limits::tests())
            .await;
        assert_eq!(
            text(&result.stdout).trim(),
            "42",
            "{line}: {}",
            text(&result.stderr)
        );
        assert!(result.status.succeeded());
    }
}

#[tokio::test]
async fn cargo_tests_a_crate_offline() {
    let room = room().await;
    let root = room.work();
    std::fs::create_dir(root.join("src")).unwrap();
    std::fs::write(
        root.join("Cargo.toml"),
        "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
    )
    .unwrap();
    std::fs::write(
        root.join("src/lib.rs"),
        "#[test]\nfn adds() { assert_eq!(1 + 1, 2); }\n",
    )
    .unwrap();
    let execution = Execution {
        limits: Limits::build(),
        writable_cache: Some(room.sandbox.build_cache("tiny")),
        ..Execution::new(ExecutionCommand::Shell("cargo test -q".into()), &root)
    };
    let result = room.sandbox.run(execution).await.unwrap();
    assert!(
        result.status.succeeded(),
        "{}\n{}",
        text(&result.stdout),
        text(&result.stderr)
    );
    assert!(text(&result.stdout).contains("1 passed"));
    assert!(
        !root.join("target").exists(),
        "build output belongs into the cache"
    );
}

#[tokio::test]
async fn only_the_work_copy_is_writable() {
    let room = room().await;
    let result = room.shell("echo x > here.txt && echo x > /tmp/there && ! touch /usr/x 2>/dev/null && ! touch /etc/x 2>/dev/null && ! touch /x 2>/dev/null && ls /").await;
    assert!(
        result.status.succeeded(),
        "{}{}",
        text(&result.stdout),
        text(&result.stderr)
    );
    assert!(room.work().join("here.txt").exists());
    assert!(!Path::new("/tmp/there").exists());
}

#[tokio::test]
async fn the_home_folder_and_the_environment_are_not_visible() {
    let room = room().await;
    let home = std::env::home_dir().unwrap();
    let canary = home.join(format!(".tenon-canary-{}", std::process::id()));
    std::fs::write(&canary, "private").unwrap();
    let line = format!(
        "cat {} ; ls -A {} ; ls -A ~ ; env",
        canary.display(),
        home.display()
    );
    let result = room.shell(&line).await;
    std::fs::remove_file(&canary).unwrap();
    let seen = text(&result.stdout) + &text(&result.stderr);
    assert!(!seen.contains("private"), "{seen}");
    assert!(
        !seen.lines().any(|line| line == ".bashrc" || line == ".ssh"),
        "{seen}"
    );
    assert!(!seen.contains("CARGO_MANIFEST_DIR"), "{seen}");
}

#[tokio::test]
async fn there_is_no_network() {
    let room = room().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let code = format!(
        "import socket\nfor target in [('127.0.0.1', {port}), ('192.0.2.1', 80)]:\n    try:\n        socket.create_connection(target, 1)\n        print('connected')\n    except OSError as error:\n        print('refused')\nfor family in (socket.AF_NETLINK, socket.AF_PACKET):\n    try:\n        socket.socket(family, socket.SOCK_RAW)\n        print('opened')\n    except OSError:\n        print('refused')\n"
    );
    let result = room.python(&code).await;
    assert_eq!(
        text(&result.stdout),
        "refused\n".repeat(4),
        "{}",
        text(&result.stderr)
    );
}

#[tokio::test]
async fn a_fork_bomb_is_contained() {
    let room = room().await;
    let limits = Limits {
        time: Duration::from_secs(3),
        ..Limits::quick()
    };
    let code = "import os, time\nmade = 0\nwhile True:\n    try:\n        if os.fork() == 0:\n            time.sleep(60)\n        made += 1\n    except OSError:\n        print('stopped', made < 200, flush=True)\n        os._exit(3)\n";
    let result = room
        .limited(
            ExecutionCommand::Arguments(["python3", "-c", code].map(Into::into).to_vec()),
            limits,
        )
        .await;
    assert!(
        text(&result.stdout).contains("stopped True"),
        "{:?} {}",
        result.status,
        text(&result.stderr)
    );
}

#[tokio::test]
async fn nothing_survives_the_run() {
    let room = room().await;
    let marker = format!("tenon-survivor-{}", std::process::id());
    let code = format!(
        "import os, time\nfor _ in range(3):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n            os.execvp('python3', ['python3', '-c', 'import time; time.sleep(300)', '{marker}'])\n        os._exit(0)\ntime.sleep(0.3)\n"
    );
    let result = room.python(&code).await;
    assert!(result.status.succeeded(), "{}", text(&result.stderr));
    assert_none_survive(&marker);
}

#[tokio::test]
async fn dropping_the_run_kills_everything() {
    let room = room().await;
    let marker = format!("tenon-dropped-{}", std::process::id());
    let line = format!("touch started; python3 -c 'import time; time.sleep(300)' {marker} & wait");
    let execution = Execution::new(ExecutionCommand::Shell(line), &room.work());
    {
        let run = room.sandbox.run(execution);
        tokio::pin!(run);
        let started = room.work().join("started");
        let began = async {
            while !started.exists() || survivors(&marker) < 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! { _ = &mut run => panic!("it must not end by itself"), () = began => {} }
    }
    assert_none_survive(&marker);
}

#[tokio::test]
async fn dropping_the_run_at_any_moment_kills_everything() {
    let room = room().await;
    let marker = format!("tenon-early-{}", std::process::id());
    for moment in 0..60 {
        let line = format!("sh -c 'while true; do :; done' {marker}");
        let execution = Execution::new(ExecutionCommand::Shell(line), &room.work());
        let run = room.sandbox.run(execution);
        let dropped = tokio::time::timeout(Duration::from_micros(500 * moment), run).await;
        assert!(dropped.is_err(), "it must not end by itself");
    }
    assert_none_survive(&marker);
}

#[tokio::test]
async fn sleeping_for_ever_ends() {
    let room = room().await;
    let limits = Limits {
        time: Duration::from_millis(400),
        ..Limits::quick()
    };
    let result = room
        .limited(
            ExecutionCommand::Shell("trap '' TERM INT; sleep 600 & sleep 600".into()),
            limits,
        )
        .await;
    assert_eq!(result.status, ExecutionStatus::TimedOut);
}

#[tokio::test]
async fn killing_its_parent_and_everybody_reaches_nobody() {
    let room = room().await;
    let result = room
        .python("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(-1, signal.SIGKILL)\n")
        .await;
    assert!(!matches!(result.status, ExecutionStatus::TimedOut));
    assert!(room.shell("true").await.status.succeeded());
}

#[tokio::test]
async fn printing_without_end_is_stopped() {
    let room = room().await;
    let result = room.shell("yes tenon").await;
    assert_eq!(result.status, ExecutionStatus::OutputExceeded);
    assert!(result.stdout.len() < 1024 * 1024 && result.truncated);
}

#[tokio::test]
async fn a_memory_hog_is_stopped() {
    let room = room().await;
    let limits = Limits {
        memory_bytes: 128 * 1024 * 1024,
        ..Limits::quick()
    };
    let code = "held = []\nwhile True:\n    held.append(bytearray(8 * 1024 * 1024))\n";
    let result = room
        .limited(
            ExecutionCommand::Arguments(["python3", "-c", code].map(Into::into).to_vec()),
            limits,
        )
        .await;
    let stopped =
        result.status == ExecutionStatus::MemoryExceeded || text(&result.stderr).contains("MemoryError");
    assert!(stopped, "{:?} {}", result.status, text(&result.stderr));
}

#[tokio::test]
async fn filling_the_disk_is_stopped() {
    let room = room().await;
    let limits = Limits {
        time: Duration::from_secs(20),
        ..Limits::quick()
    };
    let one = room
        .limited(
            ExecutionCommand::Shell("dd if=/dev/zero of=big bs=1M count=200".into()),
            limits,
        )
        .await;
    assert!(!one.status.succeeded());
    assert!(std::fs::metadata(room.work().join("big")).is_ok_and(|file| file.len() <= 16 * 1024 * 1024));
    let many = "i=0; while :; do dd if=/dev/zero of=f$i bs=1M count=8 2>/dev/null; i=$((i+1)); done";
    let result = room.limited(ExecutionCommand::Shell(many.into()), limits).await;
    assert_eq!(result.status, ExecutionStatus::DiskExceeded);
    let temporary = room.shell("rm -f /workspace/f*; for i in 1 2 3 4 5 6; do dd if=/dev/zero of=/tmp/t$i bs=1M count=15 2>/dev/null; done; du -mx /tmp | tail -1").await;
    let used: u64 = text(&temporary.stdout)
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(used <= 65, "{used} MiB in /tmp");
}

#[tokio::test]
async fn tracing_and_mounting_are_refused() {
    let room = room().await;
    let code = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nfor call in (lambda: libc.ptrace(0, 0, 0, 0), lambda: libc.mount(b'none', b'/tmp', b'tmpfs', 0, None), lambda: libc.unshare(0x10000000)):\n    print(call(), ctypes.get_errno())\n";
    let result = room.python(code).await;
    assert_eq!(
        text(&result.stdout),
        "-1 1\n".repeat(3),
        "{}",
        text(&result.stderr)
    );
    let kernel = room
        .shell("echo 1 > /proc/sys/kernel/panic; ls /sys 2>/dev/null | wc -l")
        .await;
    assert_eq!(text(&kernel.stdout).trim(), "0");
}

#[tokio::test]
async fn without_bubblewrap_nothing_runs_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let request = |mode| SandboxRequest {
        mode,
        home: None,
        search_path: vec![folder.path().to_owned()],
        cache_directory: folder.path().join("cache"),
        extra_read_only: Vec::new(),
    };
    let error = Sandbox::detect(request(Isolation::Bubblewrap)).await.unwrap_err();
    assert!(
        matches!(&error, SandboxError::Unavailable { mend, .. } if mend.contains("apt-get install bubblewrap")),
        "{error}"
    );
    let bare = Sandbox::detect(request(Isolation::None)).await.unwrap();
    assert_eq!(bare.level().name, "none");
    assert!(!bare.level().missing.is_empty());
    let limits = Limits {
        time: Duration::from_millis(300),
        ..Limits::quick()
    };
    let execution = Execution {
        limits,
        ..Execution::new(ExecutionCommand::Shell("sleep 60".into()), folder.path())
    };
    assert_eq!(
        bare.run(execution).await.unwrap().status,
        ExecutionStatus::TimedOut
    );
}

#[tokio::test]
async fn a_work_copy_is_the_tree_as_it_is() {
    let tree = tempfile::tempdir().unwrap();
    let copies = tempfile::tempdir().unwrap();
    let root = tree.path();
    for folder in [".git", "src", "node_modules/left", "build"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    std::fs::write(root.join(".gitignore"), "build/\nnode_modules/\n").unwrap();
    for file in [
        "src/a.py",
        ".git/config",
        "node_modules/left/index.js",
        "build/out",
    ] {
        std::fs::write(root.join(file), file).unwrap();
    }
    std::os::unix::fs::symlink("src/a.py", root.join("inside")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.join("outside")).unwrap();
    std::os::unix::fs::symlink("..", root.join("loop")).unwrap();
    let huge = std::fs::File::create(root.join("huge.bin")).unwrap();
    huge.set_len(1 << 30).unwrap();
    let copy = WorkCopy::create(root, copies.path()).unwrap();
    let exists = |file: &str| copy.path().join(file).symlink_metadata().is_ok();
    assert!(exists("src/a.py") && exists("inside") && exists(".gitignore"));
    assert!(!exists(".git") && !exists("build") && !exists("outside") && !exists("loop"));
    assert_eq!(
        copy.mounts().len(),
        2,
        "the dependencies and the huge file are shown, not copied"
    );
    let path = copy.path().to_owned();
    drop(copy);
    assert!(!path.exists());
}
