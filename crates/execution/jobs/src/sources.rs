use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tenon_domain::FailureCategory;
use tenon_engine::Repository;
use tenon_forge::archive::{self, ArchiveBounds};
use tenon_forge::{ForgeError, Git, GitRepository, Mirror};
use tenon_store::{RegisteredRepository, RepositoryKind};
use tokio_util::sync::CancellationToken;

use crate::RunError;

/// Finds the addresses at which a remote may be asked, or says why it may not be. Waits for the network.
pub type Gate = Arc<dyn Fn(&str) -> Result<Vec<IpAddr>, RunError> + Send + Sync>;

/// Where the trees of repositories come from.
#[derive(Clone)]
pub struct Sources {
    git: Git,
    mirrors: PathBuf,
    allowed: Vec<PathBuf>,
    gate: Gate,
}

/// A tree to work on. What was checked out for it alone goes with it.
#[derive(Debug)]
pub struct Tree {
    /// The repository.
    pub repository: Repository,
    _folder: Option<TempDir>,
}

impl Sources {
    /// Mirrors of remotes are in `mirrors`; folders of this machine are worked on only inside the `allowed` ones. Without
    /// [`Self::with_gate`] no host is asked.
    pub fn new(git: Git, mirrors: impl Into<PathBuf>, allowed: Vec<PathBuf>) -> Self {
        Self {
            git,
            mirrors: mirrors.into(),
            allowed,
            gate: Arc::new(|remote| {
                let message = format!("`{remote}` is not asked: nobody said which hosts may be");
                Err(RunError::new(FailureCategory::ContentPolicy, message))
            }),
        }
    }

    /// Asks hosts that pass the gate.
    #[must_use]
    pub fn with_gate(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }

    /// Finds the addresses at which a remote may be asked; none for one that is on this machine. Waits for the network:
    /// not for a thread that others need.
    ///
    /// # Errors
    /// When it may not be, or nobody knows its host.
    pub fn permit_remote(&self, remote: &str) -> Result<Vec<IpAddr>, RunError> {
        match remote.starts_with("file://") {
            true => Ok(Vec::new()),
            false => (self.gate)(remote),
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
    /// When it cannot be had, or `stop` came first.
    pub fn tree(
        &self,
        registered: &RegisteredRepository,
        revision: Option<&str>,
        stop: &CancellationToken,
    ) -> Result<Tree, RunError> {
        let stop = stop.clone();
        let git = self.git.clone().with_stop(move || stop.is_cancelled());
        match registered.kind {
            RepositoryKind::Path => self.folder(&git, Path::new(&registered.location)),
            RepositoryKind::Remote => self.remote(&git, registered, revision),
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

    fn folder(&self, git: &Git, path: &Path) -> Result<Tree, RunError> {
        let root = self.permit(path)?;
        let found = GitRepository::discover_with(git, &root).map_err(|error| forge(&error))?;
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

    fn remote(
        &self,
        git: &Git,
        registered: &RegisteredRepository,
        revision: Option<&str>,
    ) -> Result<Tree, RunError> {
        let mirror = self.mirrors.join(format!("{}.git", registered.name));
        let addresses = self.permit_remote(&registered.location)?;
        let mirror = Mirror::fetch(git, &registered.location, &addresses, &mirror);
        let mirror = mirror.map_err(|error| forge(&error))?;
        let folder = self.room()?;
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
        ForgeError::Failed { .. } | ForgeError::Unreachable { .. } | ForgeError::TimedOut { .. } => {
            FailureCategory::Network
        }
        ForgeError::Revision { .. } => FailureCategory::NotFound,
        ForgeError::Remote { .. } => FailureCategory::BadRequest,
        ForgeError::Stopped => FailureCategory::Cancelled,
        _ => FailureCategory::Internal,
    };
    RunError::new(category, error.to_string())
}
