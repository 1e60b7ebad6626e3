//! A repository in a temporary folder, the real sandbox, and a gate between them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tenon_check::{CheckPlan, Gate, Project};
use tenon_domain::{ChangeSet, CheckReport, Evidence, FileChange, RepoPath};
use tenon_sandbox::{Isolation, Sandbox, SandboxRequest, WorkCopy};

pub struct Workshop {
    pub root: PathBuf,
    folder: tempfile::TempDir,
}

impl Workshop {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("repository");
        std::fs::create_dir(&root).unwrap();
        let workshop = Self { root, folder };
        for (path, text) in files {
            workshop.write(path, text);
        }
        workshop
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn project(&self) -> Project {
        Project::discover(&self.root)
    }

    pub async fn sandbox(&self) -> Arc<Sandbox> {
        let request = SandboxRequest {
            mode: Isolation::Bubblewrap,
            home: std::env::home_dir(),
            search_path: std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect(),
            cache_directory: self.folder.path().join("cache"),
            extra_read_only: Vec::new(),
        };
        Arc::new(Sandbox::detect(request).await.unwrap())
    }

    pub fn copy(&self) -> WorkCopy {
        WorkCopy::create(&self.root, &self.folder.path().join("copies")).unwrap()
    }

    pub async fn gate(&self) -> Gate {
        Gate::new(Ok(self.sandbox().await), self.project(), self.copy())
    }

    /// The change that gives each file the text beside it; `None` deletes it.
    pub fn change(&self, files: &[(&str, Option<&str>)]) -> ChangeSet {
        change(&self.root, files)
    }

    pub async fn check(&self, files: &[(&str, Option<&str>)], plan: &CheckPlan) -> Evidence {
        self.gate().await.check(&self.change(files), plan).await
    }
}

pub fn change(root: &Path, files: &[(&str, Option<&str>)]) -> ChangeSet {
    let mut files: Vec<FileChange> = files
        .iter()
        .map(|(path, after)| FileChange {
            path: RepoPath::parse(path).unwrap(),
            renamed_from: None,
            before: std::fs::read_to_string(root.join(path)).ok(),
            after: after.map(str::to_owned),
        })
        .collect();
    files.sort_by(|left, right| left.path.cmp(&right.path));
    ChangeSet { files }
}

pub fn report<'evidence>(evidence: &'evidence Evidence, check: &str) -> &'evidence CheckReport {
    let found = evidence.checks.iter().find(|report| report.check == check);
    found.unwrap_or_else(|| panic!("no `{check}` among {:#?}", evidence.checks))
}

pub fn messages(report: &CheckReport) -> Vec<&str> {
    report
        .findings
        .iter()
        .map(|finding| finding.message.as_str())
        .collect()
}
