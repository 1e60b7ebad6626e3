use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tenon_store::{ClaimedDelivery, Database, DeliveryOutcome, Notice};
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::schedule::next_attempt;
use crate::sender::Sender;
use crate::{Guard, Resolver, SystemResolver, WebhookError};

/// Tells the time, in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How events are delivered.
#[derive(Debug, Clone)]
pub struct DelivererSettings {
    /// How many deliveries are under way at once, one for each webhook at most.
    pub at_once: usize,
    /// An answer that has not come by then counts as none.
    pub timeout: Duration,
    /// Another process makes a delivery again that was not heard of for so long. More than the timeout.
    pub lease: Duration,
    /// It looks this often for deliveries that it was not told of.
    pub poll: Duration,
    /// What is under way when it has to stop may still be finished in this time.
    pub drain: Duration,
    /// Deliveries that came to an end are kept so long.
    pub keep: Duration,
}

impl Default for DelivererSettings {
    fn default() -> Self {
        Self {
            at_once: 8,
            timeout: Duration::from_secs(15),
            lease: Duration::from_secs(60),
            poll: Duration::from_secs(1),
            drain: Duration::from_secs(5),
            keep: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

/// Brings events to webhooks. Several may work on one database.
#[derive(Clone)]
pub struct Deliverer {
    database: Database,
    sender: Arc<Sender>,
    settings: DelivererSettings,
    clock: Clock,
}

const HOUR: Duration = Duration::from_secs(3600);
/// Between two attempts to write down what came of a delivery.
const PAUSE: Duration = Duration::from_millis(200);

impl Deliverer {
    /// A deliverer; nothing happens before [`Self::run`].
    pub fn new(database: Database, guard: Guard, settings: DelivererSettings) -> Self {
        Self::with(
            database,
            guard,
            settings,
            Arc::new(SystemResolver),
            Arc::new(now_ms),
        )
    }

    /// The same with another way to find hosts, and another clock.
    pub fn with(
        database: Database,
        guard: Guard,
        settings: DelivererSettings,
        resolver: Arc<dyn Resolver>,
        clock: Clock,
    ) -> Self {
        Self {
            database,
            sender: Arc::new(Sender::new(guard, resolver, settings.timeout)),
            settings,
            clock,
        }
    }

    /// Delivers until `stop`; then it takes nothing more, and what it cannot finish in the time to drain is made again
    /// by whoever comes next. A database that does not answer is waited for.
    pub async fn run(self, stop: CancellationToken) {
        let mut notices = self.database.notices();
        let mut running = JoinSet::new();
        let mut next_expiry = Instant::now();
        while !stop.is_cancelled() {
            if next_expiry <= Instant::now() {
                next_expiry = Instant::now() + HOUR;
                // What fails here is done the next time.
                let before = (self.clock)().saturating_sub(milliseconds(self.settings.keep));
                let _ = self.database.expire_deliveries(before).await;
            }
            self.take(&mut running).await;
            tokio::select! {
                () = stop.cancelled() => {}
                Some(_) = running.join_next() => {}
                () = changed(&mut notices) => {}
                () = sleep_until(Instant::now() + self.settings.poll) => {}
            }
        }
        let all_done = async { while running.join_next().await.is_some() {} };
        // What is left ends with the set.
        let _ = timeout(self.settings.drain, all_done).await;
    }

    /// Delivers what is due now, one for each webhook at most, and waits for it; how much that was.
    pub async fn deliver_due(&self) -> usize {
        let mut running = JoinSet::new();
        self.take(&mut running).await;
        let taken = running.len();
        while running.join_next().await.is_some() {}
        taken
    }

    /// Takes what there is room for, if the database answers, and this machine knows what time it is.
    async fn take(&self, running: &mut JoinSet<()>) {
        if !self.database.has_right_clock() {
            return;
        }
        let room = self.settings.at_once.saturating_sub(running.len());
        let Ok(room @ 1..) = u32::try_from(room) else {
            return;
        };
        let now = (self.clock)();
        let lease_until = now.saturating_add(milliseconds(self.settings.lease));
        let claimed = self.database.claim_deliveries(room, lease_until, now).await;
        for claimed in claimed.unwrap_or_default() {
            let deliverer = self.clone();
            running.spawn(async move { deliverer.deliver(&claimed).await });
        }
    }

    async fn deliver(&self, claimed: &ClaimedDelivery) {
        let answer = self.sender.send(claimed, (self.clock)()).await;
        let outcome = judge(claimed, answer, (self.clock)());
        // Until another may have it anyway.
        let give_up = Instant::now() + self.settings.lease.saturating_sub(self.settings.timeout);
        loop {
            match self
                .database
                .settle_delivery(claimed, &outcome, (self.clock)())
                .await
            {
                Err(error) if error.is_temporary() && Instant::now() < give_up => sleep(PAUSE).await,
                _ => return,
            }
        }
    }
}

/// What an answer means.
fn judge(claimed: &ClaimedDelivery, answer: Result<u16, WebhookError>, now_ms: i64) -> DeliveryOutcome {
    let (status, error) = match answer {
        Ok(status @ 200..=299) => return DeliveryOutcome::Delivered { status },
        Ok(status @ 410) => return DeliveryOutcome::Gone { status },
        Ok(status @ 300..=399) => (
            Some(status),
            format!("the target answered {status}: redirects are not followed"),
        ),
        Ok(status) => (Some(status), format!("the target answered {status}")),
        Err(error) => (None, error.to_string()),
    };
    match next_attempt(&claimed.id, claimed.attempt, now_ms) {
        Some(at_ms) => DeliveryOutcome::Retry { status, error, at_ms },
        None => DeliveryOutcome::Failed { status, error },
    }
}

/// Ends when there may be something to deliver.
async fn changed(notices: &mut broadcast::Receiver<Notice>) {
    match notices.recv().await {
        Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
        Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, milliseconds)
}
