//! Runs one execution and watches it.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use crate::ending::KillOnDrop;
use crate::execution::{Execution, ExecutionResult, ExecutionStatus};
use crate::space::used_bytes;
use crate::{Isolation, Sandbox, SandboxError};

/// How much of each stream is kept: its end.
const KEPT_BYTES: usize = 256 * 1024;
/// How often the disk is looked at.
const DISK_INTERVAL: Duration = Duration::from_millis(200);
/// How long a killed program's pipes may stay open.
const GRACE: Duration = Duration::from_secs(2);

static COUNTER: AtomicU64 = AtomicU64::new(0);

impl Sandbox {
    /// Runs a program to its end or to one of its limits. Dropping the future kills everything it started.
    ///
    /// # Errors
    /// When the program cannot be started at all. A program that fails is a result.
    pub async fn run(&self, execution: Execution) -> Result<ExecutionResult, SandboxError> {
        let failed = |what: &str, error: std::io::Error| SandboxError::Failed {
            reason: format!("{what}: {error}"),
        };
        let begun = Instant::now();
        if let Some(cache) = &execution.writable_cache {
            std::fs::create_dir_all(cache).map_err(|error| failed("cannot make the build cache", error))?;
        }
        let name = format!(
            "tenon-{}-{}",
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        );
        let cgroup = self
            .cgroup
            .as_ref()
            .map(|root| root.create(&name, &execution.limits))
            .transpose();
        let cgroup = cgroup.map_err(|error| failed("cannot make a control group", error))?;
        let mut command = self.command(&execution, cgroup.as_ref());
        command.stdin(if execution.stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let child = command
            .spawn()
            .map_err(|error| failed("cannot start the sandbox", error))?;
        let mut guard = KillOnDrop {
            child,
            group: self.mode == Isolation::None,
        };
        let child = &mut guard.child;
        if let (Some(input), Some(mut stdin)) = (execution.stdin.clone(), child.stdin.take()) {
            // A program that does not read its input is not an error.
            let feed = async move {
                let _ = stdin.write_all(&input).await;
            };
            tokio::select! { () = feed => {} () = tokio::time::sleep(execution.limits.time) => {} }
        }
        let printed = AtomicU64::new(0);
        let limit = execution.limits.output_bytes;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut output = (Tail::default(), Tail::default());
        let baseline = used_bytes(&execution.work_copy);
        let ended = {
            let both = async {
                tokio::join!(
                    output.0.drain(stdout, &printed, limit),
                    output.1.drain(stderr, &printed, limit)
                )
            };
            tokio::pin!(both);
            let deadline = tokio::time::sleep(execution.limits.time);
            tokio::pin!(deadline);
            let disk = watch_disk(
                execution.work_copy.clone(),
                baseline.saturating_add(execution.limits.disk_bytes),
            );
            tokio::pin!(disk);
            tokio::select! {
                (first, second) = &mut both => {
                    if first && second { None } else { Some(ExecutionStatus::OutputExceeded) }
                }
                () = &mut deadline => Some(ExecutionStatus::TimedOut),
                () = &mut disk => Some(ExecutionStatus::DiskExceeded),
            }
        };
        let status = match ended {
            Some(status) => {
                guard.kill();
                let _ = tokio::time::timeout(GRACE, guard.child.wait()).await;
                status
            }
            None => {
                let left = execution.limits.time.saturating_sub(begun.elapsed());
                match tokio::time::timeout(left.max(Duration::from_millis(100)), guard.child.wait()).await {
                    Ok(Ok(status)) => read_status(status),
                    Ok(Err(error)) => return Err(failed("cannot wait for the program", error)),
                    Err(_) => {
                        guard.kill();
                        ExecutionStatus::TimedOut
                    }
                }
            }
        };
        let out_of_memory = cgroup
            .as_ref()
            .is_some_and(crate::cgroup::Cgroup::ran_out_of_memory);
        let status = if out_of_memory && !status.succeeded() {
            ExecutionStatus::MemoryExceeded
        } else {
            status
        };
        let truncated = output.0.truncated || output.1.truncated;
        Ok(ExecutionResult {
            status,
            stdout: output.0.bytes,
            stderr: output.1.bytes,
            truncated,
            duration: begun.elapsed(),
        })
    }
}

/// bubblewrap reports a signal of the program as 128 and the signal's number, as shells do.
fn read_status(status: std::process::ExitStatus) -> ExecutionStatus {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) if (129..=159).contains(&code) => ExecutionStatus::Signalled(code - 128),
        (Some(code), _) => ExecutionStatus::Exited(code),
        (None, signal) => ExecutionStatus::Signalled(signal.unwrap_or(0)),
    }
}

async fn watch_disk(folder: PathBuf, limit: u64) {
    loop {
        tokio::time::sleep(DISK_INTERVAL).await;
        let folder = folder.clone();
        let used = tokio::task::spawn_blocking(move || used_bytes(&folder))
            .await
            .unwrap_or(0);
        if used > limit {
            return;
        }
    }
}

/// The end of a stream.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
    truncated: bool,
}

impl Tail {
    /// Reads to the end; `false` when both streams together printed more than `limit`.
    async fn drain(
        &mut self,
        stream: Option<impl AsyncRead + Unpin>,
        printed: &AtomicU64,
        limit: u64,
    ) -> bool {
        let Some(mut stream) = stream else { return true };
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let Ok(read) = stream.read(&mut buffer).await else {
                return true;
            };
            if read == 0 {
                return true;
            }
            self.bytes
                .extend_from_slice(buffer.get(..read).unwrap_or_default());
            if self.bytes.len() > 2 * KEPT_BYTES {
                self.bytes.drain(..self.bytes.len() - KEPT_BYTES);
                self.truncated = true;
            }
            if printed.fetch_add(read as u64, Ordering::Relaxed) + read as u64 > limit {
                return false;
            }
        }
    }
}
