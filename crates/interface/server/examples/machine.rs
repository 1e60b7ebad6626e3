//! Jobs through the whole machine, with a runner that does nothing: `machine DATABASE JOBS`.
//!
//! `DATABASE` is `sqlite` for a file in a folder that vanishes, `postgres` for a server that does, or the address of one
//! that is empty. Prints one JSON object: how many jobs a second go from their submission over HTTP to being settled,
//! and how long a worker with nothing else to do takes to begin one that was accepted.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measuring instrument that cannot go on should say so and stop"
)]

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Value, json};
use tenon_access::Authorizer;
use tenon_audit::{Journal, SigningKey};
use tenon_domain::{
    Budget, ChangeSet, Digest, Evidence, Intent, Proposal, ProposalId, Provenance, Quality, Task, Usage,
};
use tenon_forge::Git;
use tenon_jobs::{Progress, RunError, Runner, Sources, Worker, WorkerSettings};
use tenon_server::{Access, Control, ControlParts, GovernedRunner, Service};
use tenon_signals::Metrics;
use tenon_store::{Database, DatabaseUrl, Job};
use tenon_testkit::TemporaryPostgres;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const CLIENTS: usize = 16;
const WORKERS: usize = 2;
const SLOTS: usize = 4;
const CONNECTIONS: u32 = 16;
const QUEUE: u32 = 1_000_000;
/// How many jobs a queue is given that is empty otherwise, one after the other.
const ONE_BY_ONE: usize = 100;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [named, jobs] = arguments.as_slice() else {
        panic!("usage: machine DATABASE JOBS");
    };
    let jobs: usize = jobs.parse().expect("JOBS is a number");
    let folder = tempfile::tempdir().unwrap();
    let postgres = (named == "postgres").then(TemporaryPostgres::start_durable);
    let url = match (&postgres, named.as_str()) {
        (Some(postgres), _) => postgres.url(),
        (None, "sqlite") => format!("sqlite:{}", folder.path().join("tenon.db").display()),
        (None, url) => url.to_owned(),
    };
    let machine = Machine::start(&url.parse().unwrap(), folder.path()).await;
    let took = machine.all_at_once(jobs).await;
    let mut waits = machine.one_by_one(ONE_BY_ONE).await;
    waits.sort();
    let percentile =
        |percent: usize| waits[(waits.len() * percent).div_ceil(100).max(1) - 1].as_secs_f64() * 1000.0;
    println!(
        "{}",
        json!({
            "database": if postgres.is_some() { "postgres" } else { named }, "jobs": jobs,
            "seconds": took.as_secs_f64(), "jobs_per_second": jobs as f64 / took.as_secs_f64(),
            "begun_p50_ms": percentile(50), "begun_p95_ms": percentile(95), "begun_max_ms": percentile(100),
        })
    );
}

/// A server and its workers in one process, so that one clock tells the times of all.
struct Machine {
    client: reqwest::Client,
    jobs: String,
    key: String,
    nothing: Arc<Nothing>,
}

impl Machine {
    async fn start(url: &DatabaseUrl, folder: &Path) -> Self {
        let database = Database::connect(url, CONNECTIONS).await.unwrap();
        database.migrate().await.unwrap();
        let first = tenon_access::mint().unwrap();
        assert!(
            Control::found(&database, &first).await.unwrap(),
            "the database is empty"
        );
        let key = SigningKey::load_or_create(&folder.join("audit.key")).unwrap();
        let audit_keys = vec![key.public_key()];
        let (journal, _) = Journal::start(database.clone(), Some(key));
        let nothing = Arc::new(Nothing::default());
        for number in 0..WORKERS {
            // As `tenon worker` does; only PostgreSQL is shared by several processes.
            let (own, journal) = match database.is_shared() {
                true => {
                    let own = Database::connect(url, CONNECTIONS).await.unwrap();
                    (own.clone(), Journal::start(own, None).0)
                }
                false => (database.clone(), journal.clone()),
            };
            let runner =
                GovernedRunner::new(Arc::clone(&nothing) as Arc<dyn Runner>, journal, Metrics::new());
            let settings = WorkerSettings {
                slots: SLOTS,
                ..WorkerSettings::new(format!("worker-{number}"))
            };
            tokio::spawn(Worker::new(own, Arc::new(runner), settings).run(CancellationToken::new()));
        }
        let control = Control::new(ControlParts {
            database,
            authorizer: Authorizer::built_in().unwrap(),
            journal,
            audit_keys,
            metrics: Metrics::new(),
            sources: Sources::new(Git::default(), folder.join("mirrors"), Vec::new()),
            sign_in: None,
            guard: tenon_webhooks::Guard::default(),
            prompts: Vec::new(),
            models: Vec::new(),
            queue: QUEUE,
        });
        control.make_ready(true);
        let service = Service::new(Vec::new(), None, Access::Governed, CLIENTS).with_control(control);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(tenon_server::serve(
            listener,
            Arc::new(service),
            CancellationToken::new(),
        ));
        let machine = Self {
            client: reqwest::Client::new(),
            jobs: format!("http://{address}/api/v1/jobs"),
            key: first.text.expose().to_owned(),
            nothing,
        };
        let repository = json!({ "name": "sample", "kind": "archive" });
        machine
            .post(&machine.jobs.replace("/jobs", "/repositories"), &repository, 201)
            .await;
        machine
    }

    /// From the first submission to the last job that is settled.
    async fn all_at_once(&self, jobs: usize) -> Duration {
        let mut settled = self.nothing.settled.subscribe();
        let left = AtomicUsize::new(jobs);
        let begun = Instant::now();
        let submit = async || {
            let is_more = || {
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                    .is_ok()
            };
            while is_more() {
                self.submit().await;
            }
        };
        futures::future::join_all((0..CLIENTS).map(|_| submit())).await;
        settled.wait_for(|settled| *settled == jobs).await.unwrap();
        begun.elapsed()
    }

    /// How long each waits that is accepted while nothing else is there to do.
    async fn one_by_one(&self, jobs: usize) -> Vec<Duration> {
        let mut settled = self.nothing.settled.subscribe();
        let before = *settled.borrow();
        let mut waits = Vec::with_capacity(jobs);
        for number in 1..=jobs {
            let (id, accepted) = self.submit().await;
            settled
                .wait_for(|settled| *settled == before + number)
                .await
                .unwrap();
            let begun = self.nothing.begun.lock().unwrap()[&id];
            // It may begin before the client has the answer.
            waits.push(begun.saturating_duration_since(accepted));
        }
        waits
    }

    /// The id of a new job, and when it was accepted.
    async fn submit(&self) -> (String, Instant) {
        let body = json!({ "task": "generate", "repository": "sample", "intent": "nothing" });
        let (answer, accepted) = self.post(&self.jobs, &body, 202).await;
        (answer["id"].as_str().unwrap().to_owned(), accepted)
    }

    async fn post(&self, url: &str, body: &Value, status: u16) -> (Value, Instant) {
        let request = self.client.post(url).bearer_auth(&self.key).json(body);
        let response = request.send().await.unwrap();
        let answered = Instant::now();
        assert_eq!(response.status().as_u16(), status);
        (response.json().await.unwrap(), answered)
    }
}

/// A runner that does nothing and notes when.
#[derive(Default)]
struct Nothing {
    begun: Mutex<HashMap<String, Instant>>,
    settled: watch::Sender<usize>,
}

#[async_trait]
impl Runner for Nothing {
    async fn run(
        &self,
        job: &Job,
        _: &str,
        _: &Progress,
        _: &CancellationToken,
    ) -> Result<Proposal, RunError> {
        self.begun
            .lock()
            .unwrap()
            .insert(job.id.to_string(), Instant::now());
        Ok(proposal())
    }

    async fn settled(&self, _: &Job, _: Option<&Proposal>) {
        self.settled.send_modify(|settled| *settled += 1);
    }
}

fn proposal() -> Proposal {
    Proposal {
        id: ProposalId::new(),
        created_at: 0,
        intent: Intent {
            task: Task::Generate,
            text: "nothing".to_owned(),
            files: Vec::new(),
            acceptance: Vec::new(),
            quality: Quality::Standard,
            seed: 0,
            budget: Budget::default(),
        },
        summary: "does nothing".to_owned(),
        change: ChangeSet::default(),
        explanation: None,
        evidence: Evidence {
            checks: Vec::new(),
            sandbox: None,
        },
        provenance: Provenance {
            tenon_version: env!("CARGO_PKG_VERSION").to_owned(),
            base_commit: None,
            context_digest: Digest::of(""),
            attempts: Vec::new(),
            chosen: None,
        },
        usage: Usage::default(),
    }
}
