use std::io;

use tenon_domain::RepoPath;

/// Why Git cannot do what is asked.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// There is no `git`.
    #[error("git is not installed, or not in a folder of PATH: install the package `git`")]
    NotInstalled,
    /// Git cannot be started, or be talked to.
    #[error("cannot run `git {command}`: {source}")]
    Start {
        /// The subcommand.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// Git was stopped because it took too long.
    #[error("`git {command}` took longer than {seconds} s and was stopped")]
    TimedOut {
        /// The subcommand.
        command: String,
        /// How long was waited.
        seconds: u64,
    },
    /// Somebody wanted Git to stop.
    #[error("git was stopped")]
    Stopped,
    /// Git refused.
    #[error("`git {command}` failed: {message}")]
    Failed {
        /// The subcommand.
        command: String,
        /// What Git said.
        message: String,
    },
    /// A branch can only start from a commit.
    #[error("the repository has no commit yet: make a first commit, then ask for a branch")]
    NoCommit,
    /// Not a name for a branch.
    #[error("`{name}` cannot name a branch: use letters, digits, `-`, `_` and `/`, such as `tenon/slugify`")]
    BranchName {
        /// What was given, escaped.
        name: String,
    },
    /// The branch is there already.
    #[error(
        "the branch `{name}` exists already: give another name, or delete it with `git branch -D {name}`"
    )]
    BranchExists {
        /// Its name.
        name: String,
    },
    /// Nothing to commit.
    #[error("the proposal changes nothing, so there is nothing to commit")]
    NothingToCommit,
    /// The change was made on a file with changes that are not committed.
    #[error(
        "`{path}` has changes that are not committed, and the proposal builds on them: commit them first, or use --apply"
    )]
    Uncommitted {
        /// The file.
        path: RepoPath,
    },
    /// The change starts from a file that the commit does not hold.
    #[error(
        "`{path}` is not in the last commit, and the proposal builds on it: commit it first, or use --apply"
    )]
    Untracked {
        /// The file.
        path: RepoPath,
    },
    /// The change makes a file where the commit holds something already.
    #[error(
        "the proposal creates `{path}`, which the last commit already holds: use --apply, or restore the file"
    )]
    AlreadyThere {
        /// What is in the way.
        path: RepoPath,
    },
    /// Not an address that is fetched from.
    #[error("`{remote}` cannot be fetched: name it as https://HOST/PATH or file:///PATH")]
    Remote {
        /// What was given, without its credentials.
        remote: String,
    },
    /// The remote gives nothing.
    #[error(
        "`{remote}` cannot be fetched: it does not answer, has no such repository, leads elsewhere, or wants credentials \
         that Git has not on the server; there `git ls-remote {remote}` says which"
    )]
    Unreachable {
        /// What was asked, without its credentials.
        remote: String,
    },
    /// No commit is called so.
    #[error("the repository has no revision `{revision}`")]
    Revision {
        /// What was given.
        revision: String,
    },
    /// The path names a link or a submodule.
    #[error(
        "`{path}` is a symbolic link or a submodule in the last commit, and cannot be replaced by a file"
    )]
    NotAFile {
        /// The path.
        path: RepoPath,
    },
}
