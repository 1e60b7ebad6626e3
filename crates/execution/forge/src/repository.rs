use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use crate::git::{Invocation, Output};
use crate::{ForgeError, Git, Identity};

/// A Git repository on disk.
#[derive(Debug, Clone)]
pub struct GitRepository {
    git: Git,
    root: PathBuf,
    bare: bool,
}

impl GitRepository {
    /// The repository that holds the folder `path`; `None` when none does.
    ///
    /// # Errors
    /// When Git cannot be run, or refuses the repository, for example because it belongs to somebody else.
    pub fn discover(path: &Path) -> Result<Option<Self>, ForgeError> {
        Self::discover_with(&Git::default(), path)
    }

    /// The same, with a Git of the caller's choice.
    ///
    /// # Errors
    /// As [`Self::discover`].
    pub fn discover_with(git: &Git, path: &Path) -> Result<Option<Self>, ForgeError> {
        let arguments = ["rev-parse", "--is-bare-repository", "--is-inside-work-tree"];
        let output = git.run(&Invocation {
            folder: path,
            arguments: &arguments,
            input: &[],
            variables: &[],
        })?;
        if !output.succeeded() && output.message().starts_with("not a git repository") {
            return Ok(None);
        }
        let answers = output.into_stdout("rev-parse")?;
        let (bare, question) = match answers.as_slice() {
            b"true\nfalse\n" => (true, "--absolute-git-dir"),
            b"false\ntrue\n" => (false, "--show-toplevel"),
            // Inside `.git`: Git's own folder is no place to work in.
            _ => return Ok(None),
        };
        let mut repository = Self {
            git: git.clone(),
            root: path.to_owned(),
            bare,
        };
        let root = PathBuf::from(OsString::from_vec(repository.line(&["rev-parse", question])?));
        // The repository's own `core.worktree` can name any folder as its root.
        let inside = path.canonicalize().is_ok_and(|path| path.starts_with(&root));
        repository.root = root;
        Ok(inside.then_some(repository))
    }

    /// The root of the working tree; the repository itself when it is bare.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether there is no working tree.
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// The commit that `HEAD` is at; `None` before the first commit.
    ///
    /// # Errors
    /// When Git cannot be run.
    pub fn base_commit(&self) -> Result<Option<String>, ForgeError> {
        let output = self.run(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], &[], &[])?;
        if !output.succeeded() {
            return Ok(None);
        }
        let commit = output.into_stdout("rev-parse")?;
        Ok(Some(String::from_utf8_lossy(&commit).trim().to_owned()))
    }

    /// In whose name commits are made. Say so to the person when it is [`Identity::Fallback`].
    ///
    /// # Errors
    /// When Git cannot be run.
    pub fn identity(&self) -> Result<Identity, ForgeError> {
        Identity::of(self)
    }

    pub(crate) fn run(
        &self,
        arguments: &[&str],
        input: &[u8],
        variables: &[(&str, &OsStr)],
    ) -> Result<Output, ForgeError> {
        self.git.run(&Invocation {
            folder: &self.root,
            arguments,
            input,
            variables,
        })
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub(crate) fn output(
        &self,
        arguments: &[&str],
        input: &[u8],
        variables: &[(&str, &OsStr)],
    ) -> Result<Vec<u8>, ForgeError> {
        let command = arguments.first().copied().unwrap_or_default();
        self.run(arguments, input, variables)?.into_stdout(command)
    }

    /// The one line that a command prints, without its end.
    fn line(&self, arguments: &[&str]) -> Result<Vec<u8>, ForgeError> {
        let mut line = self.output(arguments, &[], &[])?;
        line.pop_if(|byte| *byte == b'\n');
        Ok(line)
    }
}
