use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tenon_store::{Charge, Database, DatabaseError, Exceeded, Limit, LimitScope, LimitUnit, UsageRow};

use super::Caller;
use super::caller::Credential;

/// What is limited is looked up this often; a limit that is set here holds at once.
const FRESH: Duration = Duration::from_secs(1);

/// The limits, and what counts against them.
pub(super) struct Ledger {
    database: Database,
    known: Mutex<Option<(Instant, Arc<Vec<Limit>>)>>,
}

impl Ledger {
    pub fn new(database: Database) -> Self {
        Self {
            database,
            known: Mutex::new(None),
        }
    }

    /// Forgets what was looked up.
    pub fn forget(&self) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn limits(&self) -> Result<Arc<Vec<Limit>>, DatabaseError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((since, limits)) = known
            && since.elapsed() < FRESH
        {
            return Ok(limits);
        }
        let limits = Arc::new(self.database.limits().await?);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), Arc::clone(&limits)));
        Ok(limits)
    }

    /// What `amount` of `unit` counts against when this caller spends it, in this repository if one is concerned.
    pub async fn charges(
        &self,
        caller: &Caller,
        repository: Option<&str>,
        unit: LimitUnit,
        amount: i64,
    ) -> Result<Vec<Charge>, DatabaseError> {
        let limits = self.limits().await?;
        let of_unit = limits.iter().filter(|limit| limit.unit == unit);
        let has_own = limits.iter().any(|limit| {
            limit.unit == unit && limit.scope == LimitScope::User(caller.principal.name.clone())
        });
        let applies = of_unit.filter(|limit| match &limit.scope {
            LimitScope::Key(id) => caller.credential == Credential::Key(id.clone()),
            LimitScope::User(name) => *name == caller.principal.name,
            LimitScope::Team(team) => caller.principal.team.as_ref() == Some(team),
            LimitScope::Repository(name) => repository == Some(name),
            LimitScope::EachUser => !has_own,
        });
        let charges = applies.map(|limit| Charge {
            counted: match &limit.scope {
                LimitScope::EachUser => LimitScope::User(caller.principal.name.clone()).to_string(),
                scope => scope.to_string(),
            },
            limit: limit.clone(),
            amount,
        });
        Ok(charges.collect())
    }

    /// Counts one request; without a limit, nothing is written.
    pub async fn count_request(
        &self,
        caller: &Caller,
        now_ms: i64,
    ) -> Result<Result<Vec<UsageRow>, Exceeded>, DatabaseError> {
        let charges = self.charges(caller, None, LimitUnit::Requests, 1).await?;
        match charges.is_empty() {
            true => Ok(Ok(Vec::new())),
            false => self.database.reserve(&charges, now_ms).await,
        }
    }
}
