//! A service that tells what happens, for one test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tempfile::TempDir;
use tenon_domain::{
    Classification, Criticality, JobId, Principal, PrincipalId, PrincipalKind, Role, Secret, Task,
};
use tenon_store::{
    Database, DatabaseUrl, Delivery, NewJob, NewWebhook, RegisteredRepository, RepositoryKind,
};
use tenon_testkit::{FakeServer, HttpAnswer};
use tenon_webhooks::{Allowed, Clock, Deliverer, DelivererSettings, Guard, Resolver, SystemResolver};

/// When tests begin whose time is their own.
pub const NOW: i64 = 1_700_000_000_000;
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub struct Scene {
    pub database: Database,
    pub now: Arc<AtomicI64>,
    owner: PrincipalId,
    _folder: TempDir,
}

/// A server that answers every request alike.
pub fn answering(status: u16) -> FakeServer {
    FakeServer::start(move |_| Some(HttpAnswer::whole(status, "text/plain", "heard")))
}

/// A guard that lets the servers of tests pass.
pub fn loopback() -> Guard {
    Guard::new(vec!["127.0.0.1".parse::<Allowed>().unwrap()])
}

impl Scene {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::file(folder.path().join("tenon.db"));
        let database = Database::connect(&url, 4).await.unwrap();
        Self::over(database, folder).await
    }

    /// The same on a database that is there.
    pub async fn over(database: Database, folder: TempDir) -> Self {
        database.migrate().await.unwrap();
        let owner = Principal {
            id: PrincipalId::new(),
            name: "ada".to_owned(),
            kind: PrincipalKind::Person,
            team: None,
            role: Role::Developer,
            repositories: std::collections::BTreeMap::new(),
        };
        database.add_principal(&owner, NOW).await.unwrap();
        let repository = RegisteredRepository {
            name: "web".to_owned(),
            kind: RepositoryKind::Remote,
            location: "https://host/web".to_owned(),
            classification: Classification::Normal,
            created_at_ms: NOW,
        };
        database.add_repository(&repository).await.unwrap();
        Self {
            database,
            now: Arc::new(AtomicI64::new(NOW)),
            owner: owner.id,
            _folder: folder,
        }
    }

    pub fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    pub fn set_now(&self, now_ms: i64) {
        self.now.store(now_ms, Ordering::Relaxed);
    }

    /// A webhook that hears of everything.
    pub async fn webhook(&self, id: &str, url: &str) {
        let webhook = NewWebhook {
            id: id.to_owned(),
            url: url.to_owned(),
            secret: Secret::new(SECRET),
            events: Vec::new(),
            repository: None,
        };
        self.database.add_webhook(&webhook, self.now()).await.unwrap();
    }

    /// Lets something happen that is told.
    pub async fn event(&self) {
        let job = NewJob {
            id: JobId::new(),
            owner: self.owner,
            repository: "web".to_owned(),
            task: Task::Generate,
            criticality: Criticality::Standard,
            request: "{}".to_owned(),
            max_attempts: 3,
            deadline_at_ms: None,
            charges: Vec::new(),
            ceilings: Vec::new(),
        };
        self.database.submit_job(&job, None, self.now()).await.unwrap();
    }

    pub fn deliverer(&self, guard: Guard) -> Deliverer {
        self.deliverer_with(guard, DelivererSettings::default(), Arc::new(SystemResolver))
    }

    pub fn deliverer_with(
        &self,
        guard: Guard,
        settings: DelivererSettings,
        resolver: Arc<dyn Resolver>,
    ) -> Deliverer {
        Deliverer::with(self.database.clone(), guard, settings, resolver, self.clock())
    }

    pub fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Arc::new(move || now.load(Ordering::Relaxed))
    }

    /// The one delivery that there is.
    pub async fn delivery(&self) -> Delivery {
        let mut all = self.database.deliveries(None, None, 10).await.unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// What was wrong with the one delivery, after one attempt at `url`.
    pub async fn refusal(&self, guard: Guard, resolver: Arc<dyn Resolver>, url: &str) -> String {
        self.webhook(url, url).await;
        self.event().await;
        let deliverer = self.deliverer_with(guard, DelivererSettings::default(), resolver);
        assert_eq!(deliverer.deliver_due().await, 1);
        let error = self.delivery().await.last_error.unwrap();
        self.database.remove_webhook(url).await.unwrap();
        error
    }
}
