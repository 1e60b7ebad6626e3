//! What the work copy must look like, so that code which ran in it leaves nothing for what runs next: no files, no
//! altered tests, no links.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tenon_domain::{ChangeSet, FileChange};
use tenon_sandbox::WorkCopy;

/// What a file or folder of the work copy cannot be put back for.
#[derive(Debug, thiserror::Error)]
#[error("cannot put `{}` of the work copy back as it was: {source}", path.display())]
pub(super) struct NotPutBack {
    path: PathBuf,
    source: io::Error,
}

/// What a program did to files that it found, and what it left behind; all of it is undone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Disturbance {
    /// Files that it wrote to, replaced or removed.
    pub(super) altered: Vec<PathBuf>,
    /// Files and folders that were not there.
    pub(super) left: Vec<PathBuf>,
}

/// The state of a work copy at a moment when all was well.
#[derive(Debug)]
pub(super) struct Ledger {
    entries: HashMap<PathBuf, Entry>,
    /// When the copy was begun: what was edited in the original later may not be what was copied.
    since: Moment,
}

/// What is at a path. A program cannot set the inode's change time, so it shows every write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Folder,
    Other {
        length: u64,
        inode: u64,
        changed: Moment,
    },
}

/// Seconds and nanoseconds of a change time.
type Moment = (i64, i64);

impl Ledger {
    /// Takes down the tree of `copy`. Costs less than making the copy did, so its size is not bounded here.
    pub(super) fn open(copy: &Path) -> Result<Self, NotPutBack> {
        let mut ledger = Self {
            entries: HashMap::new(),
            since: (i64::MAX, 0),
        };
        let mut pending = vec![PathBuf::new()];
        while let Some(folder) = pending.pop() {
            for (path, metadata) in inside(copy, &folder)? {
                if metadata.is_dir() {
                    pending.push(path.clone());
                }
                ledger.since = ledger.since.min(moment(&metadata));
                ledger.entries.insert(path, Entry::of(&metadata));
            }
        }
        Ok(ledger)
    }

    /// Takes down again what a change has just written or taken back.
    pub(super) fn restamp(&mut self, copy: &Path, change: &ChangeSet) {
        let paths = change
            .files
            .iter()
            .flat_map(|file| [Some(&file.path), file.renamed_from.as_ref()]);
        for path in paths.flatten() {
            // A change may bring folders or take the last file out of them.
            let mut relative = PathBuf::new();
            for part in path.as_str().split('/') {
                relative.push(part);
                match std::fs::symlink_metadata(copy.join(&relative)) {
                    Ok(metadata) => self.entries.insert(relative.clone(), Entry::of(&metadata)),
                    Err(_) => self.entries.remove(&relative),
                };
            }
        }
    }

    /// Puts right what a program did to the tree. What `change` has put there comes from the change, the rest from
    /// `original`, the tree that was copied.
    ///
    /// # Errors
    /// When something cannot be put back; the tree is then not to be used.
    pub(super) fn tidy(
        &mut self,
        copy: &WorkCopy,
        original: &Path,
        change: Option<&ChangeSet>,
    ) -> Result<Disturbance, NotPutBack> {
        let (left, unharmed) = self.sweep(copy.path())?;
        if left.is_empty() && unharmed == self.entries.len() {
            return Ok(Disturbance::default());
        }
        let mut lost: Vec<(PathBuf, Entry)> = Vec::new();
        for (path, entry) in &self.entries {
            let now = std::fs::symlink_metadata(copy.path().join(path));
            if now.map_or(true, |now| Entry::of(&now) != *entry) {
                lost.push((path.clone(), *entry));
            }
        }
        // Parents come before what they hold, and are real folders by the time that is written.
        lost.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut disturbance = Disturbance {
            altered: Vec::new(),
            left: left
                .into_iter()
                .filter(|path| !self.entries.contains_key(path))
                .collect(),
        };
        for (path, entry) in lost {
            let target = copy.path().join(&path);
            let restored = self
                .restore(copy, original, change, &path, entry)
                .and_then(|()| std::fs::symlink_metadata(&target));
            match restored {
                Ok(metadata) => self.entries.insert(path.clone(), Entry::of(&metadata)),
                Err(source) => return Err(NotPutBack { path, source }),
            };
            if entry != Entry::Folder {
                disturbance.altered.push(path);
            }
        }
        Ok(disturbance)
    }

    /// Removes whatever is not as it was; gives its paths, and the number of entries that are as they were.
    fn sweep(&self, copy: &Path) -> Result<(Vec<PathBuf>, usize), NotPutBack> {
        let mut removed = Vec::new();
        let mut unharmed = 0;
        // Only folders that belong here are entered, however much a program has written into its own.
        let mut pending = vec![PathBuf::new()];
        while let Some(folder) = pending.pop() {
            for (path, metadata) in inside(copy, &folder)? {
                if self.entries.get(&path) == Some(&Entry::of(&metadata)) {
                    unharmed += 1;
                    if metadata.is_dir() {
                        pending.push(path);
                    }
                    continue;
                }
                if let Err(source) = remove(&copy.join(&path), &metadata) {
                    return Err(NotPutBack { path, source });
                }
                removed.push(path);
            }
        }
        Ok((removed, unharmed))
    }

    fn restore(
        &self,
        copy: &WorkCopy,
        original: &Path,
        change: Option<&ChangeSet>,
        path: &Path,
        entry: Entry,
    ) -> io::Result<()> {
        let target = copy.path().join(path);
        if entry == Entry::Folder {
            return std::fs::create_dir(&target);
        }
        if copy.mounts().iter().any(|(_, place)| place == path) {
            // It only holds the place of something that is shown there.
            return std::fs::File::create_new(&target).map(drop);
        }
        let changed = change.and_then(|change| {
            change
                .files
                .iter()
                .find(|file| Path::new(file.path.as_str()) == path)
        });
        if let Some((file, text)) = changed.and_then(|file| Some((file, file.after.as_deref()?))) {
            std::fs::write(&target, text)?;
            return restore_mode(&target, original, file);
        }
        let source = original.join(path);
        let metadata = std::fs::symlink_metadata(&source)?;
        if moment(&metadata) > self.since {
            return Err(io::Error::other(
                "the original was edited meanwhile: generate the change again",
            ));
        }
        if metadata.is_symlink() {
            return std::os::unix::fs::symlink(std::fs::read_link(&source)?, &target);
        }
        std::fs::copy(&source, &target).map(drop)
    }
}

impl Entry {
    fn of(metadata: &Metadata) -> Self {
        if metadata.is_dir() {
            return Self::Folder;
        }
        Self::Other {
            length: metadata.len(),
            inode: metadata.ino(),
            changed: moment(metadata),
        }
    }
}

fn moment(metadata: &Metadata) -> Moment {
    (metadata.ctime(), metadata.ctime_nsec())
}

/// What is in a folder, as it is itself: links are not followed.
fn inside(root: &Path, folder: &Path) -> Result<Vec<(PathBuf, Metadata)>, NotPutBack> {
    let read = || {
        let place = root.join(folder);
        let mode = std::fs::symlink_metadata(&place)?.permissions().mode();
        if mode & OWN_FOLDER != OWN_FOLDER {
            // A program has locked it.
            std::fs::set_permissions(&place, Permissions::from_mode(mode | OWN_FOLDER))?;
        }
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&place)? {
            let entry = entry?;
            entries.push((folder.join(entry.file_name()), entry.metadata()?));
        }
        Ok(entries)
    };
    read().map_err(|source| NotPutBack {
        path: folder.to_owned(),
        source,
    })
}

/// Its owner may read, write and enter it.
const OWN_FOLDER: u32 = 0o700;

fn remove(path: &Path, metadata: &Metadata) -> io::Result<()> {
    if !metadata.is_dir() {
        return std::fs::remove_file(path);
    }
    if std::fs::remove_dir_all(path).is_ok() {
        return Ok(());
    }
    unlock(path)?;
    std::fs::remove_dir_all(path)
}

/// Opens a folder that cannot be removed because a program locked it or one inside it.
fn unlock(root: &Path) -> io::Result<()> {
    let mut pending = vec![root.to_owned()];
    while let Some(folder) = pending.pop() {
        std::fs::set_permissions(&folder, Permissions::from_mode(OWN_FOLDER))?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.metadata()?.is_dir() {
                pending.push(entry.path());
            }
        }
    }
    Ok(())
}

/// A change keeps the mode of the file that it was made for.
fn restore_mode(target: &Path, original: &Path, file: &FileChange) -> io::Result<()> {
    let source = original.join(file.renamed_from.as_ref().unwrap_or(&file.path).as_str());
    match std::fs::symlink_metadata(source) {
        Ok(metadata) if metadata.is_file() => std::fs::set_permissions(target, metadata.permissions()),
        _ => Ok(()),
    }
}
