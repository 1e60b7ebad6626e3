//! The room where unverified code runs: no network, a read-only system, one writable place, bounded time, memory,
//! processes, files and output, and nothing that survives the run.
//!
//! ```text
//! run ─▶ sh (cgroup, file limits) ─▶ bwrap (namespaces, mounts, seccomp) ─▶ sh (process limit) ─▶ the program
//!   └─ dropping the future kills bwrap, and with its process namespace everything that the program started
//! ```
//!
//! Where bubblewrap cannot be used, [`Sandbox::detect`] fails; it never falls back to running bare. Only a request for
//! [`Isolation::None`], which a person must type, runs without isolation, and the level says so.

mod cgroup;
mod command;
mod ending;
mod execution;
mod running;
mod seccomp;
mod space;
mod toolchains;
mod work_copy;

pub use execution::{Execution, ExecutionCommand, ExecutionResult, ExecutionStatus, Limits};
pub use work_copy::{WorkCopy, WorkCopyError};

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tenon_domain::SandboxLevel;

use crate::cgroup::CgroupRoot;
use crate::toolchains::Toolchains;

/// The place of the work copy inside the sandbox.
pub const WORKSPACE: &str = "/workspace";

/// How executed code is isolated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Namespaces, seccomp and limits through bubblewrap.
    #[default]
    Bubblewrap,
    /// Nothing but limits on time and output: only when a person typed it.
    None,
}

/// What [`Sandbox::detect`] works with. The caller reads the environment; this room does not.
#[derive(Debug, Clone, Default)]
pub struct SandboxRequest {
    /// How to isolate.
    pub mode: Isolation,
    /// The person's home folder, where toolchains may lie.
    pub home: Option<PathBuf>,
    /// The folders of `PATH`.
    pub search_path: Vec<PathBuf>,
    /// Tenon's own cache folder; build caches go below it.
    pub cache_directory: PathBuf,
    /// Further folders to show read-only, at their own place.
    pub extra_read_only: Vec<PathBuf>,
}

/// A way to run code that nobody has verified.
#[derive(Debug)]
pub struct Sandbox {
    mode: Isolation,
    bwrap: PathBuf,
    toolchains: Toolchains,
    cache_directory: PathBuf,
    cgroup: Option<CgroupRoot>,
    filter: PathBuf,
    level: SandboxLevel,
}

/// Why code cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// There is no sandbox on this machine.
    #[error("no sandbox: {reason}; {mend}")]
    Unavailable {
        /// Why.
        reason: String,
        /// What to do about it.
        mend: String,
    },
    /// The program could not be started or watched.
    #[error("cannot run in the sandbox: {reason}")]
    Failed {
        /// Why.
        reason: String,
    },
}

impl Sandbox {
    /// Finds out what this machine offers, by trying it.
    ///
    /// # Errors
    /// When bubblewrap is missing or may not make namespaces, with the mend.
    pub async fn detect(request: SandboxRequest) -> Result<Self, SandboxError> {
        let toolchains = Toolchains::discover(
            request.home.as_deref(),
            &request.search_path,
            &request.extra_read_only,
        );
        let failed = |error: std::io::Error| SandboxError::Failed {
            reason: error.to_string(),
        };
        let folder = request.cache_directory.join("sandbox");
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let mut sandbox = Self {
            mode: request.mode,
            bwrap: PathBuf::new(),
            toolchains,
            cache_directory: request.cache_directory,
            cgroup: None,
            filter: folder.join(format!("filter-{}.bpf", env!("CARGO_PKG_VERSION"))),
            level: SandboxLevel {
                name: "none".to_owned(),
                guarantees: vec!["time".to_owned(), "output".to_owned()],
                missing: vec!["isolation was turned off by `--sandbox=none`".to_owned()],
            },
        };
        if request.mode == Isolation::None {
            return Ok(sandbox);
        }
        let bwrap =
            find_executable("bwrap", &request.search_path).ok_or_else(|| SandboxError::Unavailable {
                reason: "bubblewrap is not installed".to_owned(),
                mend: "install it with `apt-get install bubblewrap`".to_owned(),
            })?;
        sandbox.bwrap = bwrap;
        seccomp::write_filter(&sandbox.filter).map_err(|reason| SandboxError::Failed { reason })?;
        sandbox.cgroup = CgroupRoot::find();
        sandbox.level = level(sandbox.cgroup.as_ref());
        sandbox.probe(&folder).await?;
        Ok(sandbox)
    }

    async fn probe(&self, folder: &Path) -> Result<(), SandboxError> {
        let place = folder.join(format!("probe-{}", std::process::id()));
        std::fs::create_dir_all(&place).map_err(|error| SandboxError::Failed {
            reason: error.to_string(),
        })?;
        let execution = Execution::new(ExecutionCommand::Arguments(vec![OsString::from("true")]), &place);
        let result = self.run(execution).await;
        let _ = std::fs::remove_dir_all(&place);
        let result = result?;
        if result.status == ExecutionStatus::Exited(0) {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&result.stderr).trim().to_owned();
        Err(SandboxError::Unavailable {
            reason: format!("bubblewrap cannot start a program: {said}"),
            mend: "allow user namespaces (`sysctl kernel.unprivileged_userns_clone=1`, and on Ubuntu \
                   `sysctl kernel.apparmor_restrict_unprivileged_userns=0`), or run as root"
                .to_owned(),
        })
    }

    /// What holds for code that runs here.
    pub fn level(&self) -> &SandboxLevel {
        &self.level
    }

    /// The program that would be run under this name, if there is one.
    pub fn find_tool(&self, name: &str) -> Option<PathBuf> {
        find_executable(name, self.toolchains.search_path())
    }

    /// A folder of Tenon's own for build caches of a repository, kept between runs.
    pub fn build_cache(&self, key: &str) -> PathBuf {
        self.cache_directory.join("builds").join(key)
    }
}

fn level(cgroup: Option<&CgroupRoot>) -> SandboxLevel {
    let mut guarantees: Vec<String> = [
        "network",
        "filesystem",
        "seccomp",
        "time",
        "processes",
        "file size",
        "output",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut missing = Vec::new();
    match cgroup {
        Some(_) => guarantees.push("memory".to_owned()),
        None => {
            guarantees.push("memory of each process".to_owned());
            missing.push(
                "memory of all processes together: needs a writable control group, such as a systemd user session or root"
                    .to_owned(),
            );
        }
    }
    SandboxLevel {
        name: "bubblewrap".to_owned(),
        guarantees,
        missing,
    }
}

fn find_executable(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    folders.iter().map(|folder| folder.join(name)).find(|path| {
        std::fs::metadata(path)
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    })
}
