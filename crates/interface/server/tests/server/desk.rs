//! The service's own interface for one test: a real server, a real database, a runner that does what the test says.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tenon_access::Authorizer;
use tenon_audit::{Journal, JournalWriter, SigningKey};
use tenon_domain::{
    Budget, ChangeSet, Digest, Evidence, FailureCategory, FileChange, Intent, Proposal, ProposalId,
    Provenance, Quality, RepoPath, Task, Usage,
};
use tenon_forge::Git;
use tenon_jobs::{Progress, RunError, Runner, Sources, Worker, WorkerSettings};
use tenon_server::{Access, Control, ControlParts, GovernedRunner, ServedModel, Service, SignIn};
use tenon_signals::Metrics;
use tenon_store::{Database, DatabaseUrl, Job};
use tenon_webhooks::Guard;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::house::Reply;

pub struct Desk {
    pub database: Database,
    pub control: Arc<Control>,
    pub service: Arc<Service>,
    pub admin: String,
    pub folder: tempfile::TempDir,
    journal: Journal,
    pub metrics: Metrics,
    client: reqwest::Client,
    base: String,
    _writer: JournalWriter,
    _stop: DropGuard,
}

impl Desk {
    pub async fn new() -> Self {
        Self::with_queue(10_000).await
    }

    pub async fn with_queue(queue: u32) -> Self {
        Self::with(queue, Vec::new(), Access::Governed).await
    }

    /// One that serves these models, too.
    pub async fn with_models(models: Vec<ServedModel>) -> Self {
        Self::with(10_000, models, Access::Governed).await
    }

    pub async fn with(queue: u32, models: Vec<ServedModel>, access: Access) -> Self {
        Self::open(queue, models, access, |_| None).await
    }

    /// Where people sign in, at this address.
    pub async fn with_sign_in(sign_in: impl FnOnce(&str) -> SignIn) -> Self {
        Self::open(10_000, Vec::new(), Access::Governed, |base| Some(sign_in(base))).await
    }

    async fn open(
        queue: u32,
        models: Vec<ServedModel>,
        access: Access,
        sign_in: impl FnOnce(&str) -> Option<SignIn>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::file(folder.path().join("tenon.db"));
        let database = Database::connect(&url, 4).await.unwrap();
        database.migrate().await.unwrap();
        let first = tenon_access::mint().unwrap();
        assert!(Control::found(&database, &first).await.unwrap());
        let key = SigningKey::load_or_create(&folder.path().join("audit.key")).unwrap();
        let audit_keys = vec![key.public_key()];
        let (journal, writer) = Journal::start(database.clone(), Some(key));
        let metrics = Metrics::new();
        let allowed = vec![folder.path().join("repositories")];
        std::fs::create_dir(&allowed[0]).unwrap();
        let control = Control::new(ControlParts {
            database: database.clone(),
            authorizer: Authorizer::built_in().unwrap(),
            journal: journal.clone(),
            audit_keys,
            metrics: metrics.clone(),
            sign_in: sign_in(&base),
            guard: Guard::default(),
            sources: Sources::new(Git::default(), folder.path().join("mirrors"), allowed)
                .with_gate(Arc::new(gate)),
            prompts: Vec::new(),
            models: Vec::new(),
            queue,
        });
        control.make_ready(true);
        let service = Arc::new(Service::new(models, None, access, 16).with_control(Arc::clone(&control)));
        let stop = CancellationToken::new();
        tokio::spawn(tenon_server::serve(listener, Arc::clone(&service), stop.clone()));
        let (bookkeeper, end) = (Arc::clone(&control), stop.clone());
        tokio::spawn(async move { bookkeeper.settle_accounts(&end).await });
        Self {
            database,
            control,
            service,
            admin: first.text.expose().to_owned(),
            folder,
            journal,
            metrics,
            client: reqwest::Client::new(),
            base,
            _writer: writer,
            _stop: stop.drop_guard(),
        }
    }

    /// A worker that ends with the token.
    pub fn worker(&self, runner: impl Runner + 'static, stop: &CancellationToken) -> JoinHandle<()> {
        let governed = GovernedRunner::new(Arc::new(runner), self.journal.clone(), self.metrics.clone());
        let settings = WorkerSettings {
            backoff: Duration::from_millis(10),
            drain: Duration::from_secs(1),
            ..WorkerSettings::new("worker")
        };
        let worker = Worker::new(self.database.clone(), Arc::new(governed), settings);
        tokio::spawn(worker.run(stop.clone()))
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn request(&self, method: Method, path: &str, key: &str) -> RequestBuilder {
        self.client.request(method, self.url(path)).bearer_auth(key)
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path, &self.admin)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        Reply::of(self.request(Method::POST, path, &self.admin).json(body)).await
    }

    /// The same for a body that nobody else needs.
    pub async fn post_owned(&self, path: &str, body: Value) -> Reply {
        self.post(path, &body).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        Reply::of(self.request(Method::PUT, path, &self.admin).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::DELETE, path, &self.admin)).await
    }

    /// A new user with this role, and their key.
    pub async fn user(&self, name: &str, role: &str) -> String {
        let user = json!({ "name": name, "role": role });
        assert_eq!(self.post("/api/v1/users", &user).await.status, 201);
        let key = json!({ "name": "test", "user": name });
        let created = self.post("/api/v1/keys", &key).await.with(201);
        created["secret"].as_str().unwrap().to_owned()
    }

    /// A registered folder.
    pub async fn repository(&self, name: &str) {
        let folder = self.folder.path().join("repositories").join(name);
        std::fs::create_dir(&folder).unwrap();
        let body = json!({ "name": name, "kind": "path", "location": folder });
        let reply = self.post("/api/v1/repositories", &body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
    }

    /// Submits a job and gives its id.
    pub async fn submit(&self, key: &str, repository: &str) -> String {
        let body = json!({ "task": "generate", "repository": repository, "intent": "add a line" });
        let request = self.request(Method::POST, "/api/v1/jobs", key).json(&body);
        let reply = Reply::of(request).await.with(202);
        reply["id"].as_str().unwrap().to_owned()
    }

    /// The job, once it has ended.
    pub async fn ended(&self, id: &str) -> Value {
        let path = format!("/api/v1/jobs/{id}/events");
        // The stream ends with the job.
        let events = self.get(&path).await;
        assert!(events.status == 200 || events.status == 204, "{}", events.text);
        self.get(&format!("/api/v1/jobs/{id}")).await.json()
    }
}

/// Lets every host pass but one.
fn gate(remote: &str) -> Result<Vec<IpAddr>, RunError> {
    match remote.starts_with("https://inside/") {
        true => Err(RunError::new(
            FailureCategory::ContentPolicy,
            "`inside` is not public",
        )),
        false => Ok(Vec::new()),
    }
}

/// A runner that makes an empty proposal at once, and says so.
pub struct AtOnce;

#[async_trait]
impl Runner for AtOnce {
    async fn run(
        &self,
        _job: &Job,
        _request: &str,
        progress: &Progress,
        _stop: &CancellationToken,
    ) -> Result<Proposal, RunError> {
        progress.tell("thought about it");
        Ok(proposal())
    }
}

pub fn proposal() -> Proposal {
    let file = FileChange {
        path: RepoPath::parse("a.py").unwrap(),
        renamed_from: None,
        before: Some("one = 1\n".to_owned()),
        after: Some("one = 1\ntwo = 2\n".to_owned()),
    };
    Proposal {
        id: ProposalId::new(),
        created_at: 1_700_000_000,
        intent: Intent {
            task: Task::Generate,
            text: "add a line".to_owned(),
            files: Vec::new(),
            acceptance: Vec::new(),
            quality: Quality::Standard,
            seed: 0,
            budget: Budget::default(),
        },
        summary: "adds a line".to_owned(),
        change: ChangeSet { files: vec![file] },
        explanation: None,
        evidence: Evidence {
            checks: Vec::new(),
            sandbox: None,
        },
        provenance: Provenance {
            tenon_version: "0.1.0".to_owned(),
            base_commit: None,
            context_digest: Digest::of("context"),
            attempts: Vec::new(),
            chosen: None,
        },
        usage: Usage {
            prompt_tokens: 100,
            completion_tokens: 20,
            attempts: 1,
            seconds: 0.5,
        },
    }
}
