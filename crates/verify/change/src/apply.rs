//! A change, written to disk: inside the repository, all or nothing.
//!
//! Every step works on open folders and never follows a link, so that no name in a change, and no link in the
//! tree, can lead outside. New content is written beside its target and renamed over it.

mod folder;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use tenon_domain::{ChangeSet, FileChange, RepoPath};

use self::folder::{Folder, Place};

/// Why a change was not applied. Nothing has been changed, or what had been was put back.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The content on disk is no longer what the change was made for.
    #[error("`{path}` has changed since it was read: generate the change again")]
    Changed {
        /// The file.
        path: RepoPath,
    },
    /// The file to change is gone.
    #[error("`{path}` no longer exists: generate the change again")]
    Missing {
        /// The file.
        path: RepoPath,
    },
    /// The file to create is already there.
    #[error("`{path}` already exists: generate the change again")]
    Exists {
        /// The file.
        path: RepoPath,
    },
    /// A part of the path is a symbolic link.
    #[error(
        "`{path}` is, or lies behind, a symbolic link or something that is no folder; links are not followed"
    )]
    Link {
        /// The file.
        path: RepoPath,
    },
    /// The path is a folder, device or socket.
    #[error("`{path}` is not a regular file")]
    NotAFile {
        /// The file.
        path: RepoPath,
    },
    /// The change names a path twice.
    #[error("the change names `{path}` twice")]
    Duplicate {
        /// The path.
        path: RepoPath,
    },
    /// The system refused.
    #[error("cannot {doing} `{path}`: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// The file or folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A step failed and putting the earlier ones back failed as well.
    #[error("{cause}; and putting `{path}` back failed too: {source}")]
    NotRolledBack {
        /// Why the change was not applied.
        cause: Box<ApplyError>,
        /// The first file that could not be put back.
        path: RepoPath,
        /// What the system said.
        source: Box<ApplyError>,
    },
}

/// A change that is on disk.
#[derive(Debug)]
#[must_use = "keep it to revert the change, or drop it to keep the change"]
pub struct Applied {
    root: PathBuf,
    done: Vec<Done>,
    created_folders: Vec<RepoPath>,
}

/// A step that was taken, with what undoes it.
#[derive(Debug)]
struct Done {
    path: RepoPath,
    /// Content and mode to put back; `None` when the file was not there.
    before: Option<(String, Mode)>,
}

/// Applies `change` to the tree at `root`.
///
/// # Errors
/// When a path leads through a link, a file is not what the change was made for, or the system refuses. The tree
/// is then as it was.
pub fn apply(root: &Path, change: &ChangeSet) -> Result<Applied, ApplyError> {
    let base = Folder::root(root)?;
    refuse_duplicates(change)?;
    // Everything is looked at before anything is written.
    let mut modes = Vec::new();
    for file in &change.files {
        modes.push(inspect(&base, file)?);
    }
    let mut applied = Applied {
        root: root.to_owned(),
        done: Vec::new(),
        created_folders: Vec::new(),
    };
    match applied.write(&base, change, &modes) {
        Ok(()) => Ok(applied),
        Err(cause) => match applied.undo(&base) {
            Ok(()) => Err(cause),
            Err((path, source)) => Err(ApplyError::NotRolledBack {
                cause: Box::new(cause),
                path,
                source: Box::new(source),
            }),
        },
    }
}

impl Applied {
    /// Puts everything back as it was, whatever happened to the files meanwhile: for work copies.
    ///
    /// # Errors
    /// When the system refuses; the files before the one named are back.
    pub fn revert(mut self) -> Result<(), ApplyError> {
        let base = Folder::root(&self.root)?;
        self.undo(&base).map_err(|(_, error)| error)
    }

    fn write(&mut self, base: &Folder, change: &ChangeSet, modes: &[Option<Mode>]) -> Result<(), ApplyError> {
        // First all new content beside its targets, where a full disk hurts nobody; then the renames.
        let mut staged = Vec::new();
        let mut outcome = Ok(());
        for (file, mode) in change.files.iter().zip(modes) {
            let Some(after) = &file.after else {
                continue;
            };
            if file.renamed_from.is_none() && file.before.as_ref() == Some(after) {
                continue;
            }
            let place = base.place_creating(&file.path, &mut self.created_folders);
            match place.and_then(|place| Ok((place.stage(after, *mode)?, place))) {
                Ok((temporary, place)) => staged.push((file, *mode, temporary, place)),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        let mut waiting = staged.into_iter();
        if outcome.is_ok() {
            for (file, mode, temporary, place) in waiting.by_ref() {
                outcome = self.commit(base, file, mode, &temporary, &place);
                if outcome.is_err() {
                    place.discard(&temporary);
                    break;
                }
            }
        }
        for (_, _, temporary, place) in waiting {
            place.discard(&temporary);
        }
        outcome?;
        for (file, mode) in change.files.iter().zip(modes) {
            if file.after.is_none() {
                self.remove(base, &file.path, file.before.clone(), *mode)?;
            }
        }
        Ok(())
    }

    fn commit(
        &mut self,
        base: &Folder,
        file: &FileChange,
        mode: Option<Mode>,
        temporary: &str,
        place: &Place,
    ) -> Result<(), ApplyError> {
        let replaces = file.before.is_some() && file.renamed_from.is_none();
        if replaces {
            place.replace(temporary)?;
        } else {
            place.create(temporary)?;
        }
        self.done.push(Done {
            path: file.path.clone(),
            before: file.before.clone().filter(|_| replaces).zip(mode),
        });
        match &file.renamed_from {
            Some(from) => self.remove(base, from, file.before.clone(), mode),
            None => Ok(()),
        }
    }

    fn remove(
        &mut self,
        base: &Folder,
        path: &RepoPath,
        before: Option<String>,
        mode: Option<Mode>,
    ) -> Result<(), ApplyError> {
        base.place(path)?.remove()?;
        self.done.push(Done {
            path: path.clone(),
            before: before.zip(mode),
        });
        Ok(())
    }

    fn undo(&mut self, base: &Folder) -> Result<(), (RepoPath, ApplyError)> {
        while let Some(done) = self.done.pop() {
            let path = done.path.clone();
            restore(base, done).map_err(|error| (path, error))?;
        }
        while let Some(folder) = self.created_folders.pop() {
            // A folder that somebody else put something into stays.
            base.remove_empty_folder(&folder);
        }
        Ok(())
    }
}

fn restore(base: &Folder, done: Done) -> Result<(), ApplyError> {
    let place = base.place_creating(&done.path, &mut Vec::new())?;
    match done.before {
        Some((text, mode)) => {
            let temporary = place.stage(&text, Some(mode))?;
            place.replace(&temporary)
        }
        None => match place.remove() {
            Err(ApplyError::Missing { .. }) => Ok(()),
            other => other,
        },
    }
}

fn refuse_duplicates(change: &ChangeSet) -> Result<(), ApplyError> {
    let mut seen = BTreeSet::new();
    for file in &change.files {
        for path in [Some(&file.path), file.renamed_from.as_ref()]
            .into_iter()
            .flatten()
        {
            if !seen.insert(path) {
                return Err(ApplyError::Duplicate { path: path.clone() });
            }
        }
    }
    Ok(())
}

/// Compares the disk with what the change was made for; gives the mode of the file that is there.
fn inspect(base: &Folder, file: &FileChange) -> Result<Option<Mode>, ApplyError> {
    let source = file.renamed_from.as_ref().unwrap_or(&file.path);
    let mode = match &file.before {
        None => None,
        Some(before) => Some(base.place(source)?.check_content(before)?),
    };
    if (file.before.is_none() || file.renamed_from.is_some())
        && let Some(place) = base.place_if_any(&file.path)?
    {
        place.check_absent()?;
    }
    Ok(mode)
}
