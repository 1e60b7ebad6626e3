use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::ForgeError;

const TIME_LIMIT: Duration = Duration::from_secs(60);
const MAX_OUTPUT_BYTES: u64 = 64 * 1024 * 1024;
const MAX_MESSAGE_CHARACTERS: usize = 1000;

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

/// The Git program, started without the caller's environment.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
    search_path: OsString,
    home: Option<PathBuf>,
    time_limit: Duration,
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
    /// Finds Git in one of the absolute folders of `search_path`.
    ///
    /// `home` is where the person's own Git settings are: their name, address and trusted folders.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(search_path: &[PathBuf], home: Option<&Path>) -> Result<Self, ForgeError> {
        let absolute: Vec<&PathBuf> = search_path.iter().filter(|folder| folder.is_absolute()).collect();
        let program = absolute
            .iter()
            .map(|folder| folder.join("git"))
            .find(|path| path.is_file());
        Ok(Self {
            program: program.ok_or(ForgeError::NotInstalled)?,
            search_path: std::env::join_paths(absolute).map_err(|_| ForgeError::NotInstalled)?,
            home: home.map(Path::to_owned),
            time_limit: TIME_LIMIT,
        })
    }

    /// Waits for each command at most this long, instead of a minute.
    #[must_use]
    pub fn with_time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
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
        let mut child = self.command(invocation).spawn().map_err(failed)?;
        let output = exchange(&mut child, invocation.input, Instant::now() + self.time_limit);
        match output {
            Ok(Some(output)) => Ok(output),
            Ok(None) => Err(ForgeError::TimedOut {
                command: name(),
                seconds: self.time_limit.as_secs(),
            }),
            Err(source) => Err(failed(source)),
        }
    }

    fn command(&self, invocation: &Invocation<'_>) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear();
        command.env("PATH", &self.search_path).env("LC_ALL", "C");
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0");
        command
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1");
        match &self.home {
            Some(home) => command.env("HOME", home),
            None => command.env("GIT_CONFIG_GLOBAL", "/dev/null"),
        };
        command.envs(invocation.variables.iter().copied());
        command
            .arg("--no-pager")
            .arg("--no-optional-locks")
            .arg("--literal-pathspecs");
        for setting in OVERRIDES {
            command.arg("-c").arg(setting);
        }
        command.args(invocation.arguments).current_dir(invocation.folder);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
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

/// Feeds the child and reads it to its end; `None` when the deadline came first and the child was killed.
fn exchange(child: &mut Child, input: &[u8], deadline: Instant) -> io::Result<Option<Output>> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("no pipe to the process"));
    };
    thread::scope(|scope| {
        scope.spawn(move || {
            // A command that fails early closes the pipe; its own message says more than ours would.
            let _ = stdin.write_all(input);
        });
        let (sender, receiver) = mpsc::channel();
        let finished = sender.clone();
        let stdout = scope.spawn(move || read(stdout, &sender));
        let stderr = scope.spawn(move || read(stderr, &finished));
        for _ in 0..2 {
            let left = deadline.saturating_duration_since(Instant::now());
            if receiver.recv_timeout(left).is_err() {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
        }
        let status = child.wait()?;
        let joined = |_| io::Error::other("a reading thread failed");
        Ok(Some(Output {
            status,
            stdout: stdout.join().map_err(joined)??,
            stderr: stderr.join().map_err(joined)??,
        }))
    })
}

fn read(from: impl Read, finished: &mpsc::Sender<()>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut bytes);
    // Nobody waits any more when the deadline has passed.
    let _ = finished.send(());
    if read? as u64 > MAX_OUTPUT_BYTES {
        return Err(io::Error::other(format!(
            "it printed more than {MAX_OUTPUT_BYTES} bytes"
        )));
    }
    Ok(bytes)
}
