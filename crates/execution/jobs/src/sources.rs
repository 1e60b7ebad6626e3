use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tenon_domain::FailureCategory;
use tenon_engine::Repository;
use tenon_forge::archive::{self, ArchiveBounds};
use tenon_forge::{ForgeError, Git, GitRepository, Mirror};
use tenon_store::{RegisteredRepository, RepositoryKind};

use crate::RunError;

/// Where the trees of repositories come from.
#[derive(Debug, Clone)]
pub struct Sources {
    git: Git,
    mirrors: PathBuf,
    allowed: Vec<PathBuf>,
}

/// A tree to work on. What was checked out for it alone goes with it.
#[derive(Debug)]
pub struct Tree {
    /// The repository.
    pub repository: Repository,
    _folder: Option<TempDir>,
}

impl Sources {
    /// Mirrors of remotes are in `mirrors`; folders of this machine are worked on only inside the `allowed` ones.
    pub fn new(git: Git, mirrors: impl Into<PathBuf>, allowed: Vec<PathBuf>) -> Self {
        Self {
            git,
            mirrors: mirrors.into(),
            allowed,
        }
    }

    /// Whether a folder of this machine may be worked on.
    ///
    /// # Errors
    /// When it is outside of what is allowed, or is not there.
    pub fn permit(&self, path: &Path) -> Result<PathBuf, RunError> {
        let real = path.canonicalize().map_err(|error| {
            let message = format!(
                "cannot read the folder `{}` on the server: {error}",
                path.display()
            );
            RunError::new(FailureCategory::NotFound, message)
        })?;
        let is_inside = |allowed: &PathBuf| {
            allowed
                .canonicalize()
                .is_ok_and(|allowed| real.starts_with(allowed))
        };
        if !self.allowed.iter().any(is_inside) {
            let message = format!(
                "`{}` is outside the folders that this server works on: start it with --allow-path for its parent",
                path.display()
            );
            return Err(RunError::new(FailureCategory::ContentPolicy, message));
        }
        Ok(real)
    }

    /// The tree of a repository, at `revision` if it is a remote one. Waits for Git: not for a thread that others need.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn tree(&self, registered: &RegisteredRepository, revision: Option<&str>) -> Result<Tree, RunError> {
        match registered.kind {
            RepositoryKind::Path => self.folder(Path::new(&registered.location)),
            RepositoryKind::Remote => self.remote(registered, revision),
            RepositoryKind::Archive => Err(RunError::new(
                FailureCategory::NotFound,
                "nothing was uploaded for the repository yet: `tenon repository upload` does",
            )),
        }
    }

    /// The tree of an archive, which has no revisions.
    ///
    /// # Errors
    /// When it may not be unpacked, or a revision is asked for.
    pub fn unpacked(&self, archive: &[u8], revision: Option<&str>) -> Result<Tree, RunError> {
        if revision.is_some() {
            let message = "an uploaded tree has no revisions: leave `revision` out";
            return Err(RunError::new(FailureCategory::BadRequest, message));
        }
        let folder = self.room()?;
        let root = folder.path().join("tree");
        archive::unpack(archive, &root, ArchiveBounds::default())
            .map_err(|error| RunError::new(FailureCategory::BadRequest, error.to_string()))?;
        Ok(Tree {
            repository: Repository {
                root,
                base_commit: None,
            },
            _folder: Some(folder),
        })
    }

    /// A folder for one tree.
    fn room(&self) -> Result<TempDir, RunError> {
        let internal = |error: std::io::Error| RunError::new(FailureCategory::Internal, error.to_string());
        std::fs::create_dir_all(&self.mirrors).map_err(internal)?;
        let mut builder = tempfile::Builder::new();
        builder
            .prefix("tree-")
            .tempdir_in(&self.mirrors)
            .map_err(internal)
    }

    fn folder(&self, path: &Path) -> Result<Tree, RunError> {
        let root = self.permit(path)?;
        let found = GitRepository::discover_with(&self.git, &root).map_err(|error| forge(&error))?;
        let repository = match found {
            Some(git) if !git.is_bare() => Repository {
                root: self.permit(git.root())?,
                base_commit: git.base_commit().map_err(|error| forge(&error))?,
            },
            _ => Repository {
                root,
                base_commit: None,
            },
        };
        Ok(Tree {
            repository,
            _folder: None,
        })
    }

    fn remote(&self, registered: &RegisteredRepository, revision: Option<&str>) -> Result<Tree, RunError> {
        let internal = |error: std::io::Error| RunError::new(FailureCategory::Internal, error.to_string());
        let mirror = self.mirrors.join(format!("{}.git", registered.name));
        let mirror =
            Mirror::fetch(&self.git, &registered.location, &mirror).map_err(|error| forge(&error))?;
        let folder = tempfile::Builder::new()
            .prefix("tree-")
            .tempdir_in(&self.mirrors)
            .map_err(internal)?;
        let root = folder.path().join("tree");
        let base_commit = mirror.check_out(revision, &root).map_err(|error| forge(&error))?;
        Ok(Tree {
            repository: Repository { root, base_commit },
            _folder: Some(folder),
        })
    }
}

fn forge(error: &ForgeError) -> RunError {
    let category = match error {
        ForgeError::Failed { .. } | ForgeError::TimedOut { .. } => FailureCategory::Network,
        ForgeError::Revision { .. } => FailureCategory::NotFound,
        ForgeError::Remote { .. } => FailureCategory::BadRequest,
        _ => FailureCategory::Internal,
    };
    RunError::new(category, error.to_string())
}
