use std::ffi::OsStr;
use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::ForgeError;
use crate::stop::Stop;

const TIME_LIMIT: Duration = Duration::from_secs(60);
const MAX_OUTPUT_BYTES: u64 = 64 * 1024 * 1024;
const MAX_MESSAGE_CHARACTERS: usize = 1000;
/// So long it may take to tidy up.
const GRACE: Duration = Duration::from_secs(1);
/// How soon it is noticed that somebody wants Git to stop.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// What the repository's own settings may not decide.
const OVERRIDES: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    // A split index would leave a shared part inside `.git`.
    "core.splitIndex=false",
    "core.untrackedCache=false",
    // Names that some file systems take for `.git` are refused everywhere.
    "core.protectNTFS=true",
    "core.protectHFS=true",
    "gc.auto=0",
    "maintenance.auto=false",
];

/// Variables that would point Git at another repository, change what arguments mean, or have programs started.
const REMOVED_VARIABLES: [&str; 30] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DEFAULT_HASH",
    "GIT_DIR",
    "GIT_EDITOR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_TRACE",
    "GIT_TRACE2",
    "GIT_TRACE2_EVENT",
    "GIT_TRACE2_PERF",
    "GIT_TRACE_PACK_ACCESS",
    "GIT_TRACE_PERFORMANCE",
    "GIT_TRACE_SETUP",
    "GIT_WORK_TREE",
];

/// The Git program. The person's own settings hold (name, address, trusted folders); the system's do not.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
    home: Option<PathBuf>,
    time_limit: Duration,
    stop: Stop,
    settings: Vec<String>,
}

impl Default for Git {
    /// `git` as the shell would find it.
    fn default() -> Self {
        Self::at("git")
    }
}

/// What one run of Git printed.
pub(crate) struct Output {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// One command, with what it needs beyond its arguments.
pub(crate) struct Invocation<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) arguments: &'a [&'a str],
    pub(crate) input: &'a [u8],
    pub(crate) variables: &'a [(&'a str, &'a OsStr)],
}

impl Git {
    /// This program.
    pub fn at(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            home: None,
            time_limit: TIME_LIMIT,
            stop: Stop::default(),
            settings: Vec::new(),
        }
    }

    /// Reads the person's settings below `home` instead of their home folder.
    #[must_use]
    pub fn with_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }

    /// Waits for each command at most this long, instead of a minute.
    #[must_use]
    pub fn with_time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }

    /// Ends each command, and everything that it started, as soon as this answers yes.
    #[must_use]
    pub fn with_stop(mut self, is_wanted_no_more: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.stop = Stop::new(is_wanted_no_more);
        self
    }

    /// Settings that hold for each command, before the person's own.
    pub(crate) fn with_settings(mut self, settings: Vec<String>) -> Self {
        self.settings = settings;
        self
    }

    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    pub(crate) fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, invocation: &Invocation<'_>) -> Result<Output, ForgeError> {
        let name = || {
            invocation
                .arguments
                .first()
                .copied()
                .unwrap_or_default()
                .to_owned()
        };
        let failed = |source| ForgeError::Start {
            command: name(),
            source,
        };
        // Asked first: a folder that is missing would look like a program that is missing.
        invocation.folder.metadata().map_err(failed)?;
        let mut child = self
            .command(invocation)
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => ForgeError::NotInstalled,
                _ => failed(error),
            })?;
        let deadline = Instant::now() + self.time_limit;
        match exchange(&mut child, invocation.input, deadline, &self.stop) {
            Ok(Exchanged::Whole(output)) => Ok(output),
            Ok(Exchanged::Late) => Err(ForgeError::TimedOut {
                command: name(),
                seconds: self.time_limit.as_secs(),
            }),
            Ok(Exchanged::Stopped) => Err(ForgeError::Stopped),
            Err(source) => Err(failed(source)),
        }
    }

    fn command(&self, invocation: &Invocation<'_>) -> Command {
        let mut command = Command::new(&self.program);
        for name in REMOVED_VARIABLES {
            command.env_remove(name);
        }
        // Messages are recognised by their English words.
        command.env("LC_ALL", "C").env_remove("LANGUAGE");
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0");
        command
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1");
        if let Some(home) = &self.home {
            command.env("HOME", home);
            command
                .env_remove("XDG_CONFIG_HOME")
                .env_remove("GIT_CONFIG_GLOBAL");
        }
        command.envs(invocation.variables.iter().copied());
        command
            .arg("--no-pager")
            .arg("--no-optional-locks")
            .arg("--literal-pathspecs");
        let settings = self.settings.iter().map(String::as_str);
        for setting in OVERRIDES.into_iter().chain(settings) {
            command.arg("-c").arg(setting);
        }
        command.args(invocation.arguments).current_dir(invocation.folder);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Its helpers are in the group, too, and are killed with it.
            .process_group(0);
        command
    }
}

impl Output {
    pub(crate) fn succeeded(&self) -> bool {
        self.status.success()
    }

    /// What was printed, if the command succeeded.
    pub(crate) fn into_stdout(self, command: &str) -> Result<Vec<u8>, ForgeError> {
        if self.succeeded() {
            return Ok(self.stdout);
        }
        Err(ForgeError::Failed {
            command: command.to_owned(),
            message: self.message(),
        })
    }

    /// What Git said about a failure.
    pub(crate) fn message(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let text = text
            .trim()
            .trim_start_matches("fatal: ")
            .trim_start_matches("error: ");
        if text.is_empty() {
            return self.status.to_string();
        }
        text.chars().take(MAX_MESSAGE_CHARACTERS).collect()
    }
}

/// How the exchange with a child ended.
enum Exchanged {
    Whole(Output),
    /// The deadline came first.
    Late,
    /// Nobody wants the answer any more.
    Stopped,
}

/// Feeds the child and reads it to its end, unless the deadline or a stop comes first: then it is ended with everything
/// that it started.
fn exchange(child: &mut Child, input: &[u8], deadline: Instant, stop: &Stop) -> io::Result<Exchanged> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("no pipe to the process"));
    };
    let input = input.to_vec();
    // The threads end with the pipes, which whatever leaves the group may keep open: they are not waited for.
    thread::spawn(move || {
        // A command that fails early closes the pipe; its own message says more than ours would.
        let _ = stdin.write_all(&input);
    });
    let stdout = reading(stdout);
    let stderr = reading(stderr);
    let mut wait = |receiver: &mpsc::Receiver<io::Result<Vec<u8>>>| {
        let read = next(receiver, deadline, stop);
        if read.is_err() {
            kill(child)?;
        }
        Ok::<_, io::Error>(read)
    };
    let stdout = match wait(&stdout)? {
        Ok(read) => read,
        Err(ended) => return Ok(ended),
    };
    let stderr = match wait(&stderr)? {
        Ok(read) => read,
        Err(ended) => return Ok(ended),
    };
    Ok(Exchanged::Whole(Output {
        status: child.wait()?,
        stdout: stdout?,
        stderr: stderr?,
    }))
}

/// What was read, unless the deadline or a stop came first.
fn next<T>(
    receiver: &mpsc::Receiver<io::Result<T>>,
    deadline: Instant,
    stop: &Stop,
) -> Result<io::Result<T>, Exchanged> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left.min(LOOK)) {
            Ok(read) => return Ok(read),
            Err(RecvTimeoutError::Disconnected) => {
                return Ok(Err(io::Error::other("a reading thread failed")));
            }
            Err(RecvTimeoutError::Timeout) if stop.is_asked() => return Err(Exchanged::Stopped),
            Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(Exchanged::Late),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn kill(child: &mut Child) -> io::Result<()> {
    // It is the first of its group, and is buried only below: until then the number is its own.
    let group = Pid::from_child(child);
    // Git removes its locks when it is asked to end, and only then.
    let _ = kill_process_group(group, Signal::TERM);
    let grace = Instant::now() + GRACE;
    let looking = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    while Instant::now() < grace && matches!(waitid(WaitId::Pid(group), looking), Ok(None)) {
        thread::sleep(Duration::from_millis(5));
    }
    let _ = kill_process_group(group, Signal::KILL);
    child.kill()?;
    child.wait().map(drop)
}

fn reading(from: impl Read + Send + 'static) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // Nobody waits any more when the deadline has passed.
        let _ = sender.send(read(from));
    });
    receiver
}

fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_OUTPUT_BYTES {
        return Err(io::Error::other(format!(
            "it printed more than {MAX_OUTPUT_BYTES} bytes"
        )));
    }
    Ok(bytes)
}
