//! Limits on a whole tree of processes through control groups, version 1 or 2, where they are writable.

use std::path::{Path, PathBuf};

use crate::ending::kill_members;
use crate::execution::Limits;

/// A place where groups can be made.
#[derive(Debug, Clone)]
pub(crate) enum CgroupRoot {
    /// One hierarchy for all controllers.
    Unified(PathBuf),
    /// A hierarchy for each controller.
    Legacy {
        /// Of the memory controller.
        memory: PathBuf,
        /// Of the processes controller, if it is writable.
        processes: Option<PathBuf>,
    },
}

/// A group for one run; removed when dropped.
#[derive(Debug)]
pub(crate) struct Cgroup {
    folders: Vec<PathBuf>,
    memory: PathBuf,
}

impl CgroupRoot {
    /// Finds a place by making a group there.
    pub fn find() -> Option<Self> {
        let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
        let folder = |controller: &str| {
            let line = own.lines().find(|line| {
                line.split(':')
                    .nth(1)
                    .is_some_and(|names| names.split(',').any(|name| name == controller))
            })?;
            line.splitn(3, ':')
                .nth(2)
                .map(|path| path.trim_start_matches('/').to_owned())
        };
        let below = |base: &str, controller: &str| {
            // Inside a container the path of the host may not exist: then the root of the mount is ours.
            let base = Path::new(base);
            [
                folder(controller).map(|path| base.join(path)),
                Some(base.to_owned()),
            ]
            .into_iter()
            .flatten()
            .find(|path| is_writable(path))
        };
        if let Some(memory) = below("/sys/fs/cgroup/memory", "memory") {
            return Some(Self::Legacy {
                memory,
                processes: below("/sys/fs/cgroup/pids", "pids"),
            });
        }
        let unified = below("/sys/fs/cgroup", "")?;
        let controllers = std::fs::read_to_string(unified.join("cgroup.subtree_control")).unwrap_or_default();
        let has = |name| {
            controllers
                .split_whitespace()
                .any(|controller| controller == name)
        };
        (has("memory") && has("pids")).then_some(Self::Unified(unified))
    }

    /// Makes a group with the limits of a run.
    pub fn create(&self, name: &str, limits: &Limits) -> std::io::Result<Cgroup> {
        let write = |path: PathBuf, value: String| std::fs::write(path, value);
        match self {
            Self::Unified(root) => {
                let folder = root.join(name);
                std::fs::create_dir(&folder)?;
                let group = Cgroup {
                    memory: folder.clone(),
                    folders: vec![folder.clone()],
                };
                write(folder.join("memory.max"), limits.memory_bytes.to_string())?;
                let _ = write(folder.join("memory.swap.max"), "0".to_owned());
                write(folder.join("pids.max"), limits.processes.to_string())?;
                Ok(group)
            }
            Self::Legacy { memory, processes } => {
                let folder = memory.join(name);
                std::fs::create_dir(&folder)?;
                let mut group = Cgroup {
                    memory: folder.clone(),
                    folders: vec![folder.clone()],
                };
                write(
                    folder.join("memory.limit_in_bytes"),
                    limits.memory_bytes.to_string(),
                )?;
                if let Some(processes) = processes {
                    let folder = processes.join(name);
                    std::fs::create_dir(&folder)?;
                    group.folders.push(folder.clone());
                    write(folder.join("pids.max"), limits.processes.to_string())?;
                }
                Ok(group)
            }
        }
    }
}

fn is_writable(folder: &Path) -> bool {
    let probe = folder.join(format!("tenon-probe-{}", std::process::id()));
    let made = std::fs::create_dir(&probe).is_ok();
    let _ = std::fs::remove_dir(&probe);
    made
}

impl Cgroup {
    /// The files that a process writes its number to in order to join.
    pub fn doors(&self) -> Vec<PathBuf> {
        self.folders
            .iter()
            .map(|folder| folder.join("cgroup.procs"))
            .collect()
    }

    /// Whether the kernel killed a process of the group for its memory.
    pub fn ran_out_of_memory(&self) -> bool {
        let count = |file: &str, key: &str| {
            let text = std::fs::read_to_string(self.memory.join(file)).unwrap_or_default();
            text.lines().any(|line| {
                line.split_once(' ').is_some_and(|(name, value)| {
                    name == key && value.trim().parse().is_ok_and(|count: u64| count > 0)
                })
            })
        };
        count("memory.events", "oom_kill") || count("memory.oom_control", "oom_kill")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for folder in &self.folders {
            // Killed processes leave a moment after the kill; a group that cannot go yet is tried a few times.
            for _ in 0..50 {
                if std::fs::remove_dir(folder).is_ok() || !folder.exists() {
                    break;
                }
                kill_members(folder);
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        }
    }
}
