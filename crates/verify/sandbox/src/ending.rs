//! Ends a run with everything it started.
//!
//! bubblewrap asks the kernel to die with its parent, but only once it is set up: whoever kills it in its first
//! milliseconds leaves its child alone in a new namespace, and the program starts after all. So its child is killed
//! with it; and what is in the control group is killed when the group goes.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Child;

/// Kills the child when the run ends for whatever reason.
pub(crate) struct KillOnDrop {
    /// bubblewrap, or the program itself.
    pub child: Child,
    /// Without isolation the whole process group is killed.
    pub group: bool,
}

impl KillOnDrop {
    /// Kills what still runs.
    pub fn kill(&mut self) {
        if let Some(id) = self.child.id().and_then(pid) {
            if self.group {
                let _ = kill_process_group(id, Signal::KILL);
            } else {
                kill_children(id);
            }
        }
        let _ = self.child.start_kill();
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kills the children of a process that starts no others meanwhile, because it is stopped.
fn kill_children(parent: Pid) {
    const MOST_LOOKS: usize = 500;
    if kill_process(parent, Signal::STOP).is_err() {
        return;
    }
    let folder = format!("/proc/{}", parent.as_raw_nonzero());
    let state = || {
        let stat = std::fs::read_to_string(format!("{folder}/stat")).unwrap_or_default();
        // The state stands behind the name, which may hold anything.
        stat.rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next())
            .unwrap_or('X')
    };
    for _ in 0..MOST_LOOKS {
        if matches!(state(), 'T' | 't' | 'X' | 'Z') {
            break;
        }
        std::thread::sleep(std::time::Duration::from_micros(100));
    }
    let thread = parent.as_raw_nonzero();
    let children = std::fs::read_to_string(format!("{folder}/task/{thread}/children")).unwrap_or_default();
    for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
        if let Some(child) = pid(child) {
            let _ = kill_process(child, Signal::KILL);
        }
    }
}

/// Kills every process that a control group holds.
pub(crate) fn kill_members(group: &Path) {
    let members = std::fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    for member in members.lines().filter_map(|member| member.parse().ok()) {
        if let Some(member) = pid(member) {
            let _ = kill_process(member, Signal::KILL);
        }
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}
