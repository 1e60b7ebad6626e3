//! The work copy as programs get to see it: with a change in it or without, and never with what another left.

use std::path::{Path, PathBuf};

use tenon_change::{Applied, ApplyError};
use tenon_domain::{ChangeSet, RepoPath};
use tenon_sandbox::WorkCopy;

use super::ledger::{Disturbance, Ledger, NotPutBack};
use crate::policy::is_test_file;

/// A work copy and what is in it.
///
/// Only [`lend`](Self::lend) gives it to a program, and tidies it first. A check that is cancelled leaves it
/// untidy, with its change in it; whoever is next begins by clearing it.
#[derive(Debug)]
pub(super) struct Tree {
    copy: WorkCopy,
    /// The tree that was copied.
    original: PathBuf,
    /// `None` until the first program may run.
    ledger: Option<Ledger>,
    present: Option<(ChangeSet, Applied)>,
    state: State,
}

#[derive(Debug)]
enum State {
    Tidy,
    /// A program ran, or runs, in it.
    Lent,
    /// It could not be put right, and nothing may be concluded from it any more.
    Spoiled(String),
}

/// Why the work copy is not what a check needs.
#[derive(Debug, thiserror::Error)]
pub(super) enum TreeError {
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    NotPutBack(#[from] NotPutBack),
    #[error("the work copy could not be put right: {0}")]
    Spoiled(String),
}

impl Tree {
    pub(super) fn new(copy: WorkCopy, original: PathBuf) -> Self {
        Self {
            copy,
            original,
            ledger: None,
            present: None,
            state: State::Tidy,
        }
    }

    /// What is shown read-only in it.
    pub(super) fn mounts(&self) -> &[(PathBuf, PathBuf)] {
        self.copy.mounts()
    }

    /// The copy, for a program to run in, without a trace of what ran there before.
    pub(super) fn lend(&mut self) -> Result<&WorkCopy, TreeError> {
        self.tidy()?;
        self.state = State::Lent;
        Ok(&self.copy)
    }

    /// Undoes what the last program did to it; says which files that decide what a check finds it tampered with.
    pub(super) fn tidy(&mut self) -> Result<Vec<String>, TreeError> {
        match &self.state {
            State::Tidy => {
                self.ledger()?;
                Ok(Vec::new())
            }
            State::Spoiled(reason) => Err(TreeError::Spoiled(reason.clone())),
            State::Lent => {
                let change = self.present.as_ref().map(|(change, _)| change);
                let Some(ledger) = &mut self.ledger else {
                    return Ok(Vec::new());
                };
                match ledger.tidy(&self.copy, &self.original, change) {
                    Ok(disturbance) => {
                        self.state = State::Tidy;
                        Ok(tampered(&disturbance))
                    }
                    Err(error) => {
                        self.state = State::Spoiled(error.to_string());
                        Err(error.into())
                    }
                }
            }
        }
    }

    /// Makes it the unchanged tree.
    pub(super) fn clear(&mut self) -> Result<(), TreeError> {
        self.tidy()?;
        let Some((change, applied)) = self.present.take() else {
            return Ok(());
        };
        if let Err(error) = applied.revert() {
            self.state = State::Spoiled(error.to_string());
            return Err(error.into());
        }
        let copy = self.copy.path().to_owned();
        self.ledger()?.restamp(&copy, &change);
        Ok(())
    }

    /// Makes it the tree with `change` in it.
    pub(super) fn enter(&mut self, change: &ChangeSet) -> Result<(), TreeError> {
        self.clear()?;
        let copy = self.copy.path().to_owned();
        self.ledger()?;
        let applied = tenon_change::apply(&copy, change)?;
        self.ledger()?.restamp(&copy, change);
        self.present = Some((change.clone(), applied));
        Ok(())
    }

    /// Takes the change out for a while, so that the unchanged tree can be asked something.
    pub(super) fn set_aside(&mut self) -> Result<ChangeSet, TreeError> {
        let change = self.present.as_ref().map(|(change, _)| change.clone());
        self.clear()?;
        Ok(change.unwrap_or_default())
    }

    /// Puts a change back that was set aside.
    pub(super) fn resume(&mut self, change: &ChangeSet) {
        if let Err(error) = self.enter(change) {
            // Whatever runs next would run without the change.
            self.state = State::Spoiled(error.to_string());
        }
    }

    fn ledger(&mut self) -> Result<&mut Ledger, NotPutBack> {
        let ledger = match self.ledger.take() {
            Some(ledger) => ledger,
            None => Ledger::open(self.copy.path())?,
        };
        Ok(self.ledger.insert(ledger))
    }
}

/// The files that decide what a check finds: tests that were there, and what test runners read unasked.
fn tampered(disturbance: &Disturbance) -> Vec<String> {
    const MOST_NAMED: usize = 20;
    let is_test = |path: &Path| {
        path.to_str()
            .and_then(|path| RepoPath::parse(path).ok())
            .is_some_and(|path| is_test_file(&path))
    };
    let altered = disturbance
        .altered
        .iter()
        .filter(|path| is_test(path) || is_read_unasked(path));
    // Tests may leave files of all kinds; new ones are removed before they can say anything.
    let left = disturbance.left.iter().filter(|path| is_read_unasked(path));
    altered
        .chain(left)
        .take(MOST_NAMED)
        .map(|path| path.display().to_string())
        .collect()
}

fn is_read_unasked(path: &Path) -> bool {
    const NAMES: [&str; 8] = [
        "conftest.py",
        "sitecustomize.py",
        "usercustomize.py",
        "pytest.ini",
        "tox.ini",
        "setup.cfg",
        "pyproject.toml",
        "package.json",
    ];
    path.file_name()
        .is_some_and(|name| NAMES.iter().any(|known| name == *known))
        || path.extension().is_some_and(|extension| extension == "pth")
}
