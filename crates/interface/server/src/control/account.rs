//! What requests to models spend: reserved before the model is asked, settled by what it came to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tenon_audit::{AuditEvent, EventKind};
use tenon_domain::{Digest, ModelReference, Price};
use tenon_jobs::now_ms;
use tenon_runtime::Answering;
use tenon_signals::{Metrics, Upstream};
use tenon_store::{Charge, LimitScope, LimitUnit, Settlement, Spending, UsageRow};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Caller, Control, Refusal};
use crate::failure::Failure;

/// What is told to whoever asks about the limits that their request counts against.
pub(crate) type Told = Arc<Mutex<Vec<UsageRow>>>;

/// Whoever asks a model, and through which door.
#[derive(Clone)]
pub(crate) struct Account {
    control: Arc<Control>,
    caller: Caller,
    door: String,
    told: Option<Told>,
}

/// What an answer came to, as far as it was reported.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CameTo {
    pub prompt_tokens: Option<u32>,
    pub completion_tokens: Option<u32>,
    /// What was written by samples that did not come to their end.
    pub guessed_tokens: u32,
}

/// What is reserved for one request. When it is dropped after the model was asked, the reservation stays.
pub(crate) struct Bill {
    control: Arc<Control>,
    caller: Caller,
    door: String,
    model: ModelReference,
    charges: Vec<Charge>,
    question: Question,
    reserved_at_ms: i64,
    is_closed: bool,
}

/// What a model is asked, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    /// Of the prompt.
    pub digest: Option<Digest>,
    /// Tokens that it may read.
    pub read: u64,
    /// Tokens that it may write.
    pub written: u64,
}

impl Account {
    pub fn new(control: &Arc<Control>, caller: Caller, door: &str, told: Option<Told>) -> Self {
        Self {
            control: Arc::clone(control),
            caller,
            door: door.to_owned(),
            told,
        }
    }

    /// Reserves what an answer of `model` may come to.
    pub async fn reserve(&self, model: &ModelReference, question: Question) -> Result<Bill, Failure> {
        let now = now_ms();
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let Question { read, written, .. } = question;
        let cost = model.price().map_or(0, |price| price.of(read, written));
        let ledger = &self.control.ledger;
        let mut charges = Vec::new();
        for (unit, amount) in [
            (LimitUnit::Tokens, read.saturating_add(written)),
            (LimitUnit::CostMicros, cost),
        ] {
            let of_unit = ledger.charges(&self.caller, None, unit, number(amount)).await;
            charges.extend(of_unit.map_err(Refusal::from)?);
        }
        if !charges.is_empty() {
            let reserved = self.control.database().reserve(&charges, now).await;
            let rows = reserved
                .map_err(Refusal::from)?
                .map_err(|exceeded| Refusal::exceeded(&exceeded, now))?;
            self.control.tell_budgets(&rows);
            if let Some(told) = &self.told {
                told.lock().unwrap_or_else(PoisonError::into_inner).extend(rows);
            }
        }
        Ok(Bill {
            control: Arc::clone(&self.control),
            caller: self.caller.clone(),
            door: self.door.clone(),
            model: model.clone(),
            charges,
            question,
            reserved_at_ms: now,
            is_closed: false,
        })
    }
}

impl Bill {
    /// Takes what the answer came to. One that was kept from before costs nothing.
    pub fn settle(mut self, answering: &Answering, came_to: CameTo) {
        self.is_closed = true;
        let (prompt, completion) = match answering.cache.saved_a_call() {
            true => (Some(0), Some(0)),
            false => (came_to.prompt_tokens, came_to.completion_tokens),
        };
        let model = answering.model.as_ref().unwrap_or(&self.model);
        let spending = Spending::of(self.caller.principal.id, &self.door, model, prompt, completion);
        let read = prompt.map_or(self.question.read, u64::from);
        let written = u64::from(completion.unwrap_or(came_to.guessed_tokens));
        let cost = model.price().map_or(0, |price| price.of(read, written));
        let called = match answering.cache.saved_a_call() {
            true => None,
            false => Some(self.called(model, prompt, completion)),
        };
        self.close(read + written, cost, Some(spending), called);
    }

    /// Gives everything back: the model did not answer.
    pub fn cancel(mut self) {
        self.is_closed = true;
        self.close(0, 0, None, None);
    }

    /// What the audit log says of it: who was asked, and digests of what.
    fn called(&self, model: &ModelReference, prompt: Option<u32>, completion: Option<u32>) -> AuditEvent {
        let digest = model.digest.map(|digest| digest.to_string());
        let event = AuditEvent {
            principal: Some(self.caller.principal.id.to_string()),
            authentication: self.caller.credential.authentication(),
            subject: Some(self.door.clone()),
            ..AuditEvent::new(EventKind::ModelCalled, now_ms())
        };
        let event = self.caller.credential.noted(event);
        let event = event
            .with_detail("model", model.name.as_str())
            .with_detail("digest", digest.unwrap_or_else(|| "remote".to_owned()));
        let counts = [("prompt_tokens", prompt), ("completion_tokens", completion)];
        let known = counts
            .into_iter()
            .filter_map(|(name, count)| Some((name, count?)));
        let event = known.fold(event, |event, (name, count)| {
            event.with_detail(name, i64::from(count))
        });
        match self.question.digest {
            Some(prompt) => event.with_detail("prompt", prompt),
            None => event,
        }
    }

    fn close(&mut self, tokens: u64, cost: u64, spending: Option<Spending>, called: Option<AuditEvent>) {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let corrections = std::mem::take(&mut self.charges).into_iter().map(|charge| {
            let came_to = match charge.limit.unit {
                LimitUnit::Tokens => number(tokens),
                LimitUnit::CostMicros => number(cost),
                LimitUnit::Requests | LimitUnit::Concurrency => charge.amount,
            };
            let amount = came_to.saturating_sub(charge.amount);
            Charge { amount, ..charge }
        });
        let settlement = Settlement {
            corrections: corrections.filter(|charge| charge.amount != 0).collect(),
            reserved_at_ms: self.reserved_at_ms,
            spending,
        };
        self.add(settlement, called);
    }

    fn add(&self, settlement: Settlement, called: Option<AuditEvent>) {
        if let Some(spending) = &settlement.spending {
            let team = self.caller.principal.team.as_deref();
            measure_cost(self.control.metrics(), spending, team);
        }
        // It is kept with the next request's; what finds no room there is kept with the settlement.
        let journal = &self.control.parts.journal;
        let unsent = called.and_then(|event| journal.record_soon(event).err());
        self.control.accounts.add(settlement, unsent.map(|event| *event));
    }
}

/// Counts what an answer cost.
pub(super) fn measure_cost(metrics: &Metrics, spending: &Spending, team: Option<&str>) {
    let upstream = Upstream {
        provider: match spending.price {
            Some(Price::FREE) => "embedded",
            _ => "upstream",
        },
        model: &spending.model,
    };
    match spending.cost_micros() {
        Some(micros) => metrics.cost(upstream, team, micros as f64 / 1_000_000.0),
        None => metrics.unpriced(upstream, team),
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        if self.is_closed {
            return;
        }
        // Whoever hangs up does not get back what the model may have done by then.
        let spending = Spending::of(self.caller.principal.id, &self.door, &self.model, None, None);
        let settlement = Settlement {
            corrections: Vec::new(),
            reserved_at_ms: self.reserved_at_ms,
            spending: Some(spending),
        };
        let called = self.called(&self.model, None, None);
        self.add(settlement, Some(called));
    }
}

/// What is to be written into the ledger.
#[derive(Default)]
pub(super) struct Accounts {
    open: Mutex<Open>,
    added: Notify,
}

#[derive(Default)]
struct Open {
    settlements: Vec<Settlement>,
    called: Vec<AuditEvent>,
}

/// What comes within this time is written together.
const TOGETHER: Duration = Duration::from_millis(50);
/// After the database did not answer.
const PAUSE: Duration = Duration::from_secs(1);
const LAST_TRIES: u32 = 5;

impl Accounts {
    fn add(&self, settlement: Settlement, called: Option<AuditEvent>) {
        if settlement.corrections.is_empty() && settlement.spending.is_none() {
            return;
        }
        let mut open = self.lock();
        open.settlements.push(settlement);
        open.called.extend(called);
        drop(open);
        self.added.notify_one();
    }

    fn take(&self) -> Open {
        std::mem::take(&mut *self.lock())
    }

    fn put_back(&self, settlements: Vec<Settlement>) {
        self.lock().settlements.splice(0..0, settlements);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control {
    /// Writes what models came to into the ledger until `stop`, and then what is left.
    pub async fn settle_accounts(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.accounts.added.notified() => tokio::time::sleep(TOGETHER).await,
            }
            while !self.settle_open().await && !stop.is_cancelled() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        for _ in 0..LAST_TRIES {
            if self.settle_open().await {
                return;
            }
            tokio::time::sleep(TOGETHER).await;
        }
    }

    /// Shows what is left to each team, by the limit that is used most.
    fn tell_budgets(&self, rows: &[UsageRow]) {
        let mut teams: BTreeMap<&str, f64> = BTreeMap::new();
        for row in rows {
            if let LimitScope::Team(team) = &row.limit.scope {
                let left = row.remaining() as f64 / row.limit.quota.max(1) as f64;
                let least = teams.entry(team).or_insert(left);
                *least = least.min(left);
            }
        }
        for (team, left) in teams {
            self.metrics().budget_remaining(team, left);
        }
    }

    /// Whether everything was written.
    async fn settle_open(&self) -> bool {
        let Open { settlements, called } = self.accounts.take();
        // They are written together, since they wait together. What cannot be written is not what was answered: that is
        // in the log since before the answer.
        let journal = &self.parts.journal;
        join_all(called.into_iter().map(|event| journal.record(event))).await;
        if settlements.is_empty() {
            return true;
        }
        match self.database().settle_all(&settlements, now_ms()).await {
            Ok(()) => true,
            Err(error) => {
                if error.is_temporary() {
                    self.accounts.put_back(settlements);
                    return false;
                }
                // What the database will never take must not keep the rest from being written.
                for one in &settlements {
                    let _ = self
                        .database()
                        .settle_all(std::slice::from_ref(one), now_ms())
                        .await;
                }
                true
            }
        }
    }
}
