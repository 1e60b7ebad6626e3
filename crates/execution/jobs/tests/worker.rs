//! A worker lets go in time of what hangs, and takes nothing while it does not know what time it is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tenon_domain::{
    Budget, Classification, Criticality, FailureCategory, Intent, JobEvent, JobId, JobState, Principal,
    PrincipalId, PrincipalKind, Proposal, Quality, Role, Task,
};
use tenon_engine::{Engine, RedactionSettings, Redactor};
use tenon_forge::Git;
use tenon_jobs::{
    EngineRunner, JobRequest, Progress, RunError, Runner, Sources, Worker, WorkerSettings, now_ms,
};
use tenon_store::{Database, DatabaseUrl, Job, NewJob, RegisteredRepository, RepositoryKind};
use tenon_template::Library;
use tenon_testkit::{ScriptedModel, TemporaryPostgres};
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
        Self::on(&url, folder).await
    }

    /// The same in that database.
    async fn on(url: &DatabaseUrl, folder: TempDir) -> Self {
        let database = Database::connect(url, 4).await.unwrap();
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
            traceparent: None,
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
        database.submit_job(&job, None, now_ms() - 60_000).await.unwrap();
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
        let redactor = Redactor::new(RedactionSettings::default());
        let runner = EngineRunner::new(engine, self.database.clone(), sources, redactor);
        self.worker(runner, stop)
    }

    fn worker(&self, runner: impl Runner + 'static, stop: &CancellationToken) -> JoinHandle<()> {
        let settings = WorkerSettings {
            poll: Duration::from_millis(20),
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
    patiently("it is cancelled", async || {
        scene.state().await == JobState::Cancelled
    })
    .await;
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

#[tokio::test]
async fn a_remote_that_may_not_be_asked_is_not() {
    let scene = Scene::new().await;
    let mark = scene.folder.path().join("git");
    let mut remote = scene.database.repository("web").await.unwrap().unwrap();
    remote.location = "https://host.example/a".to_owned();
    let sources = Sources::new(Git::at(&mark), scene.folder.path().join("mirrors"), Vec::new());
    let stop = CancellationToken::new();
    let refused = sources.tree(&remote, None, &stop).unwrap_err();
    assert_eq!(refused.category, FailureCategory::ContentPolicy);
    let sources = sources.with_gate(Arc::new(|_| Ok(vec!["192.0.2.1".parse().unwrap()])));
    // It went on to Git, which is not there.
    let missing = sources.tree(&remote, None, &stop).unwrap_err();
    assert!(missing.message.contains("git is not installed"), "{missing}");
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

/// What a machine sees whose clock is ahead of the database's, from the next connection on.
const AHEAD: &str = "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql \
     AS 'SELECT pg_catalog.clock_timestamp() - interval ''31 seconds'''; \
     ALTER ROLE tenon SET search_path = public, pg_catalog";
const MENDED: &str = "CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql \
     AS 'SELECT pg_catalog.clock_timestamp()'";

#[tokio::test]
async fn a_worker_whose_clock_is_wrong_takes_nothing_and_takes_nothing_away() {
    let server = TemporaryPostgres::start();
    let mut beside = PgConnection::connect(&server.url()).await.unwrap();
    sqlx::raw_sql(AHEAD).execute(&mut beside).await.unwrap();
    let url: DatabaseUrl = server.url().parse().unwrap();
    let scene = Scene::on(&url, tempfile::tempdir().unwrap()).await;
    assert!(!scene.database.compare_clocks().await.unwrap().is_bearable());
    let stop = CancellationToken::new();
    let worker = scene.worker(Deaf, &stop);

    // By a right clock another holds it still.
    let now = now_ms() - 31_000;
    let claimed = scene.database.claim_job("another", now + 30_000, now).await;
    assert_eq!(claimed.unwrap().unwrap().id, scene.job);
    // It looks several times meanwhile.
    sleep(Duration::from_millis(500)).await;
    let job = scene.database.job(scene.job).await.unwrap();
    assert_eq!((job.status.state, job.status.attempt), (JobState::Running, 1));

    sqlx::raw_sql(MENDED).execute(&mut beside).await.unwrap();
    assert!(scene.database.compare_clocks().await.unwrap().is_bearable());
    patiently("it works again", async || {
        scene.database.job(scene.job).await.unwrap().status.attempt == 2
    })
    .await;
    stop.cancel();
    timeout(PATIENCE, worker).await.unwrap().unwrap();
}
