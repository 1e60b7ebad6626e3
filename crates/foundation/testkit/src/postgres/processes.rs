//! What Linux says about processes.

use std::fs;

use rustix::process::Pid;

/// The processes that this one started.
pub(super) fn children(parent: Pid) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").expect("this is Linux");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let pids = names.filter_map(|name| Pid::from_raw(name.parse().ok()?));
    pids.filter(|pid| stat(*pid).is_some_and(|(_, of)| of == parent.as_raw_pid()))
        .collect()
}

/// Whether it was stopped, or is no more.
pub(super) fn stands_still(pid: Pid) -> bool {
    stat(pid).is_none_or(|(state, _)| matches!(state, 'T' | 'Z' | 'X'))
}

/// Whether it is no more; one that nobody waits for is gone, too.
pub(super) fn is_gone(pid: Pid) -> bool {
    stat(pid).is_none_or(|(state, _)| matches!(state, 'Z' | 'X'))
}

/// The state and the parent. The name before them may hold anything, so they are looked for behind its last bracket.
fn stat(pid: Pid) -> Option<(char, i32)> {
    let text = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
