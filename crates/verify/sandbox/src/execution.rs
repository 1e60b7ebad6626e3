use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One program to run.
#[derive(Debug, Clone)]
pub struct Execution {
    /// What runs.
    pub program: ExecutionCommand,
    /// The folder that the program may write to; it appears at [`WORKSPACE`](crate::WORKSPACE).
    pub work_copy: PathBuf,
    /// Where in the work copy it starts.
    pub folder: PathBuf,
    /// Variables beyond the few that every program gets.
    pub environment: Vec<(String, String)>,
    /// What it reads from standard input; nothing if `None`.
    pub stdin: Option<Vec<u8>>,
    /// What it may use.
    pub limits: Limits,
    /// A folder of Tenon's own that is writable at the same place, for build caches.
    pub writable_cache: Option<PathBuf>,
    /// Folders or files shown read-only: where they are, and their place relative to the work copy.
    pub read_only: Vec<(PathBuf, PathBuf)>,
}

/// What runs.
#[derive(Debug, Clone)]
pub enum ExecutionCommand {
    /// A program and its arguments, found on the inner `PATH`.
    Arguments(Vec<OsString>),
    /// A line for `sh -c`.
    Shell(String),
}

/// What a program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time.
    pub time: Duration,
    /// Memory of all its processes together (of each, where no control group can be had).
    pub memory_bytes: u64,
    /// Processes and threads.
    pub processes: u32,
    /// The largest file it may write.
    pub file_size_bytes: u64,
    /// What it may add to the work copy, and what its `/tmp` holds.
    pub disk_bytes: u64,
    /// Standard output and error together.
    pub output_bytes: u64,
}

const MIB: u64 = 1024 * 1024;

impl Limits {
    /// For one function on a few inputs: 5 s, 512 MiB.
    pub const fn quick() -> Self {
        Self {
            time: Duration::from_secs(5),
            memory_bytes: 512 * MIB,
            processes: 64,
            file_size_bytes: 16 * MIB,
            disk_bytes: 64 * MIB,
            output_bytes: MIB,
        }
    }

    /// For a project's tests: 60 s, 2 GiB.
    pub const fn tests() -> Self {
        Self {
            time: Duration::from_secs(60),
            memory_bytes: 2048 * MIB,
            processes: 256,
            file_size_bytes: 256 * MIB,
            disk_bytes: 1024 * MIB,
            output_bytes: 4 * MIB,
        }
    }

    /// For compilers and build tools: 180 s, 4 GiB.
    pub const fn build() -> Self {
        Self {
            time: Duration::from_secs(180),
            memory_bytes: 4096 * MIB,
            processes: 512,
            file_size_bytes: 1024 * MIB,
            disk_bytes: 4096 * MIB,
            output_bytes: 8 * MIB,
        }
    }
}

impl Execution {
    /// A program in a work copy, with the limits for tests.
    pub fn new(program: ExecutionCommand, work_copy: &Path) -> Self {
        Self {
            program,
            work_copy: work_copy.to_owned(),
            folder: PathBuf::new(),
            environment: Vec::new(),
            stdin: None,
            limits: Limits::tests(),
            writable_cache: None,
            read_only: Vec::new(),
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionStatus {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It was killed when its time was up.
    TimedOut,
    /// It was killed for its memory.
    MemoryExceeded,
    /// It was killed for what it printed.
    OutputExceeded,
    /// It was killed for what it wrote.
    DiskExceeded,
}

impl ExecutionStatus {
    /// Whether the program ended by itself and said that all is well.
    pub fn succeeded(self) -> bool {
        self == Self::Exited(0)
    }
}

impl std::fmt::Display for ExecutionStatus {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(code) => write!(formatter, "exit code {code}"),
            Self::Signalled(signal) => write!(formatter, "killed by signal {signal}"),
            Self::TimedOut => formatter.write_str("stopped when its time was up"),
            Self::MemoryExceeded => formatter.write_str("stopped for using too much memory"),
            Self::OutputExceeded => formatter.write_str("stopped for printing too much"),
            Self::DiskExceeded => formatter.write_str("stopped for writing too much"),
        }
    }
}

/// What a program did.
#[derive(Debug, Clone)]
pub struct ExecutionResult {
    /// How it ended.
    pub status: ExecutionStatus,
    /// The end of its standard output.
    pub stdout: Vec<u8>,
    /// The end of its standard error.
    pub stderr: Vec<u8>,
    /// Whether the beginning of its output was thrown away.
    pub truncated: bool,
    /// How long it ran.
    pub duration: Duration,
}
