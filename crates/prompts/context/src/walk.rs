//! Which files of a repository are read.

use std::path::Path;
use std::time::UNIX_EPOCH;

use ignore::WalkBuilder;
use tenon_domain::RepoPath;

/// Files beyond this size are listed, not read.
pub(crate) const LARGEST_READ: u64 = 1024 * 1024;
/// The most files of one repository.
pub(crate) const MOST_FILES: usize = 50_000;

/// A file as the walk sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub path: RepoPath,
    pub size: u64,
    /// Nanoseconds since 1970.
    pub modified: u64,
}

/// All files that Git would not ignore, links not followed, sorted; `true` when there were more than are kept.
pub(crate) fn walk(root: &Path) -> (Vec<Seen>, bool) {
    let walk = WalkBuilder::new(root)
        .hidden(true)
        .git_global(false)
        .require_git(false)
        .parents(false)
        .follow_links(false)
        .build();
    let mut seen = Vec::new();
    for entry in walk.flatten() {
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let relative = entry.path().strip_prefix(root).ok().and_then(Path::to_str);
        let Some(path) = relative.and_then(|text| RepoPath::parse(text).ok()) else {
            continue;
        };
        let Ok(metadata) = entry.metadata() else { continue };
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        seen.push(Seen {
            path,
            size: metadata.len(),
            modified,
        });
        if seen.len() > MOST_FILES {
            seen.pop();
            return (seen, true);
        }
    }
    seen.sort_by(|one, other| one.path.cmp(&other.path));
    (seen, false)
}
