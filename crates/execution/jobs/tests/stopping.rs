//! A job whose remote hangs can be cancelled, and does not hold up the end of its worker.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tenon_domain::{
    Budget, Classification, Criticality, Intent, JobEvent, JobId, JobState, Principal, PrincipalId,
    PrincipalKind, Proposal, Quality, Role, Task,
};
use tenon_engine::Engine;
use tenon_forge::Git;
use tenon_jobs::{EngineRunner, JobRequest, Progress, RunError, Runner, Sources, Worker, WorkerSettings, now_ms};
use tenon_store::{Database, DatabaseUrl, Job, NewJob, RegisteredRepository, RepositoryKind};
use tenon_template::Library;
use tenon_testkit::ScriptedModel;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);
const HANGING: &str = "#!/bin/sh\ntouch \"$0.started\"\nsleep 600\n";

struct Scene {
    folder: TempDir,
    database: Database,
    job: JobId,
}

impl Scene {
    /// A job that waits, on a remote repository.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::file(folder.path().join("tenon.db"));
        let database = Database::connect(&url, 4).await.unwrap();
        database.migrate().await.unwrap();
        let owner = Principal {
            id: PrincipalId::new(),
            name: "ada".to_owned(),
            kind: PrincipalKind::Person,
            team: None,
            role: Role::Developer,
            repositories: BTreeMap::new(),
        };
        database.add_principal(&owner, now_ms()).await.unwrap();
        let repository = RegisteredRepository {
            name: "web".to_owned(),
            kind: RepositoryKind::Remote,
            location: "file:///nothing".to_owned(),
            classification: Classification::Normal,
            created_at_ms: now_ms(),
        };
        database.add_repository(&repository).await.unwrap();
        let request = JobRequest {
            intent: Intent {
                task: Task::Explain,
                text: "half".to_owned(),
                files: Vec::new(),
                acceptance: Vec::new(),
                quality: Quality::Standard,
                seed: 0,
                budget: Budget::default(),
            },
            revision: None,
        };
        let job = NewJob {
            id: JobId::new(),
            owner: owner.id,
            repository: "web".to_owned(),
            task: Task::Explain,
            criticality: Criticality::Standard,
            request: serde_json::to_string(&request).unwrap(),
            max_attempts: 3,
            deadline_at_ms: None,
            charges: Vec::new(),
            ceilings: Vec::new(),
        };
        database.submit_job(&job, None, now_ms()).await.unwrap();
        Self {
            folder,
            database,
            job: job.id,
        }
    }

    /// A worker on whose machine Git never answers.
    fn hanging(&self, stop: &CancellationToken) -> JoinHandle<()> {
        let git = self.folder.path().join("git");
        fs::write(&git, HANGING).unwrap();
        fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).unwrap();
        let engine = Engine {
            models: vec![Arc::new(ScriptedModel::new())],
            templates: Arc::new(Library::load(None).unwrap()),
            sandbox: Err("no sandbox".to_owned()),
            cache_folder: self.folder.path().to_owned(),
        };
        let sources = Sources::new(Git::at(git), self.folder.path().join("mirrors"), Vec::new());
        self.worker(EngineRunner::new(engine, self.database.clone(), sources), stop)
    }

    fn worker(&self, runner: impl Runner + 'static, stop: &CancellationToken) -> JoinHandle<()> {
        let settings = WorkerSettings {
            drain: Duration::from_millis(10),
            release: Duration::from_millis(100),
            ..WorkerSettings::new("worker")
        };
        tokio::spawn(Worker::new(self.database.clone(), Arc::new(runner), settings).run(stop.clone()))
    }

    async fn begun(&self) {
        let mark = self.folder.path().join("git.started");
        patiently("git is started", async || mark.exists()).await;
    }

    async fn state(&self) -> JobState {
        self.database.job(self.job).await.unwrap().status.state
    }
}

async fn patiently(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_job_is_cancelled_while_its_remote_hangs() {
    let scene = Scene::new().await;
    let stop = CancellationToken::new();
    let worker = scene.hanging(&stop);
    scene.begun().await;
    let asked = scene
        .database
        .change_job(scene.job, &JobEvent::CancelRequested, now_ms())
        .await;
    assert_eq!(asked.unwrap().status.state, JobState::Cancelling);
    patiently("it is cancelled", async || scene.state().await == JobState::Cancelled).await;
    stop.cancel();
    timeout(PATIENCE, worker).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_worker_that_stops_gives_back_a_job_whose_remote_hangs() {
    let scene = Scene::new().await;
    let stop = CancellationToken::new();
    let worker = scene.hanging(&stop);
    scene.begun().await;
    stop.cancel();
    timeout(PATIENCE, worker).await.unwrap().unwrap();
    assert_eq!(scene.state().await, JobState::Queued);
}

/// Does not hear that it is to stop.
struct Deaf;

#[async_trait]
impl Runner for Deaf {
    async fn run(
        &self,
        _job: &Job,
        _request: &str,
        _progress: &Progress,
        _stop: &CancellationToken,
    ) -> Result<Proposal, RunError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn what_does_not_stop_is_left_to_its_lease() {
    let scene = Scene::new().await;
    let stop = CancellationToken::new();
    let worker = scene.worker(Deaf, &stop);
    patiently("it runs", async || scene.state().await == JobState::Running).await;
    stop.cancel();
    timeout(PATIENCE, worker).await.unwrap().unwrap();
    assert_eq!(scene.state().await, JobState::Running);
}
